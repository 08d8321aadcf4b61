"""``assistant``: the commands. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 2 wrong use, 3 nothing found or not answered, 4 consent needed, 5 denied by policy, 6 bad or
damaged data, 130 interrupted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from assistant.cli.ending import exit_code_of
from assistant.cli.evaluating import evaluate
from assistant.cli.process import compact, jobs, metrics, story, tasks
from assistant.cli.serving import serve
from assistant.cli.storing import backup, check, restore
from assistant.cli.watching import watch
from assistant.contracts import errors

app = typer.Typer(
    name="assistant",
    help="A private, offline assistant for the files on this laptop: it remembers folders and answers with citations.",
    epilog="Exit codes: 0 done, 2 wrong use, 3 nothing found, 4 consent needed, 5 denied, 6 bad data, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: drawing it with rich costs as much as all the rest
    context_settings={"help_option_names": ["-h", "--help"]},
)
models = typer.Typer(help="The models on this computer.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(models, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
Paths = Annotated[list[str] | None, typer.Argument(help="Folders; none: all that are remembered.", show_default=False)]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind: markdown, code, mail, table, ...")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="Only this language: python, ru, ...")]
Since = Annotated[str | None, typer.Option(help="Only what was written on or after this day (YYYY-MM-DD).")]
Until = Annotated[str | None, typer.Option(help="Only what was written before or on this day (YYYY-MM-DD).")]
Within = Annotated[list[str] | None, typer.Option("--in", help="Only this folder or file; indexed first when needed.")]


class Precision(StrEnum):
    auto = "auto"
    fp32 = "fp32"
    int8 = "int8"


def _tell_version(wanted: bool) -> None:
    if wanted:
        from assistant.contracts.program import VERSION

        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Options before the command."""
    del version  # told by its callback


@app.command()
def add(
    paths: Paths = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return once the words can be searched; vectors follow with the next add.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remember folders, or bring them up to date. Can be stopped with Ctrl-C and goes on where it was."""
    from assistant.cli import work

    raise typer.Exit(work.add(paths or [], embed=not no_wait, as_json=as_json))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question; text piped in counts as further context.")],
    within: Within = None,
    kind: Kinds = None,
    language: Languages = None,
    since: Since = None,
    until: Until = None,
    as_json: Json = False,
) -> None:
    """Answer a question from what is remembered, with citations checked against the disk now."""
    from assistant.cli import work
    from assistant.cli.narrowing import Narrowing

    narrowed = Narrowing(kind or (), language or (), since, until)
    raise typer.Exit(work.ask(question, within or [], narrowed, as_json=as_json))


@app.command()
def recall(
    query: Annotated[str, typer.Argument(help="Words or a question.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many hits.")] = 10,
    within: Annotated[list[str] | None, typer.Option("--in", help="Only this folder or file.")] = None,
    kind: Kinds = None,
    language: Languages = None,
    since: Since = None,
    until: Until = None,
    symbol: Annotated[list[str] | None, typer.Option(help="A name in code to be found whole.")] = None,
    file_hint: Annotated[list[str] | None, typer.Option(help="Prefer sources whose path holds this.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say how each score came about.")] = False,
    as_json: Json = False,
) -> None:
    """Find remembered pieces, best first."""
    from assistant.cli import work
    from assistant.cli.narrowing import Narrowing

    narrowed = Narrowing(kind or (), language or (), since, until, within or (), symbol or (), file_hint or ())
    raise typer.Exit(work.recall(query, k, narrowed, explain=explain, as_json=as_json))


@app.command()
def show(
    item: Annotated[str, typer.Argument(help="The id of a piece, as recall --json gives it.")],
    as_json: Json = False,
) -> None:
    """Show one remembered piece: its text, where it comes from, its vector and weighted words."""
    from assistant.cli import work

    raise typer.Exit(work.show(item, as_json=as_json))


@app.command()
def status(
    problems: Annotated[bool, typer.Option("--problems", help="Name every source that could not be read.")] = False,
    as_json: Json = False,
) -> None:
    """What is remembered, how far it can be searched, and what could not be read."""
    from assistant.cli import work

    raise typer.Exit(work.status(problems=problems, as_json=as_json))


@app.command()
def forget(
    path: Annotated[str, typer.Argument(help="A folder or file; your own files are not touched.")],
    as_json: Json = False,
) -> None:
    """Forget everything made from a folder or file. The files themselves stay."""
    from assistant.cli import work

    raise typer.Exit(work.forget(path, as_json=as_json))


for _command in (jobs, tasks, story, metrics, compact, backup, restore, check, serve, watch):
    app.command()(_command)
app.command("eval")(evaluate)


@models.command("list")
def list_models(as_json: Json = False) -> None:
    """Models this program knows, and which are installed."""
    from assistant.cli import work_models

    raise typer.Exit(work_models.list_models(as_json=as_json))


@models.command("install")
def install_model(
    name: Annotated[str | None, typer.Argument(help="A model; none: the configured one.", show_default=False)] = None,
    precision: Precision = Precision.auto,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to a download.")] = False,
    as_json: Json = False,
) -> None:
    """Prepare a model for this computer. Downloads only with --yes."""
    from assistant.cli import work_models

    raise typer.Exit(work_models.install_model(name, precision.value, yes=yes, as_json=as_json))


@models.command("probe")
def probe_model(
    name: Annotated[str | None, typer.Argument(help="A model; none: the configured one.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Measure what a model does on this computer."""
    from assistant.cli import work_models

    raise typer.Exit(work_models.probe_model(name, as_json=as_json))


def run(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""

    def work() -> int:
        app(args=arguments, standalone_mode=True)
        return errors.EXIT_DONE

    return exit_code_of(work)

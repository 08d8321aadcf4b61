"""The commands about the running process: ``jobs``, ``tasks``, ``story``, ``metrics``."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant.contracts.errors import EXIT_BAD_DATA, EXIT_DONE, EXIT_NOTHING_FOUND, WrongUse

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def jobs(
    action: Annotated[str | None, typer.Argument(help="retry or drop; none: list them.", show_default=False)] = None,
    job_id: Annotated[int | None, typer.Argument(metavar="ID", help="Which job.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    as_json: Json = False,
) -> None:
    """Work of the running process in the background: list it, retry what was given up, or drop it."""
    from assistant.cli import render_process
    from assistant.cli.work import done_by
    from assistant.contracts.commands import DropJob, RetryJob, TellJobs

    if action not in (None, "retry", "drop"):
        raise WrongUse(f"{action!r} is no action.", remedy="assistant jobs, assistant jobs retry ID, or ... drop ID")
    if (action is None) != (job_id is None):
        raise WrongUse("A job's number belongs to retry and drop.", remedy="assistant jobs retry ID")
    if action is None or job_id is None:
        found = done_by(TellJobs(failed=failed))
        render_process.jobs(found, failed=failed, as_json=as_json)
        raise typer.Exit(EXIT_DONE)
    job = done_by(RetryJob(job_id=job_id) if action == "retry" else DropJob(job_id=job_id))
    render_process.jobs((job,), failed=failed, as_json=as_json)
    raise typer.Exit(EXIT_DONE)


def tasks(
    run: Annotated[str | None, typer.Option("--run", metavar="NAME", help="Carry one out now.")] = None,
    as_json: Json = False,
) -> None:
    """The timetable of the running process: what ran, what is next, and why something was skipped."""
    from assistant.cli import render_process
    from assistant.cli.work import done_by
    from assistant.contracts.commands import RunTask, TellTasks

    found = (done_by(RunTask(name=run)),) if run is not None else done_by(TellTasks())
    render_process.tasks(found, as_json=as_json)
    raise typer.Exit(EXIT_DONE)


def story(
    turn: Annotated[int | None, typer.Argument(help="Number of a turn; none: the last.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """What caused what in the running process, from one request on."""
    from assistant.cli import render_process
    from assistant.cli.work import done_by
    from assistant.contracts.commands import TellStory

    found = done_by(TellStory(turn_id=turn))
    render_process.story(found, as_json=as_json)
    raise typer.Exit(EXIT_DONE if found.lines else EXIT_NOTHING_FOUND)


def metrics() -> None:
    """Figures of the running process in Prometheus' text format."""
    from assistant.cli.work import done_by
    from assistant.contracts.commands import TellMetrics

    typer.echo(done_by(TellMetrics()).text, nl=False)
    raise typer.Exit(EXIT_DONE)


def compact(
    whole: Annotated[bool, typer.Option("--whole", help="Also where it gives back little.")] = False,
    as_json: Json = False,
) -> None:
    """Give back the disk space of what was removed from the memory."""
    from assistant.cli import render_process
    from assistant.cli.work import done_by
    from assistant.contracts.commands import CompactMemory

    found = done_by(CompactMemory(whole=whole))
    render_process.kept(found, as_json=as_json)
    raise typer.Exit(EXIT_BAD_DATA if found.alarm else EXIT_DONE)

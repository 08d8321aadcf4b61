"""The command ``eval``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from assistant.contracts.errors import EXIT_DONE


class PartChoice(StrEnum):
    tuning = "tuning"
    held_out = "held-out"


def evaluate(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET", help="Golden files (golden/home.yaml) and folders of external sets."),
    ],
    parameters: Annotated[int | None, typer.Option(help="Version of the recall parameter set.")] = None,
    compare: Annotated[
        int | None, typer.Option(help="Ask with this parameter set too, and test the differences.", metavar="VERSION")
    ] = None,
    part: Annotated[PartChoice | None, typer.Option(help="Only this part of golden files.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit-queries", min=1, help="So many questions of each target, evenly spread.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(help="Keep the memories here, and use those kept before.", metavar="FOLDER")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the questions of golden files that fell short.")] = False,
    record: Annotated[bool, typer.Option("--record", help="Keep the result in the evaluations database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")] = False,
) -> None:
    """Measure recall and answers on graded questions, in memories of their own."""
    from assistant.cli import render_evaluation
    from assistant.cli.progress import Session
    from assistant.evaluation import running
    from assistant.evaluation.recording import keep_result

    wanted = running.Wanted(
        targets, parameters=parameters, compare=compare, part=part.value if part else None, limit=limit, keep=keep
    )
    with Session() as session:

        def asked(what: str, done: int, total: int) -> None:
            session.count(f"Asking {what}", done, total)

        found = running.evaluate(wanted, listener=session.listen, asked=asked, stop=session.stop)
        session.pause()
        if record:
            keep_result(found)
        render_evaluation.evaluated(found, show=show, as_json=as_json)
    raise typer.Exit(EXIT_DONE)

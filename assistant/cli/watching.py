"""The command ``watch``: the process in this terminal, or a window onto the one that is running."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant.contracts.errors import EXIT_DONE


def watch(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for every event.")] = False,
) -> None:
    """Follow the remembered folders and show what happens in them, until Ctrl-C. Runs the process when none is
    running."""
    from assistant.cli import view

    view.show(as_json=as_json)
    raise typer.Exit(EXIT_DONE)

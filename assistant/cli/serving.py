"""The command ``serve``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from assistant.contracts.errors import EXIT_DONE


class Unit(StrEnum):
    systemd = "systemd"
    launchd = "launchd"


def serve(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in this terminal.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the process that is running, in order.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say whether a process is running.")] = False,
    print_unit: Annotated[
        Unit | None, typer.Option("--print-unit", help="Print what systemd or launchd needs to start it.")
    ] = None,
) -> None:
    """Keep a process running that owns the memory: other commands then answer at once."""
    if sum((foreground, stop, status, print_unit is not None)) > 1:
        from assistant.contracts.errors import WrongUse

        raise WrongUse("One thing at a time.", remedy="Give one of --foreground, --stop, --status, --print-unit.")
    if print_unit is not None:
        from assistant.cli.units import printed

        typer.echo(printed(print_unit.value), nl=False)
        raise typer.Exit(EXIT_DONE)
    from assistant.cli import background

    if stop:
        background.stop()
    elif status:
        raise typer.Exit(background.tell())
    elif foreground:
        background.stay()
    else:
        background.start()
    raise typer.Exit(EXIT_DONE)

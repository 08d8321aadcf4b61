"""The commands ``backup``, ``restore`` and ``check``."""

from __future__ import annotations

from typing import Annotated

import typer

from assistant.contracts.errors import EXIT_BAD_DATA, EXIT_DONE

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def backup(
    file: Annotated[str, typer.Argument(help="The file to write; on another disk, best of all.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: Json = False,
) -> None:
    """Write the whole memory to one file, also while another command is at work. Settings and models are not in it."""
    from assistant.cli import render_store
    from assistant.cli.progress import Session
    from assistant.upkeep import back_up_store

    with Session() as session:
        target = render_store.named_path(file)
        done = back_up_store(target, replace=force, progress=render_store.bytes_shown(session), stop=session.stop)
        session.pause()
        render_store.backed_up(done, as_json=as_json)
    raise typer.Exit(EXIT_DONE)


def restore(
    file: Annotated[str, typer.Argument(help="A file that `assistant backup` made.")],
    as_json: Json = False,
) -> None:
    """Put a backup in the place of the memory. The memory there was before is kept beside it."""
    from assistant.cli import render_store
    from assistant.cli.progress import Session
    from assistant.upkeep import restore_store

    with Session() as session:
        done = restore_store(
            render_store.named_path(file),
            progress=render_store.bytes_shown(session),
            listener=session.listen,
            stop=session.stop,
        )
        session.pause()
        render_store.restored(done, as_json=as_json)
    raise typer.Exit(EXIT_DONE)


def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what is wrong and read again what has changed. Deletes nothing.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Read every remembered file again, not a sample.")] = False,
    as_json: Json = False,
) -> None:
    """Verify the memory: its records, its indexes and the files, against each other."""
    from assistant.cli import render_store, work
    from assistant.cli.progress import Session

    with Session() as session:
        report = work.checked(session, full=full, repair=repair)
        session.pause()
        render_store.checked(report, as_json=as_json)
    raise typer.Exit(EXIT_BAD_DATA if report.findings else EXIT_DONE)

"""From what became of the store (backup, restore, check) to text for a person, or one JSON object for a program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from assistant.cli.plain import as_json_object, safe
from assistant.cli.render import console
from assistant.contracts.errors import BadPath

if TYPE_CHECKING:
    from assistant.cli.progress import Session
    from assistant.contracts.reports import CheckReport, FilesFigures
    from assistant.memory.backup import BackupReport
    from assistant.memory.restoring import RestoreReport

_MIB = 1 << 20


def named_path(path: str) -> Path:
    """A path as typed: ``~`` expanded, absolute. Raises :class:`~assistant.contracts.errors.BadPath` when it is empty,
    which comes from a variable that was not set, or ``-``, which stands for a pipe elsewhere."""
    if not path or "\0" in path:
        raise BadPath("The path is empty.", remedy="Name a file.")
    if path == "-":
        raise BadPath("A backup does not go through a pipe.", remedy="Name a file; ./- is one of this name.")
    return Path(os.path.expanduser(path)).absolute()


def bytes_shown(session: Session) -> Callable[[str, int, int], None]:
    """Progress that counts bytes, shown in MiB."""

    def show(what: str, done: int, total: int) -> None:
        session.count(f"{what} (MiB)" if total else what, done // _MIB, -(-total // _MIB))

    return show


def backed_up(done: BackupReport, *, as_json: bool) -> None:
    """Tell of a backup."""
    if as_json:
        as_json_object(done)
        return
    held = f"{done.sources} sources, {done.items} pieces, {done.vectors} vectors"
    out = console()
    out.print(Text(safe(f"{done.path}: {held}, {done.size_bytes / 1e6:.1f} MB; read back and verified.")))
    out.print(Text(safe("It holds the text of what is remembered, unencrypted, for you alone to read."), style="dim"))


def restored(done: RestoreReport, *, as_json: bool) -> None:
    """Tell of a restore, and of what is left to do."""
    if as_json:
        as_json_object(done)
        return
    out = console()
    held = f"{done.sources} sources, {done.items} pieces, {done.vectors} vectors"
    out.print(Text(safe(f"Restored {held} from {done.backup}.")))
    if done.kept:
        out.print(Text(safe(f"The memory there was before is kept in {done.kept}; delete it when you do not need it.")))
    if done.pending:
        out.print(Text(f"{done.pending} pieces can be found by their words only so far: assistant add"))
    out.print(Text("What has changed in your folders since: assistant add", style="dim"))


def checked(report: CheckReport, *, as_json: bool) -> None:
    """Tell what a check found, and what was mended before."""
    if as_json:
        as_json_object(report)
        return
    out = console()
    for sentence in report.mended:
        out.print(Text(safe(sentence)))
    if report.set_aside:
        out.print(Text(safe(f"What was damaged was set aside in {report.set_aside}.")))
    held = f"{report.sources} sources, {report.items} pieces, {report.vectors} vectors, {report.pending} pending."
    out.print(Text(held))
    if report.files is not None:
        out.print(Text(_files_line(report.files)))
    for finding in report.findings:
        out.print(Text(safe(finding.said), style="red") + Text(safe(f"  -> {finding.remedy}"), style="dim"))
    if report.more:
        out.print(Text(f"... and {report.more} more.", style="red"))
    if not report.findings:
        out.print(Text("The memory store, its indexes and the files agree."))


def _files_line(files: FilesFigures) -> str:
    parts = [f"{files.same} of {files.sources} files and commits are as they were read"]
    parts += [f"{count} {word}" for word in ("changed", "gone", "unreadable") if (count := getattr(files, word))]
    how = "all" if files.full else "a sample"
    read = f"{files.read} read again ({how}, {files.read_bytes / 1e6:.1f} MB), {files.spans} pieces compared"
    return f"{', '.join(parts)}; {read}."

"""Backing up the memory: one file, consistent while others write, there only when it was read back and found sound.

It holds the record store, without its free pages (deleted text lies in them). Not in it are the two indexes, which
follow from the records and are made anew in less time than they take to copy; the compiled model, which is made from
its package; and the settings: they are a text file of a person's own, fit for one computer, and may hold a consent,
which must never come out of a file that somebody handed over.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from assistant.contracts.errors import BadFile, BadPath, StorageFailed, WrongUse
from assistant.contracts.items import Contract
from assistant.memory import children, container, layout, swapping
from assistant.memory.container import Backup, BackupNote, blank_head, head, open_backup, tail
from assistant.memory.copying import copying
from assistant.memory.drafts import Draft, ScratchFolder
from assistant.memory.durable import free_bytes, make_folder, reserve
from assistant.memory.ownership import StoreLock
from assistant.memory.records import LOCK_BYTES, LOCK_NAME
from assistant.memory.refused import told_as
from assistant.memory.scanning import Scanned, scan_in_child

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many bytes of it are done, and how many there are in all (about)."""

_SPARE_BYTES = 1 << 20


class BackupReport(Contract):
    """A backup that was made. ``size_bytes`` is that of the file, ``sha256`` of the data in it."""

    path: str
    size_bytes: int
    sha256: str
    revision: int
    sources: int
    items: int
    vectors: int


def back_up(
    store: Path,
    target: Path,
    *,
    replace: bool,
    made_at: datetime,
    program: str,
    progress: Progress,
    should_stop: Callable[[], bool] = children.never,
) -> BackupReport:
    """Write a backup of the memory in ``store`` to ``target`` (mode 0600), as another process may be writing to it.

    ``replace``: whether there may be a file already; it stays as it is until the new one is complete. ``program`` is
    our version. Raises :class:`~assistant.contracts.errors.WrongUse`,
    :class:`~assistant.contracts.errors.DamagedStore`, :class:`~assistant.contracts.errors.StorageFailed` and
    :class:`~assistant.contracts.errors.Interrupted`; there is then no new file, and the old one is as it was.
    """
    with _disk_errors(target):
        _refuse(store, target, replace=replace)
        _refuse_unwritable(target)
    _settle(store)
    with _disk_errors(target), copying(store / "records", should_stop) as copy:
        check_in = _place_to_check(store, target, copy.expected_bytes)
        with Draft(target) as draft:
            draft.write(blank_head())
            digest, size = hashlib.sha256(), 0
            for block in copy.blocks:
                draft.write(block)
                digest.update(block)
                size += len(block)
                progress("Copying", size, max(size, copy.expected_bytes))
            draft.write(tail(size))
            note = BackupNote(
                format=container.FORMAT,
                schema_version=layout.SCHEMA_VERSION,
                program=program,
                made_at=made_at,
                revision=0,
                counts={},
                size_bytes=size,
                sha256=digest.hexdigest(),
            )
            _put_head(draft, note)
            with _readable(target):
                with open_backup(draft.path) as backup, ScratchFolder(check_in, target.name) as scratch:
                    scanned = verify(backup, scratch.path / "records", progress, should_stop)
                note = note.model_copy(update={"revision": scanned.revision, "counts": scanned.counts})
                _put_head(draft, note)
                with open_backup(draft.path) as backup:
                    if backup.note != note:
                        raise container.refused(draft.path, "its note is another one")
            _publish(draft, target, replace=replace)
    return BackupReport(
        path=str(target),
        size_bytes=len(blank_head()) + size + len(tail(size)),
        sha256=note.sha256,
        revision=note.revision,
        sources=note.counts["sources"],
        items=note.counts["items"],
        vectors=note.counts["vectors"],
    )


def verify(backup: Backup, records: Path, progress: Progress, should_stop: Callable[[], bool]) -> Scanned:
    """Unpack a backup to the folder ``records``, which is made, and look through all of it.

    Raises :class:`~assistant.contracts.errors.BadFile` (its data is not what its note says), a DamagedStore (what was
    backed up is damaged itself), :class:`~assistant.contracts.errors.Interrupted`, ``OSError``.
    """
    size = backup.note.size_bytes
    make_folder(records)
    backup.unpack(records / "data.mdb", lambda done: progress("Reading back", done, size), should_stop)
    reserve(records / LOCK_NAME, LOCK_BYTES)
    progress("Looking through it", 0, 0)
    return scan_in_child(records, should_stop)


@contextmanager
def _readable(target: Path) -> Iterator[None]:
    """What was just written must read back."""
    try:
        yield
    except (BadFile, BadPath) as error:
        raise StorageFailed(
            f"The disk does not give back what was written to {target}.",
            kept="The memory is untouched; the file was thrown away.",
            remedy="Name a place on another disk, and have this one checked.",
        ) from error


def _refuse(store: Path, target: Path, *, replace: bool) -> None:
    if not (store / "records" / "data.mdb").exists() and not swapping.is_under_way(store / "records"):
        raise WrongUse("Nothing is remembered yet.", remedy="Name a folder first: assistant add ~/notes")
    if not target.parent.is_dir():
        raise BadPath(f"There is no folder {target.parent}.", remedy="Make it first, or name another place.")
    if target.parent.resolve().is_relative_to(store.resolve()):
        raise BadPath(f"{target} lies inside the memory store itself.", remedy="Name another place.")
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadPath(f"{target} cannot be written: {error.strerror}.", remedy="Name another place.") from error
    if not stat.S_ISREG(mode):
        raise BadPath(f"{target} is there already and is not a plain file.", remedy="Name another place.")
    if not replace:
        raise _taken(target)


def _refuse_unwritable(target: Path) -> None:
    folder = target.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        why = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
        raise StorageFailed(
            f"The folder {folder} cannot be written: {os.strerror(why)}.",
            kept="The memory is untouched; at that place is what was there before.",
            remedy="Check its permissions, or name another place.",
        )


def _taken(target: Path) -> BadPath:
    return BadPath(
        f"{target} is there already.", kept="It was not touched.", remedy="Name another file, or add --force."
    )


def _settle(store: Path) -> None:
    """Finish what a killed process left half done, if nobody else is there to do it."""
    if swapping.is_under_way(store / "records"):
        lock = StoreLock(store)
        if lock.acquire():
            try:
                with told_as(
                    f"What another process left half done in {store} could not be finished",
                    kept="Nothing is lost, and nothing was written.",
                    remedy="Check free space and permissions of the data folder, then try again.",
                ):
                    swapping.recover(store / "records")
            finally:
                lock.release()


def _place_to_check(store: Path, target: Path, data_bytes: int) -> Path:
    """The folder in which the copy is unpacked and looked through: that of the target, or that of the store when
    there is more room. Raises :class:`~assistant.contracts.errors.StorageFailed` when it does not all fit."""
    needed = data_bytes + container.overhead_bytes() + _SPARE_BYTES
    here, there = target.parent, store.parent
    room = free_bytes(here)
    if room >= needed + data_bytes:
        return here
    apart = here.stat().st_dev != there.stat().st_dev
    if apart and room >= needed and free_bytes(there) >= data_bytes + _SPARE_BYTES and os.access(there, os.W_OK):
        return there
    raise StorageFailed(
        f"There is too little room in {here}: {room / 1e6:,.1f} MB are free, {(needed + data_bytes) / 1e6:,.1f} MB "
        "are needed (half of them only while it is checked).",
        kept="Nothing was written.",
        remedy="Free some space, or name a place on another disk.",
    )


def _put_head(draft: Draft, note: BackupNote) -> None:
    draft.seek(0)
    draft.write(head(note))
    draft.sync()


def _publish(draft: Draft, target: Path, *, replace: bool) -> None:
    try:
        draft.publish(replace=replace)
    except FileExistsError as error:
        raise _taken(target) from error


def _disk_errors(target: Path) -> AbstractContextManager[None]:
    return told_as(
        f"The backup {target} could not be written",
        kept="The memory is untouched; at that place is what was there before, or a whole backup.",
        remedy="Free some space, check the permissions of the folder, or name another place.",
    )

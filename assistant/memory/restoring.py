"""Putting a backup in the place of the memory: all of it is verified first, the old memory is kept beside, and after a
crash at any moment there is the one or the other. What takes the place are the values of the backup, written anew, not
its file, which could pass every look and still be made so that the next change spoils it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.contracts.items import Contract
from assistant.memory import children, container, swapping
from assistant.memory.backup import Progress, verify
from assistant.memory.container import Backup, open_backup
from assistant.memory.durable import free_bytes, make_folder, move, remove_tree, write_synced
from assistant.memory.ownership import OrderNote, StoreLock, busy
from assistant.memory.records import RecordStore
from assistant.memory.refused import told_as
from assistant.memory.rewriting import rewrite_in_child
from assistant.memory.salvage import stamp, unused

PROJECTIONS = ("terms", "vectors")
_KEPT = ".before-restore-"
_SPARE_BYTES = 1 << 20


class RestoreReport(Contract):
    """What was put in place. ``kept`` is the folder with the memory there was before; "" when there was none.
    ``pending`` pieces have no vector of the model in use; :func:`restore` leaves it 0."""

    backup: str
    kept: str
    revision: int
    sources: int
    items: int
    vectors: int
    pending: int = 0


def restore(
    file: Path, store: Path, *, progress: Progress, should_stop: Callable[[], bool] = children.never
) -> RestoreReport:
    """Replace the memory in ``store`` by the backup in ``file``. Both indexes are gone afterwards: they are made when
    the memory is opened.

    Raises :class:`~assistant.contracts.errors.BadPath` and :class:`~assistant.contracts.errors.BadFile` (what is wrong
    with the file), :class:`~assistant.contracts.errors.StoreBusy` (another process owns the memory),
    :class:`~assistant.contracts.errors.StorageFailed` and :class:`~assistant.contracts.errors.Interrupted`; the memory
    is then the one before.
    """
    with open_backup(file) as backup:
        lock = StoreLock(store)
        if not lock.acquire():
            raise busy(store, "is using the memory store")
        try:
            with _disk_errors(file):
                return _replace(backup, store, progress, should_stop)
        finally:
            lock.release()


def _replace(backup: Backup, store: Path, progress: Progress, should_stop: Callable[[], bool]) -> RestoreReport:
    records, note = store / "records", backup.note
    swapping.recover(records)
    _drop_unfinished(store)
    _refuse_without_room(store, note.size_bytes)
    try:
        building = swapping.start(records)
        received = building / "received"
        try:
            scanned = verify(backup, received, progress, should_stop)
            if (note.counts, note.revision) != (scanned.counts, scanned.revision):
                raise container.refused(backup.path, "it holds something else than it says")
            progress("Writing it anew", 0, 0)
            rewrite_in_child(received, building, should_stop)
        except DamagedStore as error:
            raise container.refused(backup.path, "what is in it is damaged") from error
        write_synced(building / "data.mdb", None)
        remove_tree(received)
        progress("Putting it in place", 0, 0)
        kept = put_in_place(store, store.with_name(f"{store.name}{_KEPT}{stamp()}"))
    except BaseException:
        swapping.give_up(records)
        raise
    return RestoreReport(
        backup=str(backup.path),
        kept=str(kept) if kept else "",
        revision=note.revision,
        sources=note.counts["sources"],
        items=note.counts["items"],
        vectors=note.counts["vectors"],
    )


def put_in_place(store: Path, keep_at: Path) -> Path | None:
    """Let the records that were made beside (:func:`swapping.being_made`), synced and looked through, be those of the
    store, whose owner we are. The old ones are moved to ``keep_at`` (which gets a number when it exists) with their
    indexes: those belong to them, and might pass for indexes of the new ones, whose revision can be the same.

    Returns where the old ones lie; ``None`` when there were none. Raises ``OSError``.
    """
    records, order = store / "records", OrderNote(store)
    kept = unused(keep_at) if records.exists() else None
    if kept is not None:
        order.dirty()
    # Open while its folder takes its place: who opens first makes the lock file, and that must not be a reader that
    # has still met the old data.
    with RecordStore(swapping.being_made(records)):
        for name in PROJECTIONS:
            if kept is None:
                remove_tree(store / name)
            elif os.path.lexists(store / name):
                make_folder(kept)
                move(store / name, kept / name)
        swapping.finish(records, keep_at=None if kept is None else kept / "records")
    order.settle()
    return kept


def _drop_unfinished(store: Path) -> None:
    """A restore that was killed before its last step leaves at most the indexes of the memory that is still there."""
    for left in store.parent.glob(f"{store.name}{_KEPT}*"):
        if left.is_dir() and not {path.name for path in left.iterdir()} - set(PROJECTIONS):
            remove_tree(left)


def _refuse_without_room(store: Path, data_bytes: int) -> None:
    room = free_bytes(store)
    needed = 2 * data_bytes + _SPARE_BYTES
    if room < needed:
        raise StorageFailed(
            f"There is too little room in {store}: {room / 1e6:,.1f} MB are free, {needed / 1e6:,.1f} MB are needed "
            "(half of them only while it is checked), and some more for the indexes.",
            kept="Nothing was changed.",
            remedy="Free some space and try again.",
        )


def _disk_errors(file: Path) -> AbstractContextManager[None]:
    return told_as(
        f"The backup {file} could not be restored",
        kept="The memory is whole: the one there was before, or the restored one when it was in place already.",
        remedy="Check free space and permissions of the data folder, then try again.",
    )

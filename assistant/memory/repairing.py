"""Looking whether all is well, and mending what is not.

An index is made anew, a source that changed is read again; of a damaged record store a copy is mended and takes its
place, so that not everything must be read and learnt anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from assistant.contracts.errors import DamagedIndex, DamagedStore, StorageFailed
from assistant.contracts.reports import CheckReport
from assistant.core.filenames import to_disk
from assistant.memory import children, swapping
from assistant.memory.auditing import Audit, audit
from assistant.memory.backup import Progress
from assistant.memory.checking import bounded, check
from assistant.memory.copying import copying
from assistant.memory.durable import free_bytes, make_folder, opened, sync_folder, write_all, write_synced
from assistant.memory.envelope import damaged
from assistant.memory.mending import mend_in_child
from assistant.memory.ownership import StoreLock, busy, refuse_missing
from assistant.memory.refused import told_as
from assistant.memory.restoring import put_in_place
from assistant.memory.salvage import set_aside, stamp
from assistant.memory.scanning import scan_in_child

if TYPE_CHECKING:
    from assistant.contracts.documents import SourceAddress
    from assistant.contracts.ports import Sources
    from assistant.memory.fabric import Fabric

_SPARE_BYTES = 1 << 20
_BATCH = 256


def mend_records(
    store: Path, shelf: Path, *, progress: Progress, should_stop: Callable[[], bool] = children.never
) -> tuple[Path | None, list[str]]:
    """Mend the records of ``store``. Their indexes are gone afterwards and are made anew at the next opening.

    Returns where the damaged records lie now (below ``shelf``, or beside the store when that is another disk) and what
    was done, in sentences. Raises a DamagedStore when they cannot be mended,
    :class:`~assistant.contracts.errors.StoreBusy`, :class:`~assistant.contracts.errors.StorageFailed` and
    :class:`~assistant.contracts.errors.Interrupted`; the store is then as it was.
    """
    lock = StoreLock(store)
    if not lock.acquire():
        raise busy(store, "is using the memory store")
    records = store / "records"
    try:
        with _disk_errors(store):
            swapping.recover(records)
            refuse_missing(records)
            try:
                building = swapping.start(records)
                _copy(records, building, progress, should_stop)
                progress("Mending", 0, 0)
                counts = mend_in_child(building)
                write_synced(building / "data.mdb", None)
                progress("Looking through it", 0, 0)
                scan_in_child(building, should_stop)
                kept = put_in_place(store, _shelf(store, shelf) / f"memory-{stamp()}")
            except BaseException:
                swapping.give_up(records)
                raise
    finally:
        lock.release()
    return kept, [f"{number} {what}" for what, number in counts.items()]


@dataclass(slots=True)
class Mending:
    """What was done about damaged records: where they lie now ("": nothing was done), sentences, and folders that
    must be read anew."""

    kept: str = ""
    done: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)

    def told_in(self, report: CheckReport) -> CheckReport:
        """The report of what was found afterwards, with this in it."""
        return report.model_copy(update={"mended": (*self.done, *report.mended), "set_aside": self.kept})


def mend_or_set_aside(
    store: Path, shelf: Path, *, progress: Progress, should_stop: Callable[[], bool] = children.never
) -> Mending:
    """:func:`mend_records`, and when they are beyond mending, :func:`~assistant.memory.salvage.set_aside`."""
    try:
        kept, done = mend_records(store, shelf, progress=progress, should_stop=should_stop)
        return Mending(
            str(kept or ""), [f"The records were mended in a copy: {', '.join(done) or 'nothing was lost'}."]
        )
    except DamagedStore:
        folder, roots = set_aside(store, shelf)
    present = [root for root in roots if os.path.isdir(to_disk(root))]
    told = "the remembered folders were read anew" if present else "name your folders anew: assistant add PATH"
    return Mending(str(folder), [f"The damaged store was set aside; {told}."], present)


def _copy(records: Path, building: Path, progress: Progress, should_stop: Callable[[], bool]) -> None:
    with copying(records, should_stop) as copy:
        room = free_bytes(building)
        if room < copy.expected_bytes + _SPARE_BYTES:
            raise StorageFailed(
                f"There is too little room to mend the memory store: {room / 1e6:,.1f} MB are free, "
                f"{(copy.expected_bytes + _SPARE_BYTES) / 1e6:,.1f} MB are needed.",
                kept="Nothing was changed.",
                remedy="Free some space and try again.",
            )
        done = 0
        with opened(building / "data.mdb", os.O_RDWR | os.O_CREAT | os.O_EXCL) as descriptor:
            for block in copy.blocks:
                write_all(descriptor, block)
                done += len(block)
                progress("Copying", done, max(done, copy.expected_bytes))


def _shelf(store: Path, shelf: Path) -> Path:
    """``shelf`` when a folder can simply be renamed into it, else the folder of the store."""
    try:
        make_folder(shelf)
        sync_folder(shelf)
        same_disk = shelf.stat().st_dev == store.stat().st_dev
    except OSError:
        same_disk = False
    return shelf if same_disk else store.parent


def _disk_errors(store: Path) -> AbstractContextManager[None]:
    return told_as(
        f"The memory store in {store} could not be mended",
        kept="It is as it was; when it was replaced already, the old one was kept.",
        remedy="Check free space and permissions of the data folder, then try again.",
    )


def inspect(
    fabric: Fabric,
    sources: Sources,
    *,
    full: bool,
    draw: Random,
    progress: Progress,
    should_stop: Callable[[], bool] = children.never,
) -> tuple[CheckReport, Audit]:
    """Compare everything: the records with each other, the indexes with them, the files with what was made from them
    (all of them when ``full``, else a sample drawn with ``draw``).

    Raises a DamagedStore, and :class:`~assistant.contracts.errors.Interrupted`.
    """
    progress("Comparing the stores", 0, 0)
    try:
        report = check(fabric)
    except DamagedIndex as error:
        if fabric.read_only:
            raise
        fabric.rebuild_terms()
        report = check(fabric)
        report = report.model_copy(update={"mended": (error.happened,)})
    found = audit(
        fabric,
        sources,
        lambda root: os.path.isdir(to_disk(root)),
        full=full,
        draw=draw,
        progress=lambda done, total: progress("Comparing the files", done, total),
        should_stop=should_stop,
    )
    findings, more = bounded([*report.findings, *found.findings])
    return (
        report.model_copy(update={"files": found.figures, "findings": findings, "more": report.more + more}),
        found,
    )


def mend_derived(
    fabric: Fabric, report: CheckReport, found: Audit, read_again: Callable[[Sequence[SourceAddress]], int]
) -> list[str]:
    """Mend what follows from the records and the files: make a wrong index anew, and read again (``read_again``) what
    is not as it was. Returns what was done, in sentences.

    Raises a DamagedStore when the records themselves contradict each other: that is for :func:`mend_records`.
    """
    where = {finding.where for finding in report.findings}
    if "records" in where:
        raise damaged("; ".join(finding.said for finding in report.findings if finding.where == "records"))
    done: list[str] = []
    if "words" in where:
        fabric.rebuild_terms()
        done.append("The word index was made anew.")
    if "vectors" in where:
        fabric.rebuild_vectors()
        done.append("The vector index was made anew.")
    wanted = [*found.stale, *found.wrong]
    if wanted:
        fabric.distrust(found.wrong)
        count = sum(read_again(wanted[at : at + _BATCH]) for at in range(0, len(wanted), _BATCH))
        done.append(f"{count} sources were read again, or dropped because they are gone.")
    return done

"""The librarian: the one who writes to the memory. Scans folders, refreshes what changed, forgets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.contracts.documents import FileStat, FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import Interrupted, UnreadableSource
from assistant.contracts.events import FolderScanned, Listener, ScanProgressed
from assistant.contracts.ids import digest_of
from assistant.core.filenames import is_within, to_text
from assistant.core.intake import draft_items
from assistant.memory.layout import SourceRecord
from assistant.memory.writing import SourceUpdate

if TYPE_CHECKING:
    from threading import Event as StopSignal

    from assistant.contracts.ports import Clock, Reader, Sources
    from assistant.memory.fabric import Fabric

NO_STAT = FileStat(0, 0, 0)
BATCH_SOURCES = 256
BATCH_BYTES = 8 << 20
PROJECT_EVERY_S = 2.0
"""While a scan runs, what is committed becomes searchable at least this often."""


@dataclass(slots=True)
class _Batch:
    updates: list[SourceUpdate] = field(default_factory=list)
    touched: list[tuple[SourceRecord, FileStat]] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def full(self) -> bool:
        return len(self.updates) + len(self.touched) >= BATCH_SOURCES or self.size_bytes >= BATCH_BYTES


class Librarian:
    """Writes come from one thread. ``stop``, when set, ends a scan between two sources; what was read by then is
    committed and searchable."""

    def __init__(
        self, fabric: Fabric, sources: Sources, reader: Reader, clock: Clock, listener: Listener, stop: StopSignal
    ) -> None:
        self._fabric = fabric
        self._sources = sources
        self._reader = reader
        self._clock = clock
        self._tell = listener
        self._stop = stop

    def scan(self, root: str) -> FolderScanned:
        """Bring the memory of one folder (absolute) up to date, and make it searchable by words.

        Raises :class:`~assistant.contracts.errors.BadPath` when the folder itself cannot be read, and
        :class:`~assistant.contracts.errors.Interrupted` when stopped.
        """
        started_s = self._clock.monotonic_s()
        known = self._known(root)
        self._fabric.add_root(root, self._clock.now().isoformat(timespec="seconds"))
        with self._fabric.records.read() as view:
            roots = [one.path for one in view.roots()]
        batch, seen = _Batch(), set[SourceAddress]()
        counts = dict.fromkeys(("found", "read", "unchanged", "problems", "skipped"), 0)
        projected_s = started_s
        try:
            for found in self._sources.walk(root):
                if self._stop.is_set():
                    raise Interrupted
                if isinstance(found, SkippedPath):
                    self._note_skipped(found, common_root(found.path, roots) or root, batch, seen, counts)
                else:
                    seen.add(found.address)
                    counts["found"] += 1
                    owner = common_root(found.address.path, roots) or root
                    self._take(found, owner, known.get(found.address), batch, counts)
                if batch.full:
                    self._commit(batch)
                    batch = _Batch()
                    if self._clock.monotonic_s() - projected_s > PROJECT_EVERY_S:
                        self._fabric.project_terms()
                        projected_s = self._clock.monotonic_s()
                if counts["found"] % 64 == 0:
                    self._tell(ScanProgressed(root, counts["found"], counts["read"]))
        except BaseException:
            self._commit(batch)
            self._fabric.project_terms()
            raise
        # What lies in a remembered folder further in is that folder's to miss: this one may not even look there.
        gone = [
            source
            for address, source in known.items()
            if address not in seen and common_root(address.path, roots) == root
        ]
        self._commit(batch, gone)
        self._fabric.project_terms()
        self._fabric.purge_orphans()
        result = FolderScanned(root, **counts, gone=len(gone), took_s=self._clock.monotonic_s() - started_s)
        self._tell(result)
        return result

    def _known(self, root: str) -> dict[SourceAddress, SourceRecord]:
        with self._fabric.records.read() as view:
            return {source.address: source for source in view.sources() if is_within(source.path, root)}

    def _note_skipped(
        self, skipped: SkippedPath, root: str, batch: _Batch, seen: set[SourceAddress], counts: dict[str, int]
    ) -> None:
        if not skipped.problem:
            counts["skipped"] += 1
            return
        counts["problems"] += 1
        address = SourceAddress(skipped.path)
        seen.add(address)
        batch.updates.append(SourceUpdate(address, root, NO_STAT, problem=skipped.reason))

    def _take(
        self, found: FoundSource, root: str, old: SourceRecord | None, batch: _Batch, counts: dict[str, int]
    ) -> None:
        if old is not None and old.stat == found.stat and old.root == root:
            counts["unchanged"] += 1
            counts["problems"] += old.problem is not None
            return
        counts["read"] += 1
        update = self._read(found, root, old)
        if isinstance(update, SourceUpdate):
            counts["problems"] += update.problem is not None
            batch.updates.append(update)
            batch.size_bytes += found.stat.size_bytes
        else:
            batch.touched.append((update, found.stat))

    def _read(self, found: FoundSource, root: str, old: SourceRecord | None) -> SourceUpdate | SourceRecord:
        """The update for a source, or the old record when the bytes turn out to be the same."""
        try:
            data = self._sources.fetch(found.address)
            digest = digest_of(data)
            if old is not None and old.digest == digest and old.root == root:
                return old
            document = self._reader.read(found.address, data)
            drafts = tuple(draft_items(found.address, document, data)) if document else ()
        except UnreadableSource as error:
            return SourceUpdate(found.address, root, found.stat, problem=error.reason)
        return SourceUpdate(found.address, root, found.stat, digest, document, drafts)

    def _commit(self, batch: _Batch, gone: Iterable[SourceRecord] = ()) -> None:
        doomed = list(gone)
        if batch.updates or batch.touched or doomed:
            self._fabric.remember(batch.updates, batch.touched, doomed)

    def refresh(self, addresses: Iterable[SourceAddress]) -> int:
        """Re-read sources that were found changed, at once. Returns how many were re-read or dropped."""
        batch, gone = _Batch(), []
        for address in addresses:
            old = self._fabric.records.fetch(lambda view, address=address: view.source(address))  # type: ignore[misc]
            if old is None:
                continue
            stat = self._sources.stat(address)
            if stat is None:
                gone.append(old)
                continue
            update = self._read(FoundSource(address, stat), old.root, old)
            if isinstance(update, SourceUpdate):
                batch.updates.append(update)
            else:
                batch.touched.append((update, stat))
        changed = len(batch.updates) + len(gone)
        self._commit(batch, gone)
        if changed:
            self._fabric.project_terms()
            self._fabric.project_vectors()
        return changed

    def forget(self, path: str) -> tuple[int, int, int]:
        """Forget everything at or below ``path`` (absolute). Returns the numbers of sources, items and
        roots dropped."""
        with self._fabric.records.read() as view:
            sources = [source for source in view.sources() if is_within(source.path, path)]
            roots = [root.path for root in view.roots() if is_within(root.path, path)]
        items = sum(len(source.items) for source in sources)
        if sources or roots:
            self._fabric.forget(sources, roots)
        return len(sources), items, len(roots)


def common_root(path: str, roots: Sequence[str]) -> str | None:
    """The longest remembered root that holds ``path``; ``None`` when none does."""
    holding = [root for root in roots if is_within(path, root)]
    return max(holding, key=len, default=None)


def absolute(path: str) -> str:
    """Absolute, ``~`` expanded, links in it resolved: the one spelling under which a folder is remembered."""
    return to_text(os.path.realpath(os.path.expanduser(path)))

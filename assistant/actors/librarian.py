"""The librarian: the one who writes to the memory. Scans folders, refreshes what changed, forgets."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.actors.keeper import Batch, Keeper
from assistant.contracts.documents import FileStat, FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import Interrupted
from assistant.contracts.events import FolderScanned, Listener, ScanProgressed
from assistant.core.filenames import is_within, to_text
from assistant.memory.layout import SourceRecord
from assistant.memory.writing import SourceUpdate
from assistant.reading.desk import ReadingDesk
from assistant.reading.taking import Reading, WantedSource

if TYPE_CHECKING:
    from threading import Event as StopSignal

    from assistant.contracts.ports import Clock, Reader, Sources
    from assistant.memory.fabric import Fabric

NO_STAT = FileStat(0, 0, 0)
MOST_NAMED = 20
"""Troubled sources that a scan names; the rest is in the problem list."""
_TELL_EVERY = 64


_COUNTED = ("found", "read", "unchanged", "problems", "skipped")


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing a walk found. ``root``: the remembered folder that owns it; ``old``: what is remembered of it."""

    found: FoundSource | SkippedPath
    root: str
    old: SourceRecord | None

    def wanted(self) -> WantedSource | None:
        """What must be read for it; ``None`` when nothing has changed, or there is nothing to read."""
        found, old = self.found, self.old
        if isinstance(found, SkippedPath):
            return None
        if old is None or old.root != self.root:
            return WantedSource(found.address, self.root, found.stat.size_bytes)
        if old.stat == found.stat:
            return None
        return self.wanted_again()

    def wanted_again(self) -> WantedSource | None:
        """The same when its stat is known to have changed."""
        found = self.found
        if isinstance(found, SkippedPath):
            return None
        known = self.old.digest if self.old is not None else ""
        return WantedSource(found.address, self.root, found.stat.size_bytes, known)


class _Tally:
    """What a scan has come across."""

    def __init__(self) -> None:
        self.steps = 0
        self.counts = Counter[str]()
        self.seen = set[SourceAddress]()
        self.named: list[tuple[str, str]] = []

    def trouble(self, address: SourceAddress, reason: str) -> None:
        """A source that cannot be read, and was not known for that."""
        if len(self.named) < MOST_NAMED:
            self.named.append((str(address), reason))


class Librarian:
    """Writes come from one thread at a time. ``stop``, when set, ends a scan between two sources; what was read by
    then is committed and searchable. ``desk``: where sources are read; without one they are read in this process, with
    no limits."""

    def __init__(
        self,
        fabric: Fabric,
        sources: Sources,
        reader: Reader,
        clock: Clock,
        listener: Listener,
        stop: StopSignal,
        desk: ReadingDesk | None = None,
    ) -> None:
        self._fabric = fabric
        self._sources = sources
        self._desk = desk or ReadingDesk(sources, reader, stopped=stop.is_set)
        self._clock = clock
        self._tell = listener
        self._stop = stop

    def scan(self, root: str) -> FolderScanned:
        """Bring the memory of one folder (absolute) up to date, and make it searchable by words.

        Raises :class:`~assistant.contracts.errors.BadPath` when the folder itself cannot be read,
        :class:`~assistant.contracts.errors.Interrupted` when stopped, and
        :class:`~assistant.contracts.errors.DataError` when the processes that read cannot be started.
        """
        started_s = self._clock.monotonic_s()
        known = self._known(root)
        self._fabric.add_root(root, self._clock.now().isoformat(timespec="seconds"))
        with self._fabric.records.read() as view:
            roots = [one.path for one in view.roots()]
        tally = _Tally()
        with Keeper(self._fabric, self._clock) as keeper:
            batch = Batch()
            try:
                for step, reading in self._desk.flow(self._steps(root, roots, known), _Step.wanted):
                    self._take(step, reading, batch, tally)
                    if batch.is_full:
                        keeper.keep(batch)
                        batch = Batch()
                    if tally.steps % _TELL_EVERY == 0:
                        self._tell(ScanProgressed(root, tally.counts["found"], tally.counts["read"]))
            except BaseException:
                keeper.keep(batch)
                raise
            finally:
                self._desk.rest()
            # What lies in a remembered folder further in is that folder's to miss: this one may not even look there.
            batch.gone = [
                source
                for address, source in known.items()
                if address not in tally.seen and common_root(address.path, roots) == root
            ]
            keeper.keep(batch)
        self._fabric.purge_orphans()
        result = FolderScanned(
            root,
            **{name: tally.counts[name] for name in _COUNTED},
            gone=len(batch.gone),
            took_s=self._clock.monotonic_s() - started_s,
            named=tuple(tally.named),
        )
        self._tell(result)
        return result

    def _known(self, root: str) -> dict[SourceAddress, SourceRecord]:
        with self._fabric.records.read() as view:
            return {source.address: source for source in view.sources() if is_within(source.path, root)}

    def _steps(self, root: str, roots: Sequence[str], known: dict[SourceAddress, SourceRecord]) -> Iterator[_Step]:
        for found in self._sources.walk(root):
            if self._stop.is_set():
                raise Interrupted
            if isinstance(found, SkippedPath):
                yield _Step(found, common_root(found.path, roots) or root, known.get(SourceAddress(found.path)))
            else:
                yield _Step(found, common_root(found.address.path, roots) or root, known.get(found.address))

    def _take(self, step: _Step, reading: Reading | None, batch: Batch, tally: _Tally) -> None:
        found, old, counts = step.found, step.old, tally.counts
        tally.steps += 1
        if isinstance(found, SkippedPath):
            if not found.problem:
                counts["skipped"] += 1
                return
            counts["problems"] += 1
            address = SourceAddress(found.path)
            tally.seen.add(address)
            stat = found.stat or NO_STAT
            if old is None or (old.problem, old.root, old.stat) != (found.reason, step.root, stat):
                tally.trouble(address, found.reason)
                batch.updates.append(SourceUpdate(address, step.root, stat, problem=found.reason))
            return
        tally.seen.add(found.address)
        counts["found"] += 1
        if reading is None:
            counts["unchanged"] += 1
            counts["problems"] += old is not None and old.problem is not None
            return
        counts["read"] += 1
        if reading.problem is not None:
            counts["problems"] += 1
            tally.trouble(found.address, reading.problem)
        _add(batch, step, found, reading)

    def refresh(self, addresses: Iterable[SourceAddress]) -> int:
        """Re-read sources that were found changed, at once. Returns how many were re-read or dropped."""
        batch, steps, gone = Batch(), list[_Step](), list[SourceRecord]()
        for address in addresses:
            old = self._fabric.records.fetch(lambda view, address=address: view.source(address))  # type: ignore[misc]
            if old is None:
                continue
            stat = self._sources.stat(address)
            if stat is None:
                gone.append(old)
            else:
                steps.append(_Step(FoundSource(address, stat), old.root, old))
        for step, reading in self._desk.flow(steps, _Step.wanted_again):
            if reading is not None and isinstance(step.found, FoundSource):
                _add(batch, step, step.found, reading)
        changed = len(batch.updates) + len(gone)
        if changed or batch.touched:
            self._fabric.remember(batch.updates, batch.touched, gone)
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


def _add(batch: Batch, step: _Step, found: FoundSource, reading: Reading) -> None:
    """What becomes of a source that was read."""
    if reading.same and step.old is not None:
        batch.touched.append((step.old, found.stat))
        return
    batch.size_bytes += found.stat.size_bytes
    batch.updates.append(
        SourceUpdate(
            found.address,
            step.root,
            found.stat,
            reading.digest,
            reading.outline,
            reading.drafts,
            reading.problem,
        )
    )


def common_root(path: str, roots: Sequence[str]) -> str | None:
    """The longest remembered root that holds ``path``; ``None`` when none does."""
    holding = [root for root in roots if is_within(path, root)]
    return max(holding, key=len, default=None)


def absolute(path: str) -> str:
    """Absolute, ``~`` expanded, links in it resolved: the one spelling under which a folder is remembered."""
    return to_text(os.path.realpath(os.path.expanduser(path)))

"""The librarian: the one who writes to the memory. Scans folders, refreshes what changed, forgets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from assistant.actors.keeper import Batch, Keeper
from assistant.actors.looker import LOOK_ROUNDS, Looker
from assistant.actors.roll_call import RollCall
from assistant.actors.steps import Step, Tally, add_reading
from assistant.contracts.documents import FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, Interrupted
from assistant.contracts.events import FolderScanned, Listener, Looked, ScanProgressed, SourcesRefreshed
from assistant.core.filenames import is_within, to_text
from assistant.core.looking import common_root
from assistant.memory.layout import SourceRecord
from assistant.reading.desk import ReadingDesk

if TYPE_CHECKING:
    from threading import Event as StopSignal

    from assistant.contracts.ports import Clock, Reader, Sources
    from assistant.memory.fabric import Fabric

_TELL_EVERY = 64
_GIVE_WAY_EVERY = 16
_COUNTED = ("found", "read", "unchanged", "problems", "skipped")

__all__ = ["Librarian", "absolute", "common_root"]


class Librarian:
    """Safe to use from several threads. ``stop``, when set, ends a scan or a look between two sources; what was read by
    then is committed and searchable. A scan or look may be given a signal of its own instead. ``desk``: where sources
    are read; without one they are read in this process, with no limits."""

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
        self.give_way: Callable[[], object] = bool
        """Called now and then during a scan; may wait for somebody who goes first."""
        self._looker = Looker(fabric, sources, self._desk, clock)

    def scan(self, root: str, stop: StopSignal | None = None, *, confirmed: bool = False) -> FolderScanned:
        """Bring the memory of one folder (absolute) up to date, and make it searchable by words.

        A remembered folder that cannot be seen is away: what is remembered of it stays, and the result says why.
        ``confirmed``: a person has named this folder; then it counts if it shows nothing, and must be there.

        Raises :class:`~assistant.contracts.errors.BadPath` when the folder itself cannot be read (and is not
        remembered, or was named), :class:`~assistant.contracts.errors.Interrupted` when stopped, and
        :class:`~assistant.contracts.errors.DataError` when the processes that read cannot be started.
        """
        started_s = self._clock.monotonic_s()
        stopped = (stop or self._stop).is_set
        tally, call = Tally(), RollCall(self._fabric, self._sources, confirmed=confirmed)
        gone = 0
        if call.can_be_seen(root) or confirmed or not self._is_remembered(root):
            try:
                gone = self._walk(root, tally, call, stopped)
            except BadPath:
                if confirmed or not self._is_remembered(root):
                    raise
                call.lost(root)
        folders = (os.path.dirname(address.path) for address in tally.seen)
        call.note(folders, whole=root)
        away = call.told()
        tally.counts["problems"] += len(away)
        result = FolderScanned(
            root,
            **{name: tally.counts[name] for name in _COUNTED},
            gone=gone,
            took_s=self._clock.monotonic_s() - started_s,
            named=(*away, *tally.named),
            away=away,
        )
        self._tell(result)
        return result

    def _is_remembered(self, root: str) -> bool:
        return self._fabric.records.fetch(lambda view: view.root(root)) is not None

    def _walk(self, root: str, tally: Tally, call: RollCall, stopped: Callable[[], bool]) -> int:
        """Scan a folder that is there; returns how many sources were gone."""
        found = self._sources.walk(root)
        known = self._known(root)
        self._fabric.add_root(root, self._clock.now().isoformat(timespec="seconds"))
        with self._fabric.records.read() as view:
            roots = [one.path for one in view.roots()]
        keeper = Keeper(self._fabric, self._clock)
        with keeper:
            batch = Batch()
            try:
                steps = self._steps(found, root, roots, known, stopped)
                for step, reading in self._desk.flow(steps, Step.wanted, stopped):
                    tally.take(step, reading, batch)
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
            missed = [
                source
                for address, source in known.items()
                if address not in tally.seen and common_root(address.path, roots) == root
            ]
            batch.gone = gone = call.really_gone(missed, tally)
            keeper.keep(batch)
        self._looker.settle(keeper.left_out, stopped)
        self._fabric.purge_orphans()
        return len(gone)

    def look(self, paths: Iterable[str], stop: StopSignal | None = None) -> Looked:
        """Bring the memory up to date at single places: files or folders (absolute) that may have changed, appeared,
        vanished or been renamed. What is found is what a scan would find there. Searchable by words on return; all of
        it one revision, up to the size of a batch.

        A rule that changed (``.gitignore``) leads to a look at all of its folder, a change among the own files of a git
        repository to a look at its history. Raises :class:`~assistant.contracts.errors.Interrupted` when stopped, and
        :class:`~assistant.contracts.errors.DataError`; what was committed by then stays.
        """
        return self._looker.look((os.path.normpath(path) for path in paths), (stop or self._stop).is_set)

    def _known(self, root: str) -> dict[SourceAddress, SourceRecord]:
        with self._fabric.records.read() as view:
            return {source.address: source for source in view.sources() if is_within(source.path, root)}

    def _steps(
        self,
        walk: Iterator[FoundSource | SkippedPath],
        root: str,
        roots: Sequence[str],
        known: dict[SourceAddress, SourceRecord],
        stopped: Callable[[], bool],
    ) -> Iterator[Step]:
        for number, found in enumerate(walk):
            if number % _GIVE_WAY_EVERY == 0:
                self.give_way()
            if stopped():
                raise Interrupted
            if isinstance(found, SkippedPath):
                yield Step(found, common_root(found.path, roots) or root, known.get(SourceAddress(found.path)))
            else:
                yield Step(found, common_root(found.address.path, roots) or root, known.get(found.address))

    def refresh(self, addresses: Iterable[SourceAddress]) -> int:
        """Re-read sources that were found changed, at once. Returns how many were re-read or dropped."""
        changed = 0
        wanted = list(addresses)
        for _ in range(LOOK_ROUNDS):
            done, wanted = self._refresh(wanted)
            changed += done
            if not wanted:
                break
        if changed:
            self._fabric.project_vectors()
            self._tell(SourcesRefreshed(changed))
        return changed

    def _refresh(self, addresses: Sequence[SourceAddress]) -> tuple[int, list[SourceAddress]]:
        batch, steps, missed = Batch(), list[Step](), list[SourceRecord]()
        for address in addresses:
            old = self._fabric.records.fetch(lambda view, address=address: view.source(address))  # type: ignore[misc]
            if old is None:
                continue
            stat = self._sources.stat(address)
            if stat is None:
                missed.append(old)
            else:
                steps.append(Step(FoundSource(address, stat), old.root, old))
        for step, reading in self._desk.flow(steps, Step.wanted_again, urgent=True):
            if reading is not None and isinstance(step.found, FoundSource):
                add_reading(batch, step, step.found, reading)
        call, tally = RollCall(self._fabric, self._sources), Tally()
        tally.shown.update(step.root for step in steps)
        batch.gone = call.really_gone(missed, tally)
        call.note()
        if batch.is_empty:
            return 0, []
        done = self._fabric.remember(batch.updates, batch.touched, batch.gone)
        self._fabric.show(done.items)
        tried = [*(one.address for one in batch.updates), *(one.address for one in batch.gone)]
        return len(set(tried) - set(done.left_out)), list(done.left_out)

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


def absolute(path: str) -> str:
    """Absolute, ``~`` expanded, links in it resolved: the one spelling under which a folder is remembered."""
    return to_text(os.path.realpath(os.path.expanduser(path)))

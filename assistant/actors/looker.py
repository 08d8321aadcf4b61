"""The looker: brings the memory up to date at single places, small and at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from assistant.actors.keeper import Batch
from assistant.actors.roll_call import RollCall
from assistant.actors.steps import Step, Tally
from assistant.contracts.documents import SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, Interrupted
from assistant.contracts.events import Looked
from assistant.contracts.items import Filters
from assistant.core.filenames import is_within
from assistant.core.looking import Glance, common_root, plan

if TYPE_CHECKING:
    from assistant.contracts.ports import Clock, Sources
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import SourceRecord
    from assistant.memory.views import ReadView
    from assistant.reading.desk import ReadingDesk

LOOK_BATCH = 256
"""Sources of a look that become one revision."""
PURGE_EVERY = 1024
"""After so many changed sources vectors that nobody holds are looked through."""
LOOK_ROUNDS = 3
"""How often a source is looked at again because somebody else was quicker to commit what became of it. Who was quicker
has seen it at least as late as the look before; what changes for ever is left to the next look."""

Stopped = Callable[[], bool]
Known = dict[SourceAddress, "SourceRecord"]


class Looker:
    """Safe to use from several threads."""

    def __init__(self, fabric: Fabric, sources: Sources, desk: ReadingDesk, clock: Clock) -> None:
        self._fabric = fabric
        self._sources = sources
        self._desk = desk
        self._clock = clock
        self._changed = 0

    def look(self, paths: Iterable[str], stopped: Stopped) -> Looked:
        """See :meth:`assistant.actors.librarian.Librarian.look`."""
        started_s = self._clock.monotonic_s()
        with self._fabric.records.read() as view:
            roots = [one.path for one in view.roots()]
        asked = plan(paths, roots)
        tally, calls = Tally(), RollCall(self._fabric, self._sources)
        gone, again, batches = self._round(asked.glances, roots, tally, calls, stopped)
        again = self.settle(again, stopped, LOOK_ROUNDS - 1, tally)
        calls.note()
        if batches > 1:
            self._fabric.project_terms()
        if gone or tally.counts["read"]:
            self._fabric.project_vectors()
        counts = tally.counts
        self._changed += gone + counts["read"]
        if self._changed >= PURGE_EVERY:
            self._changed = 0
            self._fabric.purge_orphans()
        return Looked(
            places=len(asked.glances),
            outside=asked.outside,
            found=counts["found"],
            read=counts["read"],
            unchanged=counts["unchanged"],
            gone=gone,
            problems=counts["problems"],
            skipped=counts["skipped"],
            unsettled=len(again),
            revision=self._fabric.records.revision,
            took_s=self._clock.monotonic_s() - started_s,
            named=tuple(tally.named),
            away=calls.told(),
        )

    def settle(
        self,
        addresses: Sequence[SourceAddress],
        stopped: Stopped,
        rounds: int = LOOK_ROUNDS,
        tally: Tally | None = None,
    ) -> list[SourceAddress]:
        """Look again at sources of which somebody else committed another state meanwhile. Returns those that were
        overtaken every time."""
        tally = tally or Tally()
        for _ in range(rounds):
            if not addresses:
                break
            with self._fabric.records.read() as view:
                roots = [one.path for one in view.roots()]
            paths = {one.path: bool(one.commit) for one in addresses}
            glances = [
                Glance(root, path, history=commit)
                for path, commit in paths.items()
                if (root := common_root(path, roots)) is not None
            ]
            _, addresses, _ = self._round(glances, roots, tally, RollCall(self._fabric, self._sources), stopped)
        return list(addresses)

    def _round(
        self, glances: Sequence[Glance], roots: Sequence[str], tally: Tally, calls: RollCall, stopped: Stopped
    ) -> tuple[int, list[SourceAddress], int]:
        """Look once. Returns how many sources were dropped, those of which nothing could be committed because others
        were quicker, and in how many revisions the rest was."""
        tally.seen.clear()  # of an earlier round: it may have gone since
        known: Known = {}
        batch, left_out, batches = Batch(most=LOOK_BATCH), list[SourceAddress](), 0

        def commit() -> None:
            nonlocal batch, batches
            if batch.is_empty:
                return
            done = self._fabric.remember(batch.updates, batch.touched, batch.gone)
            left_out.extend(done.left_out)
            self._fabric.show(done.items)
            batch, batches = Batch(most=LOOK_BATCH), batches + 1

        present = [glance for glance in glances if calls.can_be_seen(glance.root)]
        try:
            steps = self._steps(present, roots, known, calls, stopped)
            for step, reading in self._desk.flow(steps, Step.wanted, stopped, urgent=True):
                tally.take(step, reading, batch)
                if batch.is_full:
                    commit()
        except BaseException:
            commit()
            raise
        missed = [source for address, source in known.items() if address not in tally.seen]
        batch.gone = calls.really_gone(missed, tally)
        dropped = len(batch.gone)
        commit()
        return dropped, left_out, batches

    def _steps(
        self, glances: Sequence[Glance], roots: Sequence[str], known: Known, calls: RollCall, stopped: Stopped
    ) -> Iterator[Step]:
        for glance in glances:
            with self._fabric.records.read() as view:
                own = {one.address: one for one in self._remembered(view, glance)}
            ask = self._sources.history if glance.history else self._sources.look
            try:
                for found in ask(glance.root, glance.path):
                    if stopped():
                        raise Interrupted
                    address = SourceAddress(found.path) if isinstance(found, SkippedPath) else found.address
                    old = own.get(address)
                    if old is None and not is_within(address.path, glance.path):
                        old = self._source(address)  # a repository whose own files lie elsewhere
                    yield Step(found, common_root(address.path, roots) or glance.root, old)
            except BadPath:  # the root went this moment
                calls.lost(glance.root)
                continue
            # What lies in a remembered folder further in is that folder's to miss: this one may not even look there.
            known.update(
                (address, one) for address, one in own.items() if common_root(address.path, roots) == glance.root
            )

    def _source(self, address: SourceAddress) -> SourceRecord | None:
        return self._fabric.records.fetch(lambda view: view.source(address))

    def _remembered(self, view: ReadView, glance: Glance) -> Iterator[SourceRecord]:
        """Sources that a glance may find gone."""
        at = SourceAddress(glance.path)
        record = view.source(at)
        if glance.history:
            own = view.source(SourceAddress(f"{glance.path.rstrip('/')}/.git"))
            if own is not None:
                yield own
            for source in view.sources_within([glance.path]):
                if source.commit and source.path == glance.path:
                    yield source
        elif record is not None and not record.commit and record.problem is None:
            yield record  # a file: nothing lies below it
        elif self._sources.stat(at) is None or self._fabric.terms.matching(Filters(paths=(glance.path,)), (), 1):
            yield from view.sources_within([glance.path])
        elif record is not None:
            yield record

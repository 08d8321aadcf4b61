"""The fabric: one record store and its two projections, kept in step.

Every change is committed to the records first (one revision), then the projections are brought up to it from the
journal. A crash in between costs a replay at the next opening, never a wrong answer. One process owns the store and
writes; others may open it read only and see what is committed.

Several threads may write. Commits take turns, and so do the threads that bring a projection up to date; each of them
replays the journal in the order of the commits, so it does not matter who does it. A thread may make what it committed
searchable at once (:meth:`Fabric.show`), before its turn in the journal has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.documents import FileStat, SourceAddress
from assistant.contracts.errors import DamagedModel, StorageFailed, StoreBusy
from assistant.contracts.ids import Fingerprint, ItemKey, Revision
from assistant.memory import projecting, writing
from assistant.memory.layout import ItemRecord, RootRecord, SourceRecord
from assistant.memory.owner import this_process
from assistant.memory.ownership import OrderNote, StoreLock
from assistant.memory.records import RecordStore
from assistant.memory.terms import TantivyTerms
from assistant.memory.turns import Turns
from assistant.memory.vectors import HnswVectors, unit_rows_in
from assistant.memory.views import MOST_AT_HAND, WriteView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.core.parameters import RecallParameters

PUBLISH_EVERY = 5000
PUBLISH_SHARE = 0.1
"""The vector index is saved after this many new vectors, or this share of what it holds, whichever is more."""
SHOW_ALONG = 64
"""Items of others that are taken along when something is shown at once."""
TRIM_ABOVE = 10_000
"""Journal entries kept at most, once every projection has them durably."""


@dataclass(frozen=True, slots=True)
class Space:
    """The vector space in use: which encoder, and how wide."""

    fingerprint: Fingerprint
    dim: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """``revision``: the one a change became. ``left_out``: sources of which somebody else had committed another state
    since they were looked at, or whose root is remembered no more; nothing was done with them, and whoever wanted to
    must look again. ``items``: keys of the items that were written or dropped."""

    revision: Revision
    left_out: tuple[SourceAddress, ...] = ()
    items: tuple[ItemKey, ...] = ()


class Fabric:
    """Open with :func:`open_fabric`. Safe to use from several threads; :meth:`close` when none of them writes."""

    def __init__(
        self,
        folder: Path,
        space: Space,
        parameters: RecallParameters,
        lock: StoreLock | None,
        note: Callable[[str], None],
    ) -> None:
        self.space = space
        self.read_only = lock is None
        self._folder = folder
        self._lock = lock
        self._note = note
        self._order = OrderNote(folder)
        self._recent: dict[int, ItemRecord | None] = {}
        self._words, self._meanings, self._commits = Turns(), Turns(), Turns()  # held in this order only
        """Held in this order, never the other way round."""
        if lock is not None:
            self._order.check(folder / "records")
        self.records = RecordStore(folder / "records", read_only=self.read_only)
        try:
            self.terms = TantivyTerms(
                folder / "terms",
                read_only=self.read_only,
                title_boost=parameters.title_boost,
                exact_boost=parameters.exact_boost,
                phrase_boost=parameters.phrase_boost,
            )
            self.vectors = HnswVectors(
                folder / "vectors" / space.fingerprint, space.dim, parameters, read_only=self.read_only
            )
            for damage in (*self.terms.damage, *self.vectors.damage):
                note(f"{damage} It is rebuilt from the memory store.")
            if not self.read_only:
                self._distrust_projections()
                if not self.records.fetch(lambda view: view.number(f"space:{space.fingerprint}")):
                    with self._writing() as view:
                        writing.open_space(view, space.fingerprint)
            self._catch_up_as_far_as_possible()
        except BaseException:
            self.records.close()
            raise

    def _distrust_projections(self) -> None:
        """Tell of a projection that is gone; empty a word index that says it is up to date and holds other numbers."""
        with self.records.read() as view:
            revision, items = view.revision, view.count("items")
            any_vectors = next(view.labels(self.space.fingerprint), None) is not None
        if self.terms.applied == revision and len(self.terms) != items:
            self._note("The word index does not hold what the memory store holds; it is rebuilt.")
            self.terms.clear()
        elif items and not self.terms.applied and not self.terms.damage:
            self._note("There is no word index; it is made from the memory store.")
        if any_vectors and not self.vectors.applied and not self.vectors.damage:
            self._note("There is no vector index; it is made from the memory store.")

    @contextmanager
    def _writing(self) -> Iterator[WriteView]:
        with self._commits:
            self._order.dirty()
            with self.records.write() as view:
                yield view
            self._recent.update(view.touched_items)
            if len(self._recent) > MOST_AT_HAND:
                self._recent = {}

    def announce(self, door: str, program: str) -> None:
        """Tell others where the owner of the store can be reached ("": nobody may come in any more), and its
        version."""
        if self._lock is not None:
            self._lock.announce(this_process(door, program))

    # changes

    def add_root(self, path: str, added_at: str) -> None:
        if self.records.fetch(lambda view: view.root(path)) is None:
            with self._writing() as view:
                writing.add_root(view, path, added_at)

    def settle_root(self, root: RootRecord) -> None:
        """Note how a remembered folder was found; nothing when it was forgotten meanwhile."""
        with self._writing() as view:
            writing.settle_root(view, root)

    def remember(
        self,
        updates: Iterable[writing.SourceUpdate],
        touched: Iterable[tuple[SourceRecord, FileStat]] = (),
        gone: Iterable[SourceRecord] = (),
    ) -> Remembered:
        """Commit what became of some sources, in one revision. The term index follows with :meth:`project_terms`, or
        :meth:`show`. What was decided on a state that is no longer remembered is left out: ``touched`` and ``gone``
        hold the records as they were seen, see :attr:`SourceUpdate.seen` for the others."""
        left_out: list[SourceAddress] = []
        with self._writing() as view:
            for source in gone:
                if view.source(source.address) == source:
                    writing.drop_source(view, source)
                else:
                    left_out.append(source.address)
            for source, stat in touched:
                if view.source(source.address) == source:
                    writing.touch_stat(view, source, stat)
                else:
                    left_out.append(source.address)
            for update in updates:
                if writing.is_due(view, update):
                    writing.remember(view, update)
                else:
                    left_out.append(update.address)
        items = tuple(ItemKey(key) for key in view.touched_items)
        return Remembered(view.committed, tuple(left_out), items)

    def settle_basis(self, make: Callable[[], NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
        """The basis token rows of this space are written in; made and kept the first time. ``None``: the encoder
        gives no token vectors."""
        name = self.space.fingerprint
        basis = self.records.fetch(lambda view: view.basis(name))
        if basis is None and (basis := make()) is not None:
            with self._writing() as view:
                writing.store_basis(view, name, basis)
        return basis

    def store_vectors(
        self, contents: Sequence[str], rows: NDArray[np.float32], tokens: Sequence[NDArray[np.int8]] | None = None
    ) -> Revision:
        """Commit vectors (and narrow token rows, where the encoder gives them) and bring the vector index up to
        them. Rows that are no unit vectors (NaN, zeros) are left out; their contents go on waiting. Raises
        :class:`~assistant.contracts.errors.DamagedModel` for rows of another width."""
        if rows.shape != (len(contents), self.space.dim):
            raise DamagedModel(
                f"The model gives vectors of shape {rows.shape}, not {(len(contents), self.space.dim)}.",
                kept="Nothing of them was stored.",
                remedy="Install it anew: assistant models install",
            )
        usable = np.flatnonzero(unit_rows_in(rows))
        if len(usable) < len(contents):
            self._note(f"The model gave no usable vector for {len(contents) - len(usable)} pieces.")
            contents, rows = [contents[int(at)] for at in usable], rows[usable]
            tokens = None if tokens is None else [tokens[int(at)] for at in usable]
        with self._writing() as view:
            writing.store_vectors(view, self.space.fingerprint, contents, rows, tokens)
        self.project_vectors()
        return self.records.revision

    def distrust(self, addresses: Iterable[SourceAddress]) -> None:
        """Let the next look at these sources read them again, whatever their date, size and bytes say."""
        with self._writing() as view:
            for address in addresses:
                writing.distrust(view, address)

    def forget(self, sources: Sequence[SourceRecord], roots: Sequence[str]) -> int:
        """Drop sources and all that was made from them, and leave no byte of theirs: both projections are made anew
        and the record store is compacted. Takes as long as reading the whole memory once. Returns how many."""
        with self._words, self._meanings, self._commits:
            with self._writing() as view:
                now = [found for source in sources if (found := view.source(source.address)) is not None]
                dropped = writing.forget(view, now, roots)
            self.records.compact()
            self.refill_words()
            self.project_vectors()
            self.refill_vectors()
            self.vectors.drop_generations(1)
            return dropped

    def purge_orphans(self) -> int:
        orphans = self.records.fetch(lambda view: view.count("orphans"))
        if orphans <= writing.MIN_ORPHANS:
            return 0
        with self._writing() as view:
            return writing.purge_orphans(view)

    # projections

    def catch_up(self) -> None:
        """Bring both projections up to the records."""
        if not self.read_only:
            self.project_terms()
        self.project_vectors()

    def _catch_up_as_far_as_possible(self) -> None:
        """On a disk that takes nothing more, what is there can still be asked."""
        if not self.read_only:
            try:
                self.project_terms()
            except StorageFailed as error:
                self._note(f"{error.happened} What came last cannot be found by its words yet.")
        self.project_vectors()

    def project_terms(self) -> None:
        """Make all that is committed by now searchable by words. Other threads get their turn in between."""
        while self._project_some():
            pass

    def _project_some(self) -> bool:
        """Bring the word index one step nearer to the records; ``False``: it is there."""
        with self._words, ExitStack() as stack:
            with self._commits:  # view and items at hand are of the same moment
                view = stack.enter_context(self.records.read())
                due = projecting.words_due(view, self.terms.applied)
                if due is None:
                    return False
                at_hand = {key: self._recent.pop(key, None) for key in due.items}
            if due.afresh:
                projecting.fill_words(view, self.terms, self._note)
            else:
                projecting.put_words(view, self.terms, at_hand, due.items, due.reached)
            return True

    def show(self, items: Sequence[ItemKey]) -> None:
        """Make these items, as they are now, searchable by words at once. When much else is still to be replayed they
        go first, and the rest is left to :meth:`project_terms`: the journal brings them once more then, and that
        changes nothing."""
        with self._words:
            with self.records.read() as view:
                due = projecting.words_due(view, self.terms.applied)
                if due is None:
                    return
                much = due.reached < view.revision or len(due.items) > len(items) + SHOW_ALONG
                if much and not due.afresh:
                    projecting.put_words(view, self.terms, {}, items, self.terms.applied)
                    return
            self._project_some()

    def refill_vectors(self) -> None:
        """Build the vector index anew without its removed vectors, and save it; the old one is asked meanwhile."""
        with self._meanings:
            self.vectors.rebuild()
            self.vectors.publish()

    def refill_words(self) -> None:
        """Make the word index anew beside the old one, which is asked meanwhile; nothing that was dropped is in it."""
        fresh = self.terms.beside()
        with self.records.read() as view:
            if view.revision:  # an index of nothing has no watermark
                fresh.apply(view.all_items(), (), view.revision)
        with self._words, self._commits:
            with self.records.read() as view:
                while (due := projecting.words_due(view, fresh.applied)) is not None:
                    projecting.put_words(view, fresh, {}, due.items, due.reached)
            self.terms.give_place(fresh)

    def rebuild_terms(self) -> None:
        """Make the term index anew from the records."""
        with self._words:
            self._note("The word index is damaged; it is rebuilt from the memory store.")
            self.terms.clear()
            self.project_terms()

    def rebuild_vectors(self) -> None:
        """Make the vector index anew from the records, and save it."""
        with self._meanings:
            self._note("The vector index is damaged; it is rebuilt from the memory store.")
            self.vectors.clear()
            self.project_vectors()
            self.vectors.publish()

    def project_vectors(self) -> None:
        """Let all vectors that are committed by now be found."""
        with self._meanings, self.records.read() as view:
            projecting.replay_meanings(view, self.vectors, self.space.fingerprint, self.space.dim, self._note)

    def publish_if_due(self) -> None:
        if self.vectors.unsaved >= max(PUBLISH_EVERY, int(PUBLISH_SHARE * len(self.vectors))):
            self.publish()

    def publish(self) -> None:
        """Save the vector index, and trim the journal when it has grown."""
        if self.read_only:
            return
        with self._meanings:
            if self.vectors.unsaved or self.vectors.applied - self.vectors.published > projecting.REPLAY_BATCH:
                self.vectors.publish()
        behind = self.records.fetch(lambda view: view.revision - view.journal_start())
        if behind > TRIM_ABOVE:
            self.trim_journal()

    def trim_journal(self) -> int:
        """Drop the entries of the journal that both indexes have followed and saved. Returns how many."""
        with self._commits:
            self._order.dirty()
            return self.records.trim_journal(min(self.terms.applied, self.vectors.published))

    def close(self) -> None:
        """Save what is unsaved and let go of the store. Closes everything even when saving fails, then raises."""
        try:
            self.publish()
        finally:
            self.terms.close()
            self.records.close()
            try:
                self._order.clean()
            finally:
                if self._lock is not None:
                    self._lock.release()


def open_fabric(
    folder: Path,
    space: Space,
    parameters: RecallParameters,
    *,
    note: Callable[[str], None] = lambda _: None,
    lock: StoreLock | None = None,
) -> Fabric:
    """Open the store as its owner, or read only when another process owns it. ``lock``: of this folder, acquired
    already; it is the fabric's from now on.

    ``note`` is told, in words for a person, of anything that had to be mended. Raises
    :class:`~assistant.contracts.errors.DamagedStore`, :class:`~assistant.contracts.errors.StorageFailed` and, when
    another process owns a store that does not exist yet, :class:`~assistant.contracts.errors.StoreBusy`.
    """
    owned = lock is not None
    if lock is None:
        lock = StoreLock(folder)
        owned = lock.acquire()
    if not owned and not (folder / "order.json").exists():
        raise StoreBusy(
            f"Another process (number {lock.owner()}) is just setting up the memory store.",
            remedy="Try again in a moment.",
        )
    try:
        return Fabric(folder, space, parameters, lock if owned else None, note)
    except BaseException:
        lock.release()
        raise

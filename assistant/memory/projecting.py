"""From the records to their projections: what the journal names is looked up as it is now, and put into the index.

Replaying an entry twice, or together with later ones, gives the same index. The caller sees to it that one thread at a
time writes to an index.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.ids import ItemKey, Label
from assistant.memory.vectors import unit_rows_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.memory.layout import ItemRecord
    from assistant.memory.terms import TantivyTerms
    from assistant.memory.vectors import HnswVectors
    from assistant.memory.views import ReadView

REPLAY_BATCH = 1024
WORDS_BATCH = 1024
"""Items the word index is told of in one go."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WordsDue:
    """Items the word index is to be told of next, and the revision it has reached then. ``afresh``: it does not follow
    from the records at all, and is to be filled anew with everything."""

    items: tuple[int, ...]
    reached: int
    afresh: bool = False


def words_due(view: ReadView, applied: int) -> WordsDue | None:
    """What brings a word index that has reached ``applied`` nearer to ``view``; ``None``: it is there."""
    revision = view.revision
    if applied == revision:
        return None
    if applied > revision or applied < view.journal_start():
        return WordsDue((), revision, afresh=True)
    keys: dict[int, None] = {}
    reached = applied
    for number, entry in view.journal(applied):
        reached = number
        keys.update(dict.fromkeys(entry.items))
        if len(keys) >= WORDS_BATCH:
            break
    return WordsDue(tuple(keys), reached)


def fill_words(view: ReadView, terms: TantivyTerms, note: Note) -> None:
    """Fill the word index anew."""
    if terms.applied:
        note("The word index does not follow from the memory store; it is rebuilt.")
    terms.clear()
    terms.apply(view.all_items(), (), view.revision)


def put_words(
    view: ReadView,
    terms: TantivyTerms,
    at_hand: Mapping[int, ItemRecord | None],
    keys: Sequence[int],
    applied: int,
) -> None:
    """Put these items into the word index as ``view`` holds them, or take them out, and note ``applied`` with them."""
    present = (record for key in keys if (record := at_hand.get(key) or view.item(key)) is not None)
    terms.apply(present, [ItemKey(key) for key in keys], applied)


def replay_meanings(view: ReadView, vectors: HnswVectors, fingerprint: str, dim: int, note: Note) -> None:
    """Bring the vector index up to ``view``."""
    revision, applied = view.revision, vectors.applied
    if applied == revision:
        return
    labels: Iterable[int]
    if applied > revision or applied < view.journal_start():
        if applied:
            note("The vector index does not follow from the memory store; it is rebuilt.")
        vectors.clear()
        labels = view.labels(fingerprint)
    else:
        entries = (entry for _, entry in view.journal(applied) if entry.fingerprint == fingerprint)
        labels = dict.fromkeys(label for entry in entries for label in entry.vectors)
    for batch in _batches(labels, REPLAY_BATCH):
        _put_vectors(view, vectors, fingerprint, dim, batch)
    vectors.remove((), revision)


def behind(view: ReadView, words: int, meanings: int, fingerprint: str) -> tuple[int, int]:
    """Pieces that a word index at this revision, and vectors that a vector index at that one have not followed yet, as
    far as the journal tells."""
    pieces = {key for _, entry in view.journal(words) for key in entry.items}
    changes = (entry for _, entry in view.journal(meanings) if entry.fingerprint == fingerprint)
    return len(pieces), len({label for entry in changes for label in entry.vectors})


def _put_vectors(view: ReadView, vectors: HnswVectors, fingerprint: str, dim: int, labels: Sequence[int]) -> None:
    present: list[Label] = []
    rows: list[NDArray[np.float32]] = []
    gone: list[Label] = []
    for number in labels:
        label = Label(number)
        row = view.vector_by_label(fingerprint, label)
        if row is None or row.shape != (dim,) or not unit_rows_in(row[np.newaxis])[0]:
            gone.append(label)  # one that is no vector is told of by a check
        else:
            present.append(label)
            rows.append(row)
    if rows:
        vectors.add(present, np.stack(rows), vectors.applied)
    if gone:
        vectors.remove(gone, vectors.applied)


def _batches(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    iterator = iter(numbers)
    while batch := list(itertools.islice(iterator, size)):
        yield batch

"""The page of hits: near-duplicates folded into the best of them, and no source filling it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from assistant.core.simhash import distance, simhash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.core.parameters import RecallParameters
    from assistant.memory.recall import RankedItem

_SHORT_TEXT_WORDS = 8
_MAYBE_ALIKE = 0.9
"""Texts that differ in a word or two have vectors at least this near; only such pairs are compared word by word."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Unit vectors of items. ``places``: item key to row of ``matrix``, float32, ``(items, dim)``."""

    places: Mapping[int, int]
    matrix: NDArray[np.float32]


_simhash = lru_cache(maxsize=4096)(simhash)


def distinct(ranked: Sequence[RankedItem], rows: Rows, parameters: RecallParameters, k: int) -> list[RankedItem]:
    """The first ``k`` of ``ranked``, near-duplicates listed with the best of them, at most ``per_source`` of one
    source before others have had their turn; turns of a talk aside, which often all stand in one file. ``rows``: of
    those that have one."""
    kept: list[RankedItem] = []
    places: list[int | None] = []
    for item in ranked:
        if len(kept) >= k * 2:
            break
        place = rows.places.get(item.card.key)
        near = _maybe_alike(place, places, rows.matrix)
        twin = next((kept[at] for at in near if _alike(item, kept[at], parameters)), None)
        if twin is None:
            kept.append(item)
            places.append(place)
        else:
            twin.duplicates.append(item.record)
    first: list[RankedItem] = []
    later: list[RankedItem] = []
    counts: dict[str, int] = {}
    for item in kept:
        path, turn = item.record.path, item.card.kind == "chat"
        counts[path] = counts.get(path, 0) + (not turn)
        (first if turn or counts[path] <= parameters.per_source else later).append(item)
    return (first + later)[:k]


def _maybe_alike(place: int | None, kept: Sequence[int | None], matrix: NDArray[np.float32]) -> list[int]:
    """Places in ``kept``, ascending, of what may be the same as the row ``place``: of what has no row, too."""
    if place is None or not kept:
        return list(range(len(kept)))
    known = [other for other in kept if other is not None]
    near = iter((matrix[known] @ matrix[place] >= _MAYBE_ALIKE).tolist())
    return [at for at, other in enumerate(kept) if other is None or next(near)]


def _alike(item: RankedItem, other: RankedItem, parameters: RecallParameters) -> bool:
    own, known = item.record.text, other.record.text
    if len(own.split(maxsplit=_SHORT_TEXT_WORDS)) < _SHORT_TEXT_WORDS:
        return own == known
    return distance(_simhash(own), _simhash(known)) <= parameters.duplicate_bits

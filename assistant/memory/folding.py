"""The page of hits: near-duplicates folded into the best of them, and no source filling it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

_simhash = lru_cache(maxsize=4096)(simhash)


def distinct(
    ranked: Sequence[RankedItem], rows: Mapping[int, NDArray[np.float32]], parameters: RecallParameters, k: int
) -> list[RankedItem]:
    """The first ``k`` of ``ranked``, near-duplicates listed with the best of them, at most ``per_source`` of one
    source before others have had their turn; turns of a talk aside, which often all stand in one file. ``rows``: unit
    vectors by item key, for those that have one."""
    kept: list[RankedItem] = []
    for item in ranked:
        if len(kept) >= k * 2:
            break
        twin = next((other for other in _maybe_alike(item, kept, rows) if _alike(item, other, parameters)), None)
        if twin is None:
            kept.append(item)
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


def _maybe_alike(
    item: RankedItem, kept: Sequence[RankedItem], rows: Mapping[int, NDArray[np.float32]]
) -> list[RankedItem]:
    own = rows.get(item.card.key)
    if own is None:
        return list(kept)
    known = [(other, rows.get(other.card.key)) for other in kept]
    return [other for other, row in known if row is None or float(row @ own) >= _MAYBE_ALIKE]


def _alike(item: RankedItem, other: RankedItem, parameters: RecallParameters) -> bool:
    own, known = item.record.text, other.record.text
    if len(own.split(maxsplit=_SHORT_TEXT_WORDS)) < _SHORT_TEXT_WORDS:
        return own == known
    return distance(_simhash(own), _simhash(known)) <= parameters.duplicate_bits

"""Two score lists of one query into one ranking.

Z-score and min-max convex combination as studied by S. Bruch, S. Gai, A. Ingber, "An analysis of fusion functions for
hybrid retrieval" (TOIS 2023); both sides are scored for the whole union before they are normalised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from assistant.core.parameters import Family, RecallParameters, RerankWeights
from assistant.core.superseding import calls_itself_old

# Candidate and Fused are not frozen: two hundred of each are made for every question, and freezing takes half the time.
_DAY_S = 86_400.0
_QUALITY = dict.fromkeys(("text", "chat", "markdown", "rst"), 1.0) | dict.fromkeys(
    ("html", "code", "mail", "notebook"), 0.9
)
_LESSER_QUALITY = 0.8
_SUPERSEDED_QUALITY = 0.4


@dataclass(slots=True)
class Candidate:
    """One item to rank. ``dense``: cosine, ``None`` when it has no vector or the encoder cannot read the question.
    ``sparse``: BM25, 0.0 for no match. ``age_s``: seconds since it was written, may be negative."""

    key: int
    dense: float | None
    sparse: float
    family: str
    """"prose", "topical", "code", "pointed-code" or "chat": which weights apply."""
    age_s: float
    quality: float
    near: float | None = None
    """BM25 of the better of the two neighbours of a turn of a talk; ``None`` for everything else."""
    text_chars: int = 0


@dataclass(slots=True)
class Fused:
    """A ranked candidate with what each signal added to ``score`` (0..1)."""

    key: int
    score: float
    relevance: float
    dense: float
    sparse: float
    recency: float
    quality: float


@lru_cache(maxsize=8192)
def source_quality(path: str, kind: str, title: str | None = None, *, superseded: bool = False) -> float:
    """0..1: how much a source is worth at equal relevance; what calls itself old or a draft counts less."""
    return quality_of(kind, superseded or calls_itself_old(path, title))


def quality_of(kind: str, old: bool) -> float:
    """:func:`source_quality` of what is known to be old, or not to be."""
    return _SUPERSEDED_QUALITY if old else _QUALITY.get(kind, _LESSER_QUALITY)


def fuse(candidates: Sequence[Candidate], parameters: RecallParameters, dense_factor: float = 1.0) -> list[Fused]:
    """Best first; ties by key. ``dense_factor`` (0..1) is the trust in the dense side for this question."""
    if not candidates:
        return []
    normalise = _zscores if parameters.normalisation == "zscore" else _minmax
    dense_side = normalise([candidate.dense for candidate in candidates])
    sparse_side = normalise([candidate.sparse for candidate in candidates])
    names = {candidate.family for candidate in candidates}
    first = {name: family_of(parameters, name).first for name in names}
    trusts = {name: weights.dense * dense_factor for name, weights in first.items()}
    rows: list[tuple[float, float]] = []
    for candidate, dense, sparse in zip(candidates, dense_side, sparse_side, strict=True):
        trust = trusts[candidate.family]
        if dense is None:
            rows.append((0.0, sparse or 0.0))
        else:
            rows.append((trust * dense, (1.0 - trust) * (sparse or 0.0)))
    near = normalise([candidate.near for candidate in candidates])
    rows = [
        (dense, sparse + parameters.near * (beside or 0.0)) for (dense, sparse), beside in zip(rows, near, strict=True)
    ]
    lengths = _lengths([candidate.text_chars for candidate in candidates])
    totals = [
        dense + sparse + first[candidate.family].length * own
        for (dense, sparse), candidate, own in zip(rows, candidates, lengths, strict=True)
    ]
    low, high = min(totals), max(totals)
    spread = high - low
    shares = parameters.relevance_share, parameters.recency_share, parameters.quality_share
    fused = []
    for candidate, (dense, sparse), total in zip(candidates, rows, totals, strict=True):
        relevance = (total - low) / spread if spread > 1e-9 else 1.0
        recency = shares[1] * _freshness(candidate.age_s, parameters.recency_half_life_days)
        quality = shares[2] * candidate.quality
        scale = shares[0] * relevance
        if not dense and not sparse:  # both sides exactly average: shown by their weights
            dense = trusts[candidate.family] if candidate.dense is not None else 0.0
            sparse = 1.0 - dense
        whole = abs(dense) + abs(sparse)
        parts = scale * abs(dense) / whole, scale * abs(sparse) / whole
        fused.append(Fused(candidate.key, scale + recency + quality, relevance, *parts, recency, quality))
    return sorted(fused, key=lambda one: (-one.score, one.key))


def rerank(
    scores: Sequence[float],
    dense: Sequence[float | None],
    sparse: Sequence[float],
    late: Sequence[float | None],
    weights: Sequence[RerankWeights],
    parameters: RecallParameters,
    near: Sequence[float | None] | None = None,
    text_chars: Sequence[int] | None = None,
) -> list[float]:
    """New scores for the best hits, in the order given: each one's weighted z-scores, stretched over the range of the
    old scores, so that they stay comparable with those of the hits that were not reranked. What a hit lacks (``None``)
    does not count for or against it. ``near`` and ``text_chars`` as in :class:`Candidate`."""
    beside = _zscores(near if near is not None else [None] * len(scores))
    lengths = _lengths(text_chars if text_chars is not None else [0] * len(scores))
    sides = zip(_zscores(dense), _zscores(sparse), _zscores(late), beside, lengths, weights, strict=True)
    totals = [
        _weighted(((d, own.dense), (s, own.sparse), (t, own.late))) + parameters.near * (b or 0.0) + own.length * long
        for d, s, t, b, long, own in sides
    ]
    if not totals:
        return []
    low, high = min(scores), max(scores)
    least, spread = min(totals), max(totals) - min(totals)
    return [low + (high - low) * ((total - least) / spread if spread > 1e-9 else 1.0) for total in totals]


def _weighted(parts: Sequence[tuple[float | None, float]]) -> float:
    present = [(value, weight) for value, weight in parts if value is not None]
    whole = sum(weight for _, weight in present)
    return sum(value * weight for value, weight in present) / whole if whole > 0 else 0.0


def family_of(parameters: RecallParameters, name: str) -> Family:
    """``name`` as in :class:`Candidate`."""
    if name == "code":
        return parameters.code
    if name == "pointed-code":
        return parameters.pointed_code or parameters.code
    if name == "chat":
        return parameters.chat
    return parameters.topical if name == "topical" and parameters.topical is not None else parameters.prose


def _lengths(text_chars: Sequence[int]) -> list[float]:
    """Z-scores of the logarithms."""
    return [value or 0.0 for value in _zscores([math.log1p(count) for count in text_chars])]


def _freshness(age_s: float, half_life_days: float) -> float:
    return float(0.5 ** (max(0.0, age_s) / _DAY_S / half_life_days))


def _zscores(values: Sequence[float | None]) -> list[float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return [None] * len(values)
    mean = math.fsum(known) / len(known)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / len(known))
    if deviation < 1e-9:
        return [None if value is None else 0.0 for value in values]
    return [None if value is None else (value - mean) / deviation for value in values]


def _minmax(values: Sequence[float | None]) -> list[float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return [None] * len(values)
    low, spread = min(known), max(known) - min(known)
    return [None if value is None else ((value - low) / spread if spread > 1e-9 else 0.0) for value in values]

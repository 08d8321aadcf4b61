"""Recall: words and meaning side by side, fused, deduplicated, grouped.

Dense and sparse each bring candidates; both then score the whole union, so that neither is judged by absence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.contracts.errors import DamagedIndex
from assistant.contracts.ids import ItemKey
from assistant.core.filenames import is_within
from assistant.core.fusion import Candidate, Fused, fuse, rerank, source_quality
from assistant.core.intake import embedding_text
from assistant.core.late import best_matches, maxsim, token_weights
from assistant.core.question import Question, read_question
from assistant.core.simhash import distance, simhash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assistant.contracts.items import Filters, RecallQuery
    from assistant.contracts.ports import Clock, Encoder
    from assistant.contracts.vectors import TokenVectors
    from assistant.core.parameters import RecallParameters
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import ItemRecord

_OVERFETCH = 8
_SHORT_TEXT_WORDS = 8
_FILE_HINT_BONUS = 0.1


@dataclass(slots=True)
class RankedItem:
    """A remembered item and why it stands where it stands. ``cosine`` is ``None`` without a vector."""

    record: ItemRecord
    fused: Fused
    cosine: float | None
    bm25: float
    score: float
    rerank: float = 0.0
    tokens: TokenVectors | None = None
    """Of the text that was embedded; ``None`` where late interaction did not run."""
    duplicates: list[ItemRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ranking:
    """``items`` best first, near-duplicates folded, at most ``k``. ``vector`` is the question's, ``None`` when the
    encoder was not asked."""

    question: Question
    items: list[RankedItem]
    vector: NDArray[np.float32] | None
    tokens: TokenVectors | None = None
    weights: NDArray[np.float64] | None = None
    """Token vectors of the question and their weights; ``None`` where late interaction did not run."""


class Recall:
    """Ranks items for a query. Holds no state of its own; thread-safe as far as the fabric is."""

    def __init__(self, fabric: Fabric, encoder: Encoder | None, clock: Clock, parameters: RecallParameters) -> None:
        self._fabric = fabric
        self._encoder = encoder
        self._clock = clock
        self._parameters = parameters

    def rank(self, query: RecallQuery, *, certain: bool = True) -> Ranking:
        """Rank items. ``certain`` false: compare token by token even when the order is certain without."""
        question = read_question(query.text, query.signals)
        try:
            return self._rank(query, question, certain=certain)
        except DamagedIndex:
            if self._fabric.read_only:
                raise
            self._fabric.rebuild_terms()
            return self._rank(query, question, certain=certain)

    def _rank(self, query: RecallQuery, question: Question, *, certain: bool) -> Ranking:
        wide = max(self._parameters.candidates, query.k)
        sparse = dict(
            self._fabric.terms.search(
                question.terms, question.names, question.phrases, wide, query.filters, query.modality
            )
        )
        vector = None
        dense_keys: list[ItemKey] = []
        if self._encoder is not None and len(self._fabric.vectors):
            vector = self._encoder.encode_query(query.text)
            dense_keys = self._nearest(vector, wide, query)
        union = list(dict.fromkeys([*sparse, *dense_keys]))
        unscored = [key for key in dense_keys if key not in sparse]
        sparse.update(
            self._fabric.terms.search(question.terms, question.names, question.phrases, len(unscored), among=unscored)
        )
        records, cosines = self._load(union, vector)
        ranked = self._fuse(question, query, records, sparse, cosines)
        tokens, weights = self._rerank(question, ranked, certain=certain)
        return Ranking(question, self._distinct(ranked, query.k), vector, tokens, weights)

    def _rerank(
        self, question: Question, ranked: list[RankedItem], *, certain: bool
    ) -> tuple[TokenVectors | None, NDArray[np.float64] | None]:
        """Reorder the best hits, in place, by late interaction; passed over when it cannot say anything (no encoder,
        a script it cannot read) or need not (the best hit leads by far)."""
        top = ranked[: self._parameters.rerank_top]
        if self._encoder is None or len(top) < 2 or not question.readable_by(self._encoder.scripts):
            return None, None
        if certain and top[0].score - top[1].score >= self._parameters.rerank_margin:
            return None, None
        found = self._encoder.token_vectors([question.text, *(embedded_text(item.record) for item in top)])
        if found is None:
            return None, None
        asked = found[0]
        weights = token_weights(question.text, asked, self._weigh)
        late = []
        for item, tokens in zip(top, found[1:], strict=True):
            item.tokens = tokens
            late.append(maxsim(weights, best_matches(asked, tokens)))
        scores = rerank(
            [item.score for item in top],
            [item.cosine for item in top],
            [item.bm25 for item in top],
            late,
            self._parameters.rerank,
        )
        for item, score in zip(top, scores, strict=True):
            item.rerank = score - item.score
            item.score = score
        top.sort(key=lambda item: (-item.score, item.record.key))
        ranked[: len(top)] = top
        return asked, weights

    def _weigh(self, word: str) -> float:
        """Inverse document frequency of a word."""
        size = max(1, len(self._fabric.terms))
        found = min((self._fabric.terms.frequency(stem) for stem in self._fabric.terms.analyse(word)), default=size)
        return math.log(1.0 + (size - found + 0.5) / (found + 0.5)) if found < size else 0.0

    def _nearest(self, vector: NDArray[np.float32], wide: int, query: RecallQuery) -> list[ItemKey]:
        filters, fabric = query.filters, self._fabric
        fingerprint = fabric.space.fingerprint
        filtered = not (filters.empty and not query.modality)
        among = None
        if filtered:
            keys = fabric.terms.matching(filters, query.modality, self._parameters.exact_below + 1)
            if len(keys) <= self._parameters.exact_below:
                with fabric.records.read() as view:
                    found = (view.vector(fingerprint, record.content) for record in view.items(keys))
                    among = [pair[0] for pair in found if pair is not None]
        reach = wide if among is not None or not filtered else wide * _OVERFETCH
        nearest = fabric.vectors.search(vector, reach, among)
        result: list[ItemKey] = []
        with fabric.records.read() as view:
            for label, _ in nearest:
                content = view.content_of(fingerprint, label)
                for key in view.holders(content, wide) if content else ():
                    record = view.item(key) if filtered else None
                    if record is None or admits(filters, query.modality, record):
                        result.append(key)
                if len(result) >= wide:
                    break
        return result[:wide]

    def _load(
        self, keys: Sequence[ItemKey], vector: NDArray[np.float32] | None
    ) -> tuple[list[ItemRecord], Mapping[int, float]]:
        cosines: dict[int, float] = {}
        with self._fabric.records.read() as view:
            records = view.items(keys)
            if vector is not None:
                for record in records:
                    found = view.vector(self._fabric.space.fingerprint, record.content)
                    if found is not None:
                        cosines[record.key] = float(found[1] @ vector)
        return records, cosines

    def _fuse(
        self,
        question: Question,
        query: RecallQuery,
        records: Sequence[ItemRecord],
        sparse: Mapping[ItemKey, float],
        cosines: Mapping[int, float],
    ) -> list[RankedItem]:
        now_s = self._clock.now().timestamp()
        candidates = [
            Candidate(
                key=record.key,
                dense=cosines.get(record.key),
                sparse=sparse.get(ItemKey(record.key), 0.0),
                family=_family(record),
                age_s=now_s - record.timestamp_s,
                quality=source_quality(record.path, record.kind, record.title, superseded=record.superseded),
            )
            for record in records
        ]
        readable = self._encoder is None or question.readable_by(self._encoder.scripts)
        factor = 1.0 if readable or not any(sparse.values()) else self._parameters.script_gate
        by_key = {record.key: record for record in records}
        ranked = [
            RankedItem(by_key[one.key], one, cosines.get(one.key), sparse.get(ItemKey(one.key), 0.0), one.score)
            for one in fuse(candidates, self._parameters, factor)
        ]
        hints = [hint.lower() for hint in query.signals.file_hints]
        if hints:
            for item in ranked:
                if any(hint in item.record.path.lower() for hint in hints):
                    item.score = min(1.0, item.score + _FILE_HINT_BONUS)
            ranked.sort(key=lambda item: (-item.score, item.record.key))
        return ranked

    def _distinct(self, ranked: Sequence[RankedItem], k: int) -> list[RankedItem]:
        """Fold near-duplicates into the best of them, then let no source fill the page."""
        kept: list[RankedItem] = []
        hashes: list[int] = []
        for item in ranked:
            if len(kept) >= k * 2:
                break
            mark = simhash(item.record.text)
            short = len(item.record.text.split()) < _SHORT_TEXT_WORDS
            twin = next(
                (
                    other
                    for other, known in zip(kept, hashes, strict=True)
                    if (
                        other.record.text == item.record.text
                        if short
                        else distance(mark, known) <= self._parameters.duplicate_bits
                    )
                ),
                None,
            )
            if twin is not None:
                twin.duplicates.append(item.record)
                continue
            kept.append(item)
            hashes.append(mark)
        first: list[RankedItem] = []
        later: list[RankedItem] = []
        counts: dict[str, int] = {}
        for item in kept:
            counts[item.record.path] = counts.get(item.record.path, 0) + 1
            (first if counts[item.record.path] <= self._parameters.per_source else later).append(item)
        return (first + later)[:k]


def embedded_text(record: ItemRecord) -> str:
    """What the encoder reads of an item; it ends with the item's text."""
    return embedding_text(record.title, record.scope, record.header, record.chunk, record.text)


def admits(filters: Filters, modality: Sequence[str], record: ItemRecord) -> bool:
    """Whether the filters let a record through; the same rule as the term index's."""
    if modality and record.modality not in modality:
        return False
    if filters.paths and not any(is_within(record.path, path.rstrip("/") or "/") for path in filters.paths):
        return False
    if filters.kinds and record.kind not in filters.kinds:
        return False
    if filters.languages and (record.language or "") not in {language.lower() for language in filters.languages}:
        return False
    if filters.since and record.timestamp_s < int(filters.since.timestamp()):
        return False
    return not (filters.until and record.timestamp_s > int(filters.until.timestamp()))


def _family(record: ItemRecord) -> str:
    if record.modality == "code":
        return "code"
    return "message" if record.chunk == "message" else "prose"

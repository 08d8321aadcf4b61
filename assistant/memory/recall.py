"""Recall: words and meaning side by side, fused, deduplicated, grouped.

Dense and sparse each bring candidates; both then score the whole union, so that neither is judged by absence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.errors import DamagedIndex
from assistant.contracts.ids import ItemKey, Label
from assistant.core.filenames import is_within
from assistant.core.fusion import Candidate, Fused, family_of, fuse, quality_of, rerank
from assistant.core.intake import embedding_text
from assistant.core.question import PARTICULAR, Question, read_question
from assistant.core.words import normalise
from assistant.memory.folding import Rows, distinct
from assistant.memory.layout import Card, ItemRecord
from assistant.memory.reranking import LetterReranker, TokenReranker, inverse_frequency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.items import Filters, RecallQuery
    from assistant.contracts.ports import Clock, Encoder, Reranker
    from assistant.core.parameters import RecallParameters, RerankWeights
    from assistant.memory.fabric import Fabric
    from assistant.memory.views import ReadView

_SPARE = 3
"""The index is asked for so many times as many as would do if what a filter lets through lay anywhere. With less the
nearest are missed: of 100,000 pieces, a quarter of them let through, 1.5 found 0.85 of the nearest 20, 3 finds 0.96."""
_FEW = 500
_MAX_REACH = 5_000
"""Of so few items, or when the nearest would have to be sought so far, those that a filter lets through are compared
one by one."""
_COSINE_DECIMALS = 6
_FILE_HINT_BONUS = 0.1


@dataclass(slots=True)
class RankedItem:
    """A remembered item and why it stands where it stands. ``cosine`` is ``None`` without a vector."""

    card: Card
    fused: Fused
    cosine: float | None
    bm25: float
    score: float
    near: float | None = None
    """BM25 of the better of the two neighbours of a turn of a talk; ``None`` for everything else."""
    rerank: float = 0.0
    rerankers: tuple[str, ...] = ()
    """What has looked closely at it, in this order."""
    held: float = 0.0
    """What names, phrases and hints held word for word have added."""
    duplicates: list[ItemRecord] = field(default_factory=list)

    @property
    def record(self) -> ItemRecord:
        """Read when it is asked for the first time. Raises :class:`~assistant.contracts.errors.DamagedStore`."""
        return self.card.record


@dataclass(frozen=True, slots=True)
class Ranking:
    """``items`` best first, near-duplicates folded, at most ``k``. ``vector`` is the question's, ``None`` when the
    encoder was not asked."""

    question: Question
    items: list[RankedItem]
    vector: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class _Scored:
    """What is known of the candidates before they are ranked, by item key. ``near`` holds, for turns of a talk, the
    keys of the turns before and after."""

    cards: list[Card]
    sparse: Mapping[int, float]
    cosines: Mapping[int, float]
    near: Mapping[int, tuple[int, ...]]


class Recall:
    """Ranks items for a query. Holds no state of its own; thread-safe as far as the fabric is."""

    def __init__(
        self,
        fabric: Fabric,
        encoder: Encoder | None,
        clock: Clock,
        parameters: RecallParameters,
        reranker: Reranker | None = None,
    ) -> None:
        """``reranker``: what looks closely at the best; ``None``: the encoder's own token vectors, where it has
        them. A cross-encoder looks at the best of what these have put in order."""
        self._fabric = fabric
        self.weigh = inverse_frequency(fabric.terms)
        self._letters = LetterReranker(self.weigh)
        self._cross = reranker if reranker is not None and reranker.kind == "cross" else None
        self._reranker = None if self._cross is not None else reranker
        if self._reranker is None and encoder is not None:
            self._reranker = TokenReranker(fabric, encoder, self.weigh)
        self._encoder = encoder
        self._clock = clock
        self._parameters = parameters

    def rank(self, query: RecallQuery) -> Ranking:
        question = read_question(query.text, query.signals)
        try:
            return self._rank(query, question)
        except DamagedIndex:
            if self._fabric.read_only:
                raise
            self._fabric.rebuild_terms()
            return self._rank(query, question)

    def _rank(self, query: RecallQuery, question: Question) -> Ranking:
        wide = max(self._parameters.candidates, query.k)
        terms = self._fabric.terms
        sparse: dict[int, float] = dict(
            terms.search(question.terms, question.names, question.phrases, wide, query.filters, query.modality)
        )
        vector = None
        dense_keys: list[ItemKey] = []
        if self._encoder is not None and len(self._fabric.vectors):
            vector = self._encoder.encode_query(query.text)
            dense_keys = self._nearest(vector, wide, query)
        union = list(dict.fromkeys([*sparse, *dense_keys]))
        with self._fabric.records.read() as view:
            cards = view.cards(union)
            near = self._neighbours(view, cards)
            wanted = dict.fromkeys([*union, *(key for keys in near.values() for key in keys)])
            unscored = [ItemKey(key) for key in wanted if key not in sparse]
            sparse.update(terms.search(question.terms, question.names, question.phrases, len(unscored), among=unscored))
            rows = self._rows(view, cards, vector)
        # One by one: in one product the last bits depend on where a row stands, and equal texts would not tie.
        cosines = {} if vector is None else {key: float(rows.matrix[at] @ vector) for key, at in rows.places.items()}
        ranked = self._fuse(question, _Scored(cards, sparse, cosines, near))
        self._rerank(question, ranked)
        self._prefer_held(question, query, ranked)
        return Ranking(question, distinct(ranked, rows, self._parameters, query.k), vector)

    def _neighbours(self, view: ReadView, cards: Sequence[Card]) -> dict[int, tuple[int, ...]]:
        """The turns before and after each turn of a talk: its question or its answer often stands there."""
        if not self._parameters.near:
            return {}
        turns = [card for card in cards if card.kind == "chat"]
        listed = {name: view.source_by_key(name) for name in {card.source for card in turns}}
        places = {name: {key: at for at, key in enumerate(source.items)} for name, source in listed.items() if source}
        found: dict[int, tuple[int, ...]] = {}
        for card in turns:
            source, at = listed[card.source], places.get(card.source, {}).get(card.key)
            if source is not None and at is not None:
                found[card.key] = (*source.items[max(0, at - 1) : at], *source.items[at + 1 : at + 2])
        return found

    def _rerank(self, question: Question, ranked: list[RankedItem]) -> None:
        """Reorder the best hits, in place, by a closer look, and the very best by one closer still; passed over when it
        need not (the best hit leads by far)."""
        own = self._parameters
        top = min(own.rerank_top, len(ranked))
        if top < 2 or ranked[0].score - ranked[1].score >= own.rerank_margin:
            return
        if self._reranker is not None and self._reranker.reads(question):
            families = [family_of(own, self._family(item.card, question)) for item in ranked[:top]]
            self._look_closer(self._reranker, question, ranked, [family.rerank for family in families])
        elif own.spelling is not None:
            self._look_closer(self._letters, question, ranked, [own.spelling] * top)
        few = min(own.cross_top, top)
        if self._cross is not None and few > 1 and self._cross.reads(question):
            self._look_closer(self._cross, question, ranked, [own.cross] * few)

    def _look_closer(
        self, reranker: Reranker, question: Question, ranked: list[RankedItem], weights: Sequence[RerankWeights]
    ) -> None:
        """Reorder as many of the best as there are ``weights``, in place; passed over when ``reranker`` has nothing to
        say of any."""
        top = ranked[: len(weights)]
        looked = reranker.scores(question, [item.card for item in top])
        if all(one is None for one in looked):
            return
        readable = self._encoder is not None and question.readable_by(self._encoder.scripts)
        cosines = [item.cosine if readable else None for item in top]
        near = [item.near for item in top]
        bm25 = [item.bm25 for item in top]
        lengths = [item.card.text_chars for item in top]
        scores = rerank([item.score for item in top], cosines, bm25, looked, weights, self._parameters, near, lengths)
        for item, score in zip(top, scores, strict=True):
            item.rerank += score - item.score
            item.score = score
            item.rerankers += (reranker.name,)
        top.sort(key=lambda item: (-item.score, item.card.key))
        ranked[: len(top)] = top

    def _prefer_held(self, question: Question, query: RecallQuery, ranked: list[RankedItem]) -> None:
        """Lift, in place, what holds the identifiers and quoted phrases of the question word for word, and what lies
        in a file the caller hinted at."""
        wanted = [" ".join(normalise(one).lower().split()) for one in (*question.exact_names, *question.phrases)]
        hints = [hint.lower() for hint in query.signals.file_hints]
        if not hints and not (wanted and self._parameters.held_bonus):
            return
        bonus = self._parameters.held_bonus * min(
            1.0, self._parameters.long_question_words / max(1, len(question.terms))
        )
        for item in ranked:
            if wanted:
                text = " ".join(normalise(f"{item.record.context}\n{item.record.text}").lower().split())
                item.held = bonus * sum(one in text for one in wanted) / len(wanted)
            if any(hint in item.record.path.lower() for hint in hints):
                item.held += _FILE_HINT_BONUS
            item.score += item.held
        ranked.sort(key=lambda item: (-item.score, item.card.key))

    def _nearest(self, vector: NDArray[np.float32], wide: int, query: RecallQuery) -> list[ItemKey]:
        filters, modality, fabric = query.filters, query.modality, self._fabric
        if filters.empty and not modality:
            return self._holding(fabric.vectors.search(vector, wide), wide)
        count = fabric.terms.count(filters, modality)
        many = count > self._parameters.exact_below
        reach = int(_SPARE * wide * len(fabric.vectors) / max(1, count))
        if many or (count > _FEW and reach <= _MAX_REACH):
            admitted = self._admitting(query, many=many)
            found = self._holding(fabric.vectors.search(vector, min(reach, _MAX_REACH)), wide, admitted)
            if many or len(found) >= wide:
                return found
        return self._compared(vector, wide, fabric.terms.matching(filters, modality, count))

    def _admitting(self, query: RecallQuery, *, many: bool) -> Callable[[ItemKey, ReadView], bool]:
        """Whether the filters let an item through: told by its card where that is enough, else by the word index when
        it lets few enough through to name them."""
        filters, modality = query.filters, query.modality
        if many or not (filters.paths or filters.languages):
            return lambda key, view: any(admits(filters, modality, card) for card in view.cards((key,)))
        among = frozenset(self._fabric.terms.matching(filters, modality, self._parameters.exact_below))
        return lambda key, _view: key in among

    def _compared(self, vector: NDArray[np.float32], wide: int, keys: Sequence[ItemKey]) -> list[ItemKey]:
        """The ``wide`` nearest of these items, each looked at."""
        with self._fabric.records.read() as view:
            rows = self._rows(view, view.cards(keys), vector)
        scores = np.round(rows.matrix @ vector, _COSINE_DECIMALS)
        known = np.fromiter(rows.places, np.int64, len(rows.places))
        return [ItemKey(key) for key in known[np.lexsort((known, -scores))][:wide].tolist()]

    def _holding(
        self,
        nearest: Sequence[tuple[Label, float]],
        wide: int,
        admitted: Callable[[ItemKey, ReadView], bool] | None = None,
    ) -> list[ItemKey]:
        """The first ``wide`` items that hold the nearest contents and are admitted."""
        result: list[ItemKey] = []
        with self._fabric.records.read() as view:
            for holders in view.held(self._fabric.space.fingerprint, (label for label, _ in nearest), wide):
                result.extend(key for key in holders if admitted is None or admitted(key, view))
                if len(result) >= wide:
                    break
        return result[:wide]

    def _rows(self, view: ReadView, cards: Sequence[Card], vector: NDArray[np.float32] | None) -> Rows:
        """Unit vectors of those that have one; of none, when there is no question's vector to compare them with."""
        if vector is None:
            return Rows({}, np.empty((0, 0), np.float32))
        places, matrix = view.rows(self._fabric.space.fingerprint, [card.digest for card in cards], len(vector))
        return Rows({cards[place].key: row for row, place in enumerate(places)}, matrix)

    def _fuse(self, question: Question, scored: _Scored) -> list[RankedItem]:
        now_s = self._clock.now().timestamp()
        candidates = [
            Candidate(
                key=card.key,
                dense=scored.cosines.get(card.key),
                sparse=scored.sparse.get(card.key, 0.0),
                family=self._family(card, question),
                age_s=now_s - card.timestamp_s,
                quality=quality_of(card.kind, card.old),
                near=max((scored.sparse.get(key, 0.0) for key in scored.near[card.key]), default=0.0)
                if card.key in scored.near
                else None,
                text_chars=card.text_chars,
            )
            for card in scored.cards
        ]
        readable = self._encoder is None or question.readable_by(self._encoder.scripts)
        factor = 1.0 if readable or not any(scored.sparse.values()) else self._parameters.script_gate
        by_key = {card.key: card for card in scored.cards}
        given = {candidate.key: candidate for candidate in candidates}
        fused = [(one, given[one.key]) for one in fuse(candidates, self._parameters, factor)]
        return [RankedItem(by_key[one.key], one, own.dense, own.sparse, one.score, own.near) for one, own in fused]

    def _family(self, card: Card, question: Question) -> str:
        if card.modality == "code":
            return "pointed-code" if question.wanted in PARTICULAR else "code"
        if card.kind == "chat":
            return "chat"
        topical = not question.specific or len(question.terms) >= self._parameters.long_question_words
        return "topical" if topical else "prose"


def embedded_text(record: ItemRecord) -> str:
    """What the encoder reads of an item; it ends with the item's text."""
    return embedding_text(record.title, record.scope, record.header, record.chunk, record.text)


def admits(filters: Filters, modality: Sequence[str], item: ItemRecord | Card) -> bool:
    """Whether the filters let an item through; the same rule as the term index's."""
    if modality and item.modality not in modality:
        return False
    if filters.kinds and item.kind not in filters.kinds:
        return False
    if filters.since and item.timestamp_s < int(filters.since.timestamp()):
        return False
    if filters.until and item.timestamp_s > int(filters.until.timestamp()):
        return False
    if not (filters.paths or filters.languages):
        return True
    record = item if isinstance(item, ItemRecord) else item.record
    if filters.languages and (record.language or "") not in {language.lower() for language in filters.languages}:
        return False
    return not filters.paths or any(is_within(record.path, path.rstrip("/") or "/") for path in filters.paths)

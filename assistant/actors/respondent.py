"""The respondent: recalls and answers, and lets nothing out that was not checked against the disk just now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.contracts.answers import Answer
from assistant.contracts.items import RecallHit, RecallQuery, RecallResult, ScoreExplanation
from assistant.core.answering import MAX_ITEMS, AnswerWeights, Verdict, answer
from assistant.core.fusion import source_quality
from assistant.core.late import token_weights
from assistant.core.parts import read_together
from assistant.core.question import read_question
from assistant.core.snippets import snippet
from assistant.core.weighing import Asked, Evidence, Lexicon
from assistant.memory.citing import cite_of
from assistant.memory.freshness import FreshnessReceipt, check_freshness
from assistant.memory.provenance import origins_in
from assistant.memory.recall import embedded_text

if TYPE_CHECKING:
    from assistant.actors.librarian import Librarian
    from assistant.actors.verifier import Verifier
    from assistant.contracts.documents import SourceAddress
    from assistant.contracts.ports import Clock, Encoder, Sources
    from assistant.core.parameters import RecallParameters
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import ItemRecord
    from assistant.memory.recall import RankedItem, Ranking, Recall

REFRESH_ROUNDS = 2
"""How often recall is repeated because a source had changed; then stale hits are flagged."""
MAX_EXTRA_ITEMS = 8
EXTRA_TRUST = 0.6
"""Share of the usual threshold that suffices for an answer from piped input."""
EXTRA_LEAD = 0.2
"""By how much the memory must be surer than piped input to be heard instead."""
NEAREST = 3


@dataclass(frozen=True, slots=True)
class Recalled:
    ranking: Ranking
    receipt: FreshnessReceipt


class Respondent:
    def __init__(
        self,
        fabric: Fabric,
        recall: Recall,
        encoder: Encoder | None,
        sources: Sources,
        librarian: Librarian | None,
        verifier: Verifier,
        clock: Clock,
        parameters: RecallParameters,
        weights: AnswerWeights,
    ) -> None:
        """``librarian`` is ``None`` when the store is open read only: then changed sources are flagged, not
        re-read."""
        self._fabric = fabric
        self._recall = recall
        self._encoder = encoder
        self._sources = sources
        self._librarian = librarian
        self._verifier = verifier
        self._clock = clock
        self._parameters = parameters
        self._weights = weights

    def recall(self, query: RecallQuery, *, explain: bool = False) -> RecallResult:
        started_s = self._clock.monotonic_s()
        recalled = self._recall_fresh(query)
        return RecallResult(
            items=self._hits(recalled, recalled.ranking.items, explain=explain),
            took_ms=round((self._clock.monotonic_s() - started_s) * 1000, 1),
            revision=self._fabric.records.revision,
            sources_checked=recalled.receipt.checked,
            sources_fresh=recalled.receipt.fresh,
            pending_vectors=self._pending(),
        )

    def ask(
        self,
        query: RecallQuery,
        extra: Sequence[ItemRecord] = (),
        given: Mapping[SourceAddress, bytes] | None = None,
    ) -> Answer:
        """Answer from the memory, and from ``extra`` items that are not in it (piped input); ``given``: the bytes of
        the sources of those."""
        started_s = self._clock.monotonic_s()
        extra = self._closest(query.text, extra)
        for last in (False, True):
            recalled = self._recall_fresh(query)
            records = [*extra, *(item.record for item in recalled.ranking.items)]
            verdict = self._decide(recalled, extra)
            checked = self._verifier.verify(verdict.parts, records, given)
            if len(checked.parts) == len(verdict.parts) or last:
                break
            self._refresh(checked.stale)
        answered = bool(checked.parts)
        return Answer(
            answered=answered,
            answer=read_together(checked.parts, checked.numbers) if answered else NO_ANSWER,
            citations=checked.citations,
            versions=checked.versions,
            revision=self._fabric.records.revision,
            sources_checked=recalled.receipt.checked,
            sources_fresh=recalled.receipt.fresh,
            took_ms=round((self._clock.monotonic_s() - started_s) * 1000, 1),
            confidence=round(verdict.confidence, 3),
            nearest=() if answered else self._hits(recalled, self._in_sight(recalled)[:NEAREST]),
        )

    def _closest(self, text: str, extra: Sequence[ItemRecord]) -> list[ItemRecord]:
        """The extra items that share most words with the question, best first."""
        analyse = self._fabric.terms.analyse
        wanted = {stem for word in read_question(text).terms for stem in analyse(word)}
        return sorted(extra, key=lambda record: -len(wanted.intersection(analyse(record.text))))[:MAX_EXTRA_ITEMS]

    def _decide(self, recalled: Recalled, extra: Sequence[ItemRecord]) -> Verdict:
        """What was piped in with the question is most likely what it is about: unless the memory is clearly surer, it
        answers alone."""
        question, lexicon = recalled.ranking.question, self._lexicon()
        given = [_as_evidence(record, 1.0) for record in extra]
        found = [_as_evidence(item.record, item.score) for item in recalled.ranking.items[:MAX_ITEMS]]
        records = [*extra, *(item.record for item in recalled.ranking.items[:MAX_ITEMS])]
        asked, evidence = self._read_closely(recalled.ranking, [*given, *found], records)
        origin = origins_in(self._fabric, records)
        together = answer(question, evidence, lexicon, asked, self._weights, origin)
        if not extra:
            return together
        trusting = replace(self._weights, threshold=EXTRA_TRUST * self._weights.threshold)
        alone = answer(question, evidence[: len(extra)], lexicon, asked, trusting, origin)
        return alone if alone.parts and alone.confidence >= together.confidence - EXTRA_LEAD else together

    def _read_closely(
        self, ranking: Ranking, evidence: list[Evidence], records: Sequence[ItemRecord]
    ) -> tuple[Asked | None, list[Evidence]]:
        """The question and the evidence with their token vectors, where the encoder gives them and can read the
        question."""
        question, encoder = ranking.question, self._encoder
        if encoder is None or ranking.vector is None or not question.readable_by(encoder.scripts):
            return None, evidence
        texts = [embedded_text(record) for record in records]
        tokens = encoder.token_vectors([question.text, *texts])
        if tokens is None:
            return None, evidence
        asked = Asked(ranking.vector, tokens[0], token_weights(question.text, tokens[0], self._recall.weigh))
        return asked, [
            replace(one, tokens=found, lead_chars=len(text) - len(one.text))
            for one, found, text in zip(evidence, tokens[1:], texts, strict=True)
        ]

    def _recall_fresh(self, query: RecallQuery) -> Recalled:
        for last in (*[False] * (REFRESH_ROUNDS - 1), True):
            ranking = self._recall.rank(query)
            receipt = check_freshness(self._fabric, self._sources, (item.record.address for item in ranking.items))
            if last or not receipt.stale or not self._refresh(receipt.stale):
                break
        alive = [item for item in ranking.items if receipt.states[item.record.address] != "gone"]
        ranking.items[:] = alive
        return Recalled(ranking, receipt)

    @staticmethod
    def _in_sight(recalled: Recalled) -> list[RankedItem]:
        """What lies in no folder that is away."""
        states = recalled.receipt.states
        return [item for item in recalled.ranking.items if states[item.record.address] != "away"]

    def _refresh(self, stale: Sequence[SourceAddress]) -> int:
        return self._librarian.refresh(stale) if self._librarian is not None else 0

    def _pending(self) -> int:
        fingerprint = self._fabric.space.fingerprint
        return self._fabric.records.fetch(lambda view: view.count_pending(fingerprint))

    def _lexicon(self) -> Lexicon:
        terms = self._fabric.terms
        known: dict[str, int] = {}

        def frequency(stem: str) -> int:
            if stem not in known:
                known[stem] = terms.frequency(stem)
            return known[stem]

        return Lexicon(terms.analyse, frequency, len(terms))

    def _hits(self, recalled: Recalled, items: Sequence[RankedItem], *, explain: bool = False) -> tuple[RecallHit, ...]:
        analyse = self._fabric.terms.analyse
        wanted = {stem for word in recalled.ranking.question.terms for stem in analyse(word)}
        return tuple(self._hit(item, recalled, wanted, explain=explain) for item in items)

    def _hit(self, item: RankedItem, recalled: Recalled, wanted: set[str], *, explain: bool) -> RecallHit:
        record = item.record
        return RecallHit(
            id=record.id,
            score=round(min(1.0, max(0.0, item.score)), 4),
            snippet=snippet(record.text, wanted, self._fabric.terms.analyse),
            cite=cite_of(record),
            fresh=recalled.receipt.states[record.address] == "fresh",
            also=tuple(f"{other.address}:{other.line}" for other in item.duplicates),
            explain=self._explanation(item, wanted) if explain else None,
        )

    def _explanation(self, item: RankedItem, wanted: set[str]) -> ScoreExplanation:
        record, fused = item.record, item.fused
        held = self._fabric.terms.analyse(f"{record.context}\n{record.text}")
        return ScoreExplanation(
            parameters=f"{self._parameters.name} v{self._parameters.version}",
            dense_cosine=None if item.cosine is None else round(item.cosine, 4),
            bm25=round(item.bm25, 4),
            matched_terms=tuple(sorted(wanted.intersection(held))),
            dense=round(fused.dense, 4),
            sparse=round(fused.sparse, 4),
            recency=round(fused.recency, 4),
            source_quality=round(fused.quality, 4),
            rerank=round(item.rerank, 4),
            rerankers=item.rerankers,
            held=round(item.held, 4),
            note="" if item.cosine is not None else "no vector yet, or not asked: found by its words",
        )


NO_ANSWER = "The memory holds no answer to this."


def _as_evidence(record: ItemRecord, score: float) -> Evidence:
    return Evidence(
        text=record.text,
        chunk=record.chunk,
        path=record.path,
        scope=record.scope,
        title=record.title,
        header=record.header,
        symbol=record.symbol,
        language=record.language,
        score=score,
        quality=source_quality(record.path, record.kind, record.title, superseded=record.superseded),
        context=f"{record.context}\n{' '.join(record.path.rsplit('/', 2)[-2:])}",
    )

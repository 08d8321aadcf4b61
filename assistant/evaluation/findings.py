"""What an evaluation found: figures with their intervals, differences with their tests, one row a question."""

from __future__ import annotations

from typing import Any, Literal

from assistant.contracts.items import Contract
from assistant.evaluation.golden import Part
from assistant.evaluation.memories import Indexed

Verdict = Literal["better", "worse", "within noise"]


class Figure(Contract):
    """A mean or a share, with the ends of its 95 % interval (percentile bootstrap over questions). Where all questions
    are alike the interval has no width; with few questions that says little of others."""

    value: float
    low: float
    high: float


class ClassFigures(Contract):
    """Figures of the questions of one class, one part, or all. ``None`` where a figure has no meaning (ranking for
    questions without an answer, say)."""

    name: str
    questions: int
    recall_at_20: Figure | None
    ndcg_at_10: Figure | None
    mrr: Figure | None
    abstention_accuracy: Figure | None
    """Share of all questions that were rightly answered or rightly refused."""
    answered_share: Figure | None
    """Answerable questions that got an answer."""
    refused_share: Figure | None
    """Unanswerable questions that got none."""
    right: Figure | None
    """Answerable questions whose answer says what is expected."""
    to_the_point: Figure | None
    """Share of citations that lie on a graded place."""
    citation_precision: Figure | None
    """Share of citations that verify byte for byte and support the statements they are attached to."""


class Difference(Contract):
    """One figure of the compared parameter set, less that of the first, over the same questions. ``low`` and ``high``:
    its 95 % interval (paired bootstrap). ``p``: two-sided randomisation test; ``p_adjusted``: for all classes (sets)
    that were looked at with it (Holm). ``verdict`` goes by ``p_adjusted`` < 0.05."""

    group: str
    figure: str
    questions: int
    first: float
    compared: float
    difference: float
    low: float
    high: float
    p: float
    p_adjusted: float
    verdict: Verdict


class PartFigures(Contract):
    """``name``: a part, or "all". Differences are empty unless parameter sets were compared."""

    name: str
    classes: tuple[ClassFigures, ...]
    total: ClassFigures
    differences: tuple[Difference, ...] = ()


class QuestionRow(Contract):
    id: str
    part: Part
    kind: str
    answered: bool
    confidence: float
    first_rank: int | None
    """Rank (from 1) of the first hit that answers; ``None``: not among the first 20, or nothing to find."""
    right: bool
    citations: int
    relevant_citations: int
    ndcg_at_10: float | None
    recall_at_20: float | None
    recall_ms: float
    ask_ms: float


class Latency(Contract):
    """Milliseconds."""

    p50: float
    p95: float


class GoldenReport(Contract):
    """``parts``: those that were asked. ``citations_verified``: share of citations whose bytes on disk have the stated
    digest."""

    file: str
    indexed: Indexed
    parts: tuple[PartFigures, ...]
    total: ClassFigures
    differences: tuple[Difference, ...] = ()
    """Over all parts."""
    citations: int
    citations_verified: float
    recall_ms: Latency
    ask_ms: Latency
    took_s: float
    questions: tuple[QuestionRow, ...]
    compared_questions: tuple[QuestionRow, ...] = ()
    """The same with the compared parameter set."""
    shortfalls: tuple[str, ...]


class RankingFigures(Contract):
    """Figures of the judged queries of one category, or all."""

    name: str
    queries: int
    ndcg_at_10: Figure
    mrr_at_10: Figure
    recall_at_20: Figure


class QueryRow(Contract):
    """``found``: documents among the hits."""

    id: str
    category: str | None
    ndcg_at_10: float
    mrr_at_10: float
    recall_at_20: float
    found: int
    recall_ms: float


class ExternalReport(Contract):
    """``judged``: queries with a document to find; ``asked``: those of them that were asked. ``about``: what the set
    says of itself."""

    name: str
    folder: str
    digest: str
    documents: int
    blank_documents: int
    """Documents without any text; they cannot be found."""
    judged: int
    asked: int
    unknown_documents: int
    """Judgements that name a document that is not in the corpus; they are left out."""
    unknown_queries: int
    indexed: Indexed
    categories: tuple[RankingFigures, ...]
    total: RankingFigures
    differences: tuple[Difference, ...] = ()
    hits: int
    """Hits that recall was asked for, so that they lie in 20 documents when there are so many."""
    recall_ms: Latency
    """Of recalling so many hits."""
    took_s: float
    queries: tuple[QueryRow, ...]
    compared_queries: tuple[QueryRow, ...] = ()
    about: dict[str, Any]


class ExternalMean(Contract):
    """Every set counts the same, however many queries it has."""

    sets: int
    ndcg_at_10: Figure
    mrr_at_10: Figure
    recall_at_20: Figure
    differences: tuple[Difference, ...] = ()


class Evaluation(Contract):
    """All that one call measured. ``compared``: the parameter set that the differences are of."""

    version: str
    parameters: str
    compared: str | None
    model: str
    fingerprint: str
    golden: tuple[GoldenReport, ...]
    external: tuple[ExternalReport, ...]
    external_mean: ExternalMean | None
    remarks: tuple[str, ...]
    """What a reader of the figures should know."""
    took_s: float

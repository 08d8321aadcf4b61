"""Everything about recall that can be tuned, in one frozen, versioned object.

Version 1 is the plan's default score. Version 2: z-scores instead of min-max, weights by the kind of chunk, a gate for
scripts the encoder cannot read. Version 3 adapts to the question as well (``docs/decisions/0007``). Version 4 has
weights of its own for questions that ask code for a particular thing (``docs/decisions/0010``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

OWN_RERANKER = "default"
NO_RERANKER = "none"
"""What the setting ``reranker`` may say instead of naming a model: the encoder's own token vectors, or nothing."""


class Weights(BaseModel):
    """Shares of the two retrievers in the relevance of one kind of chunk; they add up to 1. ``length``, beside them, is
    the weight of the logarithm of the piece's length: a lone comment is near to every question about its topic, and
    answers few."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dense: float
    sparse: float
    length: float = 0.0


class RerankWeights(BaseModel):
    """Shares of cosine, BM25 and ``late``, the reranker's own score (late interaction, see :mod:`assistant.core.late`,
    or a cross-encoder's), in the order of the best hits, z-scores each; they add up to 1. An item without one of them
    is judged by the others. ``length`` as in :class:`Weights`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dense: float
    sparse: float
    late: float
    length: float = 0.0


class Family(BaseModel):
    """How one kind of chunk is ranked: to find the best, and to put the best in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Weights
    rerank: RerankWeights


class RecallParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int
    normalisation: Literal["minmax", "zscore"]
    """How the two score lists of one query are made comparable before they are added."""
    prose: Family
    code: Family
    """For a question about what some code does, in plain words."""
    chat: Family
    """Turns of a talk."""
    topical: Family | None = None
    """Prose, for a question about a topic rather than a particular thing, or one of at least ``long_question_words``
    content words; ``None``: as for any other."""
    pointed_code: Family | None = None
    """Code, for a question that asks for a place, a number, a time or a person; ``None``: as for any other."""
    long_question_words: int = 12
    relevance_share: float
    """Share of relevance in the final score; recency and source quality take the rest. The three add up to 1."""
    recency_share: float
    quality_share: float
    recency_half_life_days: float = 180.0
    candidates: int = 100
    """How many hits each retriever contributes."""
    script_gate: float = 0.0
    """Weight left to the dense side (as a factor) for a question mostly in a script the encoder was not trained on;
    1.0 switches the gate off."""
    spelling: RerankWeights | None = None
    """Order of the best for such a question: late interaction is then of letters (see
    :mod:`assistant.core.spelling`). ``None``: it is not reranked."""
    near: float = 0.0
    """Weight, beside 1.0 for all else, of the BM25 of the better of the two neighbours of a turn of a talk."""
    held_bonus: float = 0.0
    """What an item gains in the end that holds all identifiers and quoted phrases of the question, word for word; less
    in a question of more than ``long_question_words``, where they are but some words of many."""
    exact_boost: float = 2.0
    """Weight of an identifier found whole, against a plain word."""
    phrase_boost: float = 3.0
    title_boost: float = 0.5
    rerank_top: int = 50
    """How many of the best are reranked; 0 switches reranking off."""
    cross: RerankWeights = RerankWeights(dense=0.1, sparse=0.2, late=0.7)
    """Order of the very best by a cross-encoder, where one is in use. It has read question and text together, so its
    score counts for more than late interaction does."""
    cross_top: int = 12
    """How many of the best, as ordered so far, a cross-encoder reads (at most ``rerank_top``): it takes time for each,
    a base-sized one on two cores some 0.1 s."""
    rerank_margin: float = 0.25
    """Reranking is passed over when the best hit leads the second by this much: the order is certain already."""
    duplicate_bits: int = 3
    """Hits whose SimHashes differ in at most this many bits are shown once."""
    per_source: int = 4
    """At most this many hits of one source before other sources have had their turn."""
    hnsw_m: int = 32
    hnsw_ef_construction: int = 256
    hnsw_ef_search: int = 64
    exact_below: int = 10_000
    """Spaces with fewer vectors, and filtered candidate sets below it, are searched exactly."""


_PLANNED = Family(first=Weights(dense=0.725, sparse=0.275), rerank=RerankWeights(dense=1.0, sparse=0.0, late=0.0))
PLAN = RecallParameters(
    name="plan",
    version=1,
    normalisation="minmax",
    prose=_PLANNED,
    code=_PLANNED,
    chat=_PLANNED,
    relevance_share=0.80,
    recency_share=0.12,
    quality_share=0.08,
    script_gate=1.0,
    rerank_top=0,
)
"""``0.58 dense + 0.22 sparse + 0.12 recency + 0.08 source_quality``: 0.58 and 0.22 are 72.5 % and 27.5 % of 0.80."""

_LATE = RerankWeights(dense=0.2, sparse=0.2, late=0.6)
MEASURED = RecallParameters(
    name="measured",
    version=2,
    normalisation="zscore",
    prose=Family(first=Weights(dense=0.55, sparse=0.45), rerank=_LATE),
    code=Family(first=Weights(dense=0.75, sparse=0.25), rerank=_LATE),
    chat=Family(first=Weights(dense=0.50, sparse=0.50), rerank=_LATE),
    relevance_share=0.96,
    recency_share=0.02,
    quality_share=0.02,
    rerank_top=16,
)

ADAPTIVE = RecallParameters(
    name="adaptive",
    version=3,
    normalisation="zscore",
    prose=Family(first=Weights(dense=0.55, sparse=0.45), rerank=RerankWeights(dense=0.3, sparse=0.3, late=0.4)),
    code=Family(first=Weights(dense=0.85, sparse=0.15), rerank=RerankWeights(dense=0.6, sparse=0.1, late=0.3)),
    chat=Family(first=Weights(dense=0.50, sparse=0.50), rerank=RerankWeights(dense=0.2, sparse=0.25, late=0.55)),
    topical=Family(first=Weights(dense=0.55, sparse=0.45), rerank=RerankWeights(dense=0.5, sparse=0.2, late=0.3)),
    relevance_share=0.96,
    recency_share=0.02,
    quality_share=0.02,
    spelling=RerankWeights(dense=0.0, sparse=0.4, late=0.6),
    near=0.2,
    held_bonus=0.2,
    rerank_top=100,
    rerank_margin=0.5,
)

POINTED = ADAPTIVE.model_copy(
    update={
        "name": "pointed",
        "version": 4,
        "pointed_code": Family(
            first=Weights(dense=0.6, sparse=0.4, length=0.3),
            rerank=RerankWeights(dense=0.3, sparse=0.3, late=0.4, length=0.3),
        ),
    }
)

PARAMETER_SETS = {one.version: one for one in (PLAN, MEASURED, ADAPTIVE, POINTED)}
DEFAULT = POINTED

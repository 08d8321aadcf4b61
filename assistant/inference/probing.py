"""A few seconds of measurement: is this encoder or reranker right, and how fast is it on this machine."""

from __future__ import annotations

import itertools
import os
import statistics
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from assistant.core.parameters import DEFAULT
from assistant.inference.cross_encoding import CrossEncoderReranker
from assistant.inference.encoding import OnnxEncoder
from assistant.inference.processor import has_fast_int8, processor_flags

SAMPLE_TEXTS = 48
SAMPLE_WORDS = 90
"""Words per sample text: about 110 tokens for a WordPiece vocabulary of 30,000."""

QUERIES = 30
RERANKINGS = 5

NEAR_PAIR = ("A man is eating food.", "A man is eating a piece of bread.")
FAR_PAIR = ("A man is eating food.", "The boiler was serviced in March.")
QUESTION = "When was the boiler serviced?"
ANSWERING = "The boiler was serviced in March."
ALIKE = "The boiler in the cellar is old and loud."
UNRELATED = "A man is eating food."

_WORDS = (
    "the garden path was wet after rain and we talked about invoices from winter while a small engine kept running "
    "near the harbour where boats are painted every spring my sister wrote that recipes need less salt than people "
    "think a function returns early when its list is empty otherwise it sorts records by date before printing them "
    "meetings moved to thursday because trains were cancelled again and nobody had read the agenda for the review "
    "configuration lives beside binaries documentation explains thermodynamic equilibrium unsatisfactorily"
)


class ProbeReport(BaseModel):
    """``*_cosine``: of two fixed pairs of sentences; ``right`` is ``None`` when the manifest states no known cosine.
    ``resident_bytes``: memory of the whole process after the measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fingerprint: str
    fast_int8: bool
    load_s: float
    sample_tokens_per_text: float
    tokens_per_s: float
    texts_per_s: float
    query_p50_ms: float
    near_cosine: float
    far_cosine: float
    right: bool | None
    resident_bytes: int


class RerankProbeReport(BaseModel):
    """``*_score``: of a question with a text that answers it, one about the same thing, and one about another;
    ``right``: the first is the highest. ``reranking_p50_ms``: one question with ``reranked_texts`` texts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sha256: str
    load_s: float
    sample_tokens_per_pair: float
    tokens_per_s: float
    pairs_per_s: float
    reranked_texts: int
    reranking_p50_ms: float
    answering_score: float
    alike_score: float
    unrelated_score: float
    right: bool
    resident_bytes: int


def sample_texts(count: int = SAMPLE_TEXTS, words: int = SAMPLE_WORDS) -> list[str]:
    """Fixed, pairwise different texts of everyday words, the same on every machine."""
    stride = 7
    cycle = itertools.cycle(_WORDS.split())
    drawn = list(itertools.islice(itertools.islice(cycle, 0, None, stride), count * words))
    return [" ".join(drawn[start : start + words]) + f" {start}" for start in range(0, count * words, words)]


def probe(encoder: OnnxEncoder) -> ProbeReport:
    """Measures ``encoder`` in the calling thread; a few seconds on a laptop. Timings tell about this moment too: other
    work on the machine slows them."""
    texts = sample_texts()
    tokens = encoder.count_tokens(texts)
    encoder.encode(texts[:8])
    rounds_s = [_timed_s(encoder, texts) for _ in range(2)]
    # Distinct questions, as repeated ones are answered from memory.
    query_s = []
    for number in range(QUERIES):
        started_s = time.perf_counter()
        encoder.encode_query(f"where did I write about harbour boats number {number}")
        query_s.append(time.perf_counter() - started_s)
    near, far = _cosine(encoder, *NEAR_PAIR), _cosine(encoder, *FAR_PAIR)
    known = encoder.manifest.known
    right = None
    if known is not None:
        right = abs(_cosine(encoder, known.first, known.second) - known.cosine) <= known.tolerance
    return ProbeReport(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        fast_int8=has_fast_int8(processor_flags()),
        load_s=encoder.load_s,
        sample_tokens_per_text=tokens / len(texts),
        tokens_per_s=tokens / min(rounds_s),
        texts_per_s=len(texts) / min(rounds_s),
        query_p50_ms=statistics.median(query_s) * 1000,
        near_cosine=near,
        far_cosine=far,
        right=right,
        resident_bytes=resident_bytes(),
    )


def probe_reranker(reranker: CrossEncoderReranker) -> RerankProbeReport:
    """Measures ``reranker`` in the calling thread: as many texts at a time as recall would show it."""
    texts = sample_texts(DEFAULT.cross_top)
    tokens = reranker.count_tokens(QUESTION, texts)
    reranker.rate(QUESTION, texts[:2])
    took_s = []
    for _ in range(RERANKINGS):
        started_s = time.perf_counter()
        reranker.rate(QUESTION, texts)
        took_s.append(time.perf_counter() - started_s)
    answering, alike, unrelated = reranker.rate(QUESTION, [ANSWERING, ALIKE, UNRELATED]).tolist()
    return RerankProbeReport(
        name=reranker.name,
        sha256=reranker.sha256,
        load_s=reranker.load_s,
        sample_tokens_per_pair=tokens / len(texts),
        tokens_per_s=tokens / min(took_s),
        pairs_per_s=len(texts) / min(took_s),
        reranked_texts=len(texts),
        reranking_p50_ms=statistics.median(took_s) * 1000,
        answering_score=answering,
        alike_score=alike,
        unrelated_score=unrelated,
        right=answering > max(alike, unrelated),
        resident_bytes=resident_bytes(),
    )


def resident_bytes() -> int:
    """Memory of this process that is in RAM (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _timed_s(encoder: OnnxEncoder, texts: list[str]) -> float:
    started_s = time.perf_counter()
    encoder.encode(texts)
    return time.perf_counter() - started_s


def _cosine(encoder: OnnxEncoder, first: str, second: str) -> float:
    vectors = encoder.encode([first, second])
    return float(vectors[0] @ vectors[1])

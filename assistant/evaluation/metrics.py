"""Figures from outcomes. Ranking measures come from ir-measures; the rest are plain shares.

A golden place counts as found at the rank of the first hit that shares a line with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from assistant.contracts.items import Contract
from assistant.evaluation.golden import GoldenPlace, GoldenQuestion

DEPTH = 20
ANSWERING_GRADE = 2
"""Places of this grade or better must be found; lesser ones only help nDCG."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit or a citation lies; ``path`` relative to the home."""

    path: str
    line: int
    end_line: int

    def meets(self, golden: GoldenPlace) -> bool:
        return self.path == golden.path and self.line <= golden.lines[1] and golden.lines[0] <= self.end_line


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question. ``verified``: citations whose bytes on disk have the stated digest."""

    question: GoldenQuestion
    hits: tuple[Place, ...]
    answered: bool
    answer: str
    cited: tuple[Place, ...]
    verified: int
    confidence: float
    recall_ms: float
    ask_ms: float

    @property
    def right_to_answer(self) -> bool:
        return self.answered == bool(self.question.answers)

    @property
    def relevant_citations(self) -> int:
        return sum(any(place.meets(golden) for golden in self.question.answers) for place in self.cited)

    @property
    def holds_expected(self) -> bool:
        """Whether the answer says what is expected: every expected string, white space and case aside."""
        said = _flat(self.answer)
        return self.answered and all(_flat(wanted) in said for wanted in self.question.expect)


class ClassFigures(Contract):
    """``None`` where a figure has no meaning (ranking for questions without an answer, say). ``answered`` is the
    share of questions that were rightly answered or rightly refused."""

    name: str
    questions: int
    recall_at_20: float | None
    ndcg_at_10: float | None
    mrr: float | None
    answered: float
    right: float | None
    citation_precision: float | None

    def figures(self) -> tuple[float | None, ...]:
        return (
            self.recall_at_20,
            self.ndcg_at_10,
            self.mrr,
            self.answered,
            self.right,
            self.citation_precision,
        )


def figures(name: str, outcomes: Sequence[Outcome]) -> ClassFigures:
    answerable = [outcome for outcome in outcomes if outcome.question.answers]
    ranking = _ranking(answerable) if answerable else {}
    cited = sum(len(outcome.cited) for outcome in outcomes)
    return ClassFigures(
        name=name,
        questions=len(outcomes),
        recall_at_20=ranking.get("recall"),
        ndcg_at_10=ranking.get("ndcg"),
        mrr=ranking.get("mrr"),
        answered=_share(outcome.right_to_answer for outcome in outcomes),
        right=_share(outcome.holds_expected for outcome in answerable) if answerable else None,
        citation_precision=sum(outcome.relevant_citations for outcome in outcomes) / cited if cited else None,
    )


def _ranking(outcomes: Sequence[Outcome]) -> dict[str, float]:
    qrels, run = [], []
    for outcome in outcomes:
        question = outcome.question
        for number, golden in enumerate(question.answers):
            qrels.append(ir_measures.Qrel(question.id, f"place-{number}", golden.grade))
        run.extend(_run_of(outcome))
    recall, ndcg, mrr = R(rel=ANSWERING_GRADE) @ DEPTH, nDCG @ 10, RR(rel=ANSWERING_GRADE) @ DEPTH
    found = ir_measures.calc_aggregate([recall, ndcg, mrr], qrels, run)
    return {"recall": float(found[recall]), "ndcg": float(found[ndcg]), "mrr": float(found[mrr])}


def _run_of(outcome: Outcome) -> list[ir_measures.ScoredDoc]:
    question, names, seen = outcome.question, list[str](), set[int]()
    for rank, hit in enumerate(outcome.hits):
        new = [number for number, golden in enumerate(question.answers) if number not in seen and hit.meets(golden)]
        seen.update(new)
        names.extend([f"place-{number}" for number in new] or [f"other-{rank}"])
    return [ir_measures.ScoredDoc(question.id, name, float(len(names) - at)) for at, name in enumerate(names)]


def percentile_ms(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(np.asarray(values), percent)), 1) if values else 0.0


def _share(values: object) -> float:
    listed = [bool(value) for value in values]  # type: ignore[attr-defined]
    return sum(listed) / len(listed) if listed else 0.0


def _flat(text: str) -> str:
    return " ".join(text.casefold().replace("\u00a0", " ").split())

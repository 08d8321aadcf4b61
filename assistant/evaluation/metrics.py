"""Figures from outcomes. Ranking measures come from ir-measures; the rest are plain shares.

A golden place counts as found at the rank of the first hit that shares a line with it; a piece of the answer (a fact)
when one of its places does. Recall is the share of a question's facts that were found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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
    """What became of one question. ``verified``: citations whose bytes on disk have the stated digest and are what
    the citation quotes. ``supported``: verified ones whose statements in the answer they hold (see
    :func:`supports`)."""

    question: GoldenQuestion
    hits: tuple[Place, ...]
    answered: bool
    answer: str
    cited: tuple[Place, ...]
    verified: int
    supported: int
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
    to_the_point: float | None
    """Share of citations that lie on a graded place."""
    citation_precision: float | None
    """Share of citations that verify byte for byte and support the statements they are attached to."""

    def figures(self) -> tuple[float | None, ...]:
        return (
            self.recall_at_20,
            self.ndcg_at_10,
            self.mrr,
            self.answered,
            self.right,
            self.to_the_point,
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
        to_the_point=sum(outcome.relevant_citations for outcome in outcomes) / cited if cited else None,
        citation_precision=sum(outcome.supported for outcome in outcomes) / cited if cited else None,
    )


def _ranking(outcomes: Sequence[Outcome]) -> dict[str, float]:
    qrels: list[ir_measures.Qrel] = []
    run: list[ir_measures.ScoredDoc] = []
    for outcome in outcomes:
        question = outcome.question
        grades: dict[str, int] = {}
        for number, golden in enumerate(question.answers):
            for fact in _facts(number, golden):
                grades[fact] = max(golden.grade, grades.get(fact, 0))
        qrels.extend(ir_measures.Qrel(question.id, fact, grade) for fact, grade in grades.items())
        run.extend(_run_of(outcome))
    recall, ndcg, mrr = R(rel=ANSWERING_GRADE) @ DEPTH, nDCG @ 10, RR(rel=ANSWERING_GRADE) @ DEPTH
    found = ir_measures.calc_aggregate([recall, ndcg, mrr], qrels, run)
    return {"recall": float(found[recall]), "ndcg": float(found[ndcg]), "mrr": float(found[mrr])}


def _facts(number: int, golden: GoldenPlace) -> tuple[str, ...]:
    """Names of the pieces of the answer at a place; a place without any is a piece of its own."""
    return tuple(f"fact-{name}" for name in golden.fact) or (f"place-{number}",)


def _run_of(outcome: Outcome) -> list[ir_measures.ScoredDoc]:
    """The hits as a run of facts: each at the first hit that holds it; a hit with nothing new takes a rank too."""
    question, names = outcome.question, dict[str, None]()
    for rank, hit in enumerate(outcome.hits):
        facts = [
            fact
            for number, golden in enumerate(question.answers)
            if hit.meets(golden)
            for fact in _facts(number, golden)
        ]
        new = [fact for fact in dict.fromkeys(facts) if fact not in names]
        names.update(dict.fromkeys(new or [f"other-{rank}"]))
    return [ir_measures.ScoredDoc(question.id, name, float(len(names) - at)) for at, name in enumerate(names)]


def percentile_ms(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(np.asarray(values), percent)), 1) if values else 0.0


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


_MARKED = re.compile(r"\s*\[(\d+)\]")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_FENCE = re.compile(r"```\w*")
_OUTSIDE_SHARE = 0.5
_TOPIC = re.compile(r"\s*([^:\n]{1,100}):\s")


def supports(answer: str, number: int, quote: str, source: str) -> bool:
    """Whether every statement marked ``[number]`` in ``answer`` is held by the citation: all its words stand in the
    source, and, the heading or file it is named by aside, at least half of them in the quote itself (the others may
    be the columns of a table or a lead-in). ``source``: text and path of the source, read anew."""
    marks = list(_MARKED.finditer(answer))
    quoted, whole = set(_words(quote)), set(_words(source))
    found = False
    for at, mark in enumerate(marks):
        if int(mark[1]) != number:
            continue
        start = marks[at - 1].end() if at else 0
        said = _words(_without_topic(_CODE.sub(" ", answer[start : mark.start()]), whole))
        block = re.match(r"\s*```.*?```", answer[mark.end() :], re.DOTALL)
        said += _words(_FENCE.sub("", block.group())) if block else []
        found = True
        if not set(said) <= whole or sum(word not in quoted for word in said) > _OUTSIDE_SHARE * len(said):
            return False
    return found


def _without_topic(statement: str, whole: set[str]) -> str:
    topic = _TOPIC.match(statement)
    return statement[topic.end() :] if topic and set(_words(topic[1])) <= whole else statement


def _words(text: str) -> list[str]:
    return [word.casefold() for word in re.findall(r"\w+", text)]


def _flat(text: str) -> str:
    return " ".join(text.casefold().replace("\u00a0", " ").split())

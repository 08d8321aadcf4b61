"""What became of single questions, measured. Ranking measures come from ir-measures.

A golden place counts as found at the rank of the first hit that shares a line with it; a piece of the answer (a fact)
when one of its places does. Recall is the share of a question's facts that were found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import ir_measures
from ir_measures import RR, R, nDCG

from assistant.contracts.answers import Version
from assistant.core.dating import dates_in
from assistant.core.framing import FRAME
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
    def answerable(self) -> bool:
        return bool(self.question.answers)

    @property
    def right_to_answer(self) -> bool:
        return self.answered == self.answerable

    @property
    def relevant_citations(self) -> int:
        return sum(any(place.meets(golden) for golden in self.question.answers) for place in self.cited)

    @property
    def holds_expected(self) -> bool:
        """Whether the answer says what is expected: every expected string, white space and case aside."""
        said = _flat(self.answer)
        return self.answered and all(_flat(wanted) in said for wanted in self.question.expect)


@dataclass(frozen=True, slots=True)
class Scored:
    """An outcome with its ranking measures; ``None`` when the question has no answer to be found."""

    outcome: Outcome
    recall_at_20: float | None
    ndcg_at_10: float | None
    mrr: float | None


def score(outcomes: Sequence[Outcome]) -> list[Scored]:
    """The same outcomes in the same order, ranked ones measured."""
    qrels: list[ir_measures.Qrel] = []
    run: list[ir_measures.ScoredDoc] = []
    for outcome in outcomes:
        grades: dict[str, int] = {}
        for number, golden in enumerate(outcome.question.answers):
            for fact in _facts(number, golden):
                grades[fact] = max(golden.grade, grades.get(fact, 0))
        if grades:
            qrels.extend(ir_measures.Qrel(outcome.question.id, fact, grade) for fact, grade in grades.items())
            run.extend(_run_of(outcome))
    measures = (R(rel=ANSWERING_GRADE) @ DEPTH, nDCG @ 10, RR(rel=ANSWERING_GRADE) @ DEPTH)
    found = {(one.query_id, one.measure): float(one.value) for one in ir_measures.iter_calc(measures, qrels, run)}
    return [
        Scored(one, *(found.get((one.question.id, measure), 0.0) if one.answerable else None for measure in measures))
        for one in outcomes
    ]


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


_MARKED = re.compile(r"\s*\[(\d+)\]")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_FENCE = re.compile(r"```\w*")
_OUTSIDE_SHARE = 0.5
_TOPIC = re.compile(r"\s*([^:\n]{1,100}(?::\d+\))?):\s")
_HEADER = re.compile(r"^(\|.*\|)\n\|[-|]+\|$", re.MULTILINE)


def supports(answer: str, number: int, quote: str, source: str, *, versions: Collection[int] = ()) -> bool:
    """Whether every statement marked ``[number]`` in ``answer`` is held by the citation: all its words stand in the
    source, and, the heading or file it is named by aside, at least half of them in the quote itself (the others may
    be the columns of a table or a lead-in). ``source``: path (with the line), title and text of the source, read anew.
    ``versions``: numbers of the citations whose statements begin with the day they are of, which is judged by
    :func:`dated_rightly`."""
    marks = list(_MARKED.finditer(answer))
    quoted, whole = set(_words(quote)), set(_words(source))
    found = False
    for at, mark in enumerate(marks):
        if int(mark[1]) != number:
            continue
        start = marks[at - 1].end() if at else 0
        statement = _CODE.sub(" ", answer[start : mark.start()])
        if number in versions:
            statement = FRAME.sub("", statement, count=1)
        said = _words(_without_header(_without_topic(statement, whole), whole))
        block = re.match(r"\s*```.*?```", answer[mark.end() :], re.DOTALL)
        said += _words(_FENCE.sub("", block.group())) if block else []
        found = True
        if not set(said) <= whole or sum(word not in quoted for word in said) > _OUTSIDE_SHARE * len(said):
            return False
    return found


def dated_rightly(version: Version, source: str, written: datetime | None) -> bool:
    """Whether the day of a version stands in its source: in its path, title or text, or as the moment it was
    ``written``."""
    if version.date is None or (written is not None and written.date().isoformat() == version.date):
        return True
    return any(day == version.date for day, _, _ in dates_in(source))


def _without_topic(statement: str, whole: set[str]) -> str:
    topic = _TOPIC.match(statement)
    return statement[topic.end() :] if topic and set(_words(topic[1])) <= whole else statement


def _without_header(statement: str, whole: set[str]) -> str:
    """Without the columns of a table, where the source has them."""
    return _HEADER.sub(lambda found: "" if set(_words(found[1])) <= whole else found[0], statement)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in re.findall(r"\w+", text)]


def _flat(text: str) -> str:
    return " ".join(text.casefold().replace("\u00a0", " ").split())

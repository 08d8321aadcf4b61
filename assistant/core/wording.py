"""How one statement reads in an answer: with its lead-in, its topic, and the sentences it cannot do without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from assistant.core.expectations import expectation_of
from assistant.core.parts import Part
from assistant.core.question import Question
from assistant.core.statements import Statement, statements_of
from assistant.core.weighing import Evidence, Weighed, said_already

MAX_TOPIC_CHARS = 70
SHORT_CHARS = 60
"""A sentence shorter than this that stands in running text hardly says all of what was asked."""
MAX_RUN_CHARS = 320
"""What a statement grows to by the sentences after it, at most."""
MAX_AFTER = 3

_DANGLING = re.compile(
    r"^(?:after that|it|its|this|that|these|those|they|he|she|then|also|but|and|so|however|otherwise|"
    r"он|она|оно|они|это|этот|эта|эти|там|тогда|также|но|затем|потом|поэтому)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"[.!?…»”\"')\]]$")
"""How a sentence ends that was not cut off by the end of its line."""
_ASIDE = re.compile(r"\s*\([^)]*\)|\s+[-–—]\s.*$|,\s.*$")


def said(one: Weighed, item: Evidence, question: Question, topics: set[str] | None) -> Part:
    """The statement as running text. ``topics`` already named in the answer are not named again; ``None``: none is."""
    statement = one.statement
    start, end, words = statement.start, statement.end, statement.words
    if statement.kind == "sentence":
        run = _run(question, statement, item)
        start, end, words = run[0].start, run[-1].end, " ".join(other.words for other in run)
    if statement.kind == "setting":
        words = f"`{words}`"
        if statement.lead:
            words = f"{statement.lead.rstrip('.:')}: {words}"
    elif statement.lead:
        words = f"{statement.lead.rstrip(':').rstrip()}: {words}"
    topic = "" if topics is None else topic_of(one, item)
    if topics is not None and topic and topic not in topics and not said_already(words, topic):
        topics.add(topic)
        words = f"{topic}: {words}"
    return Part(one.item, start, end, words)


def _run(question: Question, statement: Statement, item: Evidence) -> Sequence[Statement]:
    """The sentence, with the one before when it leans on it, and with those after it up to the one that shows what is
    asked for, when it does not show it itself; or up to where it is no mere fragment."""
    paragraph = [
        one
        for one in statements_of(item.text, item.chunk, item.header, item.language)
        if one.kind == "sentence" and one.paragraph == statement.paragraph
    ]
    at = next((n for n, one in enumerate(paragraph) if one.start == statement.start), None)
    if at is None or item.chunk in {"config", "code", "table"}:
        return [statement]
    first = at - 1 if at and (_DANGLING.match(statement.words) or statement.words[:1].islower()) else at
    run = paragraph[first : at + 1]
    expectation = expectation_of(question.text)
    after = list(takewhile(lambda one: _WHOLE.search(one.words), paragraph[at + 1 : at + 1 + MAX_AFTER]))
    if expectation is not None:
        if expectation.met_by(" ".join(one.words for one in run)) >= 1.0:
            return run
        last = next((n for n, one in enumerate(after) if expectation.met_by(one.words) >= 1.0), None)
        if last is not None and _chars([*run, *after[: last + 1]]) <= MAX_RUN_CHARS:
            return [*run, *after[: last + 1]]
    while after and _chars(run) < SHORT_CHARS:
        if _chars([*run, after[0]]) > MAX_RUN_CHARS:
            break
        run.append(after.pop(0))
    return run


def _chars(run: Sequence[Statement]) -> int:
    return sum(len(one.words) + 1 for one in run)


def topic_of(one: Weighed, item: Evidence) -> str:
    """The heading or file that says what a statement is about, when the statement alone does not; "" else."""
    if one.features.around < 0.1 and one.statement.kind == "sentence":
        return ""
    trail = [part for part in item.scope if part.strip()]
    if item.chunk in {"table", "config"}:
        name = item.path.rsplit("/", 1)[-1]
        return f"{name}, {trail[-1]}" if trail and trail[-1] != item.title else name
    return heading_of(item)


def heading_of(item: Evidence) -> str:
    """The innermost heading, or the title, without asides; "" when it is too long to be a name."""
    trail = [part for part in item.scope if part.strip()]
    topic = trail[-1] if trail else (item.title or "")
    short = _ASIDE.sub("", topic).strip(" -–—:")
    return short if len(short) <= MAX_TOPIC_CHARS else ""

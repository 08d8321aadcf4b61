"""Composing: which statements make up the answer, in which order.

The best one first. Of a question that asks for several things, the best one for each. More only where the best ones
leave words of the question untold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assistant.core.asking import things_asked
from assistant.core.entries import entry
from assistant.core.excerpts import excerpt
from assistant.core.expectations import NO_EXPECTATION, expectation_of
from assistant.core.listing import listed
from assistant.core.origins import Origin
from assistant.core.parts import Part
from assistant.core.question import Question
from assistant.core.versions import other_versions
from assistant.core.weighing import Asked, Evidence, Lexicon, Weighed, stem_weights, weigh
from assistant.core.wording import said, topic_of

MAX_STATEMENTS = 4
MAX_SOURCES = 3
LEAST_SHARE = 0.88
"""A further statement scores at least this share of the best one."""
LEAST_GAIN = 0.2
"""... and tells of words of the question that were not told of yet, worth at least this share of all."""
SAME_SHARE = 0.7
"""Statements that share this much of their stems say the same."""
WHOLE = 1.0
"""What a statement's worth for the whole question counts for a part of it."""
SHOWS = 0.3
"""What showing a date, a price, a name that the part asks for counts."""
LEAST_ABOUT = 0.25
"""Share of the question's words that a statement for a part of it tells of, with its headings, at least."""
TOLD_SHARE = 0.6
"""Share of the words of a part that were said when nothing more is said of it."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an answer is composed from. ``weighed``: statements that may answer, with their scores, in reading order of
    the evidence. ``origin`` tells of each item of the evidence where it comes from."""

    question: Question
    asked: Asked | None
    weighed: Sequence[Weighed]
    evidence: Sequence[Evidence]
    origin: Callable[[int], Origin]
    lexicon: Lexicon
    order: Mapping[str, float]


def compose(grounds: Grounds, best: Weighed) -> list[Part]:
    """The parts of the answer in reading order; ``best`` is the statement with the highest score."""
    question, evidence = grounds.question, grounds.evidence
    things = things_asked(question, grounds.asked)
    if len(things) > 1:
        chosen, parts = _for_each(grounds, things, best)
        return (_versions(grounds, chosen[0]) if len(chosen) == 1 else []) or parts
    whole = listed(question, best, grounds.weighed, evidence, grounds.lexicon)
    if whole:
        return whole
    chosen = _and_what_is_open(grounds, best)
    versions = _versions(grounds, best) if len(chosen) == 1 else []
    if versions:
        return versions
    topics: set[str] = set()
    return _without_repeats([part for one in chosen for part in _shown(grounds, one, question, topics)])


def _versions(grounds: Grounds, one: Weighed) -> list[Part]:
    return other_versions(grounds.question, one, grounds.weighed, grounds.evidence, grounds.origin, grounds.lexicon)


def _shown(grounds: Grounds, one: Weighed, question: Question, topics: set[str]) -> list[Part]:
    item = grounds.evidence[one.item]
    if one.statement.kind == "definition" and item.chunk == "code":
        line = grounds.origin(one.item).line
        return excerpt(one.item, item, line, one.statement.words, question, grounds.lexicon)
    whole = entry(one.item, item, one.statement, topic_of(one, item)) if one.statement.kind == "setting" else None
    return [said(one, item, question, topics) if whole is None else whole]


def _for_each(
    grounds: Grounds, things: Sequence[tuple[Question, Asked | None]], best: Weighed
) -> tuple[list[Weighed], list[Part]]:
    """The best statement for each thing asked, in that order, and how they read; none for a thing that was told
    already."""
    lexicon = grounds.lexicon
    wanted = stem_weights(grounds.question, lexicon)
    least = LEAST_ABOUT * sum(wanted.values())
    about = [
        one
        for one in grounds.weighed
        if sum(wanted[stem] for stem in _told(one, grounds.evidence, lexicon) & wanted.keys()) >= least
    ]
    chosen: list[Weighed] = []
    parts: list[Part] = []
    topics: set[str] = set()
    for question, asked in things:
        if parts and _told_already(question, parts, lexicon):
            continue
        ranked = _for_one(grounds, about, question, asked, best.score)
        pick = ranked[0] if ranked else best
        if not _overlaps(pick, chosen):
            chosen.append(pick)
            parts += _shown(grounds, pick, question, topics)
    return chosen, _without_repeats(parts)


def _for_one(
    grounds: Grounds, about: Sequence[Weighed], question: Question, asked: Asked | None, top: float
) -> list[Weighed]:
    """Statements by what they are worth for one part of the question, best first."""
    expectation = expectation_of(question.text)
    found = {
        (one.item, one.statement.start): one.features.weighted(grounds.order)
        for one in weigh(question, grounds.evidence, grounds.lexicon, asked)
    }
    most = max([*found.values(), 1e-9])

    def worth(one: Weighed) -> float:
        mine = found.get((one.item, one.statement.start), 0.0) / most
        shows = expectation.met_by(f"{one.statement.lead} {one.statement.words}") if expectation else NO_EXPECTATION
        return mine + WHOLE * one.score / top + SHOWS * shows

    return sorted(about, key=lambda one: -worth(one))


def _told_already(question: Question, parts: Sequence[Part], lexicon: Lexicon) -> bool:
    """Whether what is said so far shows what a further part asks for, and holds the words of that part."""
    text = " ".join(f"{part.lead} {part.words}" for part in parts)
    expectation = expectation_of(question.text)
    if expectation is not None and expectation.met_by(text) < 1.0:
        return False
    own, held = stem_weights(question, lexicon), frozenset(lexicon.analyse(text))
    return sum(weight for stem, weight in own.items() if stem in held) >= TOLD_SHARE * sum(own.values())


def _and_what_is_open(grounds: Grounds, best: Weighed) -> list[Weighed]:
    """The best statement, then those that tell what it leaves open, or go on with its list."""
    question, evidence, lexicon = grounds.question, grounds.evidence, grounds.lexicon
    wanted = stem_weights(question, lexicon)
    total = sum(wanted.values())
    chosen = [best]
    told = _told(best, evidence, lexicon)
    sources = {evidence[best.item].path}
    for one in sorted(grounds.weighed, key=lambda one: -one.score):
        if len(chosen) >= MAX_STATEMENTS or one.score < LEAST_SHARE * best.score:
            break
        if one is best or _overlaps(one, chosen):
            continue
        gain = sum(wanted[stem] for stem in (_told(one, evidence, lexicon) - told) & wanted.keys()) / total
        if gain < LEAST_GAIN:
            continue
        path = evidence[one.item].path
        if path not in sources and len(sources) >= MAX_SOURCES:
            continue
        sources.add(path)
        told |= _told(one, evidence, lexicon)
        chosen.append(one)
    return [best, *sorted(chosen[1:], key=lambda one: (one.item != best.item, one.item, one.statement.start))]


def _told(one: Weighed, evidence: Sequence[Evidence], lexicon: Lexicon) -> frozenset[str]:
    """Stems of a statement and of what it is about."""
    item = evidence[one.item]
    return one.stems | frozenset(lexicon.analyse(f"{item.title or ''} {' '.join(item.scope)} {one.statement.lead}"))


def _overlaps(one: Weighed, chosen: Sequence[Weighed]) -> bool:
    """Whether a statement lies in a chosen one, or says (nearly) the same."""
    for other in chosen:
        mine, theirs = one.statement, other.statement
        if one.item == other.item and mine.start < theirs.end and theirs.start < mine.end:
            return True
        both = len(one.stems & other.stems)
        if both and both >= SAME_SHARE * min(len(one.stems), len(other.stems)):
            return True
    return False


def _without_repeats(parts: Sequence[Part]) -> list[Part]:
    """Without parts that lie within an earlier one."""
    kept: list[Part] = []
    for part in parts:
        if not any(one.item == part.item and one.start < part.end and part.start < one.end for one in kept):
            kept.append(part)
    return kept

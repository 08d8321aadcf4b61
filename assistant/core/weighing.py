"""Weighing statements: how well each part of the recalled items answers the question, in figures.

Pure: token vectors and word statistics are handed in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.documents import ChunkKind
from assistant.core.expectations import NO_EXPECTATION, expectation_of
from assistant.core.late import best_matches
from assistant.core.question import Question
from assistant.core.statements import Statement, statements_of
from assistant.core.words import normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.vectors import TokenVectors

_CONTEXT_TRUST = 0.85
"""What a match in the title, trail or heading of a statement is worth against one in its own words."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One recalled item, as far as answering needs it. ``score`` is the recall
    score, 0..1, comparable within one question. ``tokens`` are those of a text that ends with ``text``, whose
    ``lead_chars`` first characters are title, trail and header; ``None`` when they were not computed."""

    text: str
    chunk: ChunkKind
    path: str
    scope: tuple[str, ...]
    title: str | None
    header: str
    symbol: str | None
    language: str | None
    score: float
    context: str
    quality: float = 1.0
    """0..1: low for what calls itself old, a draft or a copy."""
    tokens: TokenVectors | None = None
    lead_chars: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the encoder reads it: vector, token vectors, token weights (adding up to 1)."""

    vector: NDArray[np.float32]
    tokens: TokenVectors
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Word statistics of the memory. ``analyse`` gives stems in order, ``frequency`` the number of items that hold a
    stem, ``size`` the number of items."""

    analyse: Callable[[str], Sequence[str]]
    frequency: Callable[[str], int]
    size: int

    def weight(self, stem: str) -> float:
        """Inverse document frequency (Robertson and Spärck Jones), never negative; highest for unknown words."""
        found = self.frequency(stem)
        return math.log(1.0 + (self.size - found + 0.5) / (found + 0.5)) if self.size > found else 0.1


@dataclass(frozen=True, slots=True)
class Features:
    """All 0..1, higher is better, but ``missing_*`` (shares of the question's weight that the item does not hold).

    ``own``: weight of the question's words that the statement holds. ``around``: those its title, trail or lead-in
    hold beside. ``item``: those the whole item holds. ``late``/``late_own``: late interaction with and without
    context. ``weakest``: the poorest match among the question's weighty words. ``cosine``: of the statement in its
    place. ``recall``: of the item. ``typed``: it shows what is asked for (a date, a number, a name).
    ``focus``: share of the words that name what is asked for, held by the statement or around it; ``focus_late`` their
    late interaction (``own`` plus ``around``, and ``late``, for a question without such words).
    ``missing_unknown``: words that the memory knows nowhere.
    ``missing_names``: names and numbers of the question that are not here. ``names_here``: share of them in the
    statement itself, its lead-in or headings (1.0 when the question names nothing).
    """

    own: float
    around: float
    item: float
    late: float
    late_own: float
    weakest: float
    cosine: float
    recall: float
    typed: float
    focus: float
    focus_late: float
    missing_unknown: float
    missing_names: float
    names_here: float

    def weighted(self, weights: Mapping[str, float]) -> float:
        return float(sum(weight * getattr(self, name) for name, weight in weights.items()))


@dataclass(slots=True)
class Weighed:
    """A statement and how well it answers. ``item`` indexes the evidence."""

    item: int
    statement: Statement
    stems: frozenset[str]
    features: Features
    score: float = 0.0


def weigh(question: Question, evidence: Sequence[Evidence], lexicon: Lexicon, asked: Asked | None) -> list[Weighed]:
    """Every statement of the evidence with its features, in reading order of each item."""
    wanted = stem_weights(question, lexicon)
    if not wanted:
        return []
    names = _name_stems(question, lexicon)
    found: list[Weighed] = []
    for number, item in enumerate(evidence):
        found.extend(_weigh_item(number, item, question, wanted, names, lexicon, asked))
    return found


def stem_weights(question: Question, lexicon: Lexicon) -> dict[str, float]:
    """Weights of the question's stems; names that are split in several stems count by each."""
    stems: dict[str, float] = {}
    for word in (*question.terms, *question.names):
        for stem in lexicon.analyse(word):
            if stem not in stems:
                stems[stem] = lexicon.weight(stem)
    return stems


def _name_stems(question: Question, lexicon: Lexicon) -> frozenset[str]:
    """Stems of capitalised words (the first of a sentence aside), of numbers and of quoted phrases."""
    found: set[str] = set()
    for match in re.finditer(r"[^\W_][\w'’\-]*", question.text):
        word = match.group()
        before = question.text[: match.start()].rstrip()
        opens = not before or before[-1] in ".!?:"
        if any(char.isdigit() for char in word) or (word[0].isupper() and not opens and word != "I"):
            found.update(lexicon.analyse(word))
    for phrase in question.phrases:
        found.update(lexicon.analyse(phrase))
    return frozenset(found)


def _weigh_item(
    number: int,
    item: Evidence,
    question: Question,
    wanted: Mapping[str, float],
    names: frozenset[str],
    lexicon: Lexicon,
    asked: Asked | None,
) -> list[Weighed]:
    total = sum(wanted.values())
    expectation = expectation_of(question.text)

    def share(stems: frozenset[str]) -> float:
        return sum(wanted[stem] for stem in stems if stem in wanted) / total

    focus = frozenset(stem for word in question.focus for stem in lexicon.analyse(word))
    in_focus = _tokens_of(question.focus, question, asked)
    context = frozenset(lexicon.analyse(item.context))
    held = context | frozenset(lexicon.analyse(item.text))
    absent = frozenset(wanted) - held
    unknown = frozenset(stem for stem in absent if not lexicon.frequency(stem))
    named = names & wanted.keys()
    missing_names = share(named - held) / share(named) if named and share(named) else 0.0
    near = frozenset(lexicon.analyse(f"{item.title or ''} {' '.join(item.scope)}"))
    beside = _matches(item, asked, 0, item.lead_chars) if item.lead_chars else None
    found: list[Weighed] = []
    heading: tuple[frozenset[str], NDArray[np.float32] | None] = (frozenset(), None)
    for statement in statements_of(item.text, item.chunk, item.header, item.language):
        whole = statement.kind == "definition"
        stems = frozenset(lexicon.analyse(item.text if whole else statement.words))
        start, end = item.lead_chars + statement.start, item.lead_chars + statement.end
        matches = _matches(item, asked, start, end)
        if statement.kind == "heading" or _is_heading(statement, item):
            heading = (stems, matches)
            statement = replace(statement, kind="heading")
        lead = frozenset(lexicon.analyse(statement.lead)) if statement.lead else frozenset[str]()
        around = (context | heading[0] | lead) - stems
        pieces = (matches, beside, heading[1])
        said = f"{statement.lead} {statement.words}" if statement.lead else statement.words
        late_own, late, weakest = _late(asked, *pieces)
        features = Features(
            own=share(stems),
            around=share(around),
            item=share(held),
            late=late,
            late_own=late_own,
            weakest=weakest,
            cosine=_cosine(item, asked, start, end),
            recall=item.score,
            typed=expectation.met_by(said) if expectation else NO_EXPECTATION,
            focus=len(focus & (stems | around)) / len(focus) if focus else min(1.0, share(stems) + share(around)),
            focus_late=_match_of(asked, pieces, in_focus) if in_focus is not None else late,
            missing_unknown=share(unknown),
            missing_names=missing_names,
            names_here=share(named & (stems | near | lead)) / share(named) if named and share(named) else 1.0,
        )
        found.append(Weighed(number, statement, stems, features))
    return found


def _tokens_of(words: Sequence[str], question: Question, asked: Asked | None) -> NDArray[np.intp] | None:
    """Places of the question's tokens that lie in these words of it; ``None`` when there are none."""
    if asked is None or not words:
        return None
    found: list[int] = []
    for word in words:
        start = question.text.find(word)
        if start >= 0:
            inside = (asked.tokens.starts >= start) & (asked.tokens.ends <= start + len(word))
            found.extend(np.flatnonzero(inside).tolist())
    return np.asarray(found, dtype=np.intp) if found else None


def _match_of(asked: Asked | None, pieces: Sequence[NDArray[np.float32] | None], places: NDArray[np.intp]) -> float:
    own = pieces[0]
    if asked is None or own is None:
        return 0.0
    best = own[places]
    for other in pieces[1:]:
        if other is not None:
            best = np.maximum(best, _CONTEXT_TRUST * other[places])
    return max(0.0, float(best.mean()))


def _is_heading(statement: Statement, item: Evidence) -> bool:
    """Whether a statement is but the title or heading under which it stands (in a format that does not mark them)."""
    if statement.kind not in {"sentence", "item"}:
        return False
    words = statement.words.strip(" :#").casefold()
    return any(words == name.strip(" :#").casefold() for name in (item.title or "", *item.scope))


def _matches(item: Evidence, asked: Asked | None, start: int, end: int) -> NDArray[np.float32] | None:
    return None if asked is None or item.tokens is None else best_matches(asked.tokens, item.tokens, start, end)


def _late(
    asked: Asked | None,
    own: NDArray[np.float32] | None,
    beside: NDArray[np.float32] | None,
    heading: NDArray[np.float32] | None,
) -> tuple[float, float, float]:
    """Late interaction with the statement alone, with its context, and the poorest of the weighty matches."""
    if asked is None or own is None or not len(asked.weights):
        return 0.0, 0.0, 0.0
    together = own
    for other in (beside, heading):
        if other is not None:
            together = np.maximum(together, _CONTEXT_TRUST * other)
    weighty = asked.weights >= 0.5 * asked.weights.mean()
    weakest = float(together[weighty].min()) if weighty.any() else 0.0
    return max(0.0, float(asked.weights @ own)), max(0.0, float(asked.weights @ together)), max(0.0, weakest)


def _cosine(item: Evidence, asked: Asked | None, start: int, end: int) -> float:
    """Cosine of the question to the mean of the statement's tokens, as they read in their place."""
    if asked is None or item.tokens is None:
        return 0.0
    first = int(np.searchsorted(item.tokens.starts, start, side="left"))
    last = int(np.searchsorted(item.tokens.starts, end, side="left"))
    if first >= last:
        return 0.0
    mean = item.tokens.rows[first:last].mean(axis=0)
    length = float(np.linalg.norm(mean))
    return max(0.0, float(mean @ asked.vector) / length) if length else 0.0


def said_already(text: str, words: str) -> bool:
    """Whether ``text`` holds ``words``, case aside."""
    return normalise(words).casefold() in normalise(text).casefold()

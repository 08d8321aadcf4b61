"""Answering without a language model: which statements answer, whether they do, and how they read together.

Pure. The caller verifies every chosen statement against the bytes before it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assistant.core.composing import Grounds, compose
from assistant.core.confidence import probability, support_of
from assistant.core.origins import Origin, nowhere
from assistant.core.parts import Part
from assistant.core.question import Question
from assistant.core.statements import Statement
from assistant.core.weighing import Asked, Evidence, Lexicon, weigh

MAX_ITEMS = 16
"""Items whose statements are weighed."""
OLD_PENALTY = 0.25
"""What a statement loses when its source calls itself old (at quality 0)."""

_FIELD = re.compile(
    r":?(?:date|status|author|written|updated|version|tags|title|дата|статус|автор)\w*:\s", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class AnswerWeights:
    """How features add up: to the order of statements (``order``), and to the probability that the memory answers
    (``bias`` and ``confidence``: logistic, over :class:`~assistant.core.confidence.Support`). Two sets: for questions
    the encoder reads, and for words alone. Fitted on questions whose answer was, and was not, in the memory; see
    ``docs/decisions/``. Below ``threshold`` there is no answer."""

    order: Mapping[str, float]
    bias: float
    confidence: Mapping[str, float]
    words_order: Mapping[str, float]
    words_bias: float
    words_confidence: Mapping[str, float]
    threshold: float = 0.5


DEFAULT_WEIGHTS = AnswerWeights(
    order={
        "late": 0.53,
        "late_own": 0.38,
        "own": 0.38,
        "around": 0.95,
        "cosine": 0.34,
        "recall": 0.28,
        "typed": 0.38,
        "weakest": 0.5,
        "focus": 0.34,
        "names_here": 0.31,
    },
    bias=-5.50,
    confidence={
        "mass": 2.24,
        "said": 0.59,
        "missing_names": -1.75,
        "names_here": 1.45,
        "cosine": 3.49,
        "focus_late": 0.73,
    },
    words_order={"own": 1.2, "around": 0.2, "recall": 0.4, "typed": 0.45, "item": 0.5, "names_here": 0.2},
    words_bias=-4.03,
    words_confidence={"mass": 2.22, "held": 1.03, "around": 6.71, "missing_unknown": -0.53},
    threshold=0.4,
)
"""The order was fitted on the first half, the probabilities on all of the tuning part of ``golden/home.yaml``; see
``docs/decisions/0006`` and ``docs/decisions/0010``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``parts`` in reading order; empty when ``confidence`` is below the threshold."""

    confidence: float
    parts: tuple[Part, ...] = ()


def answer(
    question: Question,
    evidence: Sequence[Evidence],
    lexicon: Lexicon,
    asked: Asked | None,
    weights: AnswerWeights = DEFAULT_WEIGHTS,
    origin: Callable[[int], Origin] = nowhere,
) -> Verdict:
    """Choose what answers the question from recalled items, best first. ``asked`` is ``None`` when the encoder cannot
    read the question, or there is none. ``origin``: where each item comes from."""
    evidence = evidence[:MAX_ITEMS]
    weighed = weigh(question, evidence, lexicon, asked)
    order = weights.words_order if asked is None else weights.order
    for one in weighed:
        trust = 1.0 - OLD_PENALTY * (1.0 - evidence[one.item].quality)
        one.score = one.features.weighted(order) * _standing(one.statement) * trust
    answering = [one for one in weighed if one.score > 0]
    if not answering:
        return Verdict(0.0)
    best = max(answering, key=lambda one: one.score)
    support = support_of(question, best, weighed, lexicon)
    sure = (weights.words_bias, weights.words_confidence) if asked is None else (weights.bias, weights.confidence)
    confidence = probability(support, *sure)
    if confidence < weights.threshold:
        return Verdict(confidence)
    grounds = Grounds(question, asked, answering, evidence, origin, lexicon, order)
    return Verdict(confidence, tuple(compose(grounds, best)))


def _standing(statement: Statement) -> float:
    """Whether a statement can stand alone: a heading cannot, a question or an opening of a list hardly."""
    if statement.kind == "heading":
        return 0.0
    if _FIELD.match(statement.words):
        return 0.6
    return 0.8 if statement.words.endswith((":", "?")) else 1.0

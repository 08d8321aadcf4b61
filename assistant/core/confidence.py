"""How sure it is that the memory answers: from what was found to a probability.

A question of six particular words that stand together in one piece is all but answered; of two words that are
everywhere nothing is known. So words count by what they tell (inverse document frequency), added up, not as a share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.core.question import Question
from assistant.core.weighing import Lexicon, Weighed, stem_weights

BEST_ITEMS = 4
LEAST_SIZE = 1_000
"""A small memory, or none but what was piped in, does not tell how common a word is: it counts as one of so many
pieces."""
_MOST_LOGIT = 30.0


@dataclass(frozen=True, slots=True)
class Support:
    """What speaks for an answer. Masses are in words that only one piece of the memory holds: 2.0 is as much as two of
    them, 0.0 is nothing.

    ``mass``: words of the question that an item holds, mean over the four items that hold most. ``held``: those that
    the item of the best statement holds. ``said``: those that the best statement holds, with its headings.
    ``missing_names``: share of the question's names and numbers that an item lacks, mean over all items.
    ``names_here``, ``around``, ``cosine``, ``focus_late``, ``missing_unknown``: of the best statement, see
    :class:`~assistant.core.weighing.Features`.
    """

    mass: float
    held: float
    said: float
    missing_names: float
    names_here: float
    around: float
    cosine: float
    focus_late: float
    missing_unknown: float


def support_of(question: Question, best: Weighed, weighed: Sequence[Weighed], lexicon: Lexicon) -> Support:
    """``weighed``: all statements, ``best`` one of them."""
    large = replace(lexicon, size=max(lexicon.size, LEAST_SIZE))
    whole = sum(stem_weights(question, large).values()) / math.log(1.0 + large.size)
    of_items = {one.item: one.features for one in weighed}.values()
    held = sorted((features.item for features in of_items), reverse=True)[:BEST_ITEMS]
    own = best.features
    return Support(
        mass=whole * sum(held) / len(held),
        held=whole * own.item,
        said=whole * (own.own + own.around),
        missing_names=sum(features.missing_names for features in of_items) / len(of_items),
        names_here=own.names_here,
        around=own.around,
        cosine=own.cosine,
        focus_late=own.focus_late,
        missing_unknown=own.missing_unknown,
    )


def probability(support: Support, bias: float, weights: Mapping[str, float]) -> float:
    """That the memory answers: logistic regression over named figures of the support; strictly between 0 and 1."""
    logit = bias + sum(weight * getattr(support, name) for name, weight in weights.items())
    return 1.0 / (1.0 + math.exp(-max(-_MOST_LOGIT, min(_MOST_LOGIT, logit))))

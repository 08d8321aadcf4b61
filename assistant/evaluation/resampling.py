"""How sure a figure is: bootstrap intervals, and tests of paired differences. Pure; every draw is seeded.

Intervals are percentile bootstrap intervals over questions (B. Efron, R. J. Tibshirani, "An introduction to the
bootstrap", 1993, chapter 13); the test is Fisher's randomisation test on paired differences, two-sided, which needs no
assumption on how the figures are distributed (M. Smucker, J. Allan, B. Carterette, "A comparison of statistical
significance tests for information retrieval evaluation", CIKM 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

RESAMPLES = 4_000
FLIPS = 10_000
CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
SEED = 20_260_101
EXACT_UP_TO = 14
"""So many differences have few enough signs (16,384) to try them all."""
_BATCH_CELLS = 1 << 21
_EQUAL = 1e-12
"""Sums that differ by this share of all sizes differ by rounding only."""


def draws(tops: Values, bottoms: Values, *, resamples: int = RESAMPLES, seed: int = SEED) -> Values:
    """Figures of resampled questions, shape (resamples, figures).

    A figure is a sum over questions divided by a sum over questions. ``tops`` and ``bottoms`` have the shape
    (questions, figures), one figure a column: for a mean over some questions the values and ones of these, and zeros
    elsewhere. ``nan`` where the bottoms of a figure are all zero in a resample. Memory stays below some 100 MiB
    whatever the number of questions.
    """
    questions, figures = tops.shape
    drawn = np.full((resamples, figures), np.nan)
    if not questions:
        return drawn
    chance = np.random.default_rng(seed)
    rows = max(1, _BATCH_CELLS // questions)
    for at in range(0, resamples, rows):
        count = min(rows, resamples - at)
        chosen = chance.integers(questions, size=(count, questions)) + questions * np.arange(count)[:, None]
        times = np.bincount(chosen.ravel(), minlength=count * questions).reshape(count, questions).astype(np.float64)
        below = times @ bottoms
        np.divide(times @ tops, below, out=drawn[at : at + count], where=below > 0)
    return drawn


def ends(drawn: Values) -> Values:
    """Low and high ends, shape (2, figures), of the intervals that :func:`draws` tell. Resamples that say nothing of a
    figure are left out; ``nan`` when all are."""
    tail = 100 * (1 - CONFIDENCE) / 2
    found = np.full((2, drawn.shape[1]), np.nan)
    for figure in range(drawn.shape[1]):
        known = drawn[:, figure][~np.isnan(drawn[:, figure])]
        if len(known):
            found[:, figure] = np.percentile(known, [tail, 100 - tail])
    return found


def sign_flip_p(differences: Values, *, flips: int = FLIPS, seed: int = SEED) -> float:
    """Probability of a sum of differences at least as far from 0, either way, if every difference were as likely to
    have the other sign. ``differences`` has the shape (questions,); 1.0 when all are 0.

    Up to ``EXACT_UP_TO`` differences other than 0 all signs are tried; beyond, random ones, and the signs that were
    found are counted among them, so that the result is never 0 (B. Phipson, G. Smyth, 2010).
    """
    sizes = np.abs(differences[differences != 0])
    if not len(sizes):
        return 1.0
    found = abs(float(differences.sum())) - _EQUAL * float(sizes.sum())
    if len(sizes) <= EXACT_UP_TO:
        every = np.arange(1 << len(sizes))[:, None] >> np.arange(len(sizes)) & 1
        return float(np.mean(np.abs((2.0 * every - 1.0) @ sizes) >= found))
    chance = np.random.default_rng(seed)
    as_far = 0
    rows = max(1, _BATCH_CELLS // len(sizes))
    for at in range(0, flips, rows):
        signs = chance.integers(2, size=(min(rows, flips - at), len(sizes)), dtype=np.int8)
        as_far += int(np.count_nonzero(np.abs((2.0 * signs - 1.0) @ sizes) >= found))
    return (as_far + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """The same in the same order, adjusted for having looked at all of them (S. Holm, 1979): below 0.05 are those that
    stand out when at most one look in twenty may find something where nothing is."""
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted

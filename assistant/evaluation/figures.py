"""From what single questions add to a figure to the figure with its interval, and to differences with their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.evaluation.findings import Difference, Figure, Latency
from assistant.evaluation.resampling import SEED, SIGNIFICANCE, draws, ends, holm, sign_flip_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

Share = tuple[float, float]
"""What one question adds above and below the line of a figure; (0, 0): the figure says nothing of it."""

NOTHING: Share = (0.0, 0.0)
_DIGITS = 6


def mean_share(value: float | None) -> Share:
    """Of a figure that is the mean over the questions that have one."""
    return NOTHING if value is None else (float(value), 1.0)


def figures_of(columns: Mapping[str, Sequence[Share]]) -> dict[str, Figure | None]:
    """Each column's figure, under the same name; ``None`` for one that no question says anything of."""
    tops, bottoms = _arrays(list(columns.values()))
    low, high = ends(draws(tops, bottoms))
    below = bottoms.sum(axis=0)
    return {
        name: _figure(float(tops[:, at].sum() / below[at]), float(low[at]), float(high[at])) if below[at] > 0 else None
        for at, name in enumerate(columns)
    }


def mean_figures(sets: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Figure]:
    """The means over sets of the mean of each figure; no set is empty, and all have the same figures. Questions are
    resampled within their set."""
    tables = [np.asarray(list(one.values()), dtype=np.float64).T for one in sets]
    drawn = [draws(table, np.ones_like(table), seed=SEED + at) for at, table in enumerate(tables)]
    low, high = ends(np.mean(drawn, axis=0))
    values = np.mean([table.mean(axis=0) for table in tables], axis=0)
    return {name: _figure(float(values[at]), float(low[at]), float(high[at])) for at, name in enumerate(sets[0])}


Pairs = Sequence[tuple[float, float]]
"""One figure of the same questions, with the first and with the compared parameter set."""


def differences_of(figure: str, groups: Mapping[str, Pairs]) -> list[Difference]:
    """How much the compared parameter set adds to a figure, by group; groups without a question are left out. The
    tests are adjusted for the number of groups."""
    named = {name: np.asarray(pairs, dtype=np.float64) for name, pairs in groups.items() if len(pairs)}
    found = [_tested([pairs]) for pairs in named.values()]
    adjusted = holm([p for *_, p in found])
    return [
        _difference(name, figure, [pairs], *tested, p_adjusted)
        for (name, pairs), tested, p_adjusted in zip(named.items(), found, adjusted, strict=True)
    ]


def mean_difference(group: str, figure: str, sets: Sequence[Pairs]) -> Difference:
    """The same for the mean over sets, each counting as much as another."""
    arrays = [np.asarray(pairs, dtype=np.float64) for pairs in sets]
    tested = _tested(arrays)
    return _difference(group, figure, arrays, *tested, tested[-1])


def _tested(sets: Sequence[Values]) -> tuple[float, float, float]:
    """Ends of the interval and p-value of the mean over sets of the mean difference."""
    changes = [pairs[:, 1] - pairs[:, 0] for pairs in sets]
    drawn = np.mean([draws(one[:, None], np.ones((len(one), 1)), seed=SEED + at) for at, one in enumerate(changes)], 0)
    (low,), (high,) = ends(drawn)
    return float(low), float(high), sign_flip_p(np.concatenate([one / len(one) for one in changes]))


def _difference(
    group: str, figure: str, sets: Sequence[Values], low: float, high: float, p: float, p_adjusted: float
) -> Difference:
    first, compared = (float(np.mean([pairs[:, side].mean() for pairs in sets])) for side in (0, 1))
    change = compared - first
    return Difference(
        group=group,
        figure=figure,
        questions=sum(map(len, sets)),
        first=round(first, _DIGITS),
        compared=round(compared, _DIGITS),
        difference=round(change, _DIGITS),
        low=round(low, _DIGITS),
        high=round(high, _DIGITS),
        p=p,
        p_adjusted=p_adjusted,
        verdict="within noise" if p_adjusted >= SIGNIFICANCE else "better" if change > 0 else "worse",
    )


def latency(values_ms: Sequence[float]) -> Latency:
    """Zeros when nothing was asked."""
    if not values_ms:
        return Latency(p50=0.0, p95=0.0)
    p50, p95 = np.percentile(np.asarray(values_ms), [50, 95])
    return Latency(p50=round(float(p50), 1), p95=round(float(p95), 1))


def _arrays(columns: Sequence[Sequence[Share]]) -> tuple[Values, Values]:
    """Tops and bottoms, shape (questions, columns) each."""
    shares = np.asarray(columns, dtype=np.float64).reshape(len(columns), -1, 2)
    return shares[:, :, 0].T, shares[:, :, 1].T


def _figure(value: float, low: float, high: float) -> Figure:
    return Figure(value=round(value, _DIGITS), low=round(low, _DIGITS), high=round(high, _DIGITS))

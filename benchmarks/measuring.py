"""Taking turns, clocks on single steps, and figures to be told and kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    started_s = time.perf_counter()
    action()
    return time.perf_counter() - started_s


def take_turns(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Wall times in seconds of every side, one a round. The order of the sides is reversed every other round."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        names = list(sides)
        for name in names[::-1] if number % 2 else names:
            times[name].append(seconds(sides[name]))
    return times


def percentile(values: Sequence[float], percent: int) -> float:
    """By linear interpolation; ``values`` must hold one at least."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@dataclass(frozen=True, slots=True)
class Figure:
    """``low`` and ``high``: range over the rounds, ``None`` for a single measurement."""

    value: float
    unit: str
    what: str
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        text = f"{plain(self.value):>9} {self.unit:<10} {self.what}"
        if self.low is None or self.high is None:
            return text
        return f"{text} ({plain(self.low)} .. {plain(self.high)})"


@dataclass(slots=True)
class Figures:
    """What one benchmark found, in the order it was found, by short name. ``notes``: tables, and what could not be
    measured. ``tabled``: the notes tell all, the figures are only kept."""

    title: str
    found: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tabled: bool = False

    def note(self, text: str) -> None:
        self.notes.append(text)

    def add(self, name: str, value: float, unit: str, what: str) -> None:
        self.found[name] = Figure(value, unit, what)

    def median(self, name: str, values: Sequence[float], unit: str, what: str) -> None:
        self.found[name] = Figure(statistics.median(values), unit, what, min(values), max(values))

    def ratio(self, name: str, above: Sequence[float], below: Sequence[float], what: str) -> None:
        """Median of the ratios of each round."""
        self.median(name, [one / other for one, other in zip(above, below, strict=True)], "x", what)

    def __str__(self) -> str:
        lines = [] if self.tabled else [f"  {figure}" for figure in self.found.values()]
        return "\n".join([self.title, *lines, *self.notes])


class StepClocks:
    """Clocks on methods of single objects, for as long as :meth:`on` lasts.

    A step inside another is counted in both.
    """

    def __init__(self) -> None:
        self.total_s: dict[str, float] = {}

    @contextmanager
    def on(self, steps: Mapping[str, tuple[Any, str]]) -> Iterator[None]:
        """``steps``: for each name an object and the name of one of its methods."""
        for name, (thing, method) in steps.items():
            self.total_s.setdefault(name, 0.0)
            setattr(thing, method, self._timed(name, getattr(thing, method)))
        try:
            yield
        finally:
            for thing, method in steps.values():
                delattr(thing, method)

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:
            started_s = time.perf_counter()
            try:
                return method(*args, **more)
            finally:
                self.total_s[name] += time.perf_counter() - started_s

        return timed


def plain(value: float) -> str:
    """Three or four digits that tell something."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 100 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"

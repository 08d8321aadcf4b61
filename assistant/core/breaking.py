"""A circuit breaker, and how long to wait before trying again. Pure: times are arguments, in monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """``failures`` in a row open it, for ``pause_s``; each time it opens again without a success in between, for twice
    as long, up to ``most_pause_s``."""

    failures: int = 5
    pause_s: float = 5.0
    most_pause_s: float = 300.0


class Breaker:
    """Closed: everything goes. Open: nothing does. Half open, after the pause: one try, whose outcome decides."""

    def __init__(self, limits: BreakerLimits | None = None) -> None:
        self._limits = limits or BreakerLimits()
        self._failures = 0
        self._openings = 0
        self._until_s: float | None = None
        self._trying = False

    def state(self, now_s: float) -> BreakerState:
        if self._until_s is None:
            return "closed"
        return "open" if now_s < self._until_s or self._trying else "half-open"

    def admits(self, now_s: float) -> bool:
        """Whether to try now. When half open, yes is said once, until :meth:`succeeded` or :meth:`failed` is told."""
        match self.state(now_s):
            case "closed":
                return True
            case "half-open":
                self._trying = True
                return True
            case _:
                return False

    def waits_s(self, now_s: float) -> float:
        """Seconds until it is half open; 0.0 when it is not open."""
        return 0.0 if self._until_s is None else max(0.0, self._until_s - now_s)

    def succeeded(self) -> None:
        self._failures = self._openings = 0
        self._until_s = None
        self._trying = False

    def failed(self, now_s: float) -> None:
        self._failures += 1
        if self._trying or self._failures >= self._limits.failures:
            pause_s = min(self._limits.most_pause_s, self._limits.pause_s * 2**self._openings)
            self._openings = min(self._openings + 1, 30)
            self._until_s = now_s + pause_s
            self._failures = 0
            self._trying = False

    def abandoned(self) -> None:
        """What was tried had no outcome (it was cancelled)."""
        self._trying = False


def back_off_s(attempt: int, first_s: float = 0.5, most_s: float = 60.0) -> float:
    """Seconds to wait after the ``attempt``-th failure (from 1): doubling, up to ``most_s``."""
    return min(most_s, first_s * 2.0 ** min(max(0, attempt - 1), 60))

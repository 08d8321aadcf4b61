"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass

JITTERS = ("full", "equal", "none")


@dataclass(frozen=True)
class Backoff:
    base: float = 1.5
    factor: float = 2.0
    cap: float = 600.0
    jitter: str = "full"

    def __post_init__(self) -> None:
        if self.base <= 0 or self.factor < 1 or self.cap < self.base:
            raise ValueError("backoff needs base > 0, factor >= 1 and cap >= base")
        if self.jitter not in JITTERS:
            raise ValueError(f"jitter must be one of {', '.join(JITTERS)}")

    def ceiling(self, attempt: int) -> float:
        """The longest possible pause after the given attempt (1 = the first)."""
        if attempt < 1:
            raise ValueError("attempts are counted from 1")
        # 2 ** 1100 overflows a float; the cap is reached long before that.
        exponent = min(attempt - 1, 64)
        return min(self.cap, self.base * self.factor**exponent)

    def delay(self, attempt: int, rng: random.Random | None = None) -> float:
        top = self.ceiling(attempt)
        if self.jitter == "none":
            return top
        pick = (rng or random).uniform
        if self.jitter == "equal":
            return top / 2 + pick(0, top / 2)
        return pick(0, top)

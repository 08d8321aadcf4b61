"""How fast to embed: batches sized by measured speed and by who waits; rests on battery and on a busy machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_TOKENS = 1024
"""Larger batches are slower on a processor: their activations leave the cache."""
LEAST_TOKENS = 128
SMOOTHING = 0.2
"""Weight of the newest measurement of speed."""
LATELY_S = 30.0
"""Somebody who asked so recently may well ask again."""


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """``wait_s``: how long a question may have to wait for the batch under way, when questions come; ``idle_wait_s``:
    otherwise. ``battery_share`` and ``busy_share``: share of the time that is worked on battery, and while other
    programs take more than ``busy_above`` of the processor; 1.0 is all of it."""

    wait_s: float = 0.06
    idle_wait_s: float = 0.3
    battery_share: float = 0.4
    busy_share: float = 0.5
    busy_above: float = 0.6


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``on_battery``: ``None`` where there is no battery. ``others``: share of all processors that other programs take,
    0..1."""

    on_battery: bool | None = None
    others: float = 0.0


@dataclass(slots=True)
class Pacing:
    """Told what batches took, says how large the next one is and how long to rest before it."""

    limits: PaceLimits = field(default_factory=PaceLimits)
    tokens_per_s: float | None = None
    texts_per_s: float | None = None

    def measured(self, texts: int, tokens: int, took_s: float) -> None:
        """A batch of padded ``tokens`` was encoded, without the rests."""
        if took_s <= 0 or tokens <= 0:
            return
        self.tokens_per_s = _smooth(self.tokens_per_s, tokens / took_s)
        self.texts_per_s = _smooth(self.texts_per_s, texts / took_s)

    def batch_tokens(self, asked_ago_s: float | None) -> int:
        """Padded tokens of the next batch. ``asked_ago_s``: seconds since somebody asked last; ``None``: never."""
        if self.tokens_per_s is None:
            return LEAST_TOKENS * 2
        lately = asked_ago_s is not None and asked_ago_s < LATELY_S
        room = self.tokens_per_s * (self.limits.wait_s if lately else self.limits.idle_wait_s)
        return int(min(MOST_TOKENS, max(LEAST_TOKENS, room)))

    def rest_s(self, took_s: float, around: Surroundings) -> float:
        """How long to rest after a batch that took so long."""
        share = self._share(around)
        return 0.0 if share >= 1 else took_s * (1 - share) / max(share, 0.05)

    def _share(self, around: Surroundings) -> float:
        share = self.limits.battery_share if around.on_battery else 1.0
        return min(share, self.limits.busy_share) if around.others > self.limits.busy_above else share

    def held_back(self, around: Surroundings, waiting: int) -> str:
        """Why it goes slower than it could; "" when it does not."""
        if waiting:
            return "a question goes first"
        if around.on_battery and self.limits.battery_share < 1:
            return "on battery"
        if around.others > self.limits.busy_above and self.limits.busy_share < 1:
            return f"other programs take {around.others:.0%} of the processor"
        return ""


def _smooth(before: float | None, now: float) -> float:
    return now if before is None else before + SMOOTHING * (now - before)

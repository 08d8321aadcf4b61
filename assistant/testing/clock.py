"""A clock that stands still until it is told to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A fake of :class:`~assistant.contracts.ports.Clock`. Starts at ``start`` (timezone-aware) and at 0.0 seconds."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        return self._passed_s

    def advance(self, seconds: float) -> None:
        """Let time pass. ``seconds`` must not be negative."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._passed_s += seconds

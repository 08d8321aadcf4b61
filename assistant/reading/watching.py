"""Telling a process that hangs from one that is only given little of a busy machine."""

from __future__ import annotations

import os

PATIENCE = 4
"""How many times its limit a process may take that hardly ran."""


class Watch:
    """Tells when a process has had its time, in seconds of a monotonic clock.

    On a busy machine it may be given little of the processor: one that has run for less than a quarter of its limit
    since half-time gets up to ``PATIENCE`` times as long. ``next_s``: when to ask again.
    """

    def __init__(self, start_s: float, limit_s: float) -> None:
        self.limit_s = limit_s
        self.next_s = start_s + limit_s / 2
        self._start_s = start_s
        self._ran_before_s: float | None = None

    def is_overdue(self, now_s: float, pid: int) -> bool:
        """Whether process ``pid`` has taken too long. Looks at the process from half-time on only."""
        if now_s < self.next_s:
            return False
        ran_s = _processor_s(pid)
        if self._ran_before_s is None:
            self._ran_before_s = ran_s
            self.next_s = self._start_s + self.limit_s
        if now_s < self.next_s:
            return False
        self.next_s = now_s + self.limit_s / 4
        return ran_s - self._ran_before_s >= self.limit_s / 4 or now_s - self._start_s >= PATIENCE * self.limit_s


def _processor_s(pid: int) -> float:
    """Processor time a process has used; infinite when that cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return float("inf")

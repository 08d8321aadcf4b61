"""The pace of work in the background: people who wait go first, and the computer is not worn out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assistant.contracts.errors import Interrupted

if TYPE_CHECKING:
    from threading import Event as StopSignal

    from assistant.bus.pools import Foreground
    from assistant.contracts.ports import Clock
    from assistant.core.pacing import Pacing, Surroundings

MOST_WAIT_S = 5.0
"""Work in the background waits no longer than this for people who go on asking: it must get on too."""


class BackgroundPace:
    """See :class:`assistant.contracts.ports.Pace`. ``around`` tells what the computer is doing; ``stop``, when set,
    ends the work before its next batch. For one piece of work, in one thread."""

    def __init__(
        self,
        pacing: Pacing,
        foreground: Foreground,
        around: Callable[[], Surroundings],
        clock: Clock,
        stop: StopSignal,
    ) -> None:
        self._pacing = pacing
        self._foreground = foreground
        self._around = around
        self._clock = clock
        self._stop = stop
        self._rest_s = 0.0

    def batch_tokens(self, most: int) -> int:
        return min(most, self._pacing.batch_tokens(self._foreground.asked_ago_s(self._clock.monotonic_s())))

    def before(self) -> None:
        if self._rest_s:
            self._stop.wait(self._rest_s)
            self._rest_s = 0.0
        self._foreground.give_way(MOST_WAIT_S)
        if self._stop.is_set():
            raise Interrupted

    def after(self, texts: int, tokens: int, took_s: float) -> None:
        self._pacing.measured(texts, tokens, took_s)
        self._rest_s = self._pacing.rest_s(took_s, self._around())

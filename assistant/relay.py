"""A stop signal made of two: that of the whole, and for one call at a time that of whoever asked for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOOK_S = 0.1


class Relay(threading.Event):
    """Set when it, the one it was made of, or the one lent to it is set. Thread-safe; one loan at a time."""

    def __init__(self, whole: threading.Event) -> None:
        super().__init__()
        self._whole = whole
        self._lent: threading.Event | None = None

    @contextmanager
    def also(self, stop: threading.Event) -> Iterator[None]:
        """Let ``stop`` count, too, within the block."""
        self._lent = stop
        try:
            yield
        finally:
            self._lent = None

    def is_set(self) -> bool:
        lent = self._lent
        return super().is_set() or self._whole.is_set() or (lent is not None and lent.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        """Looks every tenth of a second: three signals cannot be waited for at once."""
        left_s = float("inf") if timeout is None else timeout
        while left_s > 0 and not self.is_set():
            super().wait(min(_LOOK_S, left_s))
            left_s -= _LOOK_S
        return self.is_set()

"""Who is told, and what ends the work early: of the call that is being carried out, in whatever thread that is.

One object lives as long as the process and serves many calls at a time; each call has a listener and a stop signal of
its own, which follow it as context variables do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from assistant.contracts.events import Event, Listener

_SLICE_S = 0.1

_STOP: ContextVar[threading.Event | None] = ContextVar("STOP", default=None)
_LISTENER: ContextVar[Listener | None] = ContextVar("LISTENER", default=None)


class StopOfCall(threading.Event):
    """Set when either of two signals is. Safe to hand to another thread."""

    def __init__(self, always: threading.Event, call: threading.Event | None) -> None:
        super().__init__()
        self._always = always
        self._call = call

    def is_set(self) -> bool:
        return super().is_set() or self._always.is_set() or (self._call is not None and self._call.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        """Looks at both signals several times a second."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left_s = _SLICE_S if deadline_s is None else min(_SLICE_S, deadline_s - time.monotonic())
            if left_s <= 0:
                break
            super().wait(left_s)
        return self.is_set()


class Relay(threading.Event):
    """A stop signal: ``always``, or that of the call in whose context it is asked. :meth:`tell` tells the listener of
    that call, else ``listener``."""

    def __init__(self, always: threading.Event, listener: Listener) -> None:
        super().__init__()
        self._always = always
        self._listener = listener

    @contextmanager
    def call(self, listener: Listener, stop: threading.Event) -> Iterator[None]:
        """For the length of the block, in this thread: who is told, and what else ends the work early."""
        told, stopped = _LISTENER.set(listener), _STOP.set(stop)
        try:
            yield
        finally:
            _STOP.reset(stopped)
            _LISTENER.reset(told)

    def tell(self, event: Event) -> None:
        """Tell whoever called."""
        (_LISTENER.get() or self._listener)(event)

    def is_set(self) -> bool:
        return super().is_set() or self.here().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self.here().wait(timeout)

    def here(self) -> StopOfCall:
        """The signal of this call, for other threads that work for it."""
        return StopOfCall(self._always, _STOP.get())

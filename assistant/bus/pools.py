"""Threads for work that computes or waits for disks: one bounded pool a kind of work, so that none starves another."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from assistant.contracts.errors import TooBusy
from assistant.contracts.process import PoolStatus

Result = TypeVar("Result")
GRACE_S = 10.0
"""How long something that was told to stop may take to do so before it is no longer waited for."""


class Pool:
    """``threads`` work at a time, ``most_waiting`` wait. ``nice``: by how much its threads give way to others (Linux).
    Belongs to the event loop's thread."""

    def __init__(self, name: str, threads: int, most_waiting: int = 64, nice: int = 0) -> None:
        self._name = name
        self._threads = threads
        self._most_waiting = most_waiting
        self._executor = ThreadPoolExecutor(threads, name, _be_nice, (nice,))
        self._given = self._busy = self._done = self._refused = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], Result], stop: threading.Event | None = None) -> Result:
        """What ``work`` returns, done on a thread of this pool in the caller's context; raises what it raises.

        Cancelling sets ``stop`` and waits up to :data:`GRACE_S` for the work to end in order. Raises
        :class:`~assistant.contracts.errors.TooBusy` when too many wait.
        """
        if self._given >= self._threads + self._most_waiting:
            self._refused += 1
            raise TooBusy(
                f"Too much is waiting to be done ({self._most_waiting} in “{self._name}”).",
                kept="Nothing was begun.",
                remedy="Try again in a moment.",
            )
        self._given += 1
        context = contextvars.copy_context()

        def begin() -> Result:
            self._count_busy(1)
            try:
                return context.run(work)
            finally:
                self._count_busy(-1)

        thread_future = self._executor.submit(begin)
        future = asyncio.wrap_future(thread_future)
        future.add_done_callback(self._finished)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            begun = not thread_future.cancel()
            if begun and stop is not None:
                stop.set()
                await asyncio.wait([future], timeout=GRACE_S)
            raise

    def _count_busy(self, by: int) -> None:
        with self._lock:
            self._busy += by

    def _finished(self, future: asyncio.Future[Result]) -> None:
        self._given -= 1
        self._done += 1
        if not future.cancelled():
            future.exception()  # looked at: whoever waited has heard it, or has gone

    def statistics(self) -> PoolStatus:
        return PoolStatus(
            name=self._name,
            threads=self._threads,
            busy=self._busy,
            waiting=max(0, self._given - self._busy),
            most_waiting=self._most_waiting,
            done=self._done,
            refused=self._refused,
        )

    def close(self) -> None:
        """Take no more. What waits is dropped; what has begun goes on, and is waited for by the interpreter."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _be_nice(by: int) -> None:
    if by and sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), by)


_WAITED_FOR: contextvars.ContextVar[bool] = contextvars.ContextVar("WAITED_FOR", default=False)


class Foreground:
    """Lets what a person waits for go first: work in the background asks between two steps whether to give way. What
    is done in the context of its ``with`` block is what that person waits for, and gives way to nobody. Thread-safe.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._condition = threading.Condition()
        self._clock = clock
        self._asked = 0
        self._last_s: float | None = None

    def __enter__(self) -> None:
        _WAITED_FOR.set(True)
        with self._condition:
            self._asked += 1

    def __exit__(self, *_: object) -> None:
        _WAITED_FOR.set(False)
        with self._condition:
            self._asked -= 1
            self._last_s = self._clock()
            if not self._asked:
                self._condition.notify_all()

    @property
    def waiting(self) -> int:
        """How many people wait for an answer."""
        return self._asked

    def asked_ago_s(self, now_s: float) -> float | None:
        """Seconds since somebody was last answered, 0.0 while somebody waits; ``None``: nobody has asked yet."""
        if self._asked:
            return 0.0
        return None if self._last_s is None else max(0.0, now_s - self._last_s)

    def give_way(self, most_s: float) -> bool:
        """Wait while somebody waits for an answer, but no longer than ``most_s``: the background must get on too.
        Whether there was anything to wait for."""
        if not self._asked or _WAITED_FOR.get():
            return False
        with self._condition:
            self._condition.wait_for(lambda: not self._asked, most_s)
        return True

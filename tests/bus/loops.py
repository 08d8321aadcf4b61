"""Running things on an event loop in tests: with a limit, and with every blocking call on the loop an error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from blockbuster import blockbuster_ctx

from assistant.bus.actor import Actor, ActorLimits
from assistant.bus.bus import Bus
from assistant.bus.envelope import Letter
from assistant.bus.journal import Journal
from assistant.bus.supervisor import Supervisor
from assistant.contracts.commands import AddFolders, Ask, Command, RunTask
from assistant.core.breaking import BreakerLimits
from assistant.testing.clock import FakeClock
from assistant.testing.ledgers import TransientLedger

Result = TypeVar("Result")
LIMIT_S = 30.0


def run(work: Coroutine[Any, Any, Result], limit_s: float = LIMIT_S) -> Result:
    """What ``work`` returns. A call from the program that blocks the loop fails it."""

    async def limited() -> Result:
        async with asyncio.timeout(limit_s):
            return await work

    with blockbuster_ctx("assistant"):
        return asyncio.run(limited())


class Pauses:
    """A sleep that lets the time of a fake clock pass, and notes how long."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)


class Scripted(Actor):
    """Does with each message what ``script`` does; notes what it was called for."""

    def __init__(
        self,
        script: Callable[[Any], Awaitable[Any]],
        name: str = "scripted",
        limits: ActorLimits | None = None,
    ) -> None:
        super().__init__(name, limits or ActorLimits(breaker=BreakerLimits(failures=100)))
        self.script = script
        self.heard: list[Any] = []
        self.failures: list[Exception] = []
        self.started = self.stopped = 0
        self.on_failure_raises: Exception | None = None
        self.on_start_raises: list[Exception] = []

    async def on_start(self) -> None:
        self.started += 1
        if self.on_start_raises:
            raise self.on_start_raises.pop(0)

    async def on_message(self, letter: Letter) -> Any:
        self.heard.append(letter.envelope.message)
        return await self.script(letter)

    async def on_failure(self, letter: Letter, error: Exception) -> None:
        self.failures.append(error)
        if self.on_failure_raises is not None:
            raise self.on_failure_raises

    async def on_stop(self) -> None:
        self.stopped += 1


class House:
    """A bus with its clock, journal and supervisor."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = TransientLedger()
        self.journal = Journal(self.ledger)
        self.bus = Bus(self.clock, self.journal)
        self.pauses = Pauses(self.clock)
        self.supervisor = Supervisor(self.bus, self.clock, 5.0, self.pauses)


async def at_once(work: Callable[[], Any]) -> Any:
    """Does aside what is to be done aside: here, at once."""
    await asyncio.sleep(0)
    return work()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other tasks bring about."""
    while not condition():
        await asyncio.sleep(0.001)


def ask(text: str = "x") -> Command[Any]:
    return Ask(text=text)


def add(path: str = "/a") -> Command[Any]:
    return AddFolders(paths=(path,))


def task(name: str = "sweep") -> Command[Any]:
    return RunTask(name=name)


def stopped_within(stop: threading.Event, seconds: float) -> bool:
    """Whether somebody asks to stop in time; for work on threads of a pool."""
    return stop.wait(seconds)

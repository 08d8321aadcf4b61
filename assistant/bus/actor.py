"""An actor: four methods, a bounded mailbox, limits, and a written failure matrix.

=========================  ==========================================  =============================================
what fails                 whoever asked                               the actor
=========================  ==========================================  =============================================
``on_message``, a command  gets the error                              goes on; a fault counts for its breaker
``on_message``, an event   is not told                                 goes on; ``on_failure`` hears of it
the time limit passes      gets ``TookTooLong``; ``stop`` is set       goes on; counts for its breaker
the breaker is open        gets ``Resting`` at once                    is left alone until the pause is over
the mailbox is full        gets ``TooBusy`` at once; events are lost   does not notice
``on_start`` fails         waits; letters stay in the mailbox          is started again after a pause, so many times
``on_failure`` fails       (its letter has been answered)              as above
it stops for good          gets ``ProcessFailed``                      is stopped; the alarm is in ``status``
=========================  ==========================================  =============================================

What a person did wrong (``WrongUse``, ``ConsentNeeded``, ``PolicyDenied``), or stopped, is no fault of the actor.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assistant.bus.envelope import HANDLED, Letter
from assistant.bus.mailbox import Mailbox, WhenFull
from assistant.contracts.errors import (
    AssistantError,
    ConsentNeeded,
    Interrupted,
    PolicyDenied,
    ProcessFailed,
    Resting,
    TooBusy,
    TookTooLong,
    WrongUse,
)
from assistant.core.breaking import Breaker, BreakerLimits

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.contracts.ports import Clock

NO_FAULT = (WrongUse, ConsentNeeded, PolicyDenied, Interrupted, TooBusy, Resting)


@dataclass(frozen=True, slots=True)
class ActorLimits:
    """``waiting``: letters in the mailbox. ``at_once``: letters handled at the same time. ``restarts``: so many within
    ``restarts_within_s``, then it is stopped for good."""

    waiting: int = 256
    at_once: int = 1
    time_limit_s: float = 600.0
    breaker: BreakerLimits = field(default_factory=BreakerLimits)
    restarts: int = 5
    restarts_within_s: float = 300.0


class Actor:
    """Overridden are at most four methods, all on the event loop: nothing in them may block it."""

    def __init__(self, name: str, limits: ActorLimits | None = None, when_full: WhenFull = "refuse") -> None:
        self.name = name
        self.limits = limits or ActorLimits()
        self.when_full: WhenFull = when_full

    def same(self, _letter: Letter) -> Hashable | None:
        """Events with equal keys are coalesced while they wait; ``None``: each counts."""
        return None

    async def on_start(self) -> None:
        """Before the first message, and before the next one after a failure of the actor itself."""

    async def on_message(self, letter: Letter) -> Any:
        """Handle a command (what is returned is its reply) or an event (what is returned is ignored)."""
        raise NotImplementedError

    async def on_failure(self, letter: Letter, error: Exception) -> None:
        """A message could not be handled; whoever asked has been told already."""

    async def on_stop(self) -> None:
        """After the last message; also when it failed."""


class ActorLoop:
    """Takes letters out of one actor's mailbox and has them handled."""

    def __init__(self, actor: Actor, bus: Bus, clock: Clock) -> None:
        self.actor = actor
        self.mailbox = Mailbox(actor.name, actor.limits.waiting, actor.when_full, actor.same)
        self.breaker = Breaker(actor.limits.breaker)
        self.handled = self.failed = 0
        self.reason = ""
        self._bus = bus
        self._clock = clock

    async def run(self) -> None:
        """Until it is cancelled, or the actor itself fails (raised)."""
        try:
            await self.actor.on_start()
            async with asyncio.TaskGroup() as workers:
                for at in range(self.actor.limits.at_once):
                    workers.create_task(self._work(), name=f"{self.actor.name}-{at}")
        except BaseExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            await self.actor.on_stop()

    async def _work(self) -> None:
        while True:
            await self._handle(await self.mailbox.take())

    async def _handle(self, letter: Letter) -> None:
        token = HANDLED.set(letter.envelope)
        began_s = self._clock.monotonic_s()
        error: Exception | None = None
        try:
            _answer(letter, await self._attempt(letter))
        except asyncio.CancelledError:
            if letter.reply is not None and not letter.reply.done():
                letter.reply.set_exception(stopping())
            raise
        except Exception as failure:  # noqa: BLE001 - the actor's loop: told to whoever asked, counted, never swallowed
            error = failure
            _refuse(letter, failure)
        finally:
            HANDLED.reset(token)
        self.handled += 1
        took_s = self._clock.monotonic_s() - began_s
        self._bus.journal.done(letter.envelope, took_s, "" if error is None else told(error))
        if error is not None:
            self.failed += 1
            self.reason = told(error)
            await self.actor.on_failure(letter, error)

    async def _attempt(self, letter: Letter) -> Any:
        asked = letter.reply is not None
        if asked and not self.breaker.admits(self._clock.monotonic_s()):
            wait_s = self.breaker.waits_s(self._clock.monotonic_s())
            raise Resting(
                f"“{self.actor.name}” has failed again and again ({self.reason or 'no reason known'}).",
                kept="What was stored before stays.",
                remedy=f"It is tried again in {max(1, round(wait_s))} s; see `assistant status`.",
            )
        try:
            async with asyncio.timeout(self.actor.limits.time_limit_s) as limit:
                found = await self.actor.on_message(letter)
        except TimeoutError as error:
            if not limit.expired():
                self._count(error)
                raise
            (letter.stop or threading.Event()).set()
            late = TookTooLong(
                f"“{self.actor.name}” took longer than {self.actor.limits.time_limit_s:g} s.",
                kept="What was stored before stays.",
                remedy="Try again; see `assistant status` and `assistant jobs`.",
            )
            self._count(late)
            raise late from error
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        except Exception as error:
            self._count(error)
            raise
        self.breaker.succeeded()
        return found

    def _count(self, error: Exception) -> None:
        if isinstance(error, NO_FAULT):
            self.breaker.abandoned()
        else:
            self.breaker.failed(self._clock.monotonic_s())


def told(error: BaseException) -> str:
    """A failure in one line."""
    text = str(error) if isinstance(error, AssistantError) else f"{type(error).__name__}: {error}"
    return text if len(text) <= 500 else f"{text[:499]}…"


def stopping() -> ProcessFailed:
    """What those are told who still wait when an actor stops."""
    return ProcessFailed(
        "The part of the assistant that would do this is stopping.",
        kept="What was stored stays.",
        remedy="Run the command again.",
    )


def _answer(letter: Letter, found: Any) -> None:
    if letter.reply is not None and not letter.reply.done():
        letter.reply.set_result(found)


def _refuse(letter: Letter, error: Exception) -> None:
    if letter.reply is not None and not letter.reply.done():
        letter.reply.set_exception(error)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = failures
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found

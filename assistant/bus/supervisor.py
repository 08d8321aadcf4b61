"""Starts actors in order, starts them again after a pause when they fail, and stops them in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING

from assistant.bus.actor import ActorLoop, stopping, told
from assistant.contracts.events import ActorFailed
from assistant.contracts.process import ActorStatus
from assistant.core.breaking import back_off_s

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.contracts.ports import Clock

STOP_LIMIT_S = 20.0
"""How long an actor may take to stop."""


class Supervisor:
    """Runs every actor of a bus for as long as its ``async with`` block lasts."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        stop_limit_s: float = STOP_LIMIT_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._stop_limit_s = stop_limit_s
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._states: dict[str, str] = {}
        self._restarts: dict[str, int] = {}

    async def __aenter__(self) -> Supervisor:
        self._bus.bind()
        for loop in self._bus.loops:
            name = loop.actor.name
            self._restarts[name] = 0
            self._tasks[name] = asyncio.create_task(self._keep_running(loop), name=name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for loop in reversed(self._bus.loops):
            task = self._tasks[loop.actor.name]
            task.cancel()
            await asyncio.wait([task], timeout=self._stop_limit_s)
            self._leave(loop)

    def statistics(self) -> list[ActorStatus]:
        """Of every actor, in the order they were registered in."""
        return [self._status(loop) for loop in self._bus.loops]

    def _status(self, loop: ActorLoop) -> ActorStatus:
        name = loop.actor.name
        state = self._states.get(name, "running")
        if state == "running" and loop.breaker.state(self._clock.monotonic_s()) == "open":
            state = "open"
        return ActorStatus(
            name=name,
            state=state,  # type: ignore[arg-type]  # one of those words
            queue=loop.mailbox.statistics(),
            handled=loop.handled,
            failed=loop.failed,
            restarts=self._restarts.get(name, 0),
            reason=loop.reason,
        )

    async def _keep_running(self, loop: ActorLoop) -> None:
        limits, name = loop.actor.limits, loop.actor.name
        recent: deque[float] = deque()
        while True:
            self._states[name] = "running"
            try:
                await loop.run()
            except asyncio.CancelledError:
                self._states[name] = "stopped"
                raise
            except Exception as error:  # noqa: BLE001 - the actor's loop: told, counted, and tried again
                loop.reason = told(error)
            now_s = self._clock.monotonic_s()
            recent.append(now_s)
            while recent and recent[0] < now_s - limits.restarts_within_s:
                recent.popleft()
            if len(recent) > limits.restarts:
                self._states[name] = "stopped"
                self._bus.publish(ActorFailed(name, loop.reason, None))
                self._leave(loop)
                return
            pause_s = back_off_s(len(recent))
            self._states[name] = "waiting"
            self._bus.publish(ActorFailed(name, loop.reason, pause_s))
            self._restarts[name] += 1
            await self._sleep(pause_s)

    def _leave(self, loop: ActorLoop) -> None:
        """Answer whoever still waits: nobody is left hanging."""
        loop.mailbox.closed = True
        for letter in loop.mailbox.empty():
            if letter.reply is not None and not letter.reply.done():
                letter.reply.set_exception(stopping())

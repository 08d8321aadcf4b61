"""An actor that has commands carried out on a pool of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from assistant.bus.envelope import Letter
    from assistant.bus.pools import Foreground, Pool
    from assistant.contracts.commands import Command
    from assistant.contracts.events import Listener

Perform = Callable[["Command[Any]", "Listener", threading.Event], Any]
"""Carries out a command in the calling thread: ``(command, listener, stop)``."""


class WorkingActor(Actor):
    """``perform`` is called on ``pool``; ``tell`` hears, on any thread, what happens. ``foreground``: a person waits
    for these commands, and the background gives way to them. ``afterwards`` is called after each, on the pool."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        perform: Perform,
        tell: Listener,
        limits: ActorLimits | None = None,
        foreground: Foreground | None = None,
        afterwards: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(name, limits)
        self._pool = pool
        self._perform = perform
        self._tell = tell
        self._foreground = foreground
        self._afterwards = afterwards

    async def on_message(self, letter: Letter) -> Any:
        """The command's reply; raises what ``perform`` raises."""
        stop = letter.stop or threading.Event()
        command: Any = letter.envelope.message
        first: AbstractContextManager[None] = self._foreground or nullcontext()
        with first:
            return await self._pool.run(lambda: self._carry_out(command, stop), stop)

    def _carry_out(self, command: Any, stop: threading.Event) -> Any:
        try:
            return self._perform(command, self._tell, stop)
        finally:
            if self._afterwards is not None:
                self._afterwards()

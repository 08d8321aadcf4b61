"""Brings remembered folders up to date when somebody asks for it, and waits for their vectors when that is wanted."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from assistant.actors.working import Perform, WorkingActor
from assistant.bus.actor import ActorLimits
from assistant.contracts.commands import AddFolders, EmbedPending, ForgetPath, TellStatus

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.bus.envelope import Letter
    from assistant.bus.pools import Pool
    from assistant.contracts.reports import Added

LONGEST_S = 24 * 3600.0


class Intake(WorkingActor):
    """Scans on the pool of files; embedding is left to the actor that embeds."""

    def __init__(self, pool: Pool, perform: Perform, bus: Bus, erase: Callable[[str], Awaitable[None]]) -> None:
        """``erase`` takes a path out of everything that the process itself has written."""
        super().__init__("intake", pool, perform, bus.publish_soon, ActorLimits(waiting=64, time_limit_s=LONGEST_S))
        self._bus = bus
        self._erase = erase

    async def on_message(self, letter: Letter) -> Any:
        """The command's reply."""
        command = letter.envelope.message
        if isinstance(command, ForgetPath):
            forgotten = await super().on_message(letter)
            await self._erase(command.path)
            return forgotten
        if not isinstance(command, AddFolders) or not command.embed:
            return await super().on_message(letter)
        stop = letter.stop or threading.Event()
        words = command.model_copy(update={"embed": False})
        found: Added = await self._pool.run(lambda: self._perform(words, self._tell, stop), stop)
        embedding = await self._bus.ask(EmbedPending(), stop=stop)
        pending = (await self._bus.ask(TellStatus(), stop=stop)).pending_vectors
        return found.model_copy(update={"embedding": embedding, "pending": pending})

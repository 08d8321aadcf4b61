"""Gives new items their vectors, in the background, as soon as something was remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any

from assistant.actors.intake import LONGEST_S
from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts.commands import Command, EmbedPending
from assistant.contracts.events import FolderScanned, Looked, SourcesRefreshed

if TYPE_CHECKING:
    from assistant.bus.envelope import Letter


class EmbeddingStarter(Actor):
    """Turns "something was remembered" into the job of embedding it: one at a time, and whatever is remembered during
    that makes one more. ``begin`` starts a job."""

    def __init__(self, begin: Callable[[Command[Any]], Awaitable[object]]) -> None:
        super().__init__("embedding starter", ActorLimits(waiting=16, time_limit_s=LONGEST_S), "drop oldest")
        self._begin = begin

    def same(self, letter: Letter) -> Hashable:
        """All events that tell of something new ask for the same."""
        return _new(letter)

    async def on_message(self, letter: Letter) -> None:
        """Begin the job when there is something new."""
        if _new(letter):
            await self._begin(EmbedPending())


def _new(letter: Letter) -> bool:
    match letter.envelope.message:
        case FolderScanned(read=number) | Looked(read=number) | SourcesRefreshed(changed=number):
            return number > 0
        case _:
            return False

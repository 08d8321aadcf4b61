"""Lets others follow what happens in the process, each at the own speed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts.events import Event

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.bus.envelope import Letter

MOST_FOLLOWERS = 16
LOOK_EVERY_S = 0.5
"""How soon a follower who has stopped is noticed."""


class Follower(Actor):
    """Tells events on, until whoever asked for it stops."""

    def __init__(self, bus: Bus) -> None:
        limits = ActorLimits(waiting=4, at_once=MOST_FOLLOWERS, time_limit_s=float("inf"))
        super().__init__("following", limits)
        self._bus = bus

    async def on_message(self, letter: Letter) -> int:
        """How many events were told."""
        told = 0
        with self._bus.observed(f"follower {letter.envelope.number}") as seen:
            while letter.stop is None or not letter.stop.is_set():
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        envelope = (await seen.mailbox.take()).envelope
                except TimeoutError:
                    continue
                event: Event = envelope.message  # type: ignore[assignment]  # observers are told of events only
                letter.tell(event)
                told += 1
        return told

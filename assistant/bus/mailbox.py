"""A bounded inbox. Belongs to the event loop's thread; every operation is atomic with respect to cancellation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Literal

from assistant.contracts.process import QueueStatus

if TYPE_CHECKING:
    from assistant.bus.envelope import Letter

WhenFull = Literal["refuse", "drop oldest"]


class Mailbox:
    """``most`` letters wait, first come, first served. Letters for which ``same`` gives equal keys (not ``None``) are
    coalesced: the later takes the place of the earlier one that still waits. ``when_full``: refuse the new letter (for
    commands, whose sender can be told), or lose the oldest event (for observers, which must never hold up the core).

    A letter with a reply is never dropped and never coalesced.
    """

    def __init__(
        self,
        name: str,
        most: int,
        when_full: WhenFull = "refuse",
        same: Callable[[Letter], Hashable | None] = lambda _: None,
    ) -> None:
        if most < 1:
            raise ValueError("a mailbox holds at least one letter")
        self._name = name
        self._most = most
        self._when_full = when_full
        self._same = same
        self._letters: deque[Letter] = deque()
        self._arrived = asyncio.Event()
        self.closed = False
        """Nobody takes letters out any more: none are taken in."""
        self._peak = self._taken = self._dropped = self._coalesced = 0

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: Letter) -> bool:
        """Whether the letter waits now (or took the place of one that did). ``False``: there was no room."""
        if self.closed:
            return False
        if letter.reply is None and self._coalesce(letter):
            return True
        if len(self._letters) >= self._most and not self._make_room():
            if letter.reply is None:
                self._dropped += 1
            return False
        self._letters.append(letter)
        self._peak = max(self._peak, len(self._letters))
        self._arrived.set()
        return True

    def _coalesce(self, letter: Letter) -> bool:
        key = self._same(letter)
        if key is None:
            return False
        for at, waiting in enumerate(self._letters):
            if waiting.reply is None and self._same(waiting) == key:
                self._letters[at] = letter
                self._coalesced += 1
                return True
        return False

    def _make_room(self) -> bool:
        if self._when_full == "refuse":
            return False
        for at, waiting in enumerate(self._letters):
            if waiting.reply is None:
                del self._letters[at]
                self._dropped += 1
                return True
        return False

    async def take(self) -> Letter:
        """The letter that has waited longest; waits for one."""
        while not self._letters:
            self._arrived.clear()
            await self._arrived.wait()
        letter = self._letters.popleft()
        self._taken += 1
        if self._letters:
            self._arrived.set()  # for another one who waits
        return letter

    def empty(self) -> list[Letter]:
        """Take out everything that waits, oldest first."""
        letters = list(self._letters)
        self._letters.clear()
        return letters

    def statistics(self) -> QueueStatus:
        return QueueStatus(
            name=self._name,
            waiting=len(self._letters),
            most=self._most,
            peak=self._peak,
            taken=self._taken,
            dropped=self._dropped,
            coalesced=self._coalesced,
        )

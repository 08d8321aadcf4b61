"""The mailbox: bounded, in order, and what happens when it is full."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from assistant.bus.envelope import Envelope, Letter
from assistant.bus.mailbox import Mailbox, WhenFull
from assistant.contracts.events import Mended
from bus.loops import run

AT = datetime(2026, 3, 1, tzinfo=UTC)


def letter(number: int, what: str = "", *, reply: Any = None) -> Letter:
    return Letter(Envelope(number, 1, None, Mended(what), AT, 0.0), reply)


def by_words(one: Letter) -> str | None:
    """Letters with the same words are the same; those without words are not."""
    return one.envelope.message.what or None  # type: ignore[union-attr]


class MailboxMachine(RuleBasedStateMachine):
    """Compared with a list that is looked through."""

    @initialize(most=st.integers(1, 5), when_full=st.sampled_from(["refuse", "drop oldest"]))
    def begin(self, most: int, when_full: WhenFull) -> None:
        self.most, self.when_full = most, when_full
        self.box = Mailbox("box", most, when_full, by_words)
        self.model: list[tuple[int, str, bool]] = []
        self.number = self.taken = self.dropped = self.coalesced = 0

    @rule(what=st.sampled_from(["", "a", "b"]), asked=st.booleans())
    def put(self, what: str, asked: bool) -> None:
        self.number += 1
        took = self.box.put(letter(self.number, what, reply=object() if asked else None))
        assert took == self._put(what, asked)

    def _put(self, what: str, asked: bool) -> bool:
        if what and not asked:
            for at, (_, words, other_asked) in enumerate(self.model):
                if words == what and not other_asked:
                    self.model[at] = (self.number, what, asked)
                    self.coalesced += 1
                    return True
        if len(self.model) >= self.most:
            events = [at for at, (_, _, other_asked) in enumerate(self.model) if not other_asked]
            if self.when_full == "refuse" or not events:
                self.dropped += not asked
                return False
            del self.model[events[0]]
            self.dropped += 1
        self.model.append((self.number, what, asked))
        return True

    @rule()
    def take(self) -> None:
        if self.model:
            taken = asyncio.run(self._take())
            assert taken.envelope.number == self.model.pop(0)[0]
            self.taken += 1

    async def _take(self) -> Letter:
        return await asyncio.wait_for(self.box.take(), 5)

    @invariant()
    def counts(self) -> None:
        if not hasattr(self, "box"):
            return
        told = self.box.statistics()
        assert told.waiting == len(self.box) == len(self.model) <= told.most == self.most
        assert (told.taken, told.dropped, told.coalesced) == (self.taken, self.dropped, self.coalesced)
        assert told.peak >= told.waiting


MailboxMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestMailbox = MailboxMachine.TestCase


def test_a_mailbox_needs_room() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Mailbox("box", 0)


def test_who_waits_gets_the_next_letter_and_a_cancelled_one_takes_none() -> None:
    async def story() -> list[int]:
        box = Mailbox("box", 3)
        gone, waiting = asyncio.create_task(box.take()), asyncio.create_task(box.take())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        box.put(letter(1))
        box.put(letter(2))
        return [(await waiting).envelope.number, (await box.take()).envelope.number]

    assert run(story()) == [1, 2]


def test_several_who_wait_are_all_woken() -> None:
    async def story() -> list[int]:
        box = Mailbox("box", 5)
        waiting = [asyncio.create_task(box.take()) for _ in range(3)]
        await asyncio.sleep(0)
        for number in range(3):
            box.put(letter(number))
        return sorted(one.envelope.number for one in await asyncio.gather(*waiting))

    assert run(story()) == [0, 1, 2]


def test_a_closed_mailbox_takes_nothing_in() -> None:
    box = Mailbox("box", 3)
    box.closed = True
    assert not box.put(letter(1))

"""The bus: commands go to the one actor that handles them, events to whoever listens.

A command's errors reach whoever asked. An event has any number of listeners; a slow one loses events (coalesced, or the
oldest dropped, and counted), and never holds anybody up. Belongs to the event loop's thread, but for
:meth:`Bus.publish_soon`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.bus.actor import Actor, ActorLoop, stopping
from assistant.bus.envelope import HANDLED, Envelope, Letter
from assistant.bus.mailbox import Mailbox
from assistant.contracts.errors import TooBusy
from assistant.contracts.events import TOPICS, Event, Listener, Topic, nobody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assistant.bus.envelope import Message
    from assistant.bus.journal import Journal
    from assistant.contracts.commands import Command
    from assistant.contracts.ports import Clock
    from assistant.contracts.process import QueueStatus

Reply = TypeVar("Reply")
OBSERVED_WAITING = 256


class Observer:
    """Hears events through a mailbox of its own: iterate over it, at any speed."""

    def __init__(self, name: str, topics: Collection[Topic] | None, most: int) -> None:
        self.topics = None if topics is None else frozenset(topics)
        self.mailbox = Mailbox(name, most, "drop oldest")

    async def __aiter__(self) -> AsyncIterator[Envelope]:
        while True:
            yield (await self.mailbox.take()).envelope


class Bus:
    """``journal`` notes what is sent; numbers of messages and turns go on from those in it."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self.journal = journal
        self._clock = clock
        self._loops: dict[str, ActorLoop] = {}
        self._handlers: dict[type, ActorLoop] = {}
        self._subscribers: dict[type, list[ActorLoop]] = {}
        self._observers: list[Observer] = []
        self._turns: dict[int, Listener] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    # who is there

    def register(
        self, actor: Actor, commands: Iterable[type[Command[Any]]] = (), events: Iterable[type] = ()
    ) -> ActorLoop:
        """Have ``actor`` handle these commands and hear these events. Raises :class:`ValueError` when a command has a
        handler already, or the name is taken."""
        if actor.name in self._loops:
            raise ValueError(f"there are two actors called {actor.name}")
        loop = self._loops[actor.name] = ActorLoop(actor, self, self._clock)
        for command in commands:
            if command in self._handlers:
                raise ValueError(f"{command.__name__} has a handler already")
            self._handlers[command] = loop
        for event in events:
            self._subscribers.setdefault(event, []).append(loop)
        return loop

    @property
    def loops(self) -> list[ActorLoop]:
        """Of all actors, in the order they were registered in."""
        return list(self._loops.values())

    @contextmanager
    def observed(
        self, name: str, topics: Collection[Topic] | None = None, most: int = OBSERVED_WAITING
    ) -> Iterator[Observer]:
        """Hear events of these topics (``None``: of all) while the block lasts."""
        observer = Observer(name, topics, most)
        self._observers.append(observer)
        try:
            yield observer
        finally:
            self._observers.remove(observer)

    def statistics(self) -> list[QueueStatus]:
        """Of every mailbox."""
        boxes = [loop.mailbox for loop in self._loops.values()] + [one.mailbox for one in self._observers]
        return [box.statistics() for box in boxes]

    # sending

    async def ask(
        self, command: Command[Reply], *, tell: Listener = nobody, stop: threading.Event | None = None
    ) -> Reply:
        """The reply of the actor that handles ``command``. ``tell`` hears the events of the turn, on the loop, and must
        return at once. ``stop``: set by the caller to end the work early; set here when this call is cancelled.

        Raises what the actor raises, :class:`~assistant.contracts.errors.TooBusy` when its mailbox is full, and
        :class:`LookupError` when nobody handles the command.
        """
        self.bind()
        loop = self._handlers.get(type(command))
        if loop is None:
            raise LookupError(f"nobody handles {type(command).__name__}")
        stop = stop or threading.Event()
        envelope = self._envelope(command)
        letter = Letter(envelope, asyncio.get_running_loop().create_future(), stop, tell)
        assert letter.reply is not None
        begins_turn = envelope.cause is None and tell is not nobody
        if begins_turn:
            self._turns[envelope.turn_id] = tell
        try:
            if loop.mailbox.closed:
                raise stopping()
            if not loop.mailbox.put(letter):
                raise TooBusy(
                    f"“{loop.actor.name}” has {len(loop.mailbox)} messages waiting and takes no more.",
                    kept="Nothing was begun.",
                    remedy="Try again in a moment.",
                )
            found: Reply = await letter.reply
            return found
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            if begins_turn:
                del self._turns[envelope.turn_id]

    def publish(self, event: Event) -> None:
        """Tell everybody who listens. Never waits."""
        envelope = self._envelope(event)
        for loop in self._subscribers.get(type(event), ()):
            loop.mailbox.put(Letter(envelope))
        for observer in self._observers:
            if observer.topics is None or TOPICS[type(event)] in observer.topics:
                observer.mailbox.put(Letter(envelope))
        teller = self._turns.get(envelope.turn_id)
        if teller is not None:
            teller(event)

    def publish_soon(self, event: Event) -> None:
        """:meth:`publish` from any thread; the turn is that of the message the thread works for. After the loop has
        ended nobody is told."""
        loop, handled = self._loop, HANDLED.get()
        if loop is None or loop.is_closed():
            return

        def publish() -> None:
            token = HANDLED.set(handled)
            try:
                self.publish(event)
            finally:
                HANDLED.reset(token)

        loop.call_soon_threadsafe(publish)

    def bind(self) -> None:
        """Note the running loop, for :meth:`publish_soon`."""
        self._loop = self._loop or asyncio.get_running_loop()

    def _envelope(self, message: Message) -> Envelope:
        handled = HANDLED.get()
        envelope = Envelope(
            number=self.journal.next_number(),
            turn_id=self.journal.next_turn() if handled is None else handled.turn_id,
            cause=None if handled is None else handled.number,
            message=message,
            at=self._clock.now(),
            at_s=self._clock.monotonic_s(),
        )
        self.journal.note(envelope)
        return envelope

"""A message on its way: which turn it belongs to, what caused it, and when."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from threading import Event as StopSignal
from typing import TYPE_CHECKING, Any

from assistant.contracts.events import Event, Listener, nobody

if TYPE_CHECKING:
    from asyncio import Future

    from assistant.contracts.commands import Command

    Message = Command[Any] | Event


@dataclass(frozen=True, slots=True)
class Envelope:
    """``number`` grows with every message. ``turn_id`` is shared by everything that follows from one request.
    ``cause`` is the number of the message in whose handling this one was sent; ``None`` for the first of a turn.
    ``at_s``: monotonic seconds; ``at``: wall time."""

    number: int
    turn_id: int
    cause: int | None
    message: Message
    at: datetime
    at_s: float


@dataclass(slots=True)
class Letter:
    """An envelope in a mailbox. ``reply`` is ``None`` for an event. ``stop``, when set, asks the handler to end early;
    ``tell`` hears what happens meanwhile."""

    envelope: Envelope
    reply: Future[Any] | None = None
    stop: StopSignal | None = None
    tell: Listener = nobody


HANDLED: ContextVar[Envelope | None] = ContextVar("HANDLED", default=None)
"""The message that is being handled in this task, or in the thread it works on."""

"""Notes what was sent and what came of it, so that a turn's story can be told. Bounded, in memory and on disk.

What is noted is a short description (:func:`about`), never the words of a question or of a file.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assistant.contracts import commands, events
from assistant.contracts.events import TOPICS
from assistant.contracts.process import StoryLine

if TYPE_CHECKING:
    from assistant.bus.envelope import Envelope, Message
    from assistant.contracts.ports import Ledger

MOST_WAITING = 2000
WRITE_EVERY_S = 1.0
QUIET = frozenset({"job.progress"})
"""Topics that are not noted: they come by the dozen and cause nothing."""


class Journal:
    """``ledger``: where it is kept. Belongs to the event loop's thread. ``due``, when given, is called when there is
    something to write; whoever writes takes it with :meth:`take`."""

    def __init__(self, ledger: Ledger, due: Callable[[], None] | None = None) -> None:
        self._ledger = ledger
        self.due = due
        self._last_number, self._last_turn = ledger.last_numbers()
        self._waiting: OrderedDict[int, tuple[int, StoryLine]] = OrderedDict()

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def next_turn(self) -> int:
        self._last_turn += 1
        return self._last_turn

    def note(self, envelope: Envelope) -> None:
        """A message was sent."""
        topic = topic_of(envelope.message)
        if topic in QUIET and not isinstance(envelope.message, events.TaskRan):
            return
        line = StoryLine(
            number=envelope.number,
            cause=envelope.cause,
            at=envelope.at.isoformat(timespec="milliseconds"),
            message=type(envelope.message).__name__,
            topic=topic,
            about=about(envelope.message),
        )
        self._keep(envelope.turn_id, line)

    def done(self, envelope: Envelope, took_s: float, failed: str) -> None:
        """A command was handled; ``failed``: why not, "" when it was."""
        if type(envelope.message) in TOPICS and not failed:
            return
        _, line = self._waiting.get(envelope.number, (0, None))
        if line is None:
            line = StoryLine(
                number=envelope.number,
                cause=envelope.cause,
                at=envelope.at.isoformat(timespec="milliseconds"),
                message=type(envelope.message).__name__,
                topic=topic_of(envelope.message),
                about=about(envelope.message),
            )
        self._keep(envelope.turn_id, line.model_copy(update={"took_s": round(took_s, 4), "failed": failed}))

    def _keep(self, turn_id: int, line: StoryLine) -> None:
        first = not self._waiting
        self._waiting[line.number] = (turn_id, line)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        if first and self.due is not None:
            self.due()

    def take(self) -> list[tuple[int, StoryLine]]:
        """What waits to be written; the caller writes it."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        return taken


def topic_of(message: Message) -> str:
    """The topic of an event; "command" for a command."""
    return TOPICS.get(type(message), "command")


def about(message: Message) -> str:
    """What a message is about, for a person, without the words of anybody's questions or files."""
    match message:
        case commands.Ask() | commands.Recall():
            text = message.text if isinstance(message, commands.Ask) else message.query.text
            return f"a question of {len(text)} characters"
        case commands.AddFolders():
            return _some(message.paths) or "all remembered folders"
        case commands.LookAt() | events.FilesChanged():
            return ", ".join(filter(None, (_count(len(message.paths), "path"), _some(message.roots))))
        case commands.ForgetPath() | events.FolderForgotten():
            return "a path"
        case commands.RunTask():
            return message.name
        case commands.RetryJob() | commands.DropJob():
            return f"job {message.job_id}"
        case commands.Command():
            return ""
        case _:
            return ", ".join(f"{name} {_short(getattr(message, name))}" for name in message.__dataclass_fields__)


def _short(value: Any) -> str:
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _some(paths: tuple[str, ...]) -> str:
    return "" if not paths else paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _count(number: int, what: str) -> str:
    return "" if not number else f"{number} {what}{'s' if number > 1 else ''}"


async def keep_writing(journal: Journal, write: Callable[[], Any]) -> None:
    """Write what was noted every second while there is something; until cancelled, then once more."""
    arrived = asyncio.Event()
    journal.due = arrived.set
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            await asyncio.sleep(WRITE_EVERY_S)
            await write()
    finally:
        journal.due = None

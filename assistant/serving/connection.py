"""One client: its frames, the requests it has outstanding, and what becomes of them when it leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assistant.contracts.errors import AssistantError, DataError, WrongUse
from assistant.serving import telling, wire
from assistant.serving.asking import command_heard, reply_told
from assistant.serving.outbox import Outbox
from assistant.serving.wire import MOST_REPLY_BYTES, BadFrame

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

    from assistant.contracts.commands import Command
    from assistant.contracts.events import Event
    from assistant.contracts.ports import Performer

_SMALL_BYTES = 64 << 10
"""A frame up to here is taken apart on the loop, a larger one on a thread."""
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one door. Seconds; ``piece_s``: between two pieces of a frame once it has begun, ``frame_s``: for all of it,
    ``stall_s``: for a client to read the next piece of a reply, ``orderly_s``: for work that was told to stop,
    ``hello_s``: for a client to say who it is. ``large``: frames over 1 MiB that are received at a time."""

    clients: int = 64
    outstanding: int = 8
    large: int = 4
    hello_s: float = 10.0
    piece_s: float = 30.0
    frame_s: float = 120.0
    stall_s: float = 30.0
    orderly_s: float = 10.0


@dataclass(slots=True)
class Counts:
    """What has come through a door since it was opened."""

    clients: int = 0
    requests: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    foreign: int = 0
    garbled: int = 0
    too_slow: int = 0
    dropped_events: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass(slots=True)
class _Request:
    stop: threading.Event = field(default_factory=threading.Event)
    task: asyncio.Task[None] | None = None


class Connection:
    """On one event loop. ``record`` keeps the traceback of a mistake in the program and says where."""

    def __init__(
        self,
        streams: tuple[StreamReader, StreamWriter],
        performer: Performer,
        counts: Counts,
        limits: Limits,
        large: asyncio.Semaphore,
        record: Callable[[BaseException], str],
    ) -> None:
        self._reader, self._writer = streams
        self._performer = performer
        self._counts = counts
        self._limits = limits
        self._large = large
        self._record = record
        self._outbox = Outbox(self._writer, limits.stall_s)
        self._requests: dict[int, _Request] = {}

    async def run(self, program: str, hello: dict[str, Any]) -> None:
        """Serve until the client leaves, breaks the rules or is too slow. Cancel it to end it from outside."""
        sending = asyncio.create_task(self._outbox.run())
        receiving = asyncio.create_task(self._receive(program, hello))
        for task in (sending, receiving):
            task.add_done_callback(_looked_at)
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            await self._stop_requests()
            self._outbox.finish()
            if self._outbox.too_slow:
                self._counts.too_slow += 1
                sending.cancel()
                self._writer.transport.abort()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            self._counts.dropped_events += self._outbox.dropped_events
            self._counts.bytes_out += self._outbox.sent_bytes
            self._writer.close()

    async def finish_requests(self) -> None:
        """Return when no request is outstanding."""
        while tasks := [one.task for one in self._requests.values() if one.task is not None]:
            await asyncio.wait(tasks)

    # what comes in

    async def _receive(self, program: str, hello: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._limits.hello_s):
                theirs = await self._frame(wire.MOST_HELLO_BYTES)
            if theirs is None:
                return
            self._outbox.reply(wire.packed(hello, wire.MOST_HELLO_BYTES))
            if misfit := wire.misfit(wire.unpacked(theirs), program):
                self.refuse(WrongUse(f"This door is not for you: {misfit}.", remedy="Restart the assistant process."))
                return
            while (body := await self._frame(wire.MOST_REQUEST_BYTES)) is not None:
                await self._take(body)
                await self._outbox.room()
                await asyncio.sleep(0)  # a thousand small frames are read between those of others
        except BadFrame as error:
            self._counts.garbled += 1
            self.refuse(WrongUse(f"What was sent cannot be read: {error}."))
        except TimeoutError:
            self._counts.garbled += 1
            self.refuse(WrongUse("What was sent broke off in the middle."))
        except OSError:
            pass  # the client has gone

    async def _frame(self, most_bytes: int) -> bytes | None:
        """The body of the next frame; ``None`` when the client has gone. A client may stay silent between two."""
        header = await self._reader.read(wire.HEADER.size)
        if not header:
            return None
        try:
            async with asyncio.timeout(self._limits.frame_s):
                while len(header) < wire.HEADER.size:
                    header += await self._piece(wire.HEADER.size - len(header))
                size = wire.length_of(header, most_bytes)
                if size <= _PIECE_BYTES:
                    return await self._body(size)
                async with self._large:
                    return await self._body(size)
        except asyncio.IncompleteReadError:
            return None

    async def _body(self, size: int) -> bytes:
        body = bytearray()
        while len(body) < size:
            body += await self._piece(min(_PIECE_BYTES, size - len(body)))
        self._counts.bytes_in += size
        return bytes(body)

    async def _piece(self, most_bytes: int) -> bytes:
        async with asyncio.timeout(self._limits.piece_s):
            piece = await self._reader.read(most_bytes)
        if not piece:
            raise asyncio.IncompleteReadError(b"", most_bytes)
        return piece

    async def _take(self, body: bytes) -> None:
        small = len(body) <= _SMALL_BYTES
        message = wire.unpacked(body) if small else await asyncio.to_thread(wire.unpacked, body)
        if "cancel" in message:
            self._cancel(message["cancel"])
            return
        number = message.get("id")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= wire.MOST_ID:
            raise BadFrame("a request without a number")
        if number in self._requests:
            raise BadFrame(f"there is a request with the number {number} already")
        if message.keys() - {"id", "do", "with"}:
            self._fail(number, WrongUse("The request has fields nobody knows."))
            return
        if len(self._requests) >= self._limits.outstanding:
            self._counts.refused += 1
            self._fail(number, WrongUse(f"More than {self._limits.outstanding} requests at a time.", remedy="Wait."))
            return
        self._counts.requests += 1
        request = self._requests[number] = _Request()
        try:
            name, told = message.get("do"), message.get("with", {})
            command = command_heard(name, told) if small else await asyncio.to_thread(command_heard, name, told)
        except WrongUse as error:
            self._counts.failed += 1
            del self._requests[number]
            self._fail(number, error)
            return
        request.task = asyncio.create_task(self._carry_out(number, command, request))

    def _cancel(self, number: object) -> None:
        request = self._requests.get(number) if isinstance(number, int) else None
        if request is not None and not request.stop.is_set():
            self._counts.cancelled += 1
            request.stop.set()

    # what goes out

    async def _carry_out(self, number: int, command: Command[Any], request: _Request) -> None:
        def tell(event: Event) -> None:
            name, told = telling.event_told(event)
            self._outbox.event({"id": number, "event": name, "with": told})

        try:
            reply = await self._performer.perform(command, tell, request.stop)
            body = b'{"id":%d,"reply":%b}' % (number, reply_told(command, reply))
            try:
                frame = wire.framed(body, MOST_REPLY_BYTES)
            except BadFrame as error:
                raise DataError(f"The reply is too large: {error}.", remedy="Ask for less at a time.") from None
            self._outbox.reply(frame)
        except AssistantError as error:
            self._counts.failed += 1
            self._fail(number, error)
        except Exception as error:  # noqa: BLE001 - a mistake in the program ends this request, not the process
            self._counts.failed += 1
            self._say(number, telling.bug_told(error, self._record(error)))
        finally:
            self._requests.pop(number, None)

    def _fail(self, number: int, error: AssistantError) -> None:
        self._say(number, telling.error_told(error))

    def _say(self, number: int, told: dict[str, Any]) -> None:
        self._outbox.reply(wire.packed({"id": number, "error": told}, MOST_REPLY_BYTES))

    def refuse(self, error: AssistantError) -> None:
        """Tell the client why the connection ends; :meth:`run` is about to."""
        self._outbox.reply(wire.packed({"refused": telling.error_told(error)}, MOST_REPLY_BYTES))

    async def _stop_requests(self) -> None:
        """Stop what nobody waits for any more, first in order, then at once."""
        tasks = [one.task for one in self._requests.values() if one.task is not None]
        for one in self._requests.values():
            one.stop.set()
        if not tasks:
            return
        self._counts.cancelled += len(tasks)
        _, left = await asyncio.wait(tasks, timeout=self._limits.orderly_s)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self._limits.orderly_s)


def _looked_at(task: asyncio.Task[None]) -> None:
    """A client that has gone is no mistake that the loop should tell of, also when we are ended ourselves just then."""
    if not task.cancelled():
        task.exception()

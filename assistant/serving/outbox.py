"""What is on its way to one client: bounded, events give way to replies, and a client that does not read is left."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from assistant.serving.wire import MOST_REPLY_BYTES, packed

if TYPE_CHECKING:
    from asyncio import StreamWriter

MOST_EVENT_BYTES = 1 << 20
"""Bytes that may wait before further events are dropped."""
MOST_WAITING_BYTES = MOST_REPLY_BYTES + (8 << 20)
_PIECE_BYTES = 256 << 10


class TooSlow(Exception):
    """The client does not read what it asked for."""


class Outbox:
    """Frames in order. Used on one event loop; ``stall_s``: how long a client may take for the next 256 KiB."""

    def __init__(self, writer: StreamWriter, stall_s: float) -> None:
        self._writer = writer
        self._stall_s = stall_s
        self._frames: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._less = asyncio.Event()
        self._closing = False
        self._waiting_bytes = 0
        self.dropped_events = 0
        self.sent_bytes = 0
        self.too_slow = False

    def reply(self, frame: bytes) -> None:
        """Send a frame that must arrive. A client with too much to read is left instead."""
        if self._waiting_bytes + len(frame) > MOST_WAITING_BYTES:
            self.too_slow = True
            self._frames.clear()
            self._more.set()
            return
        self._put(frame)

    def event(self, message: dict[str, Any]) -> None:
        """Send what may be lost: it is, and counted, when the client is behind."""
        if self._waiting_bytes > MOST_EVENT_BYTES or self._closing:
            self.dropped_events += 1
            return
        self._put(packed(message, MOST_REPLY_BYTES))

    def _put(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._waiting_bytes += len(frame)
        self._more.set()

    async def room(self) -> None:
        """Return when the client has read most of what was sent: who sends and never reads is not listened to."""
        while self._waiting_bytes > MOST_EVENT_BYTES and not self.too_slow:
            self._less.clear()
            await self._less.wait()

    def finish(self) -> None:
        """Send what is waiting, then no more."""
        self._closing = True
        self._more.set()

    async def run(self) -> None:
        """Send until :meth:`finish`. Raises :class:`TooSlow`, and ``OSError`` when the client has gone."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._frames:
                await self._send(self._frames.popleft())
            if self.too_slow:
                raise TooSlow
            if self._closing:
                return

    async def _send(self, frame: bytes) -> None:
        for at in range(0, len(frame), _PIECE_BYTES):
            self._writer.write(frame[at : at + _PIECE_BYTES])
            try:
                async with asyncio.timeout(self._stall_s):
                    await self._writer.drain()
            except TimeoutError:
                self.too_slow = True
                raise TooSlow from None
        self._waiting_bytes -= len(frame)
        self._less.set()
        self.sent_bytes += len(frame)

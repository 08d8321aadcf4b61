"""The door of the process that owns the store: a Unix socket, for its own user only."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.contracts.errors import AssistantError, PolicyDenied, StoreBusy
from assistant.serving import telling, wire
from assistant.serving.connection import Connection, Counts, Limits
from assistant.serving.places import listening, peer_uid, remove_own

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

    from assistant.contracts.ports import Performer

_ACCEPT_AGAIN_S = 0.2
"""After the system refused a connection for want of descriptors."""


class Door:
    """Open with :meth:`open`, as the owner of the store; close with :meth:`close`. All on one event loop.

    ``program``: version of the program, which a client must have too. ``settings``: what clients may compare theirs
    with, and the ``defaults`` of those. ``record``: keeps the traceback of a mistake in the program,
    and says in a sentence where.
    """

    def __init__(
        self,
        performer: Performer,
        path: Path,
        *,
        program: str,
        record: Callable[[BaseException], str],
        settings: Mapping[str, Any] | None = None,
        defaults: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.path = path
        self._performer = performer
        self._program = program
        self._record = record
        self._hello = wire.hello(program, pid=os.getpid(), settings=dict(settings or {}), defaults=dict(defaults or {}))
        self._limits = limits or Limits()
        self._counts = Counts()
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._socket: socket.socket | None = None
        self._made = (0, 0)
        self._accepting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. Raises what :func:`assistant.serving.places.listening` raises."""
        self._large = asyncio.Semaphore(self._limits.large)
        self._socket, self._made = listening(self.path)
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(self._socket), name="door")

    async def close(self, finish_s: float = 5.0) -> None:
        """Take no more clients, let requests end for up to ``finish_s``, stop the others, remove our socket."""
        if self._socket is None or self._accepting is None:
            return
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._socket.close()
        self._socket = None
        remove_own(self.path, self._made)
        outstanding = [asyncio.create_task(one.finish_requests()) for one in self._connections.values()]
        if outstanding:
            _, left = await asyncio.wait(outstanding, timeout=finish_s)
            for waiting in left:
                waiting.cancel()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> dict[str, int]:
        """``attached`` clients now; the rest since the door was opened. ``foreign``: clients of another user, turned
        away; ``refused``: clients and requests that were too many; ``garbled``: connections that sent nonsense;
        ``too_slow``: those that did not read."""
        return {"attached": len(self._connections), **asdict(self._counts)}

    async def _accept(self, door: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(door)
            except OSError:  # too many open files: those who wait are taken when one is closed
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            connection.setblocking(False)
            if refusal := self._refusal(connection):
                _turn_away(connection, refusal)
                continue
            try:
                streams = await asyncio.open_unix_connection(sock=connection)
            except OSError:  # it has gone already
                connection.close()
                continue
            self._serve(streams)

    def _refusal(self, connection: socket.socket) -> AssistantError | None:
        try:
            uid = peer_uid(connection)
        except OSError:
            uid = -1
        if uid != os.geteuid():
            self._counts.foreign += 1
            return PolicyDenied("This assistant belongs to another user.")
        if len(self._connections) >= self._limits.clients:
            self._counts.refused += 1
            return StoreBusy(
                f"The assistant process has {self._limits.clients} clients already.", remedy="Try again in a moment."
            )
        return None

    def _serve(self, streams: tuple[StreamReader, StreamWriter]) -> None:
        self._counts.clients += 1
        one = Connection(streams, self._performer, self._counts, self._limits, self._large, self._record)
        task = asyncio.create_task(one.run(self._program, self._hello), name="client")
        self._connections[task] = one
        task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._record(error)


def _turn_away(connection: socket.socket, error: AssistantError) -> None:
    """Say why, as far as that can be done without waiting."""
    with connection:
        try:
            connection.send(wire.packed({"refused": telling.error_told(error)}, wire.MOST_HELLO_BYTES))
        except OSError:
            return

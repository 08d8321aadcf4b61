"""The living process: owns the store, and carries out what comes in through the door."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from assistant.app import Assistant, open_assistant
from assistant.contracts.commands import Command, StopProcess
from assistant.contracts.errors import Interrupted
from assistant.contracts.events import Listener
from assistant.contracts.program import VERSION
from assistant.contracts.reports import Stopped
from assistant.locations import locate
from assistant.memory.owner import owner_of
from assistant.memory.ownership import StoreLock, busy
from assistant.performing import perform
from assistant.recording import record_mistake
from assistant.serving.server import Door
from assistant.settings import Settings, load_settings

Reply = TypeVar("Reply")
_LOOK_AGAIN_S = 0.05
COMPARED = {"model", "precision", "reranker", "parameters"}
"""Settings that a client with others is told about."""


class OneAtATime:
    """A performer with one thread."""

    def __init__(self, assistant: Assistant, stopping: asyncio.Event) -> None:
        self._assistant = assistant
        self._stopping = stopping
        self._pool = ThreadPoolExecutor(1, "performer")

    async def perform(self, command: Command[Reply], tell: Listener, stop: threading.Event) -> Reply:
        """See :class:`assistant.contracts.ports.Performer`."""
        if isinstance(command, StopProcess):
            self._stopping.set()
            reply: Any = Stopped(pid=os.getpid())
            return reply  # type: ignore[no-any-return]
        loop = asyncio.get_running_loop()

        def work() -> Reply:
            if stop.is_set():  # while it waited for its turn
                raise Interrupted
            return perform(self._assistant, command, lambda event: _told(loop, tell, event), stop)

        try:
            return await loop.run_in_executor(self._pool, work)
        except asyncio.CancelledError:
            stop.set()
            raise

    def close(self) -> None:
        """Wait for what is being done."""
        self._pool.shutdown(cancel_futures=True)


def _told(loop: asyncio.AbstractEventLoop, tell: Listener, event: Any) -> None:
    loop.call_soon_threadsafe(tell, event)


async def owned(stopping: asyncio.Event) -> StoreLock | None:
    """The lock of the store; ``None``: stopped before. A command that is just at work is waited for, as long as the
    settings say. Raises :class:`~assistant.contracts.errors.StoreBusy`."""
    places = locate()
    limit_s = load_settings(places.settings_file, Path.cwd()).wait_for_store_s
    lock, deadline_s = StoreLock(places.store), time.monotonic() + limit_s
    while not stopping.is_set():
        if lock.acquire():
            return lock
        owner = owner_of(places.store)
        if time.monotonic() > deadline_s or (owner is not None and owner.door and owner.alive()):
            raise busy(places.store)
        await asyncio.sleep(_LOOK_AGAIN_S)
    return None


async def live(
    *, flags: dict[str, object] | None, listener: Listener, ready: Callable[[str], None], stopping: asyncio.Event
) -> None:
    """Own the store and keep the door open until ``stopping`` is set; ``ready`` is told the path of the socket.

    Raises :class:`~assistant.contracts.errors.StoreBusy` when another process owns the store.
    """
    lock = await owned(stopping)
    if lock is None:
        return
    with open_assistant(flags=flags, listener=listener, lock=lock) as assistant:
        performer = OneAtATime(assistant, stopping)
        door = Door(
            performer,
            assistant.locations.door,
            program=VERSION,
            record=record_mistake,
            settings=assistant.settings.model_dump(include=COMPARED),
            defaults=Settings().model_dump(include=COMPARED),
        )
        try:
            await door.open()
            assistant.announce(str(door.path))
            ready(str(door.path))
            await stopping.wait()
        finally:
            assistant.announce("")
            await door.close()
            assistant.stop.set()
            performer.close()

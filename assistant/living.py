"""The living process: owns the store, and carries out what comes in through the door."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from assistant.app import open_assistant
from assistant.clock import SystemClock
from assistant.contracts.events import Listener
from assistant.contracts.program import VERSION
from assistant.locations import locate
from assistant.memory.owner import owner_of
from assistant.memory.ownership import StoreLock, busy
from assistant.recording import record_mistake
from assistant.serving.server import Door
from assistant.settings import Settings, load_settings
from assistant.staff import Staff

COMPARED = {"model", "precision", "reranker", "parameters"}
"""Settings that a client with others is told about."""
_LOOK_AGAIN_S = 0.05


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
        await asyncio.to_thread(assistant.own)
        staff = await asyncio.to_thread(Staff, assistant, SystemClock(), stopping.set)
        door = Door(
            staff,
            assistant.locations.door,
            program=VERSION,
            record=record_mistake,
            settings=assistant.settings.model_dump(include=COMPARED),
            defaults=Settings().model_dump(include=COMPARED),
        )
        staff.door = door
        async with staff:
            try:
                await door.open()
                assistant.announce(str(door.path))
                ready(str(door.path))
                await stopping.wait()
            finally:
                assistant.announce("")
                await door.close()
                assistant.stop.set()

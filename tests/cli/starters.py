"""What processes do that all want the same memory at the same instant. Apart from the tests, so that a child loads no
more than it needs."""

from __future__ import annotations

import asyncio
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import assistant.app
import assistant.living
import assistant.performing
from assistant.client import connect
from assistant.contracts.commands import Recall
from assistant.contracts.errors import UserError
from assistant.contracts.events import nobody
from assistant.contracts.items import RecallQuery
from assistant.locations import locate
from assistant.memory.ownership import StoreLock

HELD_S = 0.005
"""How long an owner stays one after its work, so that a second one would be seen."""


def at_home(home: Path) -> None:
    """Let this process be one of the user whose memory lies there."""
    os.environ["ASSISTANT_HOME"] = str(home)
    os.environ["ASSISTANT_READERS"] = "1"
    os.chdir(home)


def adds(talk: Connection, home: Path, folder: Path) -> None:
    """Remember a folder at the given moment. Tells when we were the owner for certain (``None``: never), or what went
    wrong."""
    at_home(home)
    talk.send("ready")
    _at(talk.recv())
    try:
        with connect() as client:
            client.add(str(folder), embed=False)
            local = client._reach._local
            if local is None:
                talk.send(("added", None))
                return
            since_s = time.monotonic()
            assert not local.read_only
            assert not StoreLock(locate().store).acquire()
            time.sleep(HELD_S)
            until_s = time.monotonic()
        talk.send(("added", (since_s, until_s)))
    except UserError as error:
        talk.send(("failed", str(error)))


def serves(talk: Connection, home: Path) -> None:
    """Be the process that owns the memory from the given moment on, until told to stop."""
    at_home(home)
    talk.send("ready")
    _at(talk.recv())
    times: list[float] = []

    async def main() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(talk.fileno(), stopping.set)
        try:
            await assistant.living.live(
                flags=None, listener=nobody, ready=lambda _: times.append(time.monotonic()), stopping=stopping
            )
        finally:
            loop.remove_reader(talk.fileno())

    try:
        asyncio.run(main())
    except UserError as error:
        talk.send(("busy", str(error)))
        return
    finally:
        times.append(time.monotonic())
    talk.send(("served", (times[0], times[0] + HELD_S) if len(times) > 1 else None))


def asks(talk: Connection, home: Path, questions: list[str], seconds: float) -> None:
    """Ask one question after the other for so long; tells how long each took, in seconds, or what went wrong."""
    at_home(home)
    talk.send("ready")
    _at(talk.recv())
    until_s = time.monotonic() + seconds
    took: list[float] = []
    try:
        with connect() as client:
            while time.monotonic() < until_s or not took:
                started_s = time.monotonic()
                found = client.do(Recall(query=RecallQuery(text=questions[len(took) % len(questions)], k=5)))
                took.append(time.monotonic() - started_s)
                assert found.items
        talk.send(("asked", took))
    except UserError as error:
        talk.send(("failed", str(error)))


def _at(moment_s: float) -> None:
    while time.monotonic() < moment_s:
        pass

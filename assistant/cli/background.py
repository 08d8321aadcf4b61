"""Starting, staying as, and stopping the process that owns the memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from assistant.contracts.errors import EXIT_NOTHING_FOUND, DataError, StoreBusy, UserError, WrongUse
from assistant.locations import Locations, locate
from assistant.memory.owner import Owner, owner_of
from assistant.reaching import attached
from assistant.serving.calling import NobodyThere, RemoteDoor

START_S = 60.0
STOP_S = 60.0
_LOOK_AGAIN_S = 0.05
_TOLD_BYTES = 2000
MOST_LOG_BYTES = 1 << 20
"""What earlier processes said is dropped beyond this, when the next one is started."""


def start() -> None:
    """Start the process, detached, and wait until its door answers. One that is running is named instead."""
    places = locate()
    if (door := attached(places)) is not None:
        _say(f"It is running already: {_named(door, places)}")
        return
    places.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    log = os.open(places.log, flags, 0o600)
    try:
        if os.fstat(log).st_size > MOST_LOG_BYTES:
            os.truncate(log, 0)
        begun_at = os.fstat(log).st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "assistant", "serve", "--foreground"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(log)
    deadline_s = time.monotonic() + START_S
    while True:
        if (door := attached(places)) is not None:
            _say(f"Started: {_named(door, places)}" if door.pid == process.pid else f"Running: {_named(door, places)}")
            door.close()
            threading.Thread(target=process.wait, daemon=True).start()  # it may outlive us, but not as a zombie
            return
        if process.poll() is not None:
            raise DataError("The process could not be started.", remedy=_last_words(places.log, begun_at))
        if time.monotonic() > deadline_s:
            process.terminate()
            process.wait()
            raise DataError(
                f"The process did not answer within {START_S:g} s and was stopped.", remedy=f"Look into {places.log}."
            )
        time.sleep(_LOOK_AGAIN_S)


def stay() -> None:
    """Be the process, until it is told to stop."""
    import asyncio

    from assistant.contracts.events import nobody
    from assistant.living import live

    places = locate()

    def ready(door: str) -> None:
        _say(f"Running: process {os.getpid()}, door {door}")

    async def main() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stopping.set)
        await live(flags=None, listener=nobody, ready=ready, stopping=stopping)

    if (door := attached(places)) is not None:
        raise StoreBusy(f"It is running already: {_named(door, places)}")
    asyncio.run(main())


def stop() -> None:
    """Stop the process in order and wait until it has ended."""
    places = locate()
    owner = owner_of(places.store)
    if owner is None or not owner.door or not owner.alive():
        raise WrongUse("No assistant process is running.")
    try:
        door = attached(places)
        if door is not None:
            door.say("StopProcess", {})
            door.close()
    except (UserError, NobodyThere):  # another version, or it does not answer: a signal asks the same
        door = None
    if door is None and owner.alive():
        os.kill(owner.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S
    while owner.alive():
        if time.monotonic() > deadline_s:
            raise DataError(
                f"The process {owner.pid} has not ended within {STOP_S:g} s.", remedy=f"Last resort: kill {owner.pid}"
            )
        time.sleep(_LOOK_AGAIN_S)
    _say(f"Stopped: process {owner.pid}")


def tell() -> int:
    """Say whether a process is running; the exit code."""
    places = locate()
    door = attached(places)
    if door is None:
        _say("No assistant process is running.")
        return EXIT_NOTHING_FOUND
    _say(f"Running: {_named(door, places)}, version {door.hello.get('program')}")
    return 0


def _named(door: RemoteDoor, places: Locations) -> str:
    owner = owner_of(places.store) or Owner(door.pid)
    return f"process {door.pid}, door {owner.door}"


def _last_words(log: Path, begun_at: int) -> str:
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begun_at, size - _TOLD_BYTES))
            said = file.read(_TOLD_BYTES).decode(errors="replace").strip()
    except OSError:
        said = ""
    return f"It said: {said}" if said else f"Look into {log}."


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()

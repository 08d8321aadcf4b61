"""A door that is open in this process, on a thread of its own, and a bare client that may say anything."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.contracts.commands import Ask, Command, TellMetrics, TellRoots
from assistant.contracts.errors import BadQuestion, Interrupted
from assistant.contracts.events import Listener, WorkProgressed
from assistant.contracts.process import Metrics
from assistant.serving.connection import Limits
from assistant.serving.server import Door
from serving.examples import example

PROGRAM = "1.2.3-test"
LIMIT_S = 60.0


@dataclass
class Told:
    """Carries out what a test asks: the text of an ``Ask`` says what. ``stopped``: works until it is stopped;
    ``events N``: tells of so many; ``large N``: replies with so many bytes; ``stubborn``: does not stop; ``bug``."""

    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    cancelled: int = 0

    async def perform(self, command: Command[Any], tell: Listener, stop: threading.Event) -> Any:
        """See :class:`assistant.contracts.ports.Performer`."""
        if isinstance(command, TellRoots):
            return ("/a", "/b")
        if isinstance(command, TellMetrics):
            return Metrics(text="x" * (70 << 20))
        if not isinstance(command, Ask):
            return example(type(command).reply_type())
        what, _, number = command.text.partition(" ")
        try:
            return await self._answer(what, int(number) if number.isdecimal() else 0, command, tell, stop)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _answer(self, what: str, number: int, command: Ask, tell: Listener, stop: threading.Event) -> Any:
        answer = example(Ask.reply_type())
        match what:
            case "wait":
                self.started.release()
                while not stop.is_set():
                    await asyncio.sleep(0.005)
                self.stopped.release()
                raise Interrupted
            case "stubborn":
                self.started.release()
                await asyncio.sleep(LIMIT_S)
            case "events":
                for one in range(number):
                    tell(WorkProgressed("counting", one, number))
            case "large":
                answer = answer.model_copy(update={"answer": "x" * number})
            case "bug":
                raise KeyError("the traceback is not for the wire")
            case "bad":
                raise BadQuestion("No.", kept="All.", remedy="Yes.")
            case "extra":
                answer = answer.model_copy(update={"answer": str(len(command.extra))})
            case _:
                answer = answer.model_copy(update={"answer": command.text})
        return answer


@dataclass
class Open:
    door: Door
    performer: Told
    path: Path
    mistakes: list[BaseException]

    def until(self, **wanted: int) -> dict[str, int]:
        """The statistics, once they are these; fails when they do not come to be."""
        limit_s = time.monotonic() + LIMIT_S
        while True:
            found = self.door.statistics()
            if all(found[name] == value for name, value in wanted.items()):
                return found
            assert time.monotonic() < limit_s, found
            time.sleep(0.005)


@contextmanager
def a_door(path: Path, limits: Limits | None = None, finish_s: float = 1.0, **settings: Any) -> Iterator[Open]:
    """A door that is open within the block."""
    mistakes: list[BaseException] = []

    def record(error: BaseException) -> str:
        mistakes.append(error)
        return "It is in the list."

    performer = Told()
    door = Door(performer, path, program=PROGRAM, record=record, limits=limits, **settings)
    ready, failed = threading.Event(), list[BaseException]()
    loop = asyncio.new_event_loop()
    leaving = asyncio.Event()

    async def main() -> None:
        try:
            await door.open()
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            ready.set()
        await leaving.wait()
        await door.close(finish_s)

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001 - raised in the thread of the test
            failed.append(error)
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(LIMIT_S)
    if failed:
        thread.join()
        raise failed[0]
    try:
        yield Open(door, performer, path, mistakes)
    finally:
        loop.call_soon_threadsafe(leaving.set)
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


class Bare:
    """A client that says what it likes."""

    def __init__(self, path: Path, hello: dict[str, Any] | None = None, *, silent: bool = False) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect(str(path))
        if not silent:
            self.send(hello or {"hello": "assistant", "protocol": 1, "program": PROGRAM})
            self.greeting = self.next()

    def send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def ask(self, number: int, text: str) -> None:
        self.send({"id": number, "do": "Ask", "with": {"text": text}})

    def next(self) -> dict[str, Any]:
        """The next frame; ``{}`` when the other side has closed."""
        header = self._exactly(4)
        if len(header) < 4:
            return {}
        found = json.loads(self._exactly(struct.unpack(">I", header)[0]))
        assert isinstance(found, dict)
        return found

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            try:
                block = self.socket.recv(count - len(found))
            except ConnectionResetError:
                break
            if not block:
                break
            found += block
        return bytes(found)

    def refused(self, *words: str) -> None:
        """It is told why the connection ends, and it ends."""
        told = self.next()
        assert "refused" in told, told
        for word in words:
            assert word in told["refused"]["happened"]
        assert self.next() == {}

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

"""Processes to be killed, starved and watched: forked from one that has imported everything, so that a hundred of them
cost little. What they do is in ``workers``."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from assistant.testing.refusals import Watch, submit

LIMIT_S = 100.0
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["hardness.workers", "hardness.kill_loop", "assistant.memory.repairing"])


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative: the signal that killed it) and all it said."""

    code: int
    said: list[Any]


class _End:
    """One end of a pair of sockets, on its way to a process that is started."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (reduction.DupFd(self.descriptor),)


def _arrived(duplicate: Any) -> _End:
    return _End(duplicate.detach())


@contextmanager
def _for_the_server() -> Iterator[None]:
    """The server learns where the tests are, and that numpy must start no threads, from its environment."""
    wanted = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(_paths())}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _paths() -> list[str]:
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [str(Path(__file__).resolve().parents[1]), *filter(None, known)]


def start(function: Callable[..., None], *arguments: Any, watch: Watch | None = None) -> tuple[Any, Connection]:
    """Start ``function(talk, *arguments)`` in a process of its own; ``talk`` and the connection that is returned with
    the process are the two ends of one pipe."""
    with _for_the_server():
        forkserver.ensure_running()
    ours, theirs = CONTEXT.Pipe()
    end = None if watch is None else _End(watch.theirs.fileno())
    process = CONTEXT.Process(target=_run, args=(theirs, end, function, arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _run(talk: Connection, end: _End | None, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    if end is not None:
        with socket.socket(fileno=end.descriptor) as to:
            submit(to)
    function(talk, *arguments)
    talk.close()


def run(function: Callable[..., None], *arguments: Any, watch: Watch | None = None) -> Ended:
    """:func:`start`, and wait for the end."""
    process, ours = start(function, *arguments, watch=watch)
    said = []
    try:
        while ours.poll(LIMIT_S):
            said.append(ours.recv())
    except (EOFError, ConnectionResetError):
        pass
    process.join(LIMIT_S)
    assert process.exitcode is not None, f"it hangs: {said}"
    ours.close()
    return Ended(process.exitcode, said)


@contextmanager
def running(function: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """A process to talk to, which ends when it is sent ``None``; that is done at the end of the block."""
    process, talk = start(function, *arguments)
    try:
        yield talk
        talk.send(None)
    finally:
        process.join(LIMIT_S)
        process.kill()
        talk.close()


def answer(talk: Connection, task: Any) -> Any:
    """What a process says to a task."""
    talk.send(task)
    assert talk.poll(LIMIT_S), f"it hangs with {task}"
    return talk.recv()

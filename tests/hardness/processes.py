"""Processes to be killed, starved and watched: forked from one that has imported everything, so that a hundred of them
cost little."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

from assistant.testing.refusals import Watch, submit

LIMIT_S = 100.0

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when the server imports numpy; it must not have threads
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "assistant.actors.embedder",
        "assistant.actors.librarian",
        "assistant.memory.backup",
        "assistant.memory.checking",
        "assistant.memory.fabric",
        "assistant.memory.repairing",
        "assistant.memory.restoring",
        "assistant.testing.hashing",
        "assistant.testing.disks",
    ]
)


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


def start(function: Callable[..., None], *arguments: Any, watch: Watch | None = None) -> tuple[Any, Connection]:
    """Start ``function(talk, *arguments)`` in a process of its own; ``talk`` and the connection that is returned with
    the process are the two ends of one pipe."""
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

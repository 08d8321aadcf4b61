"""Reading that may kill the process that does it, done in a child: a damaged memory map ends it with a signal.

A child ends with 0, with 1 (damage, told on its output), or with 2 and one of our errors as JSON on its stderr.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from assistant.contracts.errors import DamagedStore, DataError, Interrupted, StorageFailed
from assistant.lifeline import hold
from assistant.memory.envelope import damaged

FAILED = 2
END_LIMIT_S = 120.0
"""How long a child may take to end once it has closed its output."""
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_POLL_S = 0.2
_BLOCK_BYTES = 1 << 16
_MAX_ERROR_BYTES = 1 << 16
_OF_DAMAGE = frozenset({signal.SIGBUS, signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})
"""Signals that come from what was read; any other was sent by somebody."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


class Child:
    """A process of ours at work; made by :func:`child`. One thread."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes], should_stop: Callable[[], bool]) -> None:
        assert process.stdout is not None
        self._process = process
        self._output = process.stdout.fileno()
        self._errors = errors
        self._should_stop = should_stop

    def blocks(self, silent_s: float) -> Iterator[bytes]:
        """What it writes, as it comes, until it closes its output.

        Raises :class:`~assistant.contracts.errors.Interrupted` when it should stop, and
        :class:`~assistant.contracts.errors.StorageFailed` when it says nothing for ``silent_s``.
        """
        waited_s = 0.0
        while True:
            if self._should_stop():
                raise Interrupted
            if not select.select([self._output], [], [], _POLL_S)[0]:
                waited_s += _POLL_S
                if waited_s >= silent_s:
                    raise _too_long(silent_s)
                continue
            waited_s = 0.0
            block = os.read(self._output, _BLOCK_BYTES)
            if not block:
                return
            yield block

    def ended(self) -> int:
        """Wait for its end; 0 or 1. Raises a DamagedStore when reading killed it, the error it told of, and
        :class:`~assistant.contracts.errors.StorageFailed` when it ended in some other way or does not end."""
        waited_s = 0.0
        while True:
            try:
                code = self._process.wait(_POLL_S)
                break
            except subprocess.TimeoutExpired:
                waited_s += _POLL_S
                if self._should_stop():
                    raise Interrupted from None
                if waited_s >= END_LIMIT_S:
                    raise _too_long(END_LIMIT_S) from None
        if code < 0 and -code in _OF_DAMAGE:
            raise damaged(f"reading it killed the checking process (signal {-code})")
        if code not in (0, 1):
            raise self._told(code)
        return code

    def _told(self, code: int) -> DataError:
        self._errors.seek(0)
        text = self._errors.read(_MAX_ERROR_BYTES).decode(errors="replace")
        try:
            told = json.loads(text)
            kind = {"DamagedStore": DamagedStore, "StorageFailed": StorageFailed}[told["error"]]
            return kind(told["happened"], kept=told["kept"], remedy=told["remedy"])
        except (ValueError, KeyError, TypeError):
            last = text.strip().splitlines()[-1:] or [f"it ended with {code}"]
        return StorageFailed(
            f"The process that looked at the memory store failed: {last[0]}.",
            kept="Nothing was changed.",
            remedy="Try again when less is running on this computer.",
        )


def _too_long(seconds: float) -> StorageFailed:
    return StorageFailed(
        f"Looking at the memory store took longer than {seconds / 60:.0f} minutes.",
        kept="Nothing was changed.",
        remedy="Try again when the computer has less to do.",
    )


@contextmanager
def child(module: str, *arguments: str, should_stop: Callable[[], bool] = never) -> Iterator[Child]:
    """Start ``python -m module``, whose main part calls :func:`bind`; it outlives neither the block nor this process.
    Raises :class:`~assistant.contracts.errors.StorageFailed`."""
    try:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,  # its lifeline
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_PACKAGE_PARENT,
            process_group=0,
        )
    except OSError as error:
        raise StorageFailed(
            f"A process to look at the memory store could not be started: {error.strerror}.",
            kept="Nothing was changed.",
            remedy="Close other programs, check the free space of the disk, and try again.",
        ) from error
    try:
        yield Child(process, errors, should_stop)
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()
        errors.close()


def tell(error: DataError) -> int:
    """Called by a child: hand an error to the parent; returns the exit code."""
    told = {"error": type(error).__name__, "happened": error.happened, "kept": error.kept, "remedy": error.remedy}
    sys.stderr.write(json.dumps(told))
    return FAILED


def bind() -> None:
    """Called by a child, first of all: it ends when the parent does, and leaves a Ctrl-C to it. One that wrote on to a
    copy would meet the next process, which makes a copy of its own under the same name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hold(sys.stdin.fileno())

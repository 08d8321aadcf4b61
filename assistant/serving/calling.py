"""The other side of the door: asks a running process, one request at a time per connection. Blocking, without an event
loop; it loads neither the models of commands nor anything else that a short command can do without."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.contracts.errors import DataError, Interrupted, PolicyDenied, WrongUse
from assistant.serving import telling, wire
from assistant.serving.places import peer_uid
from assistant.serving.wire import MOST_REPLY_BYTES, MOST_REQUEST_BYTES, BadFrame

if TYPE_CHECKING:
    from assistant.contracts.commands import Command
    from assistant.contracts.events import Listener

    _Told = Listener | None
    _Stop = threading.Event | None

Reply = TypeVar("Reply")

HELLO_S = 10.0
SEND_S = 60.0
ORDERLY_S = 15.0
"""How long a request that was told to stop may take to end in order."""
_LOOK_S = 0.1
_READ_BYTES = 1 << 18
_IDLE = 8
"""Connections that are kept for the next request."""


class NobodyThere(Exception):
    """No process answers at the socket."""


class RemoteDoor:
    """A running process. Thread-safe: each request that is under way has a connection of its own."""

    def __init__(self, path: Path, program: str) -> None:
        """Raises :class:`NobodyThere`, and :class:`~assistant.contracts.errors.UserError` when the process does not
        want us or is of another version than ``program``."""
        self._path = path
        self._program = program
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        first = _Line(path, program)
        self.hello: Mapping[str, Any] = first.hello
        self._idle.append(first)

    @property
    def pid(self) -> int:
        """Number of the process on the other side."""
        return int(self.hello.get("pid", 0))

    def do(self, command: Command[Reply], listener: _Told = None, stop: _Stop = None) -> Reply:
        """Have a command carried out; see :meth:`say`."""
        from assistant.serving.asking import command_told, reply_heard

        name, fields = command_told(command)
        reply: Reply = reply_heard(command, self.say(name, fields, listener, stop))
        return reply

    def say(
        self,
        name: str,
        fields: Mapping[str, Any],
        listener: _Told = None,
        stop: _Stop = None,
    ) -> Any:
        """The reply to a command, as JSON. ``listener`` is told in this thread of what happens meanwhile. ``stop``,
        when set, asks the process to end this request; how it ends is waited for, up to a limit.

        Raises the error the process answers with, :class:`~assistant.contracts.errors.Interrupted`, and
        :class:`~assistant.contracts.errors.DataError` when the process dies. Raises :class:`NobodyThere` when it has
        gone before the request was sent.
        """
        line = self._line()
        try:
            reply = line.call(name, fields, listener, stop)
        except BaseException:
            if not line.usable:
                line.close()
            else:
                self._keep(line)
            raise
        self._keep(line)
        return reply

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _line(self) -> _Line:
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            if line is None:
                return _Line(self._path, self._program)
            if not line.has_ended():
                return line
            line.close()

    def _keep(self, line: _Line) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(line)
                return
        line.close()


class _Line:
    """One connection; used by one thread at a time. ``usable``: whether another request may follow."""

    def __init__(self, path: Path, program: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._received = bytearray()
        self._number = 0
        self._cancelled = False
        self.usable = True
        try:
            self._socket.settimeout(HELLO_S)
            self._open(path)
            if peer_uid(self._socket) != os.geteuid():
                raise PolicyDenied(f"The process at {path} belongs to another user.", kept="Nothing was sent to it.")
            with suppress(BrokenPipeError):  # whoever turns us away need not listen first
                self._socket.sendall(wire.packed(wire.hello(program), wire.MOST_HELLO_BYTES))
            self.hello = self._hello()
            if misfit := wire.misfit(self.hello, program):
                raise WrongUse(
                    f"The assistant process that is running cannot be asked: {misfit}.",
                    remedy="Restart it: assistant serve --stop, then assistant serve.",
                )
        except BaseException:
            self._socket.close()
            raise

    def _open(self, path: Path) -> None:
        try:
            self._socket.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NobodyThere from None
        except TimeoutError:
            raise _silent() from None
        except OSError as error:
            raise DataError(f"The socket {path} cannot be reached: {error.strerror or error}.") from error

    def _hello(self) -> Mapping[str, Any]:
        deadline_s = time.monotonic() + HELLO_S
        try:
            while (told := self._frame()) is None:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not self._wait(left_s):
                    raise _silent()
                if not self._receive():
                    raise NobodyThere
        except (ConnectionError, BrokenPipeError):
            raise NobodyThere from None
        if "refused" in told:
            raise telling.error_heard(told["refused"])
        return told

    def call(self, name: str, fields: Mapping[str, Any], listener: _Told, stop: _Stop) -> Any:
        """See :meth:`RemoteDoor.say`."""
        self._number += 1
        self._cancelled = False
        try:
            frame = wire.packed({"id": self._number, "do": name, "with": fields}, MOST_REQUEST_BYTES)
        except BadFrame as error:
            raise WrongUse(f"The request is too large: {error}.") from None
        self.usable = False  # until the answer is here
        try:
            self._socket.settimeout(SEND_S)
            with suppress(BrokenPipeError, ConnectionResetError):  # what it had to say may still be read
                self._socket.sendall(frame)
            return self._answer(listener, stop)
        except ConnectionResetError as error:
            if self._cancelled:
                raise _gone() from error
            raise NobodyThere from None  # the system's word for: it ended, and had not read what we sent
        except TimeoutError:
            raise _silent() from None
        except OSError as error:
            raise _gone() from error

    def _answer(self, listener: _Told, stop: _Stop) -> Any:
        deadline_s: float | None = None
        while True:
            while (told := self._frame()) is not None:
                if "refused" in told:
                    raise telling.error_heard(told["refused"])
                if told.get("id") != self._number:
                    continue
                if "event" in told:
                    event = listener and telling.event_heard(told["event"], told.get("with"))
                    if listener is not None and event is not None:
                        listener(event)
                    continue
                self.usable = True
                if "error" in told:
                    raise telling.error_heard(told["error"])
                return told.get("reply")
            if deadline_s is None and stop is not None and stop.is_set():
                deadline_s = time.monotonic() + ORDERLY_S
                self._cancelled = True
                self._socket.sendall(wire.packed({"cancel": self._number}, MOST_REQUEST_BYTES))
            if deadline_s is not None and time.monotonic() > deadline_s:
                raise Interrupted
            try:
                came = self._wait(_LOOK_S)
            except KeyboardInterrupt:
                with suppress(OSError):
                    self._socket.sendall(wire.packed({"cancel": self._number}, MOST_REQUEST_BYTES))
                raise
            if came and not self._receive():
                raise _gone()

    def _wait(self, limit_s: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(limit_s * 1000))

    def _receive(self) -> bool:
        block = self._socket.recv(_READ_BYTES)
        self._received += block
        return bool(block)

    def _frame(self) -> dict[str, Any] | None:
        head = wire.HEADER.size
        if len(self._received) < head:
            return None
        try:
            size = wire.length_of(bytes(self._received[:head]), MOST_REPLY_BYTES + 1024)
            if len(self._received) < head + size:
                return None
            body = bytes(self._received[head : head + size])
            del self._received[: head + size]
            return wire.unpacked(body)
        except BadFrame as error:
            raise DataError(f"What the assistant process sent cannot be read: {error}.") from None

    def has_ended(self) -> bool:
        """Whether the other side has closed a connection on which nothing is under way."""
        return self._wait(0)

    def close(self) -> None:
        self._socket.close()


def _silent() -> DataError:
    return DataError(
        "The assistant process does not answer.",
        kept="What was stored stays.",
        remedy="Try again; if it stays like this, stop it: assistant serve --stop",
    )


def _gone() -> DataError:
    return DataError(
        "The assistant process ended before it could answer.",
        kept="What was stored stays.",
        remedy="Try again.",
    )

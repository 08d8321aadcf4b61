"""System calls that fail: what a disk does to code that is not ours.

Libraries read and write past the port :class:`~assistant.memory.durable.Disk`. Here the kernel asks before it does what
a process wants (seccomp user notification, Linux 5.5 and later; no privilege is needed): the process under test calls
:func:`submit`, and :class:`Watch`, in another process, lets each call pass, refuses it with an error number, waits, or
ends the process just there. Processes it starts are watched too.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

_NAMES = (
    *("write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate", "openat"),
    *("renameat", "renameat2", "unlinkat", "mkdirat", "linkat"),
    *("rename", "unlink", "mkdir", "rmdir", "link"),
)
_NUMBERS: dict[str, dict[str, int]] = {
    machine: dict(zip(_NAMES, numbers, strict=False))
    for machine, numbers in {
        "x86_64": (1, 18, 20, 296, 74, 75, 77, 285, 257, 264, 316, 263, 258, 265, 82, 87, 83, 84, 86),
        "aarch64": (64, 68, 66, 70, 82, 83, 46, 47, 56, 38, 276, 35, 34, 37),  # has none of the last five
    }.items()
}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_OF_DESCRIPTORS = frozenset({"write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate"})
_SECOND_IS_PATH = frozenset({"openat", "renameat", "renameat2", "unlinkat", "mkdirat", "linkat"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

KINDS = {
    **dict.fromkeys(("write", "pwrite64", "writev", "pwritev", "fallocate"), "write"),
    **dict.fromkeys(("fsync", "fdatasync"), "sync"),
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), "unlink"),
    **dict.fromkeys(("mkdir", "mkdirat"), "make"),
    **dict.fromkeys(("link", "linkat"), "link"),
    "ftruncate": "truncate",
    "openat": "open",
}
"""What each call is, in one word. ``open``: to write or create; what is opened to read is not asked about."""
REFUSED_BY: dict[int, frozenset[str]] = {
    errno.ENOSPC: frozenset({"write", "sync", "rename", "make", "link", "truncate", "open"}),
    errno.EIO: frozenset(KINDS.values()),
    errno.EROFS: frozenset({"rename", "unlink", "make", "link", "open", "truncate"}),
    errno.EMFILE: frozenset({"open"}),
}

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _NEW_LISTENER = 1, 2, 8
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NR_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("=QIIiIQ6Q")
_REPLY = struct.Struct("=QqiI")
_CONTINUE = 1
_POLL_MS = 200


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a process wants to make: its number among those that were asked about, what it is (:data:`KINDS`),
    and the path it is about."""

    number: int
    pid: int
    kind: str
    path: str


PASS = 0
END = -1
"""Answers to a call besides an error number: let it pass; kill the process instead."""


def why_not() -> str:
    """Why this cannot be done here; "" when it can."""
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _NUMBERS:
        return f"system calls of {platform.system()} on {machine} are not known here"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP[machine], _GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(_NOTIFY))):
        return f"the kernel does not let processes be watched ({os.strerror(ctypes.get_errno())})"
    return ""


def _program() -> list[tuple[int, int, int, int]]:
    machine = platform.machine()
    numbers = _NUMBERS[machine]
    others = [number for name, number in numbers.items() if name != "openat"]
    low_flags = _ARGS_AT + 2 * 8
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _NR_AT),
        (_EQUAL, 0, 2, numbers["openat"]),
        (_LOAD, 0, 0, low_flags),
        (_ANY_BIT, len(others) + 1, len(others), _WRITING),
    ]
    steps += [(_EQUAL, len(others) - at, 0, number) for at, number in enumerate(others)]
    return [*steps, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOTIFY)]


def _install() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    steps = _program()
    filled = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), filled)
    number = _SECCOMP[platform.machine()]
    listener = libc.syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(listener)


def submit(to: socket.socket) -> None:
    """Be watched from now on, for good, in threads that are started later too. ``to``: a Unix socket whose other end
    :class:`Watch` has. Raises ``OSError``."""
    listener = _install()
    socket.send_fds(to, [b"+"], [listener])
    os.close(listener)


class Watch:
    """Answers the calls of a process that submits to it. ``decide`` is asked about each, on a thread of its own, and
    returns :data:`PASS`, :data:`END` or an error number. A context manager; ``calls`` are all that were made.

    ``folder``: only calls about paths in it are asked about and counted.
    """

    def __init__(self, folder: str, decide: Callable[[Call], int]) -> None:
        self._folder = folder
        self._decide = decide
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._answer_all, name="watch", daemon=True)
        self.calls: list[Call] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._ours.close()
        self.theirs.close()
        if self.failure is not None:
            raise self.failure

    def _answer_all(self) -> None:
        listener = -1
        try:
            while listener < 0:
                if self._ended.is_set():
                    return
                if select.select([self._ours], [], [], _POLL_MS / 1000)[0]:
                    _, found, _, _ = socket.recv_fds(self._ours, 1, 1)
                    if not found:
                        return
                    listener = found[0]
            waiting = select.poll()
            waiting.register(listener, select.POLLIN)
            while not self._ended.is_set():
                for _, event in waiting.poll(_POLL_MS):
                    if event & select.POLLIN:
                        self._answer(listener)
                    elif event & (select.POLLHUP | select.POLLERR):
                        return
        except BaseException as failure:  # noqa: BLE001 - raised where the test can hear it
            self.failure = failure
        finally:
            if listener >= 0:
                os.close(listener)

    def _answer(self, listener: int) -> None:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # it was killed meanwhile
                return
            raise
        number, pid, _, call, _, _, *arguments = _NOTICE.unpack(notice)
        answer = self._judge(pid, call, arguments)
        if answer == END:
            os.kill(pid, signal.SIGKILL)
            answer = errno.EINTR
        reply = _REPLY.pack(number, 0, -answer, 0 if answer else _CONTINUE)
        try:
            fcntl.ioctl(listener, _SEND, bytearray(reply))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise

    def _judge(self, pid: int, number: int, arguments: list[int]) -> int:
        name = next(name for name, known in _NUMBERS[platform.machine()].items() if known == number)
        try:
            path = _path(pid, name, arguments)
        except OSError:
            return PASS
        if not path.startswith(self._folder):
            return PASS
        call = Call(len(self.calls), pid, KINDS[name], path)
        self.calls.append(call)
        return self._decide(call)


def _path(pid: int, name: str, arguments: list[int]) -> str:
    if name in _OF_DESCRIPTORS:
        return os.readlink(f"/proc/{pid}/fd/{arguments[0]}")
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(arguments[1 if name in _SECOND_IS_PATH else 0])
        text = memory.read(4096).split(b"\0")[0]
    path = os.fsdecode(text)
    return path if path.startswith("/") else os.path.join(os.readlink(f"/proc/{pid}/cwd"), path)

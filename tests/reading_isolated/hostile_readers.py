"""Readers that go wrong when a source holds the word poison, each in its own way. Loaded by reader processes."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable

from assistant.contracts.documents import Document, SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.reading.framing import dump, frame
from assistant.reading.reader import FileReader

POISON = b"poison"


class Poisoned:
    """Reads like any other, but does ``harm`` at a poisonous source before it goes on."""

    def __init__(self, harm: Callable[[bytes], None]) -> None:
        self._reader = FileReader()
        self._harm = harm

    def read(self, address: SourceAddress, data: bytes) -> Document | None:
        if POISON in data:
            self._harm(data)
        return self._reader.read(address, data)


def pipe_to_parent() -> int:
    """The pipe that answers go through."""
    for name in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            writable = os.open(f"/proc/self/fdinfo/{name}", os.O_RDONLY)
        except OSError:
            continue
        flags = int(os.read(writable, 200).split(b"flags:")[1].split()[0], 8)
        os.close(writable)
        if stat.S_ISFIFO(os.fstat(name).st_mode) and flags & os.O_ACCMODE == os.O_WRONLY:
            return name
    raise AssertionError("no pipe to write to")


def answer(message: list[object]) -> bytes:
    """To the second request, which is where the poison is in most tests."""
    return frame(2, dump(message))


def spin(_: bytes) -> None:
    while True:
        pass


def spin_in_c(_: bytes) -> None:
    """Holds the interpreter's lock for ever: no other thread of this process runs again."""
    import re

    re.match("(a*)*b", "a" * 64)


def sleep(_: bytes) -> None:
    while True:
        time.sleep(60)


def ignore_sigterm(_: bytes) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU, signal.SIGIO):
        signal.signal(number, signal.SIG_IGN)
    spin(b"")


def allocate(_: bytes) -> None:
    kept = []
    while True:
        kept.append(bytearray(1 << 20))


def allocate_at_once(_: bytes) -> None:
    bytearray(1 << 45)


def map_memory(_: bytes) -> None:
    kept = [mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(1 << 20)]
    assert not kept


def allocate_in_c(_: bytes) -> None:
    """As a C library does that gives up by itself."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while libc.malloc(ctypes.c_size_t(1 << 24)):
        pass
    os.write(2, b"failed to allocate 16777216 bytes\n")
    os.abort()


def leave(_: bytes) -> None:
    os._exit(3)


def leave_quietly(_: bytes) -> None:
    os._exit(0)


def raise_exit(_: bytes) -> None:
    sys.exit(4)


def crash(_: bytes) -> None:
    ctypes.string_at(8)


def abort(_: bytes) -> None:
    os.abort()


def kill_itself(_: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_garbage(_: bytes) -> None:
    os.write(pipe_to_parent(), b"\x00\x00\x00\x07\x00\x00\x00\x02garbage")


def write_noise(_: bytes) -> None:
    os.write(pipe_to_parent(), bytes(range(255, 0, -1)) * 64)


def answer_another(_: bytes) -> None:
    """A well-formed answer to a question that was not asked, then the right one, which comes too late."""
    os.write(pipe_to_parent(), answer(["places", []]))


def answer_twice(_: bytes) -> None:
    os.write(pipe_to_parent(), answer(["same"]))


def answer_with_a_bad_digest(_: bytes) -> None:
    os.write(pipe_to_parent(), answer(["nothing", "../../../../etc/passwd"]))


def answer_too_much(_: bytes) -> None:
    pipe = pipe_to_parent()
    os.write(pipe, b"\x7f\xff\xff\xff")
    while True:
        os.write(pipe, bytes(1 << 16))


def close_halfway(_: bytes) -> None:
    pipe = pipe_to_parent()
    os.write(pipe, answer(["same"])[:7])
    os.close(pipe)
    sleep(b"")


def leave_halfway(_: bytes) -> None:
    os.write(pipe_to_parent(), answer(["same"])[:7])
    os._exit(0)


def drip(_: bytes) -> None:
    """An answer that never ends, a byte at a time."""
    pipe = pipe_to_parent()
    os.write(pipe, b"\x00\x10\x00\x00")
    while True:
        os.write(pipe, b" ")
        time.sleep(0.05)


def bear_a_child(data: bytes) -> None:
    """Starts another process that means to outlive it, tells its number in a file, and hangs."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import signal, time\nfor n in (1, 2, 15, 29): signal.signal(n, 1)\ntime.sleep(600)"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with open(data.decode().split()[1], "w", encoding="ascii") as file:
        file.write(str(child.pid))
    spin(b"")


def recurse(_: bytes) -> None:
    recurse(b"")


def raise_key_error(_: bytes) -> None:
    raise KeyError("the reader's own mistake")


def raise_panic(_: bytes) -> None:
    """As a library in Rust does that gives up."""
    raise type("PanicException", (BaseException,), {})("called `Option::unwrap()` on a `None` value")


def refuse(_: bytes) -> None:
    raise UnreadableSource("it refuses")


def chatter(_: bytes) -> None:
    for _ in range(10_000):
        print("a parser's opinion")  # noqa: T201
        sys.stderr.write("another one\n")


def write_files(data: bytes) -> None:
    with open(data.decode().split()[1], "wb") as file:
        file.write(bytes(1 << 24))


def make(name: str) -> Poisoned:
    return Poisoned(globals()[name])


def __getattr__(name: str) -> Callable[[], Poisoned]:
    """``hostile_readers:make_spin`` and so on."""
    if not name.startswith("make_") or name[5:] not in globals():
        raise AttributeError(name)
    return lambda: make(name[5:])


def never_made() -> Poisoned:
    raise RuntimeError("this reader cannot be made")

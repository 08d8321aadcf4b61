"""Disks that are not as they should be: one that refuses, one that takes its time, and one that remembers what it was
told, for the question what a power cut would have left. All of them work on real files."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from assistant.memory.durable import Disk, SystemDisk

T = TypeVar("T")

READING = frozenset({"open to read", "read", "seek", "close", "free_bytes"})
"""Calls that change nothing."""
REFUSED_BY: dict[int, frozenset[str]] = {
    errno.ENOSPC: frozenset({"create", "write", "truncate", "allocate", "sync", "rename", "link", "make_folder"}),
    errno.EIO: frozenset(
        {"create", "open to write", "open to read", "read", "write", "truncate", "sync", "rename", "link", "unlink"}
        | {"make_folder", "remove_folder", "allocate"}
    ),
    errno.EROFS: frozenset(
        {"create", "open to write", "write", "truncate", "rename", "link", "unlink", "make_folder", "remove_folder"}
    ),
    errno.EMFILE: frozenset({"create", "open to write", "open to read"}),
}
"""Which calls a disk refuses when it is full, broken, or read only, and a process that has too many files open."""


class TurnedDisk:
    """A disk that looks at every call before :class:`SystemDisk` does it. ``turn(call, do)`` is given the name
    of the call and the deed; what it returns or raises is what the caller gets."""

    def __init__(self, inner: Disk | None = None) -> None:
        self._inner = inner or SystemDisk()
        self._lock = threading.Lock()
        self.calls: list[str] = []

    def turn(self, call: str, do: Callable[[], T]) -> T:
        """Override this."""
        del call
        return do()

    def _call(self, call: str, do: Callable[[], T]) -> T:
        with self._lock:
            self.calls.append(call)
        return self.turn(call, do)

    def open(self, path: Path, flags: int) -> int:
        writing = flags & (os.O_WRONLY | os.O_RDWR)
        call = "create" if flags & os.O_CREAT and not os.path.lexists(path) else "open to write"
        return self._call(call if writing else "open to read", lambda: self._inner.open(path, flags))

    def close(self, descriptor: int) -> None:
        self._call("close", lambda: self._inner.close(descriptor))

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        return self._call("read", lambda: self._inner.read(descriptor, size_bytes))

    def write(self, descriptor: int, data: memoryview) -> int:
        return self._call("write", lambda: self._inner.write(descriptor, data))

    def seek(self, descriptor: int, at_byte: int) -> None:
        self._call("seek", lambda: self._inner.seek(descriptor, at_byte))

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        self._call("truncate", lambda: self._inner.truncate(descriptor, size_bytes))

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        self._call("allocate", lambda: self._inner.allocate(descriptor, size_bytes))

    def sync(self, descriptor: int) -> None:
        self._call("sync", lambda: self._inner.sync(descriptor))

    def rename(self, old: Path, new: Path) -> None:
        self._call("rename", lambda: self._inner.rename(old, new))

    def link(self, old: Path, new: Path) -> None:
        self._call("link", lambda: self._inner.link(old, new))

    def unlink(self, path: Path) -> None:
        self._call("unlink", lambda: self._inner.unlink(path))

    def make_folder(self, path: Path) -> None:
        self._call("make_folder", lambda: self._inner.make_folder(path))

    def remove_folder(self, path: Path) -> None:
        self._call("remove_folder", lambda: self._inner.remove_folder(path))

    def free_bytes(self, path: Path) -> int:
        return self._call("free_bytes", lambda: self._inner.free_bytes(path))


class RefusingDisk(TurnedDisk):
    """Refuses with ``number`` (an ``errno``) the calls :data:`REFUSED_BY` names, from the ``at``-th such call on, or
    only that one unless ``lasting``. ``at`` is ``None``: never. ``refused`` counts."""

    def __init__(self, number: int, at: int | None = None, *, lasting: bool = True, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._number = number
        self._at = at
        self._lasting = lasting
        self.refusable = 0
        self.refused = 0

    def turn(self, call: str, do: Callable[[], T]) -> T:
        if call in REFUSED_BY[self._number]:
            with self._lock:
                place, self.refusable = self.refusable, self.refusable + 1
            if self._at is not None and (place == self._at or (self._lasting and place > self._at)):
                self.refused += 1
                raise OSError(self._number, os.strerror(self._number))
        return do()

    def write(self, descriptor: int, data: memoryview) -> int:
        """A disk that fills up takes a part first."""
        if self._number == errno.ENOSPC and self._at is not None and self.refusable == self._at and len(data) > 1:
            self._inner.write(descriptor, data[: len(data) // 2])
        return super().write(descriptor, data)


class SlowDisk(TurnedDisk):
    """Does nothing for the ``at``-th call that changes something until :meth:`go_on`; ``arrived`` is set when it has
    come to that. Bounded: it goes on by itself after ``limit_s``."""

    def __init__(self, at: int, *, limit_s: float = 60.0, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._at = at
        self._limit_s = limit_s
        self._changes = 0
        self._go = threading.Event()
        self.arrived = threading.Event()

    def go_on(self) -> None:
        """Let it do what it was told, and everything after."""
        self._go.set()

    def turn(self, call: str, do: Callable[[], T]) -> T:
        if call not in READING:
            with self._lock:
                place, self._changes = self._changes, self._changes + 1
            if place == self._at:
                self.arrived.set()
                self._go.wait(self._limit_s)
        return do()


class EndingDisk(TurnedDisk):
    """Calls ``end`` instead of doing the ``at``-th call that changes something: to be killed just there."""

    def __init__(self, at: int, end: Callable[[], None], *, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._at = at
        self._end = end
        self._changes = 0

    def turn(self, call: str, do: Callable[[], T]) -> T:
        if call not in READING:
            with self._lock:
                place, self._changes = self._changes, self._changes + 1
            if place == self._at:
                self._end()
        return do()


def changes(calls: list[str]) -> int:
    """How many of these calls change something."""
    return sum(call not in READING for call in calls)


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """The block must close every descriptor it opens."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    left = {
        number: os.readlink(f"/proc/self/fd/{number}")
        for number in set(os.listdir("/proc/self/fd")) - before
        if os.path.lexists(f"/proc/self/fd/{number}")
    }
    assert left == {}, left

"""Durable writing: data and names on disk before we say so. The one seam for every file operation of our own in the
memory (LMDB, Tantivy and hnswlib do theirs themselves).

The functions here say what is wanted; a :class:`Disk` does it. Tests put another one in its place with :func:`using`
(``assistant.testing.disks``: one that refuses, one that waits, one that records). Everything raises ``OSError``, which
the caller translates.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

BLOCK_BYTES = 1 << 20
_STAT_BLOCK_BYTES = 512


class Disk(Protocol):
    """What is asked of a disk, one system call each. Raises ``OSError``. Thread-safe."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor, closed at ``exec``; a new file gets mode 0600."""
        ...

    def close(self, descriptor: int) -> None: ...

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        """Up to ``size_bytes`` from where the last read ended; ``b""`` at the end."""
        ...

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write from where the last write ended; returns how many bytes were taken, at least 1 of a part that is
        not empty."""
        ...

    def seek(self, descriptor: int, at_byte: int) -> None:
        """Read and write go on from there."""
        ...

    def truncate(self, descriptor: int, size_bytes: int) -> None: ...

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        """Give the first so many bytes of a file, which has as many, their room on the disk; what is in them stays."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when the disk has the file (or the names of a folder). One that failed says nothing about the next:
        the system may have given up on what it could not write."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Atomic; replaces a file, or an empty folder by a folder."""
        ...

    def link(self, old: Path, new: Path) -> None:
        """A second name of a file. Raises ``FileExistsError`` when the name is taken."""
        ...

    def unlink(self, path: Path) -> None: ...

    def make_folder(self, path: Path) -> None:
        """With mode 0700. Raises ``FileExistsError``."""
        ...

    def remove_folder(self, path: Path) -> None:
        """Raises ``OSError`` when it is not empty."""
        ...

    def free_bytes(self, path: Path) -> int:
        """Room left for us on the file system of ``path``, which exists."""
        ...


class SystemDisk:
    """The disk of this machine."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        return os.read(descriptor, size_bytes)

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def seek(self, descriptor: int, at_byte: int) -> None:
        os.lseek(descriptor, at_byte, os.SEEK_SET)

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        os.ftruncate(descriptor, size_bytes)

    def allocate(self, descriptor: int, size_bytes: int) -> None:
        os.posix_fallocate(descriptor, 0, size_bytes)

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def link(self, old: Path, new: Path) -> None:
        os.link(old, new, follow_symlinks=False)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700)

    def remove_folder(self, path: Path) -> None:
        path.rmdir()

    def free_bytes(self, path: Path) -> int:
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize


_disk: Disk = SystemDisk()
_untrusted: set[tuple[int, int]] = set()
"""Folders (device, inode) whose sync has failed in this process: whether a name is on disk can no longer be known, so
none of their names is called durable again until a new process looks at what is there."""


@contextmanager
def using(disk: Disk) -> Iterator[None]:
    """Let ``disk`` do the work meanwhile, in all threads. For tests: nothing else may run beside it."""
    global _disk
    before, _disk = _disk, disk
    trusted = set(_untrusted)
    try:
        yield
    finally:
        _disk = before
        _untrusted.intersection_update(trusted)


def write_synced(path: Path, data: bytes | None) -> None:
    """Write ``data`` (``None``: what is there already) and wait until the disk has it. A file whose sync failed must be
    thrown away, not synced again."""
    with opened(path, os.O_RDWR if data is None else os.O_RDWR | os.O_CREAT | os.O_TRUNC) as descriptor:
        if data is not None:
            write_all(descriptor, data)
        _disk.sync(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[_disk.write(descriptor, view) :]


def read_file(path: Path, limit_bytes: int) -> bytes:
    """The content of a small file. Raises ``OSError`` (EFBIG) beyond the limit."""
    found = bytearray()
    with opened(path, os.O_RDONLY) as descriptor:
        while block := _disk.read(descriptor, BLOCK_BYTES):
            found += block
            if len(found) > limit_bytes:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return bytes(found)


def replace_synced(path: Path, data: bytes) -> None:
    """Replace a small file atomically. After an ``OSError`` there is the old content or the new one, whole."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        write_synced(temporary, data)
        _disk.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            _disk.unlink(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until the disk has the names in a folder. Once that has failed it fails for as long as this process lives.
    File systems that cannot do this for folders are taken at their word."""
    with opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        found = os.fstat(descriptor)
        name = (found.st_dev, found.st_ino)
        if name in _untrusted:
            raise OSError(errno.EIO, "an earlier write of this folder's names has failed", str(path))
        try:
            _disk.sync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                _untrusted.add(name)
                raise


def move(old: Path, new: Path) -> None:
    """Rename, and wait until the disk has both names."""
    _disk.rename(old, new)
    sync_folder(new.parent)
    if old.parent != new.parent:
        sync_folder(old.parent)


def cut_file(path: Path, size_bytes: int) -> None:
    """Give a file another size, durably."""
    with opened(path, os.O_RDWR) as descriptor:
        _disk.truncate(descriptor, size_bytes)
        _disk.sync(descriptor)


def reserve(path: Path, size_bytes: int) -> None:
    """Let a file that others write through a memory map have its room on the disk: where there is none, such a write
    ends the process. A file that is not there is made, of zeros; one that is there keeps its size, for others may have
    it mapped."""
    if not path.exists():
        temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
        try:
            with opened(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as descriptor:
                write_all(descriptor, bytes(size_bytes))
            with suppress(FileExistsError):  # somebody was faster: then it is in use, and must not be replaced
                _link_or_rename(temporary, path)
        finally:
            with suppress(OSError):
                _disk.unlink(temporary)
        return
    with opened(path, os.O_RDWR) as descriptor:
        found = os.fstat(descriptor)
        if found.st_size and found.st_blocks * _STAT_BLOCK_BYTES < found.st_size:
            try:
                _disk.allocate(descriptor, found.st_size)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot say so
                    raise


def _link_or_rename(old: Path, new: Path) -> None:
    """Give a file its name unless that is taken. Raises ``FileExistsError``."""
    try:
        _disk.link(old, new)
    except FileExistsError:
        raise
    except OSError:  # a file system without second names (FAT): look first, then rename
        if os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from None
        _disk.rename(old, new)


def publish_beside(old: Path, new: Path) -> None:
    """Move a file to a name that must not be taken. Raises ``FileExistsError``; nothing has then changed."""
    _link_or_rename(old, new)
    remove_file(old)


def make_folder(path: Path) -> None:
    """The folder with all that are above it, readable by this user only; one that is there already is left alone."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    with suppress(FileExistsError):
        _disk.make_folder(path)
        return
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def remove_file(path: Path) -> None:
    """Remove a file or link of ours; one that is gone already is fine."""
    with suppress(FileNotFoundError):
        _disk.unlink(path)


def remove_tree(path: Path) -> None:
    """Remove a folder of ours with all that is in it, or a file or link that has taken its place; gone already is
    fine. Links are removed, never followed."""
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            _disk.unlink(path)
            return
        with os.scandir(path) as entries:
            found = [Path(entry.path) for entry in entries]
        for entry in found:
            remove_tree(entry)
        _disk.remove_folder(path)
    except FileNotFoundError:
        return


def free_bytes(path: Path) -> int:
    """Room left on the file system of ``path``, or of the nearest folder above it that exists."""
    while not path.exists() and path.parent != path:
        path = path.parent
    return _disk.free_bytes(path)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A descriptor for as long as the block lasts."""
    descriptor = _disk.open(path, flags)
    try:
        yield descriptor
    finally:
        _disk.close(descriptor)


def current() -> Disk:
    """The disk in use."""
    return _disk

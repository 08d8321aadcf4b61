"""Opening regular files and nothing else, and words on what stands in the way."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from assistant.contracts.documents import FileStat
from assistant.contracts.errors import UnreadableSource

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_BLOCK_BYTES = 1024 * 1024


def read_regular(path: str, most_bytes: int, size_problem: Callable[[int], str]) -> bytes:
    """The bytes of a regular file (never of a link, pipe or device). ``size_problem``: words on a size that is too
    large, "" for one that is not. Raises ``OSError``, ``ValueError`` and
    :class:`~assistant.contracts.errors.UnreadableSource` (also for more than ``most_bytes``)."""
    handle = os.open(path, _FLAGS)
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableSource(f"it is {what_is(state.st_mode)}")
        problem = size_problem(state.st_size)
        if problem:
            raise UnreadableSource(problem)
        parts = []
        size = 0
        while part := os.read(handle, min(_BLOCK_BYTES, most_bytes + 1 - size)):
            parts.append(part)
            size += len(part)
            if size > most_bytes:
                raise UnreadableSource(size_problem(size))
        return b"".join(parts)
    finally:
        os.close(handle)


def head_of(path: str, most_bytes: int) -> bytes:
    """The first bytes of a regular file; ``b""`` when it cannot be opened, or is none."""
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return b""
    try:
        return os.read(handle, most_bytes) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    finally:
        os.close(handle)


def stat_of(state: os.stat_result) -> FileStat:
    """What is remembered of a state."""
    return FileStat(state.st_size, state.st_mtime_ns, state.st_ino)


def what_is(mode: int) -> str:
    """What kind of thing has this mode, in words."""
    for test, words in (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    ):
        if test(mode):
            return words
    return "a device"


def words_on(error: Exception) -> str:
    """Why something could not be opened, a short phrase."""
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "it is gone"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a link"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:
        return "it is a socket or a pipe"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)

"""What a disk refuses, in words for a person."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.contracts.errors import StorageFailed


@contextmanager
def told_as(happened: str, *, kept: str, remedy: str) -> Iterator[None]:
    """An ``OSError`` in the block becomes a :class:`~assistant.contracts.errors.StorageFailed` that says ``happened``,
    and why."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise StorageFailed(f"{happened}: {why}.", kept=kept, remedy=remedy) from error

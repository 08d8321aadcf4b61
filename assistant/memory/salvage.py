"""Setting a damaged store aside: moved, never deleted, and asked for the folders it remembered."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from assistant.contracts.errors import DataError, StorageFailed
from assistant.memory import children
from assistant.memory.durable import make_folder, move
from assistant.memory.ownership import StoreLock, busy
from assistant.memory.records import RecordStore

_READ_LIMIT_S = 60.0
_MOST_BYTES = 1 << 20
_MAX_NAMES = 1000
_NAMED = 3


def set_aside(store: Path, shelf: Path) -> tuple[Path, list[str]]:
    """Move a store to ``shelf`` (beside itself, when that is another disk); returns where it lies now and the
    remembered folders that could still be read.

    Raises :class:`~assistant.contracts.errors.StoreBusy` when somebody writes to it, and
    :class:`~assistant.contracts.errors.StorageFailed` when it cannot be moved.
    """
    lock = StoreLock(store)
    if not lock.acquire():
        raise busy(store)
    try:
        roots = _roots_in_child(store / "records")
        target = unused(shelf / f"memory-{stamp()}")
        try:
            make_folder(shelf)
            target = _move(store, target)
        except OSError as error:
            raise StorageFailed(
                f"The damaged store could not be moved to {target}: {error.strerror}.",
                kept="It lies where it was, unchanged.",
                remedy=f"Move {store} away by hand, then run `assistant add` with your folders.",
            ) from error
    finally:
        lock.release()
    return target, roots


def _move(store: Path, target: Path) -> Path:
    try:
        move(store, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        target = unused(store.with_name(f"{store.name}.set-aside-{stamp()}"))
        move(store, target)
    return target


def stamp() -> str:
    """The time of day in names of what is kept."""
    return time.strftime("%Y%m%dT%H%M%S")


def unused(path: Path) -> Path:
    """``path``, or with a number when there is something already: clocks go back, and two may come in one second."""
    return next(one for one in _names(path) if not os.path.lexists(one))


def _names(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, _MAX_NAMES):
        yield path.with_name(f"{path.name}-{number}")
    raise StorageFailed(f"There are {_MAX_NAMES} of {path} already.", remedy="Delete those you do not need.")


def older_copies(store: Path, shelf: Path) -> str:
    """A sentence that names the memories of before that were kept by a repair or a restore; "" when there are none."""
    restored, set_aside_here = (store.parent.glob(f"{store.name}.{why}-*") for why in ("before-restore", "set-aside"))
    found = sorted(map(str, [*restored, *set_aside_here, *shelf.glob("memory-*")]))
    if not found:
        return ""
    named = ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")
    return f"Backups may still hold it, and so may copies of the memory that were kept: {named}. Delete those you can."


def _roots_in_child(records: Path) -> list[str]:
    """The remembered folders, read in a process that may die of the damage; what cannot be read is left out."""
    out = b""
    try:
        with children.child("assistant.memory.salvage", str(records.absolute())) as child:
            for block in child.blocks(_READ_LIMIT_S):
                out += block
                if len(out) > _MOST_BYTES:  # pages that lead in circles
                    break
    except DataError:
        pass  # the store is damaged, as was said: what came before that is all there is
    return list(dict.fromkeys(line.decode(errors="replace") for line in out.split(b"\0")[:-1] if line))


def main(records: str) -> int:
    """Print the remembered folders, each followed by NUL."""
    try:
        with RecordStore(Path(records), read_only=True, roots_only=True) as store, store.read() as view:
            for root in view.roots():
                sys.stdout.buffer.write(root.path.encode() + b"\0")
                sys.stdout.flush()
    except DataError:
        return 1
    return 0


if __name__ == "__main__":
    children.bind()
    raise SystemExit(main(sys.argv[1]))

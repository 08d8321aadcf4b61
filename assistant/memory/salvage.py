"""Setting a damaged store aside: moved, never deleted, and asked for the folders it remembered."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from assistant.contracts.errors import DataError, StorageFailed, StoreBusy
from assistant.memory.ownership import StoreLock
from assistant.memory.records import RecordStore

_READ_TIMEOUT_S = 60.0


def set_aside(store: Path, shelf: Path) -> tuple[Path, list[str]]:
    """Move a store to ``shelf``; returns where it lies now and the remembered folders that could still be read.

    Raises :class:`~assistant.contracts.errors.StoreBusy` when somebody writes to it, and
    :class:`~assistant.contracts.errors.StorageFailed` when it cannot be moved.
    """
    lock = StoreLock(store)
    if not lock.acquire():
        raise StoreBusy("Another process is writing to the memory store.", remedy="Stop it and try again.")
    try:
        roots = _roots_in_child(store / "records")
        target = shelf / time.strftime("memory-%Y%m%dT%H%M%S")
        try:
            shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
            store.rename(target)
        except OSError as error:
            raise StorageFailed(
                f"The damaged store could not be moved to {target}: {error.strerror}.",
                kept="It lies where it was, unchanged.",
                remedy=f"Move {store} away by hand, then run `assistant add` with your folders.",
            ) from error
    finally:
        lock.release()
    return target, roots


def _roots_in_child(records: Path) -> list[str]:
    """The remembered folders, read in a process that may die of the damage; what cannot be read is left out."""
    command = [sys.executable, "-m", "assistant.memory.salvage", str(records.absolute())]
    try:
        child = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_READ_TIMEOUT_S,
            check=False,
            cwd=Path(__file__).resolve().parents[2],
        )
    except subprocess.TimeoutExpired:
        return []
    return [line for line in child.stdout.split("\0") if line]


def main(records: str) -> int:
    """Print the remembered folders, each followed by NUL."""
    try:
        with RecordStore(Path(records), read_only=True) as store, store.read() as view:
            for root in view.roots():
                sys.stdout.write(f"{root.path}\0")
                sys.stdout.flush()
    except DataError:
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

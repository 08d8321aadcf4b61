"""Who owns the store, and was it left in order: a lock and a small note beside the data."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

from assistant.contracts.errors import StorageFailed
from assistant.memory.durable import replace_synced
from assistant.memory.envelope import damaged

SCAN_TIMEOUT_S = 600.0


class StoreLock:
    """The right to write: an exclusive ``flock`` that ends with the process, so no stale lock can be left behind."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Whether we own the store now; never waits. Raises :class:`StorageFailed` when the folder is not writable."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed(
                f"The data folder {self._path.parent} cannot be written: {error.strerror}.",
                remedy="Check its permissions and free space, or choose another place with ASSISTANT_HOME.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def owner(self) -> str:
        """Process number of whoever holds (or last held) the lock; for messages only."""
        try:
            return self._path.read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class OrderNote:
    """Notes whether the last writer closed the store in order. LMDB itself survives a crash; damage done by others
    (a cut-off copy, a bad disk) is looked for only after a stop that was not orderly."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "order.json"
        self._dirty = False

    def check(self, records: Path) -> None:
        """Raise a DamagedStore when the records are gone, or when a scan after an unclean stop finds damage."""
        try:
            note = json.loads(self._path.read_bytes())
            clean = bool(note["clean"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            clean = False
        if not (records / "data.mdb").exists():
            raise damaged("its data file is missing")
        if not clean:
            scan_in_child(records)

    def dirty(self) -> None:
        """Call before the first write."""
        if not self._dirty:
            self._write(clean=False)
            self._dirty = True

    def clean(self) -> None:
        """Call after the last one."""
        if self._dirty:
            self._write(clean=True)
            self._dirty = False

    def _write(self, *, clean: bool) -> None:
        try:
            replace_synced(self._path, json.dumps({"clean": clean}).encode())
        except OSError as error:
            raise StorageFailed(
                f"The data folder cannot be written: {error.strerror}.",
                kept="Everything stored before is safe.",
                remedy="Check free space and permissions of the data folder.",
            ) from error


def scan_in_child(records: Path) -> int:
    """Read every value of the store in a process that may die; returns their number.

    Raises a DamagedStore with the first findings, or when the child is killed by a signal.
    """
    command = [sys.executable, "-m", "assistant.memory.scanning", str(records.absolute())]
    package_parent = Path(__file__).resolve().parents[2]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=SCAN_TIMEOUT_S, check=False, cwd=package_parent
        )
    except subprocess.TimeoutExpired as error:
        raise damaged("checking it took too long") from error
    if child.returncode < 0:
        raise damaged(f"reading it killed the checking process (signal {-child.returncode})")
    if child.returncode != 0:
        lines = [line for line in child.stdout.splitlines() if line]
        raise damaged("; ".join(lines[:3]) or child.stderr.strip().splitlines()[-1])
    return int(child.stdout.strip() or 0)

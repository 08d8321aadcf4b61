"""The note in the lock file: which process owns the store, and where its door is. Light: a command that only wants to
know whether a process is running loads this and little else.

A note may be left by a process that died, and its number may belong to another process by now: the note therefore
holds when that process was started. It only tells; who owns the store is decided by the lock.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

LOCK = "lock"
NOTE_BYTES = 4096
_STAT_AFTER_NAME = 19
"""Start time among the fields of /proc/<pid>/stat that follow the name in brackets (field 22 of all)."""
_PS_S = 5.0


class Owner(NamedTuple):
    """``started``: when the process was started, in whatever form the system says it ("": not known). ``door``: path
    of its socket, "" when it has none (yet). ``program``: its version."""

    pid: int
    started: str = ""
    door: str = ""
    program: str = ""

    def alive(self) -> bool:
        """Whether this very process is still there: not another one that got its number."""
        if not self.started:
            return _is_there(self.pid)
        return started_at(self.pid) == self.started


def this_process(door: str = "", program: str = "") -> Owner:
    """The note on ourselves."""
    return Owner(os.getpid(), started_at(os.getpid()), door, program)


def owner_of(folder: Path) -> Owner | None:
    """Who says to own (or have owned) the store in this folder; ``None`` when nobody does, or nothing sensible."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        told = os.read(descriptor, NOTE_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return _read(told)


def _read(told: bytes) -> Owner | None:
    try:
        found = json.loads(told)
        if isinstance(found, int):  # written before there were doors
            return Owner(found) if found > 0 else None
        owner = Owner(**found)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (owner.started, owner.door, owner.program)
    sensible = isinstance(owner.pid, int) and owner.pid > 0 and all(isinstance(text, str) for text in texts)
    return owner if sensible else None


def note_of(owner: Owner) -> bytes:
    """What to write into the lock file."""
    return json.dumps(owner._asdict()).encode() + b"\n"


def started_at(pid: int) -> str:
    """When a process was started: on Linux in ticks since the computer was, with the name of that start before it;
    "" when there is no such process, or the system does not say."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(NOTE_BYTES).rpartition(b")")[2].split()
        if fields[0] == b"Z":  # it has ended, and only its parent has not looked yet
            return ""
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            boot = file.read(8).decode()
        return f"{boot}:{int(fields[_STAT_AFTER_NAME])}"
    except (OSError, ValueError, IndexError):
        return "" if os.path.exists("/proc/self/stat") else _from_ps(pid)


def _from_ps(pid: int) -> str:
    import subprocess  # only where there is no /proc, and it takes long to load

    try:
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=_PS_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True

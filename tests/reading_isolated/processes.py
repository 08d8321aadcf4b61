"""Looking at other processes, with patience and a limit."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

LIMIT_S = 60.0
_AGAIN_S = 0.01


def until(happened: Callable[[], bool], what: str) -> None:
    """Wait for it; fails after ``LIMIT_S``."""
    limit_s = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < limit_s, f"waited in vain: {what}"
        time.sleep(_AGAIN_S)


def lives(pid: int) -> bool:
    """Whether the process is there and is no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def readers_of(pid: int) -> list[int]:
    """Reader processes below a process."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    found = []
    for one in below:
        try:
            if any("assistant.reading.worker" in word for word in one.cmdline()):
                found.append(one.pid)
        except psutil.NoSuchProcess:
            continue
    return found

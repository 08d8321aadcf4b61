"""What is known of the roots that are watched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from assistant.reading.mounts import mounts_below

How = Literal["inotify", "polling", "away"]
State = tuple[int, int, tuple[str, ...]]
Folder = TypeVar("Folder")


@dataclass(frozen=True, slots=True)
class WatchedRoot:
    """``folders`` watched in it; ``reason``: why it is not watched by inotify, a phrase, "" when it is."""

    path: str
    how: How
    folders: int
    reason: str


@dataclass(frozen=True, slots=True)
class NoticingStatistics:
    """``notes`` told and ``overflows`` of the kernel's queue, since the start."""

    roots: tuple[WatchedRoot, ...]
    notes: int
    overflows: int
    poll_every_s: float

    def told(self) -> list[str]:
        """What a person should know: roots that are not watched as they should be, a sentence each."""
        return [
            f"{root.path} is looked through every {self.poll_every_s:g} s: {root.reason}."
            if root.how == "polling"
            else f"{root.path} is not watched: {root.reason}."
            for root in self.roots
            if root.reason
        ]


class Root(Generic[Folder]):
    """``disk``: its path as the disk spells it; ``state``: as it was when its watches were made, ``None`` without any;
    ``folders``: those that are watched, by path on the disk."""

    def __init__(self, path: str, disk: str) -> None:
        self.path = path
        self.disk = disk
        self.how: How = "inotify"
        self.reason = ""
        self.state: State | None = None
        self.folders: dict[str, Folder] = {}

    def all_folders(self) -> list[Folder]:
        """As they are at this moment."""
        return list(self.folders.values())

    def told(self) -> WatchedRoot:
        """The same for others."""
        return WatchedRoot(self.path, self.how, len(self.folders), self.reason)


def state_of(path: str) -> State | None:
    """Device, inode and what is mounted in it; ``None`` when it is not there."""
    try:
        state = os.stat(path)
        with os.scandir(path):
            pass
    except OSError:
        return None
    return state.st_dev, state.st_ino, tuple(sorted(mounts_below(os.path.realpath(path))))


def refs_in(home: str) -> list[str]:
    """The folders among a repository's own files that tell of its branches."""
    found = [home]
    refs = f"{home}/refs"
    if os.path.isdir(refs) and not os.path.islink(refs):
        found.append(refs)
        found += [folder for folder, _, _ in os.walk(f"{refs}/heads")]
    return found

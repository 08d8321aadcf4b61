"""Coalescing: from the many small notes of what happened to files to the few looks that are needed.

Pure: no clock, no threads. Times are seconds of one clock that never goes back, and come with the notes.

* A path is looked at when it has been quiet for ``QUIET_S``, and never later than ``LIMIT_S`` after its first note.
* What is written beside a file and moved over it is one change of that file.
* A folder covers what lies below it.
* While a git repository is being switched (``.git/index.lock`` is there, HEAD moved, or very much changes in it) all of
  it waits, to be looked at in one go: until it is quiet, and never longer than ``GIT_LIMIT_S``.
* Beyond ``MOST_PATHS`` paths of a root the folder that holds them all is looked at instead, and that is said.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from assistant.core.filenames import is_within
from assistant.core.looking import repository_of

QUIET_S = 0.25
LIMIT_S = 0.75
GIT_LIMIT_S = 5.0
TICK_S = 0.05
"""What becomes quiet within one tick is looked at together."""
MOST_PATHS = 4096
MOST_REPOSITORIES = 256
"""Repositories of a root that are known for one, because something happened in their ``.git``."""
BURST = 128
"""So many waiting paths of one repository are a switch, whatever git says."""

Kind = Literal["created", "changed", "gone", "moved", "whole"]
Reason = Literal["", "git", "too many", "lost count"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something happened to ``path`` (absolute, below ``root``) at ``at_s``. "moved": it is at ``moved_to`` now, below
    the same root, which it may have replaced. "whole": nobody knows what happened below the root, which is ``path``."""

    root: str
    path: str
    kind: Kind
    at_s: float
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """Paths of one root to be looked at now, none of them below another. ``reason``: why they come together: "git";
    "too many": the paths were more than could be kept, and stand for all of them; "lost count": see "whole" of
    :class:`Note`; "" for nothing special. ``noted``: notes that led to it; ``since_s``: time of the first."""

    root: str
    paths: tuple[str, ...]
    reason: Reason
    noted: int
    since_s: float


@dataclass(slots=True)
class _Waiting:
    """``fresh``: it was not there before the first note."""

    first_s: float
    last_s: float
    fresh: bool = False
    noted: int = 1

    def due_s(self) -> float:
        return min(_tick(self.last_s + QUIET_S), self.first_s + LIMIT_S)


@dataclass(slots=True)
class _Hold:
    first_s: float
    last_s: float
    locked: bool = False

    def due_s(self) -> float:
        limit_s = self.first_s + GIT_LIMIT_S
        return limit_s if self.locked else min(self.last_s + QUIET_S, limit_s)


@dataclass(slots=True)
class _Root:
    path: str
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    whole: _Waiting | None = None
    crowded: str = ""
    """The folder that stands for more paths than are kept."""
    holds: dict[str, _Hold] = field(default_factory=dict)
    repositories: dict[str, int] = field(default_factory=dict)
    """With the number of paths that wait in each."""


class Coalescer:
    """Not thread-safe: the caller locks."""

    def __init__(self) -> None:
        self._roots: dict[str, _Root] = {}
        self._due_s: float | None = None
        self.notes = 0
        """Taken in so far."""

    def note(self, note: Note) -> None:
        """Take a note in."""
        self.notes += 1
        root = self._roots.setdefault(note.root, _Root(note.root))
        if root.whole is not None:
            root.whole.last_s = note.at_s
            root.whole.noted += 1
        elif note.kind == "whole":
            first_s = min((one.first_s for one in root.waiting.values()), default=note.at_s)
            noted = 1 + sum(one.noted for one in root.waiting.values())
            root.whole = _Waiting(min(first_s, note.at_s), note.at_s, noted=noted)
            self._forget_waiting(root)
        elif note.kind == "moved":
            before = root.waiting.get(note.path)
            if before is not None and before.fresh:
                self._drop(root, note.path)
            else:
                self._add(root, note.path, "gone", note.at_s)
            self._add(root, note.moved_to, "changed", note.at_s)
        else:
            self._add(root, note.path, note.kind, note.at_s)
        self._expect(_tick(note.at_s + QUIET_S))

    def next_due_s(self) -> float | None:
        """When to ask :meth:`ready` the next time; at that time there may be nothing yet. ``None``: never, as things
        stand."""
        return self._due_s

    def ready(self, now_s: float) -> tuple[Ready, ...]:
        """What is to be looked at by ``now_s``. It is handed out once: what is noted from now on counts anew."""
        if self._due_s is None or now_s < self._due_s:
            return ()
        found = [one for root in self._roots.values() for one in self._take(root, now_s)]
        self._due_s = None
        for name, root in list(self._roots.items()):
            for due_s in self._dues(root):
                self._expect(due_s)
            if not (root.waiting or root.whole or root.holds or root.repositories):
                del self._roots[name]
        return tuple(found)

    def forget(self, root: str) -> None:
        """Nothing of a root is to be looked at any more."""
        self._roots.pop(root, None)

    @property
    def kept(self) -> int:
        """Paths that wait: at most ``MOST_PATHS`` for each root."""
        return sum(len(root.waiting) + (root.whole is not None) for root in self._roots.values())

    # taking in

    def _expect(self, due_s: float) -> None:
        self._due_s = due_s if self._due_s is None else min(self._due_s, due_s)

    def _add(self, root: _Root, path: str, kind: Kind, at_s: float) -> None:
        repository = repository_of(path, root.path)
        if repository is not None:
            self._hold(root, repository, at_s)
            if posixpath.basename(path) == "index.lock":
                root.holds[repository].locked = kind != "gone"
                return
        for above in _upwards(path):
            known = root.waiting.get(above)
            if known is not None:
                known.last_s = at_s
                known.noted += 1
                break
        else:
            root.waiting[path] = _Waiting(at_s, at_s, fresh=kind == "created")
            self._count(root, path, at_s)
            if len(root.waiting) > MOST_PATHS:
                self._crowd(root)
        held = _nearest(root.holds, path)
        if held is not None:
            root.holds[held].last_s = at_s

    def _hold(self, root: _Root, repository: str, at_s: float) -> None:
        if repository not in root.repositories and len(root.repositories) >= MOST_REPOSITORIES:
            root.repositories.pop(next(iter(root.repositories)))
        root.repositories.setdefault(repository, 0)
        if repository not in root.holds:
            first_s = min(
                (one.first_s for name, one in root.waiting.items() if is_within(name, repository)), default=at_s
            )
            root.holds[repository] = _Hold(min(first_s, at_s), at_s)
        root.holds[repository].last_s = at_s

    def _count(self, root: _Root, path: str, at_s: float) -> None:
        repository = _nearest(root.repositories, path)
        if repository is not None:
            root.repositories[repository] += 1
            if root.repositories[repository] >= BURST and repository not in root.holds:
                self._hold(root, repository, at_s)

    def _crowd(self, root: _Root) -> None:
        together = posixpath.commonpath(root.waiting)
        first_s = min(one.first_s for one in root.waiting.values())
        last_s = max(one.last_s for one in root.waiting.values())
        noted = sum(one.noted for one in root.waiting.values())
        self._forget_waiting(root)
        root.waiting[together] = _Waiting(first_s, last_s, noted=noted)
        root.crowded = together

    @staticmethod
    def _drop(root: _Root, path: str) -> None:
        del root.waiting[path]
        repository = _nearest(root.repositories, path)
        if repository is not None and root.repositories[repository]:
            root.repositories[repository] -= 1

    @staticmethod
    def _forget_waiting(root: _Root) -> None:
        root.waiting.clear()
        root.holds.clear()
        root.crowded = ""
        root.repositories = dict.fromkeys(root.repositories, 0)

    # handing out

    def _dues(self, root: _Root) -> Iterator[float]:
        if root.whole is not None:
            yield root.whole.due_s()
        yield from (hold.due_s() for hold in root.holds.values())
        for path, one in root.waiting.items():
            if _nearest(root.holds, path) is None:
                yield one.due_s()

    def _take(self, root: _Root, now_s: float) -> Iterator[Ready]:
        if root.whole is not None:
            if root.whole.due_s() <= now_s:
                yield Ready(root.path, (root.path,), "lost count", root.whole.noted, root.whole.first_s)
                root.whole = None
            return
        for repository in [name for name, hold in root.holds.items() if hold.due_s() <= now_s]:
            root.holds.pop(repository)
            inside = [path for path in root.waiting if is_within(path, repository)]
            yield from self._hand_out(root, [path for path in inside if _nearest(root.holds, path) is None], "git")
        due = [
            path for path, one in root.waiting.items() if one.due_s() <= now_s and _nearest(root.holds, path) is None
        ]
        yield from self._hand_out(root, due, "")

    def _hand_out(self, root: _Root, due: list[str], reason: Reason) -> Iterator[Ready]:
        if not due:
            return
        chosen = set(due)
        tops = sorted(path for path in due if _nearest(chosen, posixpath.dirname(path)) is None)
        top = set(tops)
        covered = [path for path in root.waiting if _nearest(top, path) is not None]
        taken = [root.waiting[path] for path in covered]
        for path in covered:
            self._drop(root, path)
        if root.crowded in top:
            root.crowded, reason = "", "too many"
        noted, since_s = sum(one.noted for one in taken), min(one.first_s for one in taken)
        yield Ready(root.path, tuple(tops), reason, noted, since_s)


def _tick(at_s: float) -> float:
    """The end of the tick that holds this moment."""
    return math.ceil(at_s / TICK_S - 1e-6) * TICK_S


def _upwards(path: str) -> Iterator[str]:
    """The path, and every folder above it."""
    yield path
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        yield path


def _nearest(folders: dict[str, object] | dict[str, _Hold] | dict[str, int] | set[str], path: str) -> str | None:
    """The deepest of ``folders`` that is ``path`` or above it."""
    if not folders:
        return None
    return next((above for above in _upwards(path) if above in folders), None)

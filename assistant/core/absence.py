"""Absence: when a folder shows nothing, is it empty now, or is it not there at the moment?

A stick that was pulled out, a share that is not mounted, a disk that fails: what was remembered of them stays. It is
dropped only when the folder itself says so: it can be looked into, lies where it lay, and no longer holds the source.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.core.filenames import is_within

if TYPE_CHECKING:
    from assistant.contracts.documents import RootSigns

MANY_SOURCES = 10
"""A folder that held so many and holds none is taken for away until a person says that it is not."""
NOT_MOUNTED = "away: what was mounted here is not"


@dataclass(frozen=True, slots=True)
class Away:
    """A folder that cannot be seen at the moment. ``reason``: a short phrase for a person."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a root was when it was last seen: the ``device`` it was on (``None``: not known), and the ``mounts`` at or
    below it that hold remembered sources."""

    root: str
    device: int | None
    mounts: frozenset[str]


def unseen(then: Whereabouts, now: RootSigns, lost: Callable[[str], bool]) -> tuple[Away, ...]:
    """What of a root is away: all of it, some of the mounts in it, or nothing.

    ``lost``: whether sources are remembered at or below a path, and none of them is there; asked only where something
    else speaks for absence already. Another device alone does not: numbers change when a disk is mounted anew.
    """
    if now.problem is not None:
        return (Away(then.root, f"away: {now.problem}"),)
    missing = then.mounts - now.mounts
    elsewhere = then.device is not None and now.device is not None and then.device != now.device
    if (elsewhere or then.root in missing) and lost(then.root):
        return (Away(then.root, NOT_MOUNTED),)
    found: list[Away] = []
    for mount in sorted(missing - {then.root}):
        if not is_away(mount, found) and lost(mount):
            found.append(Away(mount, NOT_MOUNTED))
    return tuple(found)


def emptied(root: str, remembered: int, *, shows_any: bool, confirmed: bool = False) -> Away | None:
    """Whether a root that can be seen is taken for away because all it held is gone at once. ``remembered``: sources it
    held; ``confirmed``: a person has named it, and wants what is true."""
    if confirmed or shows_any or remembered < MANY_SOURCES:
        return None
    reason = f"away: it held {remembered} sources and shows none; to accept that: assistant add, or forget, {root}"
    return Away(root, reason)


def is_away(path: str, away: Iterable[Away]) -> bool:
    """Whether ``path`` lies in anything that is away."""
    return any(is_within(path, one.path) for one in away)


def mounts_in_use(mounts: Collection[str], folders: Iterable[str]) -> frozenset[str]:
    """Those of ``mounts`` that hold one of ``folders``."""
    held = set[str]()
    for folder in set(folders) if mounts else ():
        held.update(mount for mount in mounts if is_within(folder, mount))
    return frozenset(held)

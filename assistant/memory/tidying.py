"""Giving space back, and dropping what nothing refers to: what changes leave behind in the three stores.

Nobody who asks has to wait for it: the new files are made beside the old ones.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.contracts.errors import Interrupted
from assistant.memory.vectors import MAX_DEAD_SHARE

if TYPE_CHECKING:
    from assistant.memory.fabric import Fabric

FREE_SHARE = 0.3
FREE_BYTES = 32 << 20
"""The records are copied when so much of their file, and so many bytes, are free pages."""
DEAD_WORDS_SHARE = 0.3
KEPT_GENERATIONS = 1
SPARE_SPACE = 1.2
"""A copy is only begun when the disk has so many times its size free."""


@dataclass(slots=True)
class Tidied:
    """What was done, in sentences; what was left, and why; how many bytes the store has lost."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    freed_bytes: int = 0


def compact(
    fabric: Fabric, folder: Path, *, whole: bool = False, should_stop: Callable[[], bool] = lambda: False
) -> Tidied:
    """Give space back where it pays, or (``whole``) wherever there is any. ``folder``: of the store.

    Raises :class:`~assistant.contracts.errors.StorageFailed` and, between two of its steps,
    :class:`~assistant.contracts.errors.Interrupted`.
    """
    found, before = Tidied(), size_of(folder)
    for step in (_vectors, _words, _records):
        if should_stop():
            raise Interrupted
        step(fabric, folder, found, whole)
    found.freed_bytes = max(0, before - size_of(folder))
    return found


def _vectors(fabric: Fabric, folder: Path, found: Tidied, whole: bool) -> None:
    dead = fabric.vectors.dead_share
    if dead > (0.0 if whole else MAX_DEAD_SHARE):
        if not _has_room(folder, "vectors", found, "the vector index"):
            return
        fabric.refill_vectors()
        found.done.append(f"The vector index was built anew: {dead:.0%} of it were removed vectors.")
    fabric.publish()
    fabric.vectors.drop_generations(KEPT_GENERATIONS)


def _words(fabric: Fabric, folder: Path, found: Tidied, whole: bool) -> None:
    dead = fabric.terms.dead_share
    if dead <= (0.0 if whole else DEAD_WORDS_SHARE) or not _has_room(folder, "terms", found, "the word index"):
        return
    fabric.refill_words()
    found.done.append(f"The word index was made anew: {dead:.0%} of it were dropped pieces.")


def _records(fabric: Fabric, folder: Path, found: Tidied, whole: bool) -> None:
    size = fabric.records.size_bytes()
    free = size - fabric.records.fetch(lambda view: view.used_bytes())
    if not whole and (free < FREE_SHARE * size or free < FREE_BYTES):
        return
    if not _has_room(folder, "records", found, "the records"):
        return
    fabric.records.compact()
    freed = size - fabric.records.size_bytes()
    if freed > 0:
        found.done.append(f"The records were copied without {freed / 1e6:.1f} MB of free pages.")


def collect(fabric: Fabric) -> Tidied:
    """Drop vectors that nobody holds any more beyond those kept for a while, and journal entries that every index has
    followed. Raises :class:`~assistant.contracts.errors.StorageFailed`."""
    found = Tidied()
    dropped = fabric.purge_orphans()
    if dropped:
        fabric.project_vectors()
        found.done.append(f"{dropped} vectors that no piece needs any more were dropped.")
    trimmed = fabric.trim_journal()
    if trimmed:
        found.done.append(f"{trimmed} entries of the journal were dropped.")
    return found


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; those that vanish meanwhile count nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _has_room(folder: Path, part: str, found: Tidied, what: str) -> bool:
    needed, free = SPARE_SPACE * size_of(folder / part), shutil.disk_usage(folder).free
    if free < needed:
        found.left.append(
            f"There is no room to make {what} anew: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB free."
        )
    return free >= needed

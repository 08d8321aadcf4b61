"""Putting one folder in the place of another, so that after a crash at any moment there is the one or the other.

Three names beside the folder say how far it went: ``.tmp`` is being made, ``.new`` is complete and on disk, ``.old``
has been replaced. Only the owner of the store calls what is here.

A whole folder, because its files belong together: LMDB counts transactions in its lock file, and a data file that was
made anew (compacted, restored) counts from the start. Under the lock file of the old one, which lives on while any
other process reads, it would be taken for an empty store.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from assistant.memory.durable import make_folder, move, remove_tree, sync_folder


def being_made(folder: Path) -> Path:
    """Where the next content of ``folder`` is put together."""
    return folder.with_name(f"{folder.name}.tmp")


def _complete(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.new")


def _replaced(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


def start(folder: Path) -> Path:
    """An empty folder for the next content of ``folder``. Raises ``OSError``."""
    building = being_made(folder)
    remove_tree(building)
    make_folder(building)
    return building


def give_up(folder: Path) -> None:
    """Remove what was being made; what cannot be removed now is removed at the next opening."""
    with suppress(OSError):
        remove_tree(being_made(folder))


def finish(folder: Path, keep_at: Path | None = None) -> None:
    """Put what was made, whose files are on disk, in the place of ``folder``, which need not exist.

    The old content is moved to ``keep_at`` (same file system, must not exist), or removed. Raises ``OSError``: the old
    content is then still in its place, or (when removing it failed) already replaced.
    """
    complete, old = _complete(folder), keep_at or _replaced(folder)
    if os.path.lexists(old):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(old))
    sync_folder(being_made(folder))
    move(being_made(folder), complete)
    if folder.exists():
        make_folder(old.parent)
        move(folder, old)
    try:
        move(complete, folder)
    except OSError:
        if not folder.exists():
            move(old, folder)
        raise
    if keep_at is None:
        remove_tree(old)


def is_under_way(folder: Path) -> bool:
    """Whether ``folder`` is missing because it is being replaced at this moment, or was when a process was killed."""
    return not folder.exists() and _complete(folder).exists()


def recover(folder: Path) -> None:
    """Bring a swap that was cut short to its end, and remove what it left. Raises ``OSError``."""
    complete, old = _complete(folder), _replaced(folder)
    if not folder.exists():
        if complete.exists():
            move(complete, folder)
        elif old.exists():
            move(old, folder)
    for left in (being_made(folder), complete, old):
        remove_tree(left)

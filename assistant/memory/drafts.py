"""Files and folders of ours outside the store while they are being made, under names of their own beside the target.

Each is locked by the process that makes it, so that what a killed one left behind can be told from what another one is
at work on, and is cleaned away by the next.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from assistant.memory.durable import current, make_folder, opened, publish_beside, remove_tree, sync_folder, write_all

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Draft:
    """A large file that is not there until :meth:`publish`. A context manager: without :meth:`publish` nothing is
    left. Mode 0600. One thread. Everything raises ``OSError``."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.path = target.with_name(f".{target.name}.draft-{os.getpid()}")
        self._descriptor = -1

    def __enter__(self) -> Draft:
        for left in _left_behind(self._target.parent, f".{self._target.name}.draft-"):
            with suppress(OSError), opened(left, os.O_RDWR | os.O_NONBLOCK) as descriptor:
                if _try_lock(descriptor):
                    current().unlink(left)
        self._descriptor = current().open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        _try_lock(self._descriptor)
        return self

    def write(self, data: bytes | memoryview) -> None:
        """Append, or go on where :meth:`seek` went."""
        write_all(self._descriptor, data)

    def seek(self, at_byte: int) -> None:
        current().seek(self._descriptor, at_byte)

    def sync(self) -> None:
        """Wait until the disk has it, and let what is read afterwards come from there. When this fails the draft is
        of no use any more."""
        current().sync(self._descriptor)
        with suppress(OSError):  # advice, which not every file system takes
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def publish(self, *, replace: bool) -> None:
        """Give it the name of the target. Raises ``FileExistsError`` when that is taken and may not be replaced; the
        target is then as it was."""
        if replace:
            current().rename(self.path, self._target)
        else:
            publish_beside(self.path, self._target)
        self._release()
        sync_folder(self._target.parent)

    def _release(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            current().close(descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                current().unlink(self.path)
            with suppress(OSError):
                self._release()


class ScratchFolder:
    """A folder in ``parent`` for as long as the block lasts. ``name`` says whose it is. Everything raises
    ``OSError``."""

    def __init__(self, parent: Path, name: str) -> None:
        self._parent = parent
        self._name = name
        self.path = parent / f".{name}.scratch-{os.getpid()}"
        self._descriptor = -1

    def __enter__(self) -> ScratchFolder:
        for left in _left_behind(self._parent, f".{self._name}.scratch-"):
            with suppress(OSError), opened(left, _FOLDER) as descriptor:
                if _try_lock(descriptor):
                    remove_tree(left)
        remove_tree(self.path)
        make_folder(self.path)
        self._descriptor = current().open(self.path, _FOLDER)
        _try_lock(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            remove_tree(self.path)
        with suppress(OSError):
            current().close(self._descriptor)


def _left_behind(folder: Path, prefix: str) -> list[Path]:
    """What processes of ours have called so: the prefix and their number. Anything else is somebody's own."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(prefix)]
    return [folder / name for name in names if re.fullmatch("[0-9]+", name.removeprefix(prefix))]


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

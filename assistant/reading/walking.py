"""Files and histories outside, read only: finding them, asking their state, fetching their bytes."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.contracts.documents import FileStat, FoundSource, RootSigns, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, UnreadableSource
from assistant.core.filenames import is_within, to_disk, to_text
from assistant.reading.histories import Histories, OwnHistories
from assistant.reading.mounts import mounts_below
from assistant.reading.opening import read_regular, stat_of, what_is, words_on
from assistant.reading.traversing import Entered, Terms, Traversal

DEFAULT_MAX_FILE_BYTES = 32 * 1024 * 1024
DEFAULT_HISTORY_LIMIT = 2000


class FileSources:
    """Implements :class:`~assistant.contracts.ports.Sources` on the file system and on git object stores.

    Links are never followed: a link to a file inside the root is skipped (its target is read itself), one that leads
    out of it too, and folders behind links are never entered. Pipes, sockets and devices are never opened for
    reading. What is checked is checked again when a file is opened (``O_NOFOLLOW``, ``fstat``, its real path); a
    folder swapped for a link by another process between that check and the opening is not caught.

    ``max_file_bytes``: larger files are skipped. ``history_limit``: commits taken per repository, 0 for none.
    ``roots``: folders whose own path may lead through links (a root that is itself a link, say); folders that were
    walked are added. A file reached through any other link is not fetched. ``own_folders``: where the assistant keeps
    its own files; they are left out of every walk. ``histories``: where commits come from; repositories are opened in
    this process unless told otherwise. Thread-safe.
    """

    def __init__(
        self,
        max_file_bytes: int = DEFAULT_MAX_FILE_BYTES,
        history_limit: int = DEFAULT_HISTORY_LIMIT,
        roots: Sequence[str] = (),
        own_folders: Sequence[str] = (),
        histories: Histories | None = None,
    ) -> None:
        self._max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._roots = tuple(dict.fromkeys((os.path.normpath(root), os.path.realpath(root)) for root in roots))
        self._own_folders = frozenset(os.path.realpath(folder) for folder in own_folders)
        self._histories = histories or OwnHistories()
        self._terms = Terms(self._size_problem, self._own_folders, self._histories, history_limit)

    def walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        """See :class:`~assistant.contracts.ports.Sources`. Names in each folder come in code point order, folders
        depth first; the commits of a repository come after all files in its folder."""
        return map(_readable, self._traversal(root).walk())

    def look(self, root: str, path: str) -> Iterator[FoundSource | SkippedPath]:
        """See :class:`~assistant.contracts.ports.Sources`."""
        return map(_readable, self._traversal(root).look(to_disk(path)))

    def history(self, root: str, folder: str) -> Iterator[FoundSource | SkippedPath]:
        """See :class:`~assistant.contracts.ports.Sources`."""
        return map(_readable, self._traversal(root).history(to_disk(folder)))

    def observe(self, root: str) -> RootSigns:
        """See :class:`~assistant.contracts.ports.Sources`."""
        path = to_disk(root)
        try:
            state = os.stat(path)
            if not stat.S_ISDIR(state.st_mode):
                return RootSigns(f"it is {what_is(state.st_mode)}")
            with os.scandir(path):
                pass
        except (OSError, ValueError) as error:
            return RootSigns(words_on(error))
        return RootSigns(None, state.st_dev, frozenset(map(to_text, mounts_below(os.path.realpath(path)))))

    def folders(self, root: str, path: str) -> Iterator[Entered]:
        """Folders at or below ``path`` that a walk of ``root`` goes into, spelled as on the disk; each comes before it
        is listed. Raises :class:`BadPath` as :meth:`walk`."""
        return self._traversal(root).folders(to_disk(path))

    def _traversal(self, root: str) -> Traversal:
        root = self.check_root(to_disk(root))
        with self._lock:
            self._roots = tuple(dict.fromkeys((*self._roots, (root, os.path.realpath(root)))))
        return Traversal(root, self._terms)

    def check_root(self, root: str) -> str:
        """``root`` in its normal spelling. Raises :class:`BadPath` when it cannot be walked: not absolute, missing,
        no folder, unreadable, or one of the assistant's own folders."""
        return _checked_root(root, self._own_folders)

    def single(self, path: str) -> FoundSource:
        """One file that was named by a person; no ignore rule applies. Raises :class:`BadPath` when it is missing,
        no regular file, unreadable or too large."""
        path = to_disk(path)
        try:
            state = os.lstat(path)
        except (OSError, ValueError) as error:
            raise BadPath(f"{_shown(path)} cannot be read: {words_on(error)}.", remedy="Check the path.") from error
        if not stat.S_ISREG(state.st_mode):
            raise BadPath(f"{_shown(path)} is {what_is(state.st_mode)}.", remedy="Name a regular file.")
        problem = self._size_problem(state.st_size) or ("" if os.access(path, os.R_OK) else "permission denied")
        if problem:
            raise BadPath(f"{_shown(path)} cannot be read: {problem}.")
        return FoundSource(SourceAddress(to_text(path)), stat_of(state))

    def stat(self, address: SourceAddress) -> FileStat | None:
        """See :class:`~assistant.contracts.ports.Sources`."""
        path = to_disk(address.path)
        if address.commit:
            return self._histories.stat(path, address.commit)
        try:
            state = os.lstat(path)
        except (OSError, ValueError):
            return None
        return stat_of(state) if stat.S_ISREG(state.st_mode) else None

    def fetch(self, address: SourceAddress) -> bytes:
        """See :class:`~assistant.contracts.ports.Sources`."""
        path = to_disk(address.path)
        if address.commit:
            return self._histories.fetch(path, address.commit)
        self._refuse_detour(path)
        try:
            return read_regular(path, self._max_file_bytes, self._size_problem)
        except (OSError, ValueError) as error:
            raise UnreadableSource(words_on(error)) from error

    def _refuse_detour(self, path: str) -> None:
        real = os.path.realpath(path)
        if real == path:
            return
        for named, root in self._roots:
            if is_within(path, named) and real == os.path.normpath(root + path[len(named.rstrip("/")) :]):
                return
        raise UnreadableSource("reached through a link")

    def _size_problem(self, size_bytes: int) -> str:
        """Words on a file that is too large; "" for one that is not."""
        if size_bytes <= self._max_file_bytes:
            return ""
        return f"too large: {_megabytes(size_bytes)}, the limit is {_megabytes(self._max_file_bytes)}"


def _checked_root(root: str, own_folders: frozenset[str]) -> str:
    if not os.path.isabs(root):
        raise BadPath(f"{_shown(root)} is not an absolute path.", remedy="Give the full path of a folder.")
    root = os.path.normpath(root)
    try:
        mode = os.stat(root).st_mode
        if not stat.S_ISDIR(mode):
            raise BadPath(f"{_shown(root)} is {what_is(mode)}, not a folder.", remedy="Name the folder it lies in.")
        with os.scandir(root):
            pass
    except (OSError, ValueError) as error:
        remedy = "Check its permissions." if isinstance(error, PermissionError) else "Check the path."
        if isinstance(error, FileNotFoundError):
            raise BadPath(f"There is no folder {_shown(root)}.", remedy=remedy) from error
        raise BadPath(f"The folder {_shown(root)} cannot be read: {words_on(error)}.", remedy=remedy) from error
    if any(is_within(os.path.realpath(root), folder) for folder in own_folders):
        raise BadPath(f"The folder {_shown(root)} holds the assistant's own files.", remedy="Name another folder.")
    return root


def _readable(found: FoundSource | SkippedPath) -> FoundSource | SkippedPath:
    """The same with a name that is text, see :mod:`assistant.core.filenames`."""
    if isinstance(found, SkippedPath):
        return found if found.path.isascii() else replace(found, path=to_text(found.path))
    path, commit = found.address.path, found.address.commit
    return found if path.isascii() else replace(found, address=SourceAddress(to_text(path), commit))


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.1f} MiB" if size_bytes >= 100 * 1024 else f"{size_bytes} bytes"


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8").translate(dict.fromkeys(range(32), "?"))

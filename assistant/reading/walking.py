"""Files and histories outside, read only: finding them, asking their state, fetching their bytes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.contracts.documents import FileStat, FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, UnreadableSource
from assistant.core.filenames import is_within, to_disk, to_text
from assistant.reading.histories import GivenUp, Histories, OwnHistories
from assistant.reading.history import git_folder, is_repository
from assistant.reading.ignoring import (
    IGNORE_FILES,
    MOST_IGNORE_BYTES,
    FolderRules,
    contents_rule,
    file_rule,
    folder_rule,
    holds_key,
    may_hold_key,
)

DEFAULT_MAX_FILE_BYTES = 32 * 1024 * 1024
DEFAULT_HISTORY_LIMIT = 2000

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_BLOCK_BYTES = 1024 * 1024
_KEY_HEAD_BYTES = 4096


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
        self._history_limit = history_limit
        self._roots = tuple(dict.fromkeys((os.path.normpath(root), os.path.realpath(root)) for root in roots))
        self._own_folders = frozenset(os.path.realpath(folder) for folder in own_folders)
        self._histories = histories or OwnHistories()

    def walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        """See :class:`~assistant.contracts.ports.Sources`. Names in each folder come in code point order, folders
        depth first; the commits of a repository come after all files in its folder."""
        root = self.check_root(to_disk(root))
        self._roots = tuple(dict.fromkeys((*self._roots, (root, os.path.realpath(root)))))
        return map(_readable, self._walk(root))

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
            raise BadPath(f"{_shown(path)} cannot be read: {_words(error)}.", remedy="Check the path.") from error
        if not stat.S_ISREG(state.st_mode):
            raise BadPath(f"{_shown(path)} is {_what(state.st_mode)}.", remedy="Name a regular file.")
        problem = self._size_problem(state.st_size) or ("" if os.access(path, os.R_OK) else "permission denied")
        if problem:
            raise BadPath(f"{_shown(path)} cannot be read: {problem}.")
        return FoundSource(SourceAddress(to_text(path)), _stat_of(state))

    def stat(self, address: SourceAddress) -> FileStat | None:
        """See :class:`~assistant.contracts.ports.Sources`."""
        path = to_disk(address.path)
        if address.commit:
            return self._histories.stat(path, address.commit)
        try:
            state = os.lstat(path)
        except (OSError, ValueError):
            return None
        return _stat_of(state) if stat.S_ISREG(state.st_mode) else None

    def fetch(self, address: SourceAddress) -> bytes:
        """See :class:`~assistant.contracts.ports.Sources`."""
        path = to_disk(address.path)
        if address.commit:
            return self._histories.fetch(path, address.commit)
        self._refuse_detour(path)
        try:
            return self._read(path, self._max_file_bytes)
        except (OSError, ValueError) as error:
            raise UnreadableSource(_words(error)) from error

    def _refuse_detour(self, path: str) -> None:
        real = os.path.realpath(path)
        if real == path:
            return
        for named, root in self._roots:
            if is_within(path, named) and real == os.path.normpath(root + path[len(named.rstrip("/")) :]):
                return
        raise UnreadableSource("reached through a link")

    def _read(self, path: str, most_bytes: int) -> bytes:
        handle = os.open(path, _OPEN_FLAGS)
        try:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                raise UnreadableSource(f"it is {_what(state.st_mode)}")
            problem = self._size_problem(state.st_size)
            if problem:
                raise UnreadableSource(problem)
            parts = []
            size = 0
            while part := os.read(handle, min(_BLOCK_BYTES, most_bytes + 1 - size)):
                parts.append(part)
                size += len(part)
                if size > most_bytes:
                    raise UnreadableSource(self._size_problem(size))
            return b"".join(parts)
        finally:
            os.close(handle)

    def _size_problem(self, size_bytes: int) -> str:
        """Words on a file that is too large; "" for one that is not."""
        if size_bytes <= self._max_file_bytes:
            return ""
        return f"too large: {_megabytes(size_bytes)}, the limit is {_megabytes(self._max_file_bytes)}"

    def _walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        waiting = [self._folder(root, root, FolderRules())]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
            elif isinstance(found, tuple):
                folder, rules = found
                waiting.append(self._folder(root, folder, rules))
            else:
                yield found

    def _folder(
        self, root: str, folder: str, rules: FolderRules
    ) -> Iterator[FoundSource | SkippedPath | tuple[str, FolderRules]]:
        """What one folder holds; a folder in it comes as its path and the rules in force there."""
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=_name_of)
        except OSError as error:
            yield SkippedPath(folder, _words(error), problem=True)
            return
        names = frozenset(map(_name_of, entries))
        reason = contents_rule(names)
        if self._own_folders and os.path.realpath(folder) in self._own_folders:
            reason = "the assistant's own files"
        if reason and folder != root:
            yield SkippedPath(folder, reason, problem=False)
            return
        if is_repository(names):
            yield SkippedPath(folder, "version control", problem=False)
            yield from self._history(root, folder)
            return
        rules = self._rules_in(folder, names, rules)
        prefix = folder.rstrip("/") + "/"
        for entry in entries:
            path = prefix + entry.name
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield SkippedPath(path, _words(error), problem=True)
                continue
            if stat.S_ISREG(state.st_mode):
                yield self._file(entry.name, path, state, rules)
            elif stat.S_ISDIR(state.st_mode):
                reason = folder_rule(entry.name, names)
                if reason is None and rules.ignores(path, is_folder=True):
                    reason = "ignored"
                if reason is None:
                    yield path, rules
                else:
                    yield SkippedPath(path, reason, problem=False)
            elif stat.S_ISLNK(state.st_mode):
                yield _link(root, path)
            else:
                yield SkippedPath(path, _what(state.st_mode), problem=False)
        if ".git" in names:
            yield from self._history(root, folder)

    def _rules_in(self, folder: str, names: frozenset[str], rules: FolderRules) -> FolderRules:
        texts = []
        for name in IGNORE_FILES:
            if name in names:
                try:
                    data = self._read(f"{folder.rstrip('/')}/{name}", MOST_IGNORE_BYTES)
                except (OSError, UnreadableSource):
                    continue
                texts.append(os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")))
        return rules.below(folder, texts) if texts else rules

    def _file(self, name: str, path: str, state: os.stat_result, rules: FolderRules) -> FoundSource | SkippedPath:
        reason = file_rule(name)
        if reason is None and rules.ignores(path, is_folder=False):
            reason = "ignored"
        if reason is None and state.st_size == 0:
            reason = "empty"
        if reason is not None:
            return SkippedPath(path, reason, problem=False)
        problem = self._size_problem(state.st_size)
        if not problem and not os.access(path, os.R_OK):
            problem = "permission denied"
        if problem:
            return SkippedPath(path, problem, problem=True)
        if may_hold_key(name) and self._is_key(path):
            return SkippedPath(path, "secret", problem=False)
        return FoundSource(SourceAddress(path), _stat_of(state))

    def _is_key(self, path: str) -> bool:
        try:
            handle = os.open(path, _OPEN_FLAGS)
        except OSError:
            return False
        try:
            return stat.S_ISREG(os.fstat(handle).st_mode) and holds_key(os.read(handle, _KEY_HEAD_BYTES))
        finally:
            os.close(handle)

    def _history(self, root: str, folder: str) -> Iterator[FoundSource | SkippedPath]:
        if self._history_limit <= 0:
            return
        home = git_folder(folder)
        if home is None:
            return
        if not is_within(os.path.realpath(home), os.path.realpath(root)):
            yield SkippedPath(home, "its history lies outside the folder", problem=False)
            return
        try:
            for commit in self._histories.commits(folder, self._history_limit):
                yield FoundSource(SourceAddress(folder, commit.sha), commit.stat)
        except UnreadableSource as error:
            state = error.state if isinstance(error, GivenUp) else None
            yield SkippedPath(home, error.reason, problem=True, stat=state)


def _checked_root(root: str, own_folders: frozenset[str]) -> str:
    if not os.path.isabs(root):
        raise BadPath(f"{_shown(root)} is not an absolute path.", remedy="Give the full path of a folder.")
    root = os.path.normpath(root)
    try:
        mode = os.stat(root).st_mode
        if not stat.S_ISDIR(mode):
            raise BadPath(f"{_shown(root)} is {_what(mode)}, not a folder.", remedy="Name the folder it lies in.")
        with os.scandir(root):
            pass
    except (OSError, ValueError) as error:
        remedy = "Check its permissions." if isinstance(error, PermissionError) else "Check the path."
        if isinstance(error, FileNotFoundError):
            raise BadPath(f"There is no folder {_shown(root)}.", remedy=remedy) from error
        raise BadPath(f"The folder {_shown(root)} cannot be read: {_words(error)}.", remedy=remedy) from error
    if any(is_within(os.path.realpath(root), folder) for folder in own_folders):
        raise BadPath(f"The folder {_shown(root)} holds the assistant's own files.", remedy="Name another folder.")
    return root


def _link(root: str, path: str) -> SkippedPath:
    target = os.path.realpath(path)
    if not is_within(target, os.path.realpath(root)):
        return SkippedPath(path, "a link that leads out of the folder", problem=False)
    if not os.path.lexists(target) or os.path.islink(target):
        return SkippedPath(path, "broken link", problem=True)
    return SkippedPath(path, "link", problem=False)


def _readable(found: FoundSource | SkippedPath) -> FoundSource | SkippedPath:
    """The same with a name that is text, see :mod:`assistant.core.filenames`."""
    if isinstance(found, SkippedPath):
        return found if found.path.isascii() else replace(found, path=to_text(found.path))
    path, commit = found.address.path, found.address.commit
    return found if path.isascii() else replace(found, address=SourceAddress(to_text(path), commit))


def _name_of(entry: os.DirEntry[str]) -> str:
    return entry.name


def _stat_of(state: os.stat_result) -> FileStat:
    return FileStat(state.st_size, state.st_mtime_ns, state.st_ino)


def _what(mode: int) -> str:
    for test, words in (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    ):
        if test(mode):
            return words
    return "a device"


def _words(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "it is gone"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a link"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:
        return "it is a socket or a pipe"
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1024 / 1024:.1f} MiB" if size_bytes >= 100 * 1024 else f"{size_bytes} bytes"


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8").translate(dict.fromkeys(range(32), "?"))

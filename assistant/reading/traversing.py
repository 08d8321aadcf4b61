"""What a walk of one folder meets, and what it would say of a single path without walking.

A walk and a look come to the same by construction: both decide with the same few methods, on the same names. A look
asks for those names only that a rule could care about (:data:`~assistant.reading.ignoring.TELLING_NAMES`), and so takes
as long as the path is deep, however many files there are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from assistant.contracts.documents import FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.core.filenames import is_within
from assistant.reading.histories import GivenUp, Histories
from assistant.reading.history import git_folder, is_repository
from assistant.reading.ignoring import (
    IGNORE_FILES,
    MOST_IGNORE_BYTES,
    TELLING_NAMES,
    FolderRules,
    contents_rule,
    file_rule,
    folder_rule,
    holds_key,
    may_hold_key,
)
from assistant.reading.opening import head_of, read_regular, stat_of, what_is, words_on

_KEY_HEAD_BYTES = 4096

Found = FoundSource | SkippedPath
EnteredKind = Literal["folder", "git", "repository"]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms folders are walked. ``size_problem``: words on a file size that is too large, "" otherwise;
    ``own_folders``: real paths that are left out; ``history_limit``: commits taken per repository."""

    size_problem: Callable[[int], str]
    own_folders: frozenset[str]
    histories: Histories
    history_limit: int


@dataclass(frozen=True, slots=True)
class Entered:
    """A folder that a walk goes into. ``kind``: "folder"; "git" for the ``.git`` folder of a repository, and
    "repository" for a bare one: those are not walked, but commits come from them."""

    path: str
    kind: EnteredKind


@dataclass(frozen=True, slots=True)
class _Inside:
    """What rules go by inside a folder: the telling names in it, and the written rules in force."""

    names: frozenset[str]
    rules: FolderRules
    bare: bool


class Traversal:
    """Of one ``root``, a folder in its normal spelling, as the disk spells it. Every path here is spelled so."""

    def __init__(self, root: str, terms: Terms) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._terms = terms

    def walk(self) -> Iterator[Found]:
        """Everything, in a stable order."""
        return self._below(self._root, FolderRules())

    def look(self, path: str) -> Iterator[Found]:
        """What :meth:`walk` would yield of ``path`` and of what lies below it, in the same order."""
        if path == self._root:
            yield from self.walk()
            return
        inside = self._way_to(os.path.dirname(path)) if is_within(path, self._root) else None
        if inside is None or inside.bare:
            return
        folder, name = os.path.split(path)
        try:
            state = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return
        except OSError as error:
            if name in _listed(folder):
                yield SkippedPath(path, words_on(error), problem=True)
            return
        for found in self._entry(name, path, state, inside):
            if isinstance(found, tuple):
                yield from self._below(*found)
            else:
                yield found

    def history(self, folder: str) -> Iterator[Found]:
        """What :meth:`walk` would yield of the commits of a repository in ``folder``; nothing without one."""
        inside = self._way_to(folder) if is_within(folder, self._root) else None
        if inside is not None and (inside.bare or ".git" in inside.names):
            yield from self._history(folder)

    def folders(self, path: str) -> Iterator[Entered]:
        """Folders at or below ``path`` that a walk goes into. Each comes before it is listed, so that who watches it
        from then on misses nothing."""
        waiting: list[tuple[str, FolderRules]] = []
        if path == self._root:
            waiting.append((path, FolderRules()))
        else:
            above = self._way_to(os.path.dirname(path)) if is_within(path, self._root) else None
            name = os.path.basename(path)
            if above is not None and not above.bare and _is_folder(path) and not self._left_out(name, path, above):
                waiting.append((path, above.rules))
        while waiting:
            folder, rules = waiting.pop()
            yield Entered(folder, "folder")
            names = _listed(folder)
            if self._refused(folder, names):
                continue
            if is_repository(names):
                yield Entered(folder, "repository")
                continue
            inside = _Inside(names, self._rules_in(folder, names, rules), bare=False)
            prefix = folder.rstrip("/") + "/"
            if ".git" in names and _is_folder(prefix + ".git"):
                yield Entered(prefix + ".git", "git")
            waiting.extend(
                (prefix + name, inside.rules)
                for name in sorted(_subfolders(folder), reverse=True)
                if not self._left_out(name, prefix + name, inside)
            )

    def _way_to(self, folder: str) -> _Inside | None:
        """What rules go by inside ``folder``, which is the root or below it; ``None``: a walk does not get there."""
        inside = self._inside(self._root, FolderRules())
        at = self._root
        for name in folder[len(self._root.rstrip("/")) :].split("/"):
            if not name:
                continue
            if inside is None or inside.bare:
                return None
            at = f"{at.rstrip('/')}/{name}"
            if not _is_folder(at) or self._left_out(name, at, inside):
                return None
            inside = self._inside(at, inside.rules)
        return inside

    def _inside(self, folder: str, above: FolderRules) -> _Inside | None:
        try:
            with os.scandir(folder):
                pass
        except (OSError, ValueError):
            return None
        prefix = folder.rstrip("/") + "/"
        if os.access(folder, os.X_OK):
            names = frozenset(name for name in TELLING_NAMES if os.path.lexists(prefix + name))
        else:  # names can be listed, but nothing behind them
            names = _listed(folder)
        if self._refused(folder, names):
            return None
        if is_repository(names):
            return _Inside(names, above, bare=True)
        return _Inside(names, self._rules_in(folder, names, above), bare=False)

    # deciding, for walks and looks alike

    def _refused(self, folder: str, names: frozenset[str]) -> str | None:
        """Why a folder is left out by what it is or holds; never the root."""
        if folder == self._root:
            return None
        if self._terms.own_folders and os.path.realpath(folder) in self._terms.own_folders:
            return "the assistant's own files"
        return contents_rule(names)

    @staticmethod
    def _left_out(name: str, path: str, inside: _Inside) -> str | None:
        """Why a folder is left out by its name and the rules above it."""
        reason = folder_rule(name, inside.names)
        if reason is None and inside.rules.ignores(path, is_folder=True):
            reason = "ignored"
        return reason

    def _below(self, folder: str, rules: FolderRules) -> Iterator[Found]:
        waiting = [self._folder(folder, rules)]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
            elif isinstance(found, tuple):
                waiting.append(self._folder(*found))
            else:
                yield found

    def _folder(self, folder: str, rules: FolderRules) -> Iterator[Found | tuple[str, FolderRules]]:
        """What one folder holds; a folder in it comes as its path and the rules in force there."""
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=_name_of)
        except OSError as error:
            yield SkippedPath(folder, words_on(error), problem=True)
            return
        names = frozenset(map(_name_of, entries))
        reason = self._refused(folder, names)
        if reason:
            yield SkippedPath(folder, reason, problem=False)
            return
        if is_repository(names):
            yield SkippedPath(folder, "version control", problem=False)
            yield from self._history(folder)
            return
        inside = _Inside(names, self._rules_in(folder, names, rules), bare=False)
        prefix = folder.rstrip("/") + "/"
        for entry in entries:
            path = prefix + entry.name
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield SkippedPath(path, words_on(error), problem=True)
                continue
            yield from self._entry(entry.name, path, state, inside)
        if ".git" in names:
            yield from self._history(folder)

    def _entry(
        self, name: str, path: str, state: os.stat_result, inside: _Inside
    ) -> Iterator[Found | tuple[str, FolderRules]]:
        if stat.S_ISREG(state.st_mode):
            yield self._file(name, path, state, inside.rules)
        elif stat.S_ISDIR(state.st_mode):
            reason = self._left_out(name, path, inside)
            if reason is None:
                yield path, inside.rules
            else:
                yield SkippedPath(path, reason, problem=False)
        elif stat.S_ISLNK(state.st_mode):
            yield self._link(path)
        else:
            yield SkippedPath(path, what_is(state.st_mode), problem=False)

    def _rules_in(self, folder: str, names: frozenset[str], rules: FolderRules) -> FolderRules:
        texts = []
        for name in IGNORE_FILES:
            if name in names:
                try:
                    data = read_regular(f"{folder.rstrip('/')}/{name}", MOST_IGNORE_BYTES, self._terms.size_problem)
                except (OSError, UnreadableSource):
                    continue
                texts.append(os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")))
        return rules.below(folder, texts) if texts else rules

    def _file(self, name: str, path: str, state: os.stat_result, rules: FolderRules) -> Found:
        reason = file_rule(name)
        if reason is None and rules.ignores(path, is_folder=False):
            reason = "ignored"
        if reason is None and state.st_size == 0:
            reason = "empty"
        if reason is not None:
            return SkippedPath(path, reason, problem=False)
        problem = self._terms.size_problem(state.st_size)
        if not problem and not os.access(path, os.R_OK):
            problem = "permission denied"
        if problem:
            return SkippedPath(path, problem, problem=True)
        if may_hold_key(name) and holds_key(head_of(path, _KEY_HEAD_BYTES)):
            return SkippedPath(path, "secret", problem=False)
        return FoundSource(SourceAddress(path), stat_of(state))

    def _link(self, path: str) -> SkippedPath:
        target = os.path.realpath(path)
        if not is_within(target, self._real_root):
            return SkippedPath(path, "a link that leads out of the folder", problem=False)
        if not os.path.lexists(target) or os.path.islink(target):
            return SkippedPath(path, "broken link", problem=True)
        return SkippedPath(path, "link", problem=False)

    def _history(self, folder: str) -> Iterator[Found]:
        if self._terms.history_limit <= 0:
            return
        home = git_folder(folder)
        if home is None:
            return
        if not is_within(os.path.realpath(home), self._real_root):
            yield SkippedPath(home, "its history lies outside the folder", problem=False)
            return
        try:
            for commit in self._terms.histories.commits(folder, self._terms.history_limit):
                yield FoundSource(SourceAddress(folder, commit.sha), commit.stat)
        except UnreadableSource as error:
            state = error.state if isinstance(error, GivenUp) else None
            yield SkippedPath(home, error.reason, problem=True, stat=state)


def _listed(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except (OSError, ValueError):
        return frozenset()


def _subfolders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as scan:
            return [entry.name for entry in scan if entry.is_dir(follow_symlinks=False)]
    except (OSError, ValueError):
        return []


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _name_of(entry: os.DirEntry[str]) -> str:
    return entry.name

"""The seam between the walk and git: where commits come from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from assistant.contracts.documents import FileStat
from assistant.contracts.errors import UnreadableSource
from assistant.reading import history

if TYPE_CHECKING:
    from assistant.reading.history import FoundCommit

_CHANGING = ("", "HEAD", "packed-refs", "refs/heads", "logs/HEAD", "objects", "objects/pack")


class GivenUp(UnreadableSource):
    """A history on which a reader ended. ``state``: of the repository (:func:`state_of_repository`); while it stays
    there is no use in trying again."""

    def __init__(self, reason: str, state: FileStat) -> None:
        super().__init__(reason)
        self.state = state


def state_of_repository(home: str) -> FileStat:
    """Something that changes whenever commits are made, fetched or packed in the repository whose own files lie in
    ``home``. Never raises."""
    newest_ns = inode = found = 0
    for name in _CHANGING:
        with suppress(OSError, ValueError):
            stat = os.lstat(os.path.join(home, name))
            newest_ns = max(newest_ns, stat.st_mtime_ns)
            inode = inode or stat.st_ino
            found += 1
    return FileStat(found, newest_ns, inode)


class Histories(Protocol):
    """Commits of repositories, by the path of the repository's folder."""

    def commits(self, repo_path: str, limit: int) -> Iterator[FoundCommit]:
        """See :func:`assistant.reading.history.commits`."""
        ...

    def stat(self, repo_path: str, sha: str) -> FileStat | None:
        """See :func:`assistant.reading.history.commit_stat`."""
        ...

    def fetch(self, repo_path: str, sha: str) -> bytes:
        """See :func:`assistant.reading.history.fetch_commit`."""
        ...


class OwnHistories:
    """Opens repositories in this process: for a reader process, or for repositories that are trusted."""

    def commits(self, repo_path: str, limit: int) -> Iterator[FoundCommit]:
        """See :class:`Histories`."""
        return history.commits(repo_path, limit)

    def stat(self, repo_path: str, sha: str) -> FileStat | None:
        """See :class:`Histories`."""
        return history.commit_stat(repo_path, sha)

    def fetch(self, repo_path: str, sha: str) -> bytes:
        """See :class:`Histories`."""
        return history.fetch_commit(repo_path, sha)

"""The seam between the walk and git: where commits come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from assistant.reading import history

if TYPE_CHECKING:
    from assistant.contracts.documents import FileStat
    from assistant.reading.history import FoundCommit


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

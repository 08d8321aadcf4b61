"""Git histories at arm's length: a reader process opens the repository, and we hear what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from assistant.contracts.errors import Interrupted, UnreadableSource
from assistant.core.filenames import to_text
from assistant.reading.answers import commits_of, raw_of, state_of
from assistant.reading.desk import Stopped, never
from assistant.reading.framing import BrokenFrame
from assistant.reading.histories import GivenUp, state_of_repository
from assistant.reading.history import git_folder
from assistant.reading.jobs import Job

if TYPE_CHECKING:
    from assistant.contracts.documents import FileStat
    from assistant.reading.answers import Answer
    from assistant.reading.history import FoundCommit
    from assistant.reading.pool import ReaderPool

_SLICE_S = 0.1

Trouble = tuple["FileStat", str]


def nothing(_: str) -> Trouble | None:
    """Nothing is remembered."""
    return None


class IsolatedHistories:
    """Implements :class:`~assistant.reading.histories.Histories`. The time limit counts for every 500 commits of a
    list, so that a long history may take long and a stuck one may not. Every method may raise
    :class:`~assistant.contracts.errors.Interrupted` once ``stopped``. ``remembered``: state and problem of a
    repository's own folder, if it was given up before (:class:`~assistant.reading.histories.GivenUp`)."""

    def __init__(
        self, pool: ReaderPool, stopped: Stopped = never, remembered: Callable[[str], Trouble | None] = nothing
    ) -> None:
        self._pool = pool
        self._stopped = stopped
        self._remembered = remembered

    def commits(self, repo_path: str, limit: int) -> Iterator[FoundCommit]:
        """See :class:`~assistant.reading.histories.Histories`. Raises
        :class:`~assistant.reading.histories.GivenUp` when a reader ended on it, now or before."""
        home = git_folder(repo_path) or repo_path
        state = state_of_repository(home)
        known = self._remembered(to_text(home))
        if known is not None and known[0] == state:
            raise GivenUp(known[1], state)
        job = self._pool.submit(Job(["commits", to_text(repo_path), limit]))
        try:
            taken = 0
            more = True
            while more:
                while len(job.answers) <= taken and not job.done:
                    self._go_on(job)
                if len(job.answers) <= taken:
                    raise GivenUp(job.problem or "the reader stopped", state)
                try:
                    found, more = commits_of(job.answers[taken])
                except BrokenFrame as broken:
                    raise UnreadableSource(f"the reader {broken.args[0]}") from broken
                taken += 1
                yield from found
        finally:
            if not job.done:
                self._pool.drop([job])

    def stat(self, repo_path: str, sha: str) -> FileStat | None:
        """See :class:`~assistant.reading.histories.Histories`."""
        try:
            return state_of(self._ask("state", repo_path, sha))
        except (UnreadableSource, BrokenFrame):
            return None

    def fetch(self, repo_path: str, sha: str) -> bytes:
        """See :class:`~assistant.reading.histories.Histories`."""
        answer = self._ask("fetch", repo_path, sha)
        try:
            return raw_of(answer)
        except BrokenFrame as broken:
            raise UnreadableSource(f"the reader {broken.args[0]}") from broken

    def _ask(self, what: str, repo_path: str, sha: str) -> Answer:
        job = self._pool.submit(Job([what, to_text(repo_path), sha]))
        while not job.done:
            self._go_on(job)
        if job.problem is not None:
            raise UnreadableSource(job.problem)
        return job.answers[0]

    def _go_on(self, job: Job) -> None:
        if self._stopped():
            self._pool.drop([job])
            raise Interrupted
        self._pool.pump(_SLICE_S)

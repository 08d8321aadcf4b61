"""Answers what is asked about the process itself: status, jobs, stories, figures; and stops it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts import commands
from assistant.contracts.process import Metrics, ProcessStatus, Story, StoryLine
from assistant.contracts.reports import Status, Stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from assistant.bus.envelope import Letter
    from assistant.bus.jobs import Jobs
    from assistant.contracts.ports import Ledger


WORTH_TELLING = frozenset(
    name for name in commands.AT_THE_DOOR if not name.startswith("Tell") and name != "SweepFolders"
)
MOST_TURNS_BACK = 500
"""So far back the last turn worth telling is looked for."""


class Reporter(Actor):
    """``status`` tells of the memory (on a thread of its own), ``process`` of the process. ``as_text`` makes figures of
    both. ``story_written`` sees to it that the ledger holds what has happened. ``stop`` is called to stop in order."""

    def __init__(
        self,
        jobs: Jobs,
        ledger: Ledger,
        status: Callable[[bool], Awaitable[Status]],
        process: Callable[[Status], Awaitable[ProcessStatus]],
        as_text: Callable[[Status], Awaitable[str]],
        written: Callable[[], Awaitable[None]],
        aside: Callable[[Callable[[], Any]], Awaitable[Any]],
        stop: Callable[[], None],
    ) -> None:
        super().__init__("reporter", ActorLimits(at_once=4, time_limit_s=60))
        self._jobs = jobs
        self._ledger = ledger
        self._status = status
        self._process = process
        self._as_text = as_text
        self._written = written
        self._aside = aside
        self._stop = stop

    async def on_message(self, letter: Letter) -> Any:
        """The reply to one of the commands about the process."""
        match letter.envelope.message:
            case commands.TellStatus(problems=problems):
                return await self._whole_status(problems)
            case commands.TellMetrics():
                return Metrics(text=await self._as_text(await self._whole_status(False)))
            case commands.TellJobs(failed=failed):
                return tuple(self._jobs.listed(failed=failed))
            case commands.RetryJob(job_id=job_id):
                return await self._jobs.retry(job_id)
            case commands.DropJob(job_id=job_id):
                return await self._jobs.drop(job_id)
            case commands.TellStory(turn_id=turn_id):
                await self._written()
                own = letter.envelope.turn_id
                return await self._aside(lambda: self._story(turn_id, own))
            case commands.StopProcess():
                self._stop()
                return Stopped(pid=os.getpid())

    def _story(self, turn_id: int | None, own: int) -> Story:
        """A turn, or the last one that somebody began to do more than ask about the process."""
        if turn_id is not None:
            return _told(turn_id, self._ledger.story(turn_id)[1])
        for earlier in range(own - 1, max(0, own - MOST_TURNS_BACK), -1):
            lines = self._ledger.story(earlier)[1]
            if lines and lines[0].message in WORTH_TELLING:
                return _told(earlier, lines)
        return Story(turn_id=max(0, own - 1), lines=())

    async def _whole_status(self, problems: bool) -> Status:
        found = await self._status(problems)
        return found.model_copy(update={"process": await self._process(found)})


def _told(turn_id: int, lines: Sequence[StoryLine]) -> Story:
    missing = {line.cause for line in lines} - {line.number for line in lines} - {None}
    return Story(turn_id=turn_id, lines=tuple(lines), left_out=len(missing))

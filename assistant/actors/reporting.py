"""Answers what is asked about the process itself: status, jobs, stories, figures; and stops it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts import commands
from assistant.contracts.process import Metrics, ProcessStatus, Story
from assistant.contracts.reports import Status, Stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from assistant.bus.envelope import Letter
    from assistant.bus.jobs import Jobs
    from assistant.contracts.ports import Ledger


class Reporter(Actor):
    """``status`` tells of the memory (on a thread of its own), ``process`` of the process. ``as_text`` makes figures of
    both. ``story_written`` sees to it that the ledger holds what has happened. ``stop`` is called to stop in order."""

    def __init__(
        self,
        jobs: Jobs,
        ledger: Ledger,
        status: Callable[[bool], Awaitable[Status]],
        process: Callable[[Status], ProcessStatus],
        as_text: Callable[[Status], str],
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
                return Metrics(text=self._as_text(await self._whole_status(False)))
            case commands.TellJobs(failed=failed):
                return tuple(self._jobs.listed(failed=failed))
            case commands.RetryJob(job_id=job_id):
                return await self._jobs.retry(job_id)
            case commands.DropJob(job_id=job_id):
                return await self._jobs.drop(job_id)
            case commands.TellStory(turn_id=turn_id):
                await self._written()
                own = letter.envelope.turn_id
                wanted = turn_id if turn_id is not None else own - 1
                turn, lines = await self._aside(lambda: self._ledger.story(wanted))
                return Story(turn_id=turn, lines=tuple(lines))
            case commands.StopProcess():
                self._stop()
                return Stopped(pid=os.getpid())

    async def _whole_status(self, problems: bool) -> Status:
        found = await self._status(problems)
        return found.model_copy(update={"process": self._process(found)})

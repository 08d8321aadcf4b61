"""Work in the background: commands nobody waits for, tried again when they fail, listed when they are given up.

That a job is begun is written down before it is, so that one that kills the process is counted too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import told
from assistant.bus.journal import about
from assistant.contracts.errors import ProcessFailed, StorageFailed, WrongUse
from assistant.contracts.events import JobFailed
from assistant.contracts.process import Job
from assistant.core.breaking import back_off_s

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.contracts.commands import Command
    from assistant.contracts.ports import Clock, Ledger

TRIES = 3
MOST_JOBS = 1000
"""Jobs that wait or run; of those that were given up as many are kept, the newest."""


class Jobs:
    """``kinds``: the commands that may be jobs, by name. ``aside`` runs what writes to the ledger. Belongs to the event
    loop's thread."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        ledger: Ledger,
        kinds: Mapping[str, type[Command[Any]]],
        aside: Callable[[Callable[[], Any]], Awaitable[Any]],
        tries: int = TRIES,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._ledger = ledger
        self._kinds = kinds
        self._aside = aside
        self._tries = tries
        self._sleep = sleep
        self._jobs: dict[int, Job] = {}
        self._commands: dict[int, Command[Any]] = {}
        self._tasks: dict[int, asyncio.Task[Any]] = {}
        self._last_id = 0

    async def begin(self) -> None:
        """Take up what a process before this one left: what was waiting or running is tried again, unless it has been
        tried often enough."""
        for job, text in await self._aside(self._ledger.jobs):
            self._last_id = max(self._last_id, job.id)
            kind = self._kinds.get(job.command)
            if kind is None:
                await self._forget(job.id)
                continue
            self._jobs[job.id] = job
            self._commands[job.id] = kind.model_validate_json(text)
            if job.state == "failed":
                continue
            if job.attempts >= self._tries:
                await self._give_up(job, job.reason or "the process ended while it was at work")
            else:
                self._start(job.id)

    def tell(self, command: Command[Any]) -> asyncio.Task[Any]:
        """Have ``command`` carried out; one that is equal and still waits is not done twice. The task ends with its
        reply, or ``None`` when it was given up. Raises :class:`~assistant.contracts.errors.ProcessFailed` when far too
        much waits already."""
        for job_id, job in self._jobs.items():
            if job.state == "waiting" and job.attempts == 0 and self._commands[job_id] == command:
                return self._tasks[job_id]
        if len(self._tasks) >= MOST_JOBS:
            raise ProcessFailed(f"{MOST_JOBS} jobs are waiting; no more are taken.", remedy="See `assistant jobs`.")
        self._last_id += 1
        self._jobs[self._last_id] = Job(
            id=self._last_id,
            command=type(command).__name__,
            about=about(command),
            state="waiting",
            attempts=0,
            at=self._now(),
        )
        self._commands[self._last_id] = command
        return self._start(self._last_id)

    def listed(self, *, failed: bool) -> list[Job]:
        """Jobs that wait, run or were given up (``failed``: only those), by id."""
        return [job for _, job in sorted(self._jobs.items()) if job.state == "failed" or not failed]

    async def retry(self, job_id: int) -> Job:
        """Try again what was given up. Raises :class:`~assistant.contracts.errors.WrongUse`."""
        job = self._failed(job_id)
        self._jobs[job_id] = job.model_copy(update={"state": "waiting", "attempts": 0, "reason": "", "at": self._now()})
        self._start(job_id)
        return self._jobs[job_id]

    async def drop(self, job_id: int) -> Job:
        """Strike off what was given up. Raises :class:`~assistant.contracts.errors.WrongUse`."""
        job = self._failed(job_id).model_copy(update={"state": "dropped"})
        await self._forget(job_id)
        return job

    async def end(self) -> None:
        """Stop what runs; it is taken up again by the next process."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _failed(self, job_id: int) -> Job:
        job = self._jobs.get(job_id)
        if job is None or job.state != "failed":
            raise WrongUse(f"There is no failed job {job_id}.", remedy="See: assistant jobs --failed")
        return job

    def _start(self, job_id: int) -> asyncio.Task[Any]:
        task = self._tasks[job_id] = asyncio.create_task(self._run(job_id), name=f"job-{job_id}")
        task.add_done_callback(lambda _: self._tasks.pop(job_id, None))
        return task

    async def _run(self, job_id: int) -> Any:
        while True:
            job = self._jobs[job_id]
            job = job.model_copy(update={"state": "running", "attempts": job.attempts + 1})
            await self._keep(job)
            try:
                found = await self._bus.ask(self._commands[job_id])
            except Exception as error:  # noqa: BLE001 - a job's loop: told, tried again, and listed in the end
                job = job.model_copy(update={"state": "waiting", "reason": told(error)})
                if job.attempts >= self._tries:
                    await self._give_up(job, told(error))
                    return None
                await self._keep(job)
                self._bus.publish(JobFailed(job_id, job.command, job.reason, given_up=False))
                await self._sleep(back_off_s(job.attempts))
            else:
                await self._forget(job_id)
                return found

    async def _give_up(self, job: Job, reason: str) -> None:
        await self._keep(job.model_copy(update={"state": "failed", "reason": reason, "at": self._now()}))
        self._bus.publish(JobFailed(job.id, job.command, reason, given_up=True))
        failed = [one.id for one in self.listed(failed=True)]
        for job_id in failed[:-MOST_JOBS]:
            await self._forget(job_id)

    async def _keep(self, job: Job) -> None:
        self._jobs[job.id] = job
        command = self._commands[job.id].model_dump_json()
        await self._write(lambda: self._ledger.put_job(job, command))

    async def _forget(self, job_id: int) -> None:
        self._jobs.pop(job_id, None)
        self._commands.pop(job_id, None)
        await self._write(lambda: self._ledger.drop_job(job_id))

    async def _write(self, work: Callable[[], None]) -> None:
        """A disk that takes nothing more does not keep the work from being done; it is only not written down."""
        try:
            await self._aside(work)
        except StorageFailed as error:
            self._bus.publish(JobFailed(0, "ledger", told(error), given_up=False))

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")

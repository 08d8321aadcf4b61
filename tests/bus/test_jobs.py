"""Jobs: tried again, counted before they begin, given up, retried, dropped, and taken up by the next process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assistant.bus.jobs import Jobs
from assistant.contracts.commands import LookAt, SweepFolders, WarmUp
from assistant.contracts.errors import StorageFailed, WrongUse
from assistant.contracts.events import JobFailed
from assistant.contracts.process import Job
from assistant.testing.ledgers import TransientLedger
from bus.loops import House, Scripted, at_once, run, until

KINDS = {"LookAt": LookAt, "SweepFolders": SweepFolders}


class Workplace(House):
    """A bus with jobs, and an actor for them that fails ``failures`` times."""

    def __init__(self, ledger: TransientLedger | None = None, failures: int = 0) -> None:
        super().__init__()
        self.ledger = ledger or TransientLedger()
        self.failures = failures
        self.seen: list[tuple[str, int]] = []
        self.jobs = Jobs(self.bus, self.clock, self.ledger, KINDS, at_once, sleep=self.pauses)
        self.actor = Scripted(self.work, "worker")
        self.bus.register(self.actor, (LookAt, SweepFolders))

    async def work(self, letter: Any) -> int:
        """What stands in the ledger at this moment is noted: a job is counted before it begins."""
        self.seen.append(next((job.state, job.attempts) for job, _ in self.ledger.jobs()))
        if self.failures:
            self.failures -= 1
            raise StorageFailed("the disk is full")
        return 7


def test_a_job_is_written_down_before_it_begins_and_struck_off_when_it_is_done() -> None:
    async def story() -> None:
        place = Workplace()
        async with place.supervisor:
            assert await place.jobs.tell(LookAt(paths=("/a",))) == 7
        assert place.seen == [("running", 1)]
        assert place.ledger.jobs() == []
        assert place.jobs.listed(failed=False) == []

    run(story())


def test_a_job_that_fails_is_tried_again_after_longer_and_longer_pauses() -> None:
    async def story() -> None:
        place = Workplace(failures=2)
        async with place.supervisor:
            assert await place.jobs.tell(LookAt(paths=("/a",))) == 7
        assert place.seen == [("running", 1), ("running", 2), ("running", 3)]
        assert place.pauses.taken == [0.5, 1.0]

    run(story())


def test_what_keeps_failing_is_given_up_listed_and_told() -> None:
    async def story() -> None:
        place = Workplace(failures=99)
        with place.bus.observed("told", ["error"]) as told:
            async with place.supervisor:
                assert await place.jobs.tell(LookAt(paths=("/a",))) is None
                (job,) = place.jobs.listed(failed=True)
                assert (job.state, job.attempts, job.about) == ("failed", 3, "1 path")
                assert "disk is full" in job.reason
                assert [one.state for one, _ in place.ledger.jobs()] == ["failed"]
                last = None
                while len(told.mailbox):
                    last = (await told.mailbox.take()).envelope.message
                assert last == JobFailed(job.id, "LookAt", job.reason, given_up=True)

                place.failures = 0
                retried = await place.jobs.retry(job.id)
                assert (retried.state, retried.attempts) == ("waiting", 0)
                await until(lambda: not place.jobs.listed(failed=False))
        assert place.ledger.jobs() == []

    run(story())


def test_what_was_given_up_can_be_dropped_and_nothing_else() -> None:
    async def story() -> None:
        place = Workplace(failures=3)
        async with place.supervisor:
            await place.jobs.tell(LookAt(paths=("/a",)))
            (job,) = place.jobs.listed(failed=True)
            assert (await place.jobs.drop(job.id)).state == "dropped"
            for act in (place.jobs.drop, place.jobs.retry):
                with pytest.raises(WrongUse, match=f"no failed job {job.id}"):
                    await act(job.id)
        assert place.ledger.jobs() == []

    run(story())


def test_equal_jobs_that_wait_are_done_once() -> None:
    async def story() -> None:
        place = Workplace()
        async with place.supervisor:
            first = place.jobs.tell(SweepFolders())
            second = place.jobs.tell(SweepFolders())
            other = place.jobs.tell(LookAt(paths=("/b",)))
            assert first is second
            await asyncio.gather(first, other)
        assert len(place.actor.heard) == 2

    run(story())


def test_a_job_that_kills_the_process_each_time_is_given_up_and_the_others_go_on() -> None:
    async def story() -> None:
        ledger = TransientLedger()
        for number, attempts in ((1, 3), (2, 2)):
            job = Job(id=number, command="LookAt", about="", state="running", attempts=attempts, at="")
            ledger.put_job(job, '{"paths":["/poison"],"roots":[]}')
        ledger.put_job(Job(id=3, command="Gone", about="", state="waiting", attempts=0, at=""), "{}")
        place = Workplace(ledger)
        async with place.supervisor:
            await place.jobs.begin()
            await until(lambda: len(place.jobs.listed(failed=False)) == 1)
        (job,) = place.jobs.listed(failed=True)
        assert (job.id, job.reason) == (1, "the process ended while it was at work")
        assert place.actor.heard == [LookAt(paths=("/poison",))]
        assert [one.id for one, _ in ledger.jobs()] == [1]

    run(story())


def test_ending_leaves_what_runs_for_the_next_process() -> None:
    async def story() -> None:
        place = Workplace()

        async def hang(letter: Any) -> Any:
            await asyncio.Event().wait()

        place.actor.script = hang
        async with place.supervisor:
            place.jobs.tell(LookAt(paths=("/a",)))
            await until(lambda: bool(place.actor.heard))
            await place.jobs.end()
        assert [(job.state, job.attempts) for job, _ in place.ledger.jobs()] == [("running", 1)]

        again = Workplace(place.ledger)
        async with again.supervisor:
            await again.jobs.begin()
            await until(lambda: not again.jobs.listed(failed=False))
        assert again.seen == [("running", 2)]

    run(story())


def test_a_disk_that_takes_nothing_more_does_not_keep_the_work_from_being_done() -> None:
    class Full(TransientLedger):
        def put_job(self, job: Job, command: str) -> None:
            super().put_job(job, command)
            raise StorageFailed("The list of jobs could not be written.")

    async def story() -> None:
        place = Workplace(Full())
        with place.bus.observed("told", ["error"]) as told:
            async with place.supervisor:
                assert await place.jobs.tell(LookAt(paths=("/a",))) == 7
            assert len(told.mailbox) == 1

    run(story())


def test_a_command_that_is_no_job_after_an_update_is_struck_off() -> None:
    async def story() -> None:
        ledger = TransientLedger()
        ledger.put_job(Job(id=1, command="WarmUp", about="", state="failed", attempts=3, at=""), "{}")
        place = Workplace(ledger)
        await place.jobs.begin()
        assert (place.jobs.listed(failed=False), ledger.jobs()) == ([], [])
        assert WarmUp.__name__ not in KINDS

    run(story())

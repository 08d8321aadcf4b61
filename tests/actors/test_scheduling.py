"""The scheduler, over days of a clock that is told to go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from bus.loops import House, Scripted, at_once, run, until

from assistant.actors.scheduling import Duty, Scheduler
from assistant.contracts.commands import (
    CollectGarbage,
    Command,
    CompactMemory,
    EvaluateGolden,
    RunTask,
    SweepFolders,
    TellTasks,
)
from assistant.contracts.errors import StorageFailed, WrongUse
from assistant.contracts.events import TaskRan
from assistant.contracts.process import TaskRun
from assistant.contracts.reports import Added, Housekeeping
from assistant.core.timetable import Line
from assistant.testing.ledgers import TransientLedger

DUTIES = (
    Duty("sweep", "Look for changes", SweepFolders()),
    Duty("collect", "Drop", CollectGarbage(), heavy=True),
    Duty("evaluate", "Ask the golden set", EvaluateGolden(), heavy=True),
)
LINES = {"sweep": Line("sweep", "0 * * * *"), "collect": Line("collect", "30 3 * * *"), "evaluate": Line("e", "off")}


class Day(House):
    """A scheduler whose sleep lets time pass, in turns with the test."""

    def __init__(self, ledger: TransientLedger | None = None) -> None:
        super().__init__()
        self.ledger = ledger or TransientLedger()
        self.put_off = ""
        self.ran: list[tuple[str, str]] = []
        self.reply: Callable[[], Any] = lambda: Housekeeping(done=("It is done.",))
        self.lost_s = 0.0
        self._wake = asyncio.Event()
        self.scheduler = Scheduler(self.bus, self.clock, self.ledger, DUTIES, LINES, self.why_not, at_once, self.sleep)
        self.bus.register(self.scheduler, (TellTasks, RunTask))
        self.worker = Scripted(self.work, "worker")
        self.bus.register(self.worker, (SweepFolders, CollectGarbage, CompactMemory, EvaluateGolden))

    async def why_not(self) -> str:
        return self.put_off

    async def work(self, letter: Any) -> Any:
        self.ran.append((type(letter.envelope.message).__name__, self.clock.now().strftime("%d %H:%M")))
        return self.reply() if not isinstance(letter.envelope.message, SweepFolders) else Added(scans=())

    async def sleep(self, seconds: float) -> None:
        self.asked_s = seconds
        await self._wake.wait()
        self._wake.clear()

    async def pass_time(self, by: timedelta, step_s: float = 60) -> None:
        """Let time pass as it does while somebody sleeps so long at most."""
        for _ in range(int(by.total_seconds() / step_s)):
            self.clock.advance(step_s)
            self._wake.set()
            await until(lambda: not self._wake.is_set())
            for _ in range(20):
                await asyncio.sleep(0)

    async def tasks(self) -> dict[str, Any]:
        return {one.name: one for one in await self.bus.ask(TellTasks())}


def day(story: Callable[[Day], Coroutine[Any, Any, None]], ledger: TransientLedger | None = None) -> Day:
    async def lived() -> Day:
        house = Day(ledger)
        async with house.supervisor:
            await until(lambda: hasattr(house, "asked_s"))
            await story(house)
        return house

    return run(lived())


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_everything_runs_at_its_time_and_is_written_down() -> None:
    async def story(house: Day) -> None:
        await house.pass_time(timedelta(hours=16))  # from noon

    house = day(story)
    sweeps = [at for what, at in house.ran if what == "SweepFolders"]
    assert sweeps == [f"01 {hour:02}:00" for hour in range(13, 24)] + [f"02 {hour:02}:00" for hour in range(5)]
    assert [pair for pair in house.ran if pair[0] != "SweepFolders"] == [("CollectGarbage", "02 03:30")]
    runs = house.ledger.runs()
    assert runs["collect"].outcome == "It is done."
    assert runs["collect"].due_at == "2026-03-02T03:30:00+00:00"
    assert "evaluate" not in runs


def test_what_was_missed_while_nothing_ran_is_caught_up_once() -> None:
    ledger = TransientLedger()
    at = "2026-02-20T03:30:00+00:00"
    ledger.put_run(TaskRun(name="collect", at=at, due_at=at, took_s=1, outcome="Done."))

    async def story(house: Day) -> None:
        await house.pass_time(timedelta(minutes=30))

    house = day(story, ledger)
    assert house.ran == [("CollectGarbage", "01 12:01")]
    assert ledger.runs()["collect"].due_at == "2026-03-01T03:30:00+00:00"


def test_heavy_work_waits_while_somebody_asks_and_says_so() -> None:
    async def story(house: Day) -> None:
        house.put_off = "somebody is asking"
        await house.pass_time(timedelta(hours=16))
        assert "somebody is asking" in (await house.tasks())["collect"].outcome
        assert all(what == "SweepFolders" for what, _ in house.ran)
        house.put_off = ""
        await house.pass_time(timedelta(minutes=2))
        assert house.ran[-1][0] == "CollectGarbage"
        assert "Waits now" not in (await house.tasks())["collect"].outcome

    day(story)


def test_the_computer_slept_and_what_changed_meanwhile_is_looked_for() -> None:
    async def story(house: Day) -> None:
        await house.pass_time(timedelta(minutes=5))
        steady_s = house.clock.monotonic_s()
        house.clock.advance(1800)
        house.clock.monotonic_s = lambda: steady_s  # type: ignore[method-assign]  # it stood still in the meantime
        house._wake.set()
        await until(lambda: bool(house.ran))

    assert day(story).ran == [("SweepFolders", "01 12:35")]


def test_a_task_that_fails_is_an_alarm_until_it_goes_well() -> None:
    async def story(house: Day) -> None:
        def fail() -> Any:
            raise StorageFailed("The disk is full.")

        house.reply = fail
        told = await house.bus.ask(RunTask(name="collect"))
        assert told.outcome == "The disk is full."
        assert house.scheduler.alarms == ["Task collect: The disk is full."]
        house.reply = lambda: Housekeeping(done=("Worse.",), alarm=True, figures={"x": 1.0})
        await house.bus.ask(RunTask(name="collect"))
        assert house.scheduler.alarms == ["Task collect: Worse."]
        house.reply = lambda: Housekeeping()
        await house.bus.ask(RunTask(name="collect"))
        assert house.scheduler.alarms == []
        assert house.ledger.runs()["collect"].outcome == "Nothing to do."

    day(story)


def test_why_something_was_skipped_is_told() -> None:
    async def story(house: Day) -> None:
        house.reply = lambda: Housekeeping(skipped="No golden set is named.")
        with house.bus.observed("told") as told:
            await house.bus.ask(RunTask(name="evaluate"))
            seen = [(await told.mailbox.take()).envelope.message for _ in range(len(told.mailbox))]
        assert any(isinstance(one, TaskRan) and one.skipped == "No golden set is named." for one in seen)
        task = (await house.tasks())["evaluate"]
        assert (task.state, task.next_at, task.outcome) == ("off", None, "No golden set is named.")

    day(story)


def test_a_task_nobody_knows() -> None:
    async def story(house: Day) -> None:
        command: Command[Any] = RunTask(name="dance")
        with pytest.raises(WrongUse, match="no task 'dance'"):
            await house.bus.ask(command)

    day(story)


def test_the_timetable_tells_what_is_next() -> None:
    async def story(house: Day) -> None:
        tasks = await house.tasks()
        assert tasks["sweep"].next_at == "2026-03-01T13:00:00+00:00"
        assert tasks["collect"].next_at == "2026-03-02T03:30:00+00:00"
        assert tasks["sweep"].last_at is None

    day(story)

"""The scheduler: carries out the timetable, catches up once what was missed, and notices that the computer slept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits, told
from assistant.contracts.commands import Command, RunTask, SweepFolders, TellTasks
from assistant.contracts.errors import AssistantError, WrongUse
from assistant.contracts.events import TaskRan
from assistant.contracts.process import Task, TaskRun
from assistant.contracts.reports import Added, Housekeeping
from assistant.core.timetable import OFF, Line, due, next_after

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from assistant.bus.bus import Bus
    from assistant.bus.envelope import Letter
    from assistant.contracts.ports import Clock, Ledger

LONGEST_SLEEP_S = 60.0
"""The clock is looked at so often: timers stand still while the computer sleeps."""
SLEPT_S = 90.0
"""When the wall clock has gone on by so much more than the other, the computer was asleep (or was set anew)."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A task: what it does, and as which command. ``heavy``: it is put off while somebody asks, and on battery."""

    name: str
    does: str
    command: Command[Any]
    heavy: bool = False


class Scheduler(Actor):
    """``lines``: when each duty is due, by its name. ``put_off`` says why a heavy duty must wait, "" when it need not;
    it is tried again at the next look at the clock. ``aside`` runs what writes to the ledger."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        ledger: Ledger,
        duties: tuple[Duty, ...],
        lines: Mapping[str, Line],
        put_off: Callable[[], Awaitable[str]],
        aside: Callable[[Callable[[], Any]], Awaitable[Any]],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        super().__init__("scheduler", ActorLimits(time_limit_s=12 * 3600, at_once=2))
        self._bus = bus
        self._clock = clock
        self._ledger = ledger
        self._duties = {duty.name: duty for duty in duties}
        self._lines = lines
        self._put_off = put_off
        self._aside = aside
        self._sleep = sleep
        self._since = self._now()
        self._runs: dict[str, TaskRun] = {}
        self._waits: dict[str, str] = {}
        self._running: set[str] = set()
        self._ticking: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        """Begin to look at the clock."""
        self._runs = await self._aside(self._ledger.runs)
        self._ticking = asyncio.create_task(self._tick(), name="timetable")

    async def on_stop(self) -> None:
        """Look no more."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)

    async def on_message(self, letter: Letter) -> Any:
        """Tell the timetable, or carry out a line of it now."""
        match letter.envelope.message:
            case TellTasks():
                return tuple(self._told(duty) for duty in self._duties.values())
            case RunTask(name=name):
                duty = self._duties.get(name)
                if duty is None:
                    raise WrongUse(f"There is no task {name!r}.", remedy=f"Tasks: {', '.join(self._duties)}.")
                if name not in self._running:
                    await self._run(duty, self._now())
                return self._told(duty)

    @property
    def alarms(self) -> list[str]:
        """What failed or got worse the last time, in sentences."""
        return [f"Task {run.name}: {run.outcome}" for run in self._runs.values() if run.failed]

    async def _tick(self) -> None:
        """Look at the clock for ever."""
        wall, steady_s = self._now(), self._clock.monotonic_s()
        while True:
            await self._sleep(min(LONGEST_SLEEP_S, self._until_next_s()))
            now, now_s = self._now(), self._clock.monotonic_s()
            slept_s = (now - wall).total_seconds() - (now_s - steady_s)
            wall, steady_s = now, now_s
            if slept_s > SLEPT_S:
                await self._sweep_after_sleep()
            for duty in self._duties.values():
                await self._if_due(duty)

    async def _sweep_after_sleep(self) -> None:
        sweep = next((duty for duty in self._duties.values() if isinstance(duty.command, SweepFolders)), None)
        if sweep is not None and sweep.name not in self._running:
            await self._run(sweep, self._now())

    async def _if_due(self, duty: Duty) -> None:
        at = due(self._lines[duty.name], self._last_due(duty.name), self._since, self._now())
        if at is None or duty.name in self._running:
            return
        reason = await self._put_off() if duty.heavy else ""
        self._waits[duty.name] = reason
        if not reason:
            await self._run(duty, at)

    def _until_next_s(self) -> float:
        now = self._now()
        if any(self._waits.values()):
            return LONGEST_SLEEP_S
        times = [at for at in map(self._next, self._duties) if at is not None]
        return min((max(0.5, (at - now).total_seconds()) for at in times), default=LONGEST_SLEEP_S)

    async def _run(self, duty: Duty, due_at: datetime) -> None:
        began, began_s = self._now(), self._clock.monotonic_s()
        self._running.add(duty.name)
        outcome, skipped, failed, figures = "", False, False, dict[str, float]()
        try:
            found = await self._bus.ask(duty.command)
            outcome, skipped, failed, figures = _outcome(found)
        except AssistantError as error:
            outcome, failed = told(error), True
        finally:
            self._running.discard(duty.name)
        took_s = self._clock.monotonic_s() - began_s
        run = TaskRun(
            name=duty.name,
            at=began.isoformat(timespec="seconds"),
            due_at=due_at.isoformat(timespec="seconds"),
            took_s=round(took_s, 3),
            outcome=outcome,
            skipped=skipped,
            failed=failed,
            figures=figures,
        )
        self._runs[duty.name] = run
        self._bus.publish(TaskRan(duty.name, round(took_s, 3), outcome if skipped else ""))
        await self._aside(lambda: self._ledger.put_run(run))

    def _told(self, duty: Duty) -> Task:
        run, line, at = self._runs.get(duty.name), self._lines[duty.name], self._next(duty.name)
        waits = self._waits.get(duty.name, "")
        outcome = run.outcome if run else ""
        return Task(
            name=duty.name,
            does=duty.does,
            when=line.when,
            last_at=run.at if run else None,
            took_s=run.took_s if run else None,
            outcome=f"{outcome} Waits now: {waits}.".strip() if waits else outcome,
            state="running" if duty.name in self._running else "off" if line.when == OFF else "waiting",
            next_at=at.isoformat(timespec="seconds") if at else None,
        )

    def _next(self, name: str) -> datetime | None:
        now = self._now()
        missed = due(self._lines[name], self._last_due(name), self._since, now)
        return missed or next_after(self._lines[name], now)

    def _last_due(self, name: str) -> datetime | None:
        run = self._runs.get(name)
        return None if run is None else datetime.fromisoformat(run.due_at)

    def _now(self) -> datetime:
        return self._clock.now().astimezone()


def _outcome(found: object) -> tuple[str, bool, bool, dict[str, float]]:
    """Sentence, whether it was skipped, whether something is wrong, and figures."""
    match found:
        case Housekeeping():
            text = found.skipped or " ".join(found.done) or "Nothing to do."
            return text, bool(found.skipped), bool(found.alarm), dict(found.figures)
        case Added(scans=scans):
            read, gone = sum(scan.read for scan in scans), sum(scan.gone for scan in scans)
            return f"{len(scans)} folders: {read} sources read, {gone} gone.", False, False, {}
        case _:
            return "Done.", False, False, {}

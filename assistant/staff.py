"""Who works in the living process: supervised actors on one bus, around one memory."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.actors.embedding import EmbeddingStarter
from assistant.actors.evaluating import Evaluator
from assistant.actors.following import Follower
from assistant.actors.intake import LONGEST_S, Intake
from assistant.actors.pace import BackgroundPace
from assistant.actors.reporting import Reporter
from assistant.actors.scheduling import Duty, Scheduler
from assistant.actors.watching import Watcher
from assistant.actors.working import Perform, WorkingActor
from assistant.bus.actor import ActorLimits
from assistant.bus.bus import Bus
from assistant.bus.jobs import Jobs
from assistant.bus.journal import Journal, about, keep_writing, topic_of
from assistant.bus.pools import Foreground, Pool
from assistant.bus.supervisor import Supervisor
from assistant.contracts import commands, events
from assistant.contracts.process import EmbeddingStatus, ProcessStatus
from assistant.contracts.program import VERSION
from assistant.core.pacing import PaceLimits, Pacing
from assistant.core.timetable import Line
from assistant.memory.ledger import LmdbLedger
from assistant.memory.projecting import behind
from assistant.observing.figures import as_text
from assistant.observing.logs import Log, open_log
from assistant.observing.surroundings import Observed, give_memory_back
from assistant.observing.traces import Tracer, open_tracer
from assistant.performing import perform

if TYPE_CHECKING:
    from types import TracebackType

    from assistant.app import Assistant
    from assistant.contracts.commands import Command
    from assistant.contracts.events import Listener
    from assistant.contracts.ports import Clock
    from assistant.contracts.process import StoryLine
    from assistant.contracts.reports import Status
    from assistant.memory.fabric import Fabric
    from assistant.serving.server import Door

Reply = TypeVar("Reply")
JOB_KINDS: Mapping[str, type[Command[Any]]] = {
    one.__name__: one for one in (commands.LookAt, commands.SweepFolders, commands.EmbedPending, commands.WarmUp)
}
"""Commands that are carried out in the background, tried again, and listed when given up."""
DUTIES = (
    Duty("sweep", "Look for changes that were missed", commands.SweepFolders()),
    Duty("collect", "Drop what nothing refers to any more", commands.CollectGarbage(), heavy=True),
    Duty("compact", "Give space back", commands.CompactMemory(), heavy=True),
    Duty("warm", "Have the model and both indexes at hand", commands.WarmUp()),
    Duty("evaluate", "Ask the golden set", commands.EvaluateGolden(), heavy=True),
)
SCAN_WAITS_S = 0.5
"""A scan waits so long before a source for people who ask."""
LATELY_S = 60.0
"""A heavy duty waits while somebody has asked so recently."""


class Staff:
    """Runs the actors around an assistant that owns its store, for as long as its ``async with`` block lasts. A
    :class:`~assistant.contracts.ports.Performer`. ``stop`` is called when somebody asks the process to stop."""

    def __init__(
        self,
        assistant: Assistant,
        clock: Clock,
        stop: Callable[[], None],
    ) -> None:
        self.door: Door | None = None
        """Where clients come in, once that is open."""
        self._assistant = assistant
        self._clock = clock
        self._stop = stop
        self._started_at = clock.now().isoformat(timespec="seconds")
        settings, locations = assistant.settings, assistant.locations
        self._foreground = Foreground()
        self._pacing = Pacing(PaceLimits(battery_share=settings.battery_share, busy_share=settings.busy_share))
        self._observed = Observed(clock)
        self._pools = {
            "llm": Pool("llm", 1, 16),
            "embed": Pool("embed", 1, 4, nice=5),
            "rank": Pool("rank", 2, 128),
            "files": Pool("files", 4, 64),
            "ledger": Pool("ledger", 1, 1024),
        }
        assistant.paced = self._pace
        assistant.give_way = partial(self._foreground.give_way, SCAN_WAITS_S)
        self._notes: list[str] = []
        self._ledger = LmdbLedger(locations.ledger, locations.set_aside, self._notes.append)
        self._journal = Journal(self._ledger)
        self.bus = Bus(clock, self._journal)
        self.jobs = Jobs(self.bus, clock, self._ledger, JOB_KINDS, self._aside)
        self._scheduler, self._watcher = self._hire()
        self._supervisor = Supervisor(self.bus, clock)
        self._stack = AsyncExitStack()
        self._log: Log = open_log(locations.state)
        self._tracer: Tracer | None = open_tracer(settings.trace_endpoint, VERSION)

    async def perform(self, command: Command[Reply], tell: Listener, stop: threading.Event) -> Reply:
        """See :class:`assistant.contracts.ports.Performer`."""
        return await self.bus.ask(command, tell=tell, stop=stop)

    async def __aenter__(self) -> Staff:
        async with AsyncExitStack() as stack:
            stack.callback(self._close)
            self.bus.bind()
            stack.push_async_callback(self._write_journal)
            await self._keep(stack, keep_writing(self._journal, self._write_journal), "journal")
            await self._keep(stack, self._keep_log(), "log")
            await stack.enter_async_context(self._supervisor)
            await self.jobs.begin()
            stack.push_async_callback(self.jobs.end)
            self._stack = stack.pop_all()
        for note in self._notes:
            self.bus.publish(events.Mended(note))
        self.jobs.tell(commands.WarmUp())
        if await self._aside(self._assistant.roots):
            self.jobs.tell(commands.EmbedPending())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self._ledger.close()
        self._log.close()
        if self._tracer is not None:
            self._tracer.close()

    # the actors

    def _hire(self) -> tuple[Scheduler, Watcher]:
        """Register every actor; they are started in this order."""
        bus, pools = self.bus, self._pools
        carry_out: Perform = partial(perform, self._assistant)
        tell = bus.publish_soon
        bus.register(
            Reporter(
                *(self.jobs, self._ledger, self._status_of_memory, self._status_of_process, self._figures),
                *(self._write_journal, self._aside, self._stop),
            ),
            (
                *(commands.TellStatus, commands.TellMetrics, commands.TellJobs, commands.RetryJob, commands.DropJob),
                *(commands.TellStory, commands.StopProcess),
            ),
        )
        answering = ActorLimits(waiting=128, at_once=2, time_limit_s=120)
        bus.register(
            WorkingActor("answering", pools["rank"], carry_out, tell, answering, self._foreground),
            (commands.Ask, commands.Recall, commands.ShowItem, commands.TellRoots),
        )
        intake = (commands.AddFolders, commands.SweepFolders, commands.ForgetPath, commands.CheckStore)
        bus.register(Intake(pools["files"], carry_out, bus, self._erase), intake)
        looking = ActorLimits(waiting=64, time_limit_s=1800)
        bus.register(WorkingActor("looking", pools["files"], carry_out, tell, looking), (commands.LookAt,))
        slow = ActorLimits(waiting=16, time_limit_s=LONGEST_S)
        embedder = WorkingActor("embedding", pools["embed"], carry_out, tell, slow, afterwards=give_memory_back)
        bus.register(embedder, (commands.EmbedPending,))
        upkeep = WorkingActor("upkeep", pools["files"], carry_out, tell, slow, afterwards=give_memory_back)
        bus.register(upkeep, (commands.CompactMemory, commands.CollectGarbage, commands.WarmUp))
        bus.register(
            EmbeddingStarter(self.jobs.tell), events=(events.FolderScanned, events.Looked, events.SourcesRefreshed)
        )
        bus.register(Follower(bus), (commands.FollowEvents,))
        watcher = Watcher(bus, self.jobs.tell, self._assistant.noticer, self._assistant.roots, pools["files"])
        bus.register(watcher, events=(events.FolderScanned, events.FolderForgotten, events.TaskRan))
        golden = Evaluator(bus, self._assistant.settings.golden, self._figures_before)
        bus.register(golden, (commands.EvaluateGolden,))
        times = self._assistant.settings.timetable.model_dump()
        lines = {name: Line(name, when) for name, when in times.items()}
        scheduler = Scheduler(bus, self._clock, self._ledger, DUTIES, lines, self._put_off, self._aside)
        bus.register(scheduler, (commands.TellTasks, commands.RunTask))
        return scheduler, watcher

    def _pace(self, stop: threading.Event) -> BackgroundPace:
        return BackgroundPace(self._pacing, self._foreground, self._observed.now, self._clock, stop)

    async def _put_off(self) -> str:
        """Why heavy work must wait; "" when it need not."""
        if (await self._aside(self._observed.now)).on_battery:
            return "the computer runs on battery"
        asked_ago_s = self._foreground.asked_ago_s(self._clock.monotonic_s())
        return "somebody is asking" if asked_ago_s is not None and asked_ago_s < LATELY_S else ""

    async def _figures_before(self) -> Mapping[str, float]:
        run = (await self._aside(self._ledger.runs)).get("evaluate")
        return run.figures if run is not None else {}

    # what it says of itself

    async def _status_of_memory(self, problems: bool) -> Status:
        return await self._pools["rank"].run(partial(self._assistant.status, problems=problems))

    async def _status_of_process(self, status: Status) -> ProcessStatus:
        fabric, failed = self._assistant.fabric, self.jobs.listed(failed=True)
        around = await self._aside(self._observed.now)
        lag = await self._aside(partial(_behind, fabric))
        pace, pending = self._pacing.texts_per_s, status.pending_vectors
        alarms = [*self._scheduler.alarms]
        alarms += [f"{actor.name} has stopped: {actor.reason}" for actor in self._actors("stopped")]
        alarms += [f"{len(failed)} jobs were given up; see: assistant jobs --failed"] if failed else []
        return ProcessStatus(
            pid=os.getpid(),
            started_at=self._started_at,
            door=str(self.door.path) if self.door is not None else "",
            clients=self.door.statistics()["attached"] if self.door is not None else 0,
            lexical_revision=fabric.terms.applied,
            vector_revision=fabric.vectors.applied,
            lexical_behind=lag[0],
            vector_behind=lag[1],
            embedding=EmbeddingStatus(
                pending=pending,
                batch=self._pacing.batch_tokens(self._foreground.asked_ago_s(self._clock.monotonic_s())),
                per_s=None if pace is None else round(pace, 2),
                left_s=None if pace is None else round(pending / pace, 1),
                held_back=self._pacing.held_back(around, self._foreground.waiting) if pending else "",
            ),
            watching=self._watcher.told(),
            actors=tuple(self._supervisor.statistics()),
            pools=tuple(pool.statistics() for pool in self._pools.values()),
            failed_jobs=len(failed),
            alarms=tuple(alarms),
        )

    def _actors(self, state: str) -> list[Any]:
        return [actor for actor in self._supervisor.statistics() if actor.state == state]

    async def _figures(self, status: Status) -> str:
        text: str = await self._aside(lambda: as_text(status, *self._observed.taken()))
        return text

    # writing things down

    def _aside(self, work: Callable[[], Any]) -> Awaitable[Any]:
        return self._pools["ledger"].run(work)

    async def _write_journal(self) -> None:
        lines = self._journal.take()
        if not lines:
            return
        if self._tracer is not None:
            self._trace(lines)
        await self._aside(lambda: self._ledger.write_lines(lines))

    async def _erase(self, path: str) -> None:
        """Let nothing that this process has written mention a path any more."""
        await self._write_journal()
        await self._aside(partial(self._ledger.forget, path))
        await self._aside(partial(self._log.forget, path))

    def _trace(self, lines: list[tuple[int, StoryLine]]) -> None:
        assert self._tracer is not None
        for turn_id, line in lines:
            self._tracer.line(turn_id, line)

    async def _keep_log(self) -> None:
        with self.bus.observed("log") as seen:
            async for envelope in seen:
                topic = topic_of(envelope.message)
                if topic != "job.progress":
                    await self._aside(partial(self._log.message, envelope, topic, about(envelope.message)))

    @staticmethod
    async def _keep(stack: AsyncExitStack, work: Any, name: str) -> None:
        """Run something until the stack is closed."""
        task = asyncio.create_task(work, name=name)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        stack.push_async_callback(end)


def _behind(fabric: Fabric) -> tuple[int, int]:
    with fabric.records.read() as view:
        return behind(view, fabric.terms.applied, fabric.vectors.applied, fabric.space.fingerprint)

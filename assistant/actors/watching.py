"""The watcher: what happens in remembered folders becomes looks, one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from assistant.bus.actor import Actor, ActorLimits
from assistant.contracts.commands import MOST_PATHS, Command, LookAt, SweepFolders
from assistant.contracts.events import FilesChanged, FolderForgotten, FolderScanned, TaskRan
from assistant.contracts.process import WatchedFolder
from assistant.core.coalescing import Coalescer, Note

if TYPE_CHECKING:
    from assistant.bus.bus import Bus
    from assistant.bus.envelope import Letter
    from assistant.bus.pools import Pool
    from assistant.reading.noticing import Noticer

MakeNoticer = Callable[[Callable[[Note], None], Callable[[], float]], "Noticer"]


class Watcher(Actor):
    """``noticer`` makes what notices, given who is told and the clock; ``roots`` gives the remembered folders; both
    are called on ``pool``. ``begin`` starts a job. While a look is under way, notes are gathered for the next one."""

    def __init__(
        self,
        bus: Bus,
        begin: Callable[[Command[Any]], asyncio.Task[Any]],
        noticer: MakeNoticer,
        roots: Callable[[], Sequence[str]],
        pool: Pool,
    ) -> None:
        super().__init__("watcher", ActorLimits(waiting=256, time_limit_s=600), "drop oldest")
        self._bus = bus
        self._begin = begin
        self._make = noticer
        self._roots = roots
        self._pool = pool
        self._noticer: Noticer | None = None
        self._lock = threading.Lock()
        self._coalescer = Coalescer()
        self._woken = False
        self._arrived = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._watched: set[str] = set()

    async def on_start(self) -> None:
        """Watch every remembered folder, and only then look for what was missed."""
        self._loop = asyncio.get_running_loop()
        # Ended in the middle of this, the thread is waited for, and what it made is closed by on_stop.
        await self._pool.run(self._open, threading.Event())
        self._looking = asyncio.create_task(self._keep_looking(), name="looking")
        if await self._follow():
            self._begin(SweepFolders())

    async def on_stop(self) -> None:
        """Watch nothing more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._noticer is not None:
            noticer, self._noticer = self._noticer, None
            self._watched.clear()
            await self._pool.run(noticer.close)

    async def on_message(self, letter: Letter) -> None:
        """Watch what is remembered now; after a sweep, look after the watched folders themselves."""
        match letter.envelope.message:
            case FolderScanned(root=root) if root not in self._watched:
                new = await self._follow()
                if new:  # what happened between its scan and its first watch
                    self._begin(LookAt(roots=tuple(sorted(new))))
            case FolderForgotten():
                await self._follow()
            case TaskRan(name="sweep") if self._noticer is not None:
                await self._pool.run(self._noticer.reconcile)

    def told(self) -> tuple[WatchedFolder, ...]:
        """How each folder is watched."""
        if self._noticer is None:
            return ()
        found = self._noticer.statistics()
        return tuple(
            WatchedFolder(
                path=one.path,
                how="events" if one.how == "inotify" else one.how,
                reason=one.reason,
                interval_s=found.poll_every_s if one.how == "polling" else None,
            )
            for one in found.roots
        )

    async def _follow(self) -> set[str]:
        """Watch the folders that are remembered now and no others; those that are new."""
        noticer = self._noticer
        if noticer is None:
            return set()
        roots = set(await self._pool.run(self._roots))
        new = roots - self._watched
        for root in sorted(new):
            await self._pool.run(partial(noticer.watch, root), threading.Event())
        for root in self._watched - roots:
            await self._pool.run(partial(noticer.unwatch, root), threading.Event())
            with self._lock:
                self._coalescer.forget(root)
        self._watched = roots
        return new

    def _open(self) -> None:
        assert self._loop is not None
        self._noticer = self._make(self._noted, self._loop.time)

    def _noted(self, note: Note) -> None:
        """Called on the noticer's thread."""
        with self._lock:
            self._coalescer.note(note)
            wake, self._woken = not self._woken, True
        if wake and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def _keep_looking(self) -> None:
        while True:
            due_s = self._due_s()
            wait_s = None if due_s is None else max(0.0, due_s - asyncio.get_running_loop().time())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), wait_s)
            self._arrived.clear()
            await self._look()

    def _due_s(self) -> float | None:
        with self._lock:
            self._woken = False
            return self._coalescer.next_due_s()

    async def _look(self) -> None:
        with self._lock:
            ready = self._coalescer.ready(asyncio.get_running_loop().time())
        paths = [path for one in ready for path in one.paths]
        for start in range(0, len(paths), MOST_PATHS):
            some = tuple(paths[start : start + MOST_PATHS])
            self._bus.publish(FilesChanged(some))
            await self._begin(LookAt(paths=some))

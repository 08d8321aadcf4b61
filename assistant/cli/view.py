"""The live view of ``assistant watch``: how far everything is, and what happened last."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from assistant.cli import render
from assistant.cli.plain import as_json_object, safe
from assistant.cli.progress import Session
from assistant.cli.render_process import process
from assistant.contracts import events
from assistant.contracts.commands import FollowEvents, TellStatus
from assistant.contracts.errors import DataError, Interrupted
from assistant.contracts.events import Event
from assistant.locations import locate
from assistant.reaching import attached

if TYPE_CHECKING:
    from assistant.contracts.reports import Status
    from assistant.serving.calling import RemoteDoor

LAST = 12
"""Events that stay on the screen."""
EVERY_S = 1.0
START_S = 60.0
STOP_S = 30.0


def show(*, as_json: bool) -> None:
    """Until Ctrl-C."""
    with Session() as session, _door(session.stop) as door:
        if as_json:
            _follow(door, _printed, session.stop)
        else:
            _View(door, session.stop).run()


@contextmanager
def _door(stop: threading.Event) -> Iterator[RemoteDoor]:
    """The process that is running; else one that runs in this one as long as the block lasts."""
    places = locate()
    door = attached(places)
    if door is not None:
        try:
            yield door
        finally:
            door.close()
        return
    own = _Own()
    own.start()
    try:
        if not own.ready.wait(START_S) or own.failure is not None:
            raise own.failure or DataError("The process did not start in time.")
        door = attached(places)
        if door is None:
            raise DataError("The process does not answer.", remedy="Try again.")
        yield door
        door.close()
    finally:
        stop.set()
        own.stop()


class _Own(threading.Thread):
    """The process, on a thread of this one."""

    def __init__(self) -> None:
        super().__init__(name="process", daemon=True)
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as failure:  # noqa: BLE001 - raised by the thread that waits
            self.failure = failure
        finally:
            self.ready.set()

    async def _live(self) -> None:
        from assistant.living import live

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await live(flags=None, listener=events.nobody, ready=lambda _: self.ready.set(), stopping=self._stopping)

    def stop(self) -> None:
        """In order, and wait for it."""
        if self._loop is not None and self._stopping is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self.join(STOP_S)


def _follow(door: RemoteDoor, tell: Callable[[Event], None], stop: threading.Event) -> None:
    try:
        door.do(FollowEvents(), tell, stop)
    except Interrupted:
        return


def _printed(event: Event) -> None:
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    as_json_object({"event": type(event).__name__, **fields})
    sys.stdout.flush()


class _View:
    """Asks for the status every second; events come by themselves."""

    def __init__(self, door: RemoteDoor, stop: threading.Event) -> None:
        self._door = door
        self._stop = stop
        self._last: deque[Text] = deque(maxlen=LAST)
        self._changed = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Until ``stop`` is set, or the process has gone."""
        follower = threading.Thread(target=self._listen, name="follower", daemon=True)
        follower.start()
        out = render.console()
        try:
            if not out.is_terminal:
                self._plain(out.print)
            else:
                with Live(self._drawn(), console=out, auto_refresh=False, transient=False) as live:
                    while not self._stop.is_set() and follower.is_alive():
                        self._changed.wait(EVERY_S)
                        self._changed.clear()
                        live.update(self._drawn(), refresh=True)
        finally:
            self._stop.set()
            follower.join(STOP_S)
        if self._failure is not None:
            raise self._failure

    def _plain(self, say: Callable[[Text], None]) -> None:
        """For a pipe or a file: a line for each event."""
        while not self._stop.is_set() and self._failure is None:
            self._changed.wait(EVERY_S)
            self._changed.clear()
            while self._last:
                say(self._last.popleft())

    def _listen(self) -> None:
        try:
            _follow(self._door, self._happened, self._stop)
        except BaseException as failure:  # noqa: BLE001 - raised by the thread that draws
            self._failure = failure
        self._changed.set()

    def _happened(self, event: Event) -> None:
        words = told(event)
        if words:
            style = "red" if isinstance(event, events.ActorFailed | events.JobFailed) else ""
            self._last.append(Text(f"{datetime.now().astimezone():%H:%M:%S}  {safe(words)}", style=style))
            self._changed.set()

    def _drawn(self) -> Group:
        try:
            status = self._door.do(TellStatus(), None, self._stop)
        except Interrupted:
            return Group(*self._last)
        return Group(*_head(status), Rule(style="dim"), *self._last)


def _head(status: Status) -> list[Text]:
    share = 100.0 * status.searchable_by_meaning / status.items if status.items else 100.0
    words = f"{status.sources} sources, {status.items} pieces, {share:.0f} % searchable by meaning"
    troubles = f", {status.problem_count} problems" if status.problem_count else ""
    return [Text(words + troubles), *(process(status.process) if status.process is not None else [])]


def told(event: Event) -> str:
    """An event in words; "" for one that is not worth a line."""
    match event:
        case events.Looked(read=0, gone=0) | events.FilesChanged() | events.ScanProgressed() | events.VectorsStored():
            return ""
        case events.Looked():
            return f"{event.read} read, {event.gone} gone, in {event.took_s:.2f} s"
        case events.FolderScanned():
            return f"{event.root}: {event.found} sources, {event.read} read, {event.gone} gone, in {event.took_s:.1f} s"
        case events.EmbeddingFinished(done=done) if done:
            return f"{done} pieces can be found by their meaning now"
        case events.Mended(what=what):
            return what
        case events.JobFailed():
            ending = "it is given up" if event.given_up else "it is tried again"
            return f"{event.command} failed, {ending}: {event.reason}"
        case events.ActorFailed():
            return f"{event.actor} failed: {event.reason}"
        case events.MemoryCompacted(done=done) | events.GarbageCollected(done=done):
            return " ".join(done)
        case events.MemoryEvaluated():
            return event.regressed or event.summary
        case events.TaskRan():
            return f"task {event.name}: {event.skipped or f'done in {event.took_s:.1f} s'}"
        case events.FolderForgotten():
            return "a folder was forgotten"
        case _:
            return ""

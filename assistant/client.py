"""Asking the assistant from a program, in two lines::

    from assistant import connect
    print(connect().ask("when was the boiler repaired?").answer)

A process that is running is asked; with nobody running, the memory is opened here and is ours until :meth:`close`. The
replies are the same.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.contracts.events import Listener, nobody
from assistant.reaching import Reach

if TYPE_CHECKING:
    from assistant.contracts.answers import Answer
    from assistant.contracts.commands import Command
    from assistant.contracts.items import Filters, MemoryItem, RecallQuery, RecallResult
    from assistant.contracts.process import Job, Metrics, Story, Task
    from assistant.contracts.reports import Added, CheckReport, Forgotten, Housekeeping, Status, Stopped

Reply = TypeVar("Reply")


def connect(*, listener: Listener = nobody, note: Callable[[str], None] = lambda _: None) -> Client:
    """The assistant of this user. ``listener`` is told what happens while a call is under way, in the calling thread
    or one of ours; ``note`` is told, in sentences, when a call has to wait for another process, and when the running
    process was started with other settings than ours."""
    return Client(listener, note)


async def connect_async(*, listener: Listener = nobody, note: Callable[[str], None] = lambda _: None) -> AsyncClient:
    """:func:`connect` for an event loop; both are called on threads."""
    return AsyncClient(Client(listener, note))


class Client:
    """Made by :func:`connect`; usable in ``with``. Thread-safe.

    Every method raises :class:`~assistant.contracts.errors.UserError`, and takes no longer to notice that the process
    has died than the system takes to say so; the next call works again. ``stop``: set it from another thread to end
    the call early, in order.
    """

    def __init__(self, listener: Listener, note: Callable[[str], None]) -> None:
        self._listener = listener
        self._reach = Reach(note)
        self.close = weakref.finalize(self, self._reach.close)
        """Let go of the connection, or of the memory that was opened here; done by itself when nobody holds the client
        any more, and at the end of the program."""

    def do(self, command: Command[Reply], *, stop: threading.Event | None = None) -> Reply:
        """Have any command carried out."""
        return self._reach.do(command, self._listener, stop)

    def ask(
        self,
        question: str,
        *,
        within: Sequence[str] = (),
        filters: Filters | None = None,
        extra: bytes = b"",
        stop: threading.Event | None = None,
    ) -> Answer:
        """Answer a question with citations. ``within``: folders or files to answer from, remembered first when they
        are not; ``extra``: further text to answer from."""
        from assistant.contracts.commands import Ask
        from assistant.contracts.items import Filters as Any_

        paths = tuple(map(_absolute, within))
        return self.do(Ask(text=question, within=paths, filters=filters or Any_(), extra=extra), stop=stop)

    def recall(
        self, query: str | RecallQuery, *, k: int = 20, explain: bool = False, stop: threading.Event | None = None
    ) -> RecallResult:
        """Find remembered pieces, best first. ``k``: how many at most, for a query of words."""
        from assistant.contracts.commands import Recall
        from assistant.contracts.items import RecallQuery as Asked

        asked = Asked(text=query, k=k) if isinstance(query, str) else query
        return self.do(Recall(query=asked, explain=explain), stop=stop)

    def add(self, *paths: str, embed: bool = True, stop: threading.Event | None = None) -> Added:
        """Remember folders, or bring them up to date; none: all that are remembered. ``embed``: return when they can
        be found by meaning, too."""
        from assistant.contracts.commands import AddFolders

        return self.do(AddFolders(paths=tuple(map(_absolute, paths)), embed=embed), stop=stop)

    def forget(self, path: str) -> Forgotten:
        """Forget everything made from a folder or file. The files themselves stay."""
        from assistant.contracts.commands import ForgetPath

        return self.do(ForgetPath(path=_absolute(path)))

    def status(self, *, problems: bool = False) -> Status:
        """What is remembered, and how far it can be searched. ``problems``: name each source that cannot be read."""
        from assistant.contracts.commands import TellStatus

        return self.do(TellStatus(problems=problems))

    def show(self, item_id: str) -> MemoryItem:
        """One remembered piece by its id."""
        from assistant.contracts.commands import ShowItem

        return self.do(ShowItem(item_id=item_id))

    def roots(self) -> tuple[str, ...]:
        """The remembered folders, absolute."""
        from assistant.contracts.commands import TellRoots

        return self.do(TellRoots())

    def check(self, *, full: bool = False, repair: bool = False, stop: threading.Event | None = None) -> CheckReport:
        """Compare records, indexes and files with each other; ``full``: every file, not a sample. ``repair``: mend what
        follows from records and files."""
        from assistant.contracts.commands import CheckStore

        return self.do(CheckStore(full=full, repair=repair), stop=stop)

    # what only a running process knows: without one, these raise WrongUse

    def tasks(self) -> tuple[Task, ...]:
        """The timetable."""
        from assistant.contracts.commands import TellTasks

        return self.do(TellTasks())

    def run_task(self, name: str, *, stop: threading.Event | None = None) -> Task:
        """Carry out a line of the timetable now."""
        from assistant.contracts.commands import RunTask

        return self.do(RunTask(name=name), stop=stop)

    def jobs(self, *, failed: bool = False) -> tuple[Job, ...]:
        """Work in the background; ``failed``: only what was given up."""
        from assistant.contracts.commands import TellJobs

        return self.do(TellJobs(failed=failed))

    def retry_job(self, job_id: int) -> Job:
        """Try again what was given up."""
        from assistant.contracts.commands import RetryJob

        return self.do(RetryJob(job_id=job_id))

    def drop_job(self, job_id: int) -> Job:
        """Strike what was given up off the list."""
        from assistant.contracts.commands import DropJob

        return self.do(DropJob(job_id=job_id))

    def story(self, turn_id: int | None = None) -> Story:
        """What caused what in one turn; ``None``: the last one."""
        from assistant.contracts.commands import TellStory

        return self.do(TellStory(turn_id=turn_id))

    def metrics(self) -> Metrics:
        """Figures in Prometheus' text format."""
        from assistant.contracts.commands import TellMetrics

        return self.do(TellMetrics())

    def compact(self, *, whole: bool = False, stop: threading.Event | None = None) -> Housekeeping:
        """Give space back; ``whole``: whether or not it pays."""
        from assistant.contracts.commands import CompactMemory

        return self.do(CompactMemory(whole=whole), stop=stop)

    def collect_garbage(self, *, stop: threading.Event | None = None) -> Housekeeping:
        """Drop what nothing refers to any more."""
        from assistant.contracts.commands import CollectGarbage

        return self.do(CollectGarbage(), stop=stop)

    def stop_process(self) -> Stopped:
        """Stop the running process in order."""
        from assistant.contracts.commands import StopProcess

        return self.do(StopProcess())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """A :class:`Client` for an event loop: every call is made on a thread of its own, at most as many at a time as the
    loop's default executor has. Usable in ``async with``. Cancelling a call stops it in order, in the background."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def do(self, command: Command[Reply]) -> Reply:
        """Have any command carried out."""
        return await self._call(self._client.do, command)

    async def ask(
        self, question: str, *, within: Sequence[str] = (), filters: Filters | None = None, extra: bytes = b""
    ) -> Answer:
        """See :meth:`Client.ask`."""
        return await self._call(self._client.ask, question, within=within, filters=filters, extra=extra)

    async def recall(self, query: str | RecallQuery, *, k: int = 20, explain: bool = False) -> RecallResult:
        """See :meth:`Client.recall`."""
        return await self._call(self._client.recall, query, k=k, explain=explain)

    async def add(self, *paths: str, embed: bool = True) -> Added:
        """See :meth:`Client.add`."""
        return await self._call(self._client.add, *paths, embed=embed)

    async def _call(self, function: Callable[..., Reply], *arguments: Any, **named: Any) -> Reply:
        import asyncio

        stop = threading.Event()
        try:
            return await asyncio.to_thread(function, *arguments, **named, stop=stop)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def close(self) -> None:
        """Let go of the connection, or of the memory that was opened here."""
        import asyncio

        await asyncio.to_thread(self._client.close)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _absolute(path: str) -> str:
    from assistant.core.filenames import to_text

    return to_text(os.path.abspath(os.path.expanduser(path)))

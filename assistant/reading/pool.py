"""Several reader processes behind one counter: jobs go in, are done in any order, and wait for whoever asked.

Processes are started when there is work for them, a few a second at most, so that a folder full of poison cannot
become a storm of processes. When one ends, the job it was at is named as the cause, with the reason; those behind it go
to another process. Nothing else is lost.
"""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection

from assistant.contracts.errors import DataError
from assistant.reading.isolation import Ended, ReaderProcess, ReaderSetup
from assistant.reading.jobs import Job

MOST_STARTS_A_SECOND = 10
MOST_FAILED_STARTS = 3
"""So many processes in a row that ended before they could read anything: then it is not the sources' fault."""
MOST_TRIES = 2
_SLICE_S = 0.1
_TURN_S = 0.01
"""How long to wait for a start to be allowed, or for another thread that pumps."""


class ReaderPool:
    """``most``: processes at a time. Safe to use from several threads. ``starts`` counts the processes started."""

    def __init__(
        self,
        setup: ReaderSetup | None = None,
        most: int = 1,
        most_starts_a_second: int = MOST_STARTS_A_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.starts = 0
        self._setup = setup or ReaderSetup()
        self._most = most
        self._most_starts = most_starts_a_second
        self._clock = clock
        self._recent_starts: deque[float] = deque()
        self._failed_starts = 0
        self._queue: deque[Job] = deque()
        self._urgent: deque[Job] = deque()
        self._processes: list[ReaderProcess] = []
        self._lock = threading.RLock()
        self._at_exit = weakref.finalize(self, _close_all, self._processes)

    @property
    def pids(self) -> list[int]:
        """Numbers of the processes that are there."""
        with self._lock:
            return [process.pid for process in self._processes]

    def submit(self, job: Job, *, urgent: bool = False) -> Job:
        """Take a job in; it gets done while somebody pumps or waits, before all that are not ``urgent``. Raises
        ``DataError`` when no process can be started."""
        with self._lock:
            (self._urgent if urgent else self._queue).append(job)
            self._deal()
        return job

    def wait(self, job: Job, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Whether ``job`` is done; waits for it, unless ``stopped``. Raises ``DataError`` as :meth:`submit`."""
        while not job.done and not stopped():
            self.pump(_SLICE_S)
        return job.done

    def pump(self, most_s: float = 0.0) -> None:
        """Move what can be moved, waiting for that up to ``most_s``. Raises ``DataError`` as :meth:`submit`."""
        if not self._lock.acquire(timeout=_TURN_S):
            return
        try:
            self._deal()
            self._listen(most_s)
            self._deal()
        finally:
            self._lock.release()

    def drop(self, jobs: Collection[Job]) -> None:
        """Nobody waits for these jobs any more. Processes that have one are ended."""
        unwanted = set(map(id, jobs))
        with self._lock:
            for queue in (self._urgent, self._queue):
                left = [job for job in queue if id(job) not in unwanted]
                queue.clear()
                queue.extend(left)
            for process in list(self._processes):
                if any(id(job) in unwanted for job in process.waiting):
                    self._processes.remove(process)
                    self._put_back([job for job in process.waiting if id(job) not in unwanted])
                    process.close()

    def rest(self) -> None:
        """End the processes that have nothing to do; they are started again when needed."""
        with self._lock:
            for process in [process for process in self._processes if not process.waiting]:
                self._processes.remove(process)
                process.close()

    def close(self) -> None:
        """End all processes at once. Jobs that are not done fail."""
        with self._lock:
            for job in [*self._urgent, *self._queue, *(job for process in self._processes for job in process.waiting)]:
                job.fail("reading was stopped")
            self._urgent.clear()
            self._queue.clear()
            _close_all(self._processes)

    def _listen(self, most_s: float) -> None:
        poll = select.poll()
        by_pipe: dict[int, ReaderProcess] = {}
        now_s = self._clock()
        for process in self._processes:
            poll.register(process.stdout, select.POLLIN)
            by_pipe[process.stdout] = process
            if process.has_outgoing:
                poll.register(process.stdin, select.POLLOUT)
                by_pipe[process.stdin] = process
            most_s = min(most_s, max(0.0, process.look_in_s(now_s)))
        if (self._urgent or self._queue) and len(self._processes) < self._most:  # a start is not allowed yet
            most_s = min(most_s, _TURN_S)
        happened = poll.poll(most_s * 1000)
        now_s = self._clock()
        for pipe, _ in happened:
            process = by_pipe[pipe]
            if process not in self._processes:
                continue
            if pipe == process.stdin:
                process.write()
            elif (ended := process.read(now_s)) is not None:
                self._settle(process, ended)
        for process in list(self._processes):
            if process.is_overdue(now_s) and not select.select([process.stdout], (), (), 0)[0]:
                self._settle(process, process.time_out())

    def _deal(self) -> None:
        """Give waiting jobs out, to whoever has least to do; start processes while there is more than that."""
        while queue := self._urgent or self._queue:
            free = [process for process in self._processes if process.has_room]
            if not free and len(self._processes) < self._most and self._may_start():
                free = [self._start()]
            if not free:
                return
            process = min(free, key=lambda one: len(one.waiting))
            process.give(queue.popleft(), self._clock())

    def _may_start(self) -> bool:
        now_s = self._clock()
        while self._recent_starts and self._recent_starts[0] <= now_s - 1.0:
            self._recent_starts.popleft()
        return len(self._recent_starts) < self._most_starts

    def _start(self) -> ReaderProcess:
        now_s = self._clock()
        self._recent_starts.append(now_s)
        try:
            process = ReaderProcess(self._setup, now_s)
        except OSError as error:
            raise _not_started(os.strerror(error.errno) if error.errno else str(error)) from error
        self.starts += 1
        self._processes.append(process)
        return process

    def _settle(self, process: ReaderProcess, ended: Ended) -> None:
        """A process has ended: name the cause, put back what was behind it."""
        self._processes.remove(process)
        jobs = list(process.waiting)
        if not process.ready:
            self._put_back(jobs)
            self._failed_starts += 1
            if self._failed_starts >= MOST_FAILED_STARTS:
                self._failed_starts = 0
                raise _not_started(process.last_words or ended.reason)
            return
        self._failed_starts = 0
        self._put_back(jobs[1:])
        if jobs:
            jobs[0].tries += 1
            if ended.again and jobs[0].tries < MOST_TRIES:
                self._put_back(jobs[:1])
            else:
                jobs[0].fail(ended.reason)

    def _put_back(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.start_over()
        self._queue.extendleft(reversed(jobs))


def _close_all(processes: list[ReaderProcess]) -> None:
    while processes:
        processes.pop().close()


def _not_started(why: str) -> DataError:
    return DataError(
        f"The processes that read files cannot be started: {why}.",
        kept="Nothing that was remembered is lost.",
        remedy="Close other programs if the computer is short of memory or processes, and try again.",
    )

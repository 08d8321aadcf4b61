"""The reading desk: sources go in, what is to be remembered of them comes out, in the same order.

Small sources of kinds whose worst case is known (:mod:`assistant.reading.bounds`) are read on the spot, a few at a
time: that saves starting a process for one edited note. Everything else is read in reader processes
(:mod:`assistant.reading.pool`), which are started when there is something for them to do.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import Interrupted, UnreadableSource
from assistant.reading.answers import places_of, reading_of
from assistant.reading.bounds import MOST_BYTES, is_bounded, may_be_bounded
from assistant.reading.framing import BrokenFrame
from assistant.reading.jobs import Job
from assistant.reading.taking import Place, Range, Reading, WantedSource, find_places, take

if TYPE_CHECKING:
    from assistant.contracts.ports import Reader, Sources
    from assistant.reading.pool import ReaderPool

MOST_AHEAD = 4096
"""Steps between the one handed out last and the one taken in last."""
MOST_AHEAD_READS = 512
MOST_AHEAD_BYTES = 64 << 20
"""The same for those that are being read."""
MOST_ON_THE_SPOT = 16
ON_THE_SPOT_S = 0.2
"""Sources read in our own process in one go, and the time after which no further one is begun."""
_PUMP_EVERY = 8
_SLICE_S = 0.1

Step = TypeVar("Step")
Stopped = Callable[[], bool]
Places = list[Place | None] | None


@dataclass(frozen=True, slots=True)
class WantedPlaces:
    """Ranges of characters of a source, to be looked up in it as it is now. ``root`` as in :class:`WantedSource`;
    ``given``: its bytes when it lies on no disk."""

    address: SourceAddress
    root: str
    ranges: Sequence[Range]
    given: bytes | None = None


def never() -> bool:
    """Nobody wants to stop."""
    return False


class ReadingDesk:
    """``pool`` is ``None``: everything is read on the spot, without limits (for a reader that is trusted). ``stopped``
    is asked while waiting; then what is being read is given up and
    :class:`~assistant.contracts.errors.Interrupted` raised. Every method may also raise
    :class:`~assistant.contracts.errors.DataError`: reader processes cannot be started."""

    def __init__(
        self,
        sources: Sources,
        reader: Reader,
        pool: ReaderPool | None = None,
        stopped: Stopped = never,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._reader = reader
        self._pool = pool
        self._stopped = stopped
        self._clock = clock

    def flow(
        self,
        steps: Iterable[Step],
        wanted: Callable[[Step], WantedSource | None],
        stopped: Stopped | None = None,
        *,
        urgent: bool = False,
    ) -> Iterator[tuple[Step, Reading | None]]:
        """Each step with what was read for it (``None`` when ``wanted`` says that nothing has to be), in order.
        ``stopped`` is asked instead of the desk's own. Any number of flows may go on at the same time; those that are
        ``urgent`` are read before the others.

        ``steps`` is asked for more while earlier ones are being read, within the bounds above. What is wrong with a
        source is its reading's ``problem``, never an exception.
        """
        flow = _Flow[Step](self._pool, stopped or self._stopped, urgent=urgent)
        spot = self._spot()
        try:
            for step in steps:
                source = wanted(step)
                if source is None and not flow.is_waiting:
                    yield step, None
                    continue
                reading = None if source is None else self._here(spot, source)
                if source is None or reading is not None:
                    flow.settled(step, reading)
                else:
                    flow.begin(step, _read_job(source))
                yield from flow.finished()
                while flow.is_full:
                    flow.move()
                    yield from flow.finished()
            while flow.is_waiting:
                flow.move()
                yield from flow.finished()
        finally:
            flow.drop()

    def read_given(self, address: SourceAddress, data: bytes) -> Reading:
        """Read bytes that lie on no disk."""
        if self._pool is None or is_bounded(address.path, data):
            return take(self._reader, address, data)
        job = self._pool.submit(_read_job(WantedSource(address), data), urgent=True)
        try:
            return _reading(self._wait(job))
        except Interrupted:
            self._pool.drop([job])
            raise

    def places(self, wanted: Sequence[WantedPlaces]) -> list[Places]:
        """For each source what stands at its ranges now (see :func:`~assistant.reading.taking.find_places`); ``None``
        for one that cannot be read, or has nothing to read in it."""
        spot, found = self._spot(), list[Places | Job]()
        try:
            for one in wanted:
                found.append(self._look_up(spot, one))
            return [_places(self._wait(one)) if isinstance(one, Job) else one for one in found]
        except BaseException:
            if self._pool is not None:
                self._pool.drop([one for one in found if isinstance(one, Job)])
            raise

    def rest(self) -> None:
        """Let go of processes that have nothing to do."""
        if self._pool is not None:
            self._pool.rest()

    def _spot(self) -> _Spot:
        return _Spot(self._sources, self._clock, trusted=self._pool is None)

    def _here(self, spot: _Spot, wanted: WantedSource) -> Reading | None:
        try:
            data = spot.fetch(wanted.address, wanted.size_bytes)
        except UnreadableSource as error:
            return Reading(problem=error.reason)
        return None if data is None else take(self._reader, wanted.address, data, wanted.known)

    def _look_up(self, spot: _Spot, wanted: WantedPlaces) -> Places | Job:
        address, given = wanted.address, wanted.given
        try:
            if given is not None:
                data = given if self._pool is None or is_bounded(address.path, given) else None
            else:
                stat = self._sources.stat(address) if may_be_bounded(address) or self._pool is None else None
                data = None if stat is None else spot.fetch(address, stat.size_bytes)
            if data is not None:
                return find_places(self._reader, address, data, wanted.ranges)
        except UnreadableSource:
            return None
        if self._pool is None:
            return None
        ranges = [list(one) for one in wanted.ranges]
        job = Job(["places", address.path, address.commit, wanted.root, ranges], given)
        return self._pool.submit(job, urgent=True)

    def _wait(self, job: Job) -> Job:
        assert self._pool is not None
        if not self._pool.wait(job, self._stopped):
            raise Interrupted
        return job


class _Spot:
    """What may be read on the spot in one go, and when that is enough. ``trusted``: everything, for ever."""

    def __init__(self, sources: Sources, clock: Callable[[], float], *, trusted: bool) -> None:
        self._sources = sources
        self._clock = clock
        self._trusted = trusted
        self._left = MOST_ON_THE_SPOT
        self._until_s: float | None = None

    def fetch(self, address: SourceAddress, size_bytes: int) -> bytes | None:
        """The bytes of a source that may be read here and now, else ``None``. Raises
        :class:`~assistant.contracts.errors.UnreadableSource`."""
        if self._trusted:
            return self._sources.fetch(address)
        if not self._left or size_bytes > MOST_BYTES or not may_be_bounded(address):
            return None
        now_s = self._clock()
        self._until_s = now_s + ON_THE_SPOT_S if self._until_s is None else self._until_s
        if now_s > self._until_s:
            return None
        self._left -= 1
        data = self._sources.fetch(address)
        return data if is_bounded(address.path, data) else None


class _Flow(Generic[Step]):
    """Steps in order, some of which wait for a job."""

    def __init__(self, pool: ReaderPool | None, stopped: Stopped, *, urgent: bool) -> None:
        self._pool = pool
        self._urgent = urgent
        self._stopped = stopped
        self._steps: deque[tuple[Step, Reading | None, Job | None]] = deque()
        self._jobs = 0
        self._size_bytes = 0

    def settled(self, step: Step, reading: Reading | None) -> None:
        """A step that waits for nothing."""
        self._steps.append((step, reading, None))

    def begin(self, step: Step, job: Job) -> None:
        """A step that waits for ``job``, which is handed in here."""
        assert self._pool is not None
        self._steps.append((step, None, job))
        self._jobs += 1
        self._size_bytes += job.size_bytes
        self._pool.submit(job, urgent=self._urgent)
        if self._jobs % _PUMP_EVERY == 0:
            self._pool.pump()

    @property
    def is_waiting(self) -> bool:
        return bool(self._steps)

    @property
    def is_full(self) -> bool:
        return (
            len(self._steps) >= MOST_AHEAD
            or self._jobs >= MOST_AHEAD_READS
            or (self._size_bytes >= MOST_AHEAD_BYTES and self._jobs > 1)
        )

    def move(self) -> None:
        """Wait a little for what is being read. Raises :class:`~assistant.contracts.errors.Interrupted`."""
        if self._stopped():
            raise Interrupted
        assert self._pool is not None
        self._pool.pump(_SLICE_S)

    def finished(self) -> Iterator[tuple[Step, Reading | None]]:
        """The first steps, as far as they wait for nothing any more."""
        while self._steps:
            step, reading, job = self._steps[0]
            if job is not None:
                if not job.done:
                    return
                self._jobs -= 1
                self._size_bytes -= job.size_bytes
                reading = _reading(job)
            self._steps.popleft()
            yield step, reading

    def drop(self) -> None:
        """Give up what is left."""
        jobs = [job for _, _, job in self._steps if job is not None]
        self._steps.clear()
        if jobs and self._pool is not None:
            self._pool.drop(jobs)


def _read_job(wanted: WantedSource, given: bytes | None = None) -> Job:
    address = wanted.address
    return Job(["read", address.path, address.commit, wanted.root, wanted.known], given, wanted.size_bytes)


def _reading(job: Job) -> Reading:
    if job.problem is not None:
        return Reading(problem=job.problem)
    try:
        return reading_of(job.answers.pop())
    except BrokenFrame as broken:
        return Reading(problem=f"the reader {broken.args[0]}")


def _places(job: Job) -> Places:
    if job.problem is not None:
        return None
    try:
        return places_of(job.answers[0])
    except (BrokenFrame, UnreadableSource):
        return None

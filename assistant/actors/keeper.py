"""The keeper: commits what a scan has read, on a thread of its own, so that reading goes on meanwhile.

Batches are committed one after the other in the order they came in, and what is committed is made searchable by words
every few seconds and at the end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.contracts.documents import FileStat, SourceAddress
from assistant.memory.layout import SourceRecord
from assistant.memory.writing import SourceUpdate

if TYPE_CHECKING:
    from types import TracebackType

    from assistant.contracts.ports import Clock
    from assistant.memory.fabric import Fabric

BATCH_SOURCES = 64
"""Sources of a scan committed together: few, for while they are nobody else can commit."""
BATCH_BYTES = 8 << 20
MOST_BATCHES = 4
"""Batches that may wait to be committed."""
PROJECT_EVERY_S = 2.0
"""While a scan runs, what is committed becomes searchable at least this often."""


@dataclass(slots=True)
class Batch:
    """What is committed in one revision. ``size_bytes``: of the sources in it; ``most``: of these."""

    updates: list[SourceUpdate] = field(default_factory=list)
    touched: list[tuple[SourceRecord, FileStat]] = field(default_factory=list)
    gone: Sequence[SourceRecord] = ()
    size_bytes: int = 0
    most: int = BATCH_SOURCES

    @property
    def is_full(self) -> bool:
        """Whether it is time for another one."""
        return len(self.updates) + len(self.touched) >= self.most or self.size_bytes >= BATCH_BYTES

    @property
    def is_empty(self) -> bool:
        return not (self.updates or self.touched or self.gone)


class Keeper:
    """Keeps batches for as long as its ``with`` block lasts. At the end of the block, also of one that was left by an
    exception, everything handed over is committed and searchable.

    What goes wrong on the thread (:class:`~assistant.contracts.errors.StorageFailed`, say) is raised by the next
    :meth:`keep`, or at the end; batches behind the one that failed are not committed. ``left_out``, at the end: sources
    of which others had committed another state since they were looked at.
    """

    def __init__(self, fabric: Fabric, clock: Clock) -> None:
        self._fabric = fabric
        self._clock = clock
        self.left_out: list[SourceAddress] = []
        self._batches: queue.Queue[Batch | None] = queue.Queue(MOST_BATCHES)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def keep(self, batch: Batch) -> None:
        """Hand a batch over; waits while ``MOST_BATCHES`` are waiting. The caller must not touch it again."""
        self._raise_failure()
        if not batch.is_empty:
            self._batches.put(batch)

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batches.put(None)
        self._thread.join()
        if error is None:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        projected_s = self._clock.monotonic_s()
        while (batch := self._batches.get()) is not None:
            if self._failure is not None:
                continue
            try:
                done = self._fabric.remember(batch.updates, batch.touched, batch.gone)
                self.left_out.extend(done.left_out)
                if self._clock.monotonic_s() - projected_s > PROJECT_EVERY_S:
                    self._fabric.project_terms()
                    projected_s = self._clock.monotonic_s()
            except BaseException as failure:  # noqa: BLE001 - raised again where somebody can hear it
                self._failure = failure
        try:
            self._fabric.project_terms()
        except BaseException as failure:  # noqa: BLE001 - as above
            self._failure = self._failure or failure

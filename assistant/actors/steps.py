"""What a scan or a look comes across, step by step, and what becomes of each step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from assistant.actors.keeper import Batch
from assistant.contracts.documents import FileStat, FoundSource, SkippedPath, SourceAddress
from assistant.memory.layout import SourceRecord
from assistant.memory.writing import SourceUpdate
from assistant.reading.taking import Reading, WantedSource

NO_STAT = FileStat(0, 0, 0)
MOST_NAMED = 20
"""Troubled sources that a scan names; the rest is in the problem list."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a walk found. ``root``: the remembered folder that owns it; ``old``: what is remembered of it."""

    found: FoundSource | SkippedPath
    root: str
    old: SourceRecord | None

    def wanted(self) -> WantedSource | None:
        """What must be read for it; ``None`` when nothing has changed, or there is nothing to read."""
        found, old = self.found, self.old
        if isinstance(found, SkippedPath):
            return None
        if old is None or old.root != self.root:
            return WantedSource(found.address, self.root, found.stat.size_bytes)
        if old.stat == found.stat:
            return None
        return self.wanted_again()

    def wanted_again(self) -> WantedSource | None:
        """The same when its stat is known to have changed."""
        found = self.found
        if isinstance(found, SkippedPath):
            return None
        known = self.old.digest if self.old is not None else ""
        return WantedSource(found.address, self.root, found.stat.size_bytes, known)


class Tally:
    """What was come across so far. ``seen``: addresses that are there; ``unreached``: folders of which nothing can be
    told, because the disk refused."""

    def __init__(self) -> None:
        self.steps = 0
        self.counts = Counter[str]()
        self.seen = set[SourceAddress]()
        self.shown = set[str]()
        """Roots with a source that can be read."""
        self.unreached = set[str]()
        self.named: list[tuple[str, str]] = []

    def take(self, step: Step, reading: Reading | None, batch: Batch) -> None:
        """Count a step, with what was read for it, and put what is to be remembered into ``batch``."""
        found, old, counts = step.found, step.old, self.counts
        self.steps += 1
        if isinstance(found, SkippedPath):
            if not found.problem:
                counts["skipped"] += 1
                return
            counts["problems"] += 1
            address = SourceAddress(found.path)
            self.seen.add(address)
            if found.reason not in _TOLD:
                self.unreached.add(found.path)
            stat = found.stat or NO_STAT
            if old is None or (old.problem, old.root, old.stat) != (found.reason, step.root, stat):
                self._trouble(address, found.reason)
                batch.updates.append(SourceUpdate(address, step.root, stat, problem=found.reason, seen=old))
            return
        self.seen.add(found.address)
        self.shown.add(step.root)
        counts["found"] += 1
        if reading is None:
            counts["unchanged"] += 1
            counts["problems"] += old is not None and old.problem is not None
            return
        counts["read"] += 1
        if reading.problem is not None:
            counts["problems"] += 1
            self._trouble(found.address, reading.problem)
        add_reading(batch, step, found, reading)

    def _trouble(self, address: SourceAddress, reason: str) -> None:
        """A source that cannot be read, and was not known for that."""
        if len(self.named) < MOST_NAMED:
            self.named.append((str(address), reason))


_TOLD = ("permission denied", "it is gone", "broken link")
"""Reasons by which the disk says what is so; others say that it cannot tell."""


def add_reading(batch: Batch, step: Step, found: FoundSource, reading: Reading) -> None:
    """What becomes of a source that was read."""
    if reading.same and step.old is not None:
        batch.touched.append((step.old, found.stat))
        return
    batch.size_bytes += found.stat.size_bytes
    batch.updates.append(
        SourceUpdate(
            found.address,
            step.root,
            found.stat,
            reading.digest,
            reading.outline,
            reading.drafts,
            reading.problem,
            seen=step.old,
        )
    )

"""Desks whose reader processes go wrong at a poisonous source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from assistant.contracts.documents import FoundSource
from assistant.reading.confining import ReadingLimits
from assistant.reading.desk import ReadingDesk
from assistant.reading.isolation import DEFAULT_READER, ReaderSetup
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.taking import Reading, WantedSource
from assistant.reading.walking import FileSources
from tests.reading_isolated import hostile_readers

QUICK = ReadingLimits(timeout_s=1.0, memory_bytes=256 << 20)
PATIENT = ReadingLimits(timeout_s=60.0, memory_bytes=256 << 20)


def setup_of(harm: str | None = None, limits: ReadingLimits = PATIENT) -> ReaderSetup:
    """Readers that do ``harm`` (a function of :mod:`hostile_readers`) at a poisonous source."""
    reader = DEFAULT_READER if harm is None else f"{hostile_readers.__name__}:make_{harm}"
    return ReaderSetup(limits, reader=reader)


@contextmanager
def desk_of(
    harm: str | None = None, limits: ReadingLimits = PATIENT, most: int = 1
) -> Iterator[tuple[ReadingDesk, ReaderPool]]:
    """A desk, and its pool. Afterwards no process of it is left."""
    before = children()
    pool = ReaderPool(setup_of(harm, limits), most)
    try:
        yield ReadingDesk(FileSources(), FileReader(), pool), pool
    finally:
        pool.close()
        assert children() <= before


def children() -> set[int]:
    """Numbers of the processes below this one that live."""
    below = psutil.Process().children(recursive=True)
    return {one.pid for one in below if one.status() != psutil.STATUS_ZOMBIE}


def written(folder: Path, *texts: str | bytes, ending: str = ".py") -> Path:
    """A folder with a file for each text. Code is never read on the spot, so these go to reader processes."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        data = text.encode() if isinstance(text, str) else text
        (folder / f"{number:03}{ending}").write_bytes(data)
    return folder


def wanted(found: object) -> WantedSource | None:
    """Everything that was found."""
    return (
        WantedSource(found.address, os.path.dirname(found.address.path), found.stat.size_bytes)
        if isinstance(found, FoundSource)
        else None
    )


def read_all(desk: ReadingDesk, folder: Path) -> dict[str, Reading]:
    """What was read, by file name, in the order it came."""
    found = desk.flow(FileSources().walk(str(folder)), wanted)
    return {
        os.path.basename(step.address.path): reading
        for step, reading in found
        if isinstance(step, FoundSource) and reading is not None
    }


def told(readings: dict[str, Reading]) -> list[str]:
    """For each reading its problem, or the words of its pieces."""
    return [one.problem or " | ".join(draft.text for draft in one.drafts) for one in readings.values()]

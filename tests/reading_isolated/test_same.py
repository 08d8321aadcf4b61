"""Reading in processes gives what reading here gives: item for item, in the same order, under the same keys."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from assistant.actors.librarian import Librarian
from assistant.clock import SystemClock
from assistant.contracts.documents import FoundSource, SourceAddress
from assistant.contracts.events import nobody
from assistant.core.parameters import DEFAULT
from assistant.memory.fabric import Space, open_fabric
from assistant.reading.desk import ReadingDesk, WantedPlaces
from assistant.reading.isolated_histories import IsolatedHistories
from assistant.reading.isolation import ReaderSetup
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.taking import WantedSource, fetch_and_take
from assistant.reading.walking import FileSources
from assistant.testing.hashing import HashingEncoder
from tests.reading.sources import make_repository, write_tree

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "home"

ODD = {
    "legacy.txt": "Der Kessel hat 1,4 bar, sagt Jürgen aus Köln über die Heizung.\n".encode("latin-1") * 3,
    "utf16.txt": "The ferry leaves at nine.\n".encode("utf-16"),
    "broken.txt": b"The kettle is red.\n\xff\xfe\xfa\nThe ladder is blue.\n",
    "binary.txt": bytes(range(256)) * 4,
    "blank.md": " \n\n",
    "bad.ipynb": "{not json",
    "superseded.md": "# Plan\n\nStatus: superseded by another.\n\nThe text.\n",
    "Имя файла.md": "# Заметка\n\nТекст заметки, 3 марта 2026.\n",
    "a\nb.txt": "The name holds a line end.\n",
    "emoji.txt": "A \U0001f600 and \x1b[31m control and \x85 and \u2028 signs.\n",
    "2026-03-14 walk.txt": "The date is in the name.\n",
    "old.eml": (
        "From: a@example.org\nTo: b@example.org\nDate: Mon, 1 Jan 0099 00:00:00 +0000\n"
        "Subject: =?utf-8?q?=D0=9F?=\n\nText of the mail.\n"
    ),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of source, and a git history."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "golden").symlink_to(GOLDEN)
    write_tree(folder / "odd", ODD)
    (folder / "odd" / "gone.txt").write_bytes(b"no permission to read it\n")
    make_repository(folder / "project", [b"first\n\nwith a body\n", "zweite Änderung".encode(), b"\xff\xfe odd"])
    write_tree(folder / "project", {"main.py": "def main():\n    return 1\n"})
    return folder


def roots(home: Path) -> list[Path]:
    return [GOLDEN, home / "odd", home / "project"]


def found_in(home: Path) -> list[FoundSource]:
    sources = FileSources()
    return [one for root in roots(home) for one in sources.walk(str(root)) if isinstance(one, FoundSource)]


def test_every_reading_is_the_same(home: Path) -> None:
    found = found_in(home)
    assert len(found) > 100
    here = [fetch_and_take(FileSources(), FileReader(), WantedSource(one.address)) for one in found]
    pool = ReaderPool(most=2)
    desk = ReadingDesk(FileSources(), FileReader(), pool)
    try:
        there = [
            reading
            for _, reading in desk.flow(found, lambda one: WantedSource(one.address, "", 1 << 30))  # none on the spot
        ]
    finally:
        pool.close()
    for one, mine, theirs in zip(found, here, there, strict=True):
        assert theirs is not None
        assert mine.problem == theirs.problem
        assert mine.digest == theirs.digest
        assert mine.drafts == theirs.drafts, one.address
        if mine.outline is not None and mine.outline.timestamp is not None:
            assert theirs.outline is not None
            assert theirs.outline.timestamp is not None
            assert int(mine.outline.timestamp.timestamp()) == int(theirs.outline.timestamp.timestamp())
        else:
            assert mine.outline == theirs.outline


def test_every_place_is_the_same(home: Path) -> None:
    wanted = []
    for one in found_in(home):
        drafts = fetch_and_take(FileSources(), FileReader(), WantedSource(one.address)).drafts
        ranges = [(draft.chunk.start, draft.chunk.end) for draft in drafts[:5]] + [(0, 10**9), (5, 5), (-1, 3)]
        wanted.append(WantedPlaces(one.address, "", ranges))
    wanted.append(
        WantedPlaces(SourceAddress("-"), "", [(4, 9)], "\u00e9\u00e9 a poem about \U0001f600".encode() * 3000)
    )
    wanted.append(WantedPlaces(SourceAddress("/nowhere.py"), "", [(4, 9)]))
    pool = ReaderPool()
    try:
        theirs = ReadingDesk(FileSources(), FileReader(), pool).places(wanted)
    finally:
        pool.close()
    mine = ReadingDesk(FileSources(), FileReader()).places(wanted)
    assert theirs == mine
    assert mine[-1] is None
    assert mine[-2] is not None
    assert mine[-2][0] is not None


def remembered(home: Path, store: Path, readers: int | None) -> list[object]:
    """All sources and items after scanning ``home`` with so many readers; ``None``: in this process."""
    encoder = HashingEncoder(8)
    fabric = open_fabric(store, Space(encoder.fingerprint, encoder.dim), DEFAULT)
    stop = threading.Event()
    pool = None if readers is None else ReaderPool(ReaderSetup(), readers)
    try:
        sources = FileSources(histories=None if pool is None else IsolatedHistories(pool))
        desk = ReadingDesk(sources, FileReader(), pool)
        librarian = Librarian(fabric, sources, FileReader(), SystemClock(), nobody, stop, desk)
        scans = [librarian.scan(str(root)) for root in roots(home)]
        assert [one.found for one in scans] == [one.read for one in scans]
        assert [one.read for one in (librarian.scan(str(root)) for root in roots(home))] == [0, 0, 0]
        with fabric.records.read() as view:
            return [*view.all_items(), *sorted(view.sources(), key=lambda one: (one.path, one.commit))]
    finally:
        if pool is not None:
            pool.close()
        fabric.close()


def test_the_same_items_under_the_same_keys_with_any_number_of_readers(home: Path, tmp_path: Path) -> None:
    here = remembered(home, tmp_path / "here", None)
    assert len(here) > 500
    for readers in (1, 2, 3):
        assert remembered(home, tmp_path / str(readers), readers) == here

"""Git histories through reader processes: the same commits as here, and damage that costs the history and no more."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.actors.librarian import Librarian
from assistant.clock import SystemClock
from assistant.contracts.documents import FileStat, FoundSource, SkippedPath, SourceAddress
from assistant.contracts.errors import MOST_REASON_CHARS, Interrupted, UnreadableSource
from assistant.contracts.events import FolderScanned, nobody
from assistant.core.filenames import to_text
from assistant.core.parameters import DEFAULT
from assistant.memory.fabric import Space, open_fabric
from assistant.reading.confining import ReadingLimits
from assistant.reading.desk import ReadingDesk
from assistant.reading.histories import OwnHistories, state_of_repository
from assistant.reading.isolated_histories import IsolatedHistories
from assistant.reading.isolation import ReaderSetup
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources
from assistant.testing.hashing import HashingEncoder
from tests.reading.sources import make_repository
from tests.reading_isolated.desks import PATIENT


@pytest.fixture
def pool() -> Iterator[ReaderPool]:
    pool = ReaderPool(ReaderSetup(PATIENT))
    yield pool
    pool.close()


@pytest.mark.parametrize("pack", [False, True])
def test_the_same_commits(pool: ReaderPool, tmp_path: Path, pack: bool) -> None:
    messages = [f"commit {number}\n\nZeile é".encode() for number in range(1203)]
    make_repository(tmp_path, messages, pack=pack)
    here, there = OwnHistories(), IsolatedHistories(pool)
    for limit in (0, 1, 500, 501, 5000):
        assert list(there.commits(str(tmp_path), limit)) == list(here.commits(str(tmp_path), limit))
    for commit in list(here.commits(str(tmp_path), 3)):
        assert there.stat(str(tmp_path), commit.sha) == here.stat(str(tmp_path), commit.sha) == commit.stat
        assert there.fetch(str(tmp_path), commit.sha) == here.fetch(str(tmp_path), commit.sha)
    assert pool.starts == 1


def test_a_repository_whose_name_is_not_utf_8(pool: ReaderPool, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xe9p\xf4t")
    (sha,) = make_repository(folder, [b"The ferry leaves at nine\n"])
    sources = FileSources(histories=IsolatedHistories(pool))
    (found,) = [one for one in sources.walk(str(folder)) if isinstance(one, FoundSource)]
    assert found.address == SourceAddress(to_text(str(folder)), sha)
    assert sources.stat(found.address) == found.stat
    assert b"ferry" in sources.fetch(found.address)


def test_commits_that_are_gone(pool: ReaderPool, tmp_path: Path) -> None:
    (sha,) = make_repository(tmp_path, [b"The ferry leaves at nine\n"])
    there = IsolatedHistories(pool)
    assert there.stat(str(tmp_path), "0" * 40) is None
    assert there.stat(str(tmp_path / "nowhere"), sha) is None
    with pytest.raises(UnreadableSource, match="gone"):
        there.fetch(str(tmp_path), "0" * 40)
    with pytest.raises(UnreadableSource, match="no git repository"):
        list(there.commits(str(tmp_path / "nowhere"), 10))


def test_a_commit_that_is_a_bomb(pool: ReaderPool, tmp_path: Path) -> None:
    """A loose object of 60 KiB that inflates to gigabytes: the reader ends, the walk goes on."""
    (sha,) = make_repository(tmp_path, [b"The ferry leaves at nine\n"])
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    bomb = packer.compress(b"commit 68719476736\0")
    while len(bomb) < 50_000:
        bomb += packer.compress(block)
    path = tmp_path / ".git" / "objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.write_bytes(bomb)
    (tmp_path / "note.txt").write_text("The ladder is blue.\n")
    sources = FileSources(histories=IsolatedHistories(pool))
    found = list(sources.walk(str(tmp_path)))
    (problem,) = [one for one in found if isinstance(one, SkippedPath) and one.problem]
    assert problem.path.endswith(".git")
    assert [one.address.path for one in found if isinstance(one, FoundSource)] == [str(tmp_path / "note.txt")]


def test_a_pack_of_noise(pool: ReaderPool, tmp_path: Path) -> None:
    make_repository(tmp_path, [b"first\n", b"second\n"], pack=True)
    (pack,) = (tmp_path / ".git" / "objects" / "pack").glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[12:-20] = os.urandom(len(data) - 32)
    pack.chmod(0o644)
    pack.write_bytes(data)
    sources = FileSources(histories=IsolatedHistories(pool))
    problems = [one for one in sources.walk(str(tmp_path)) if isinstance(one, SkippedPath) and one.problem]
    assert [one.path for one in problems] == [str(tmp_path / ".git")]


def test_a_repository_that_is_refused_with_a_megabyte_of_words(pool: ReaderPool, tmp_path: Path) -> None:
    """A library says what it could not read; that is the repository's own text, of any length."""
    make_repository(tmp_path, [b"one\n"])
    git = tmp_path / ".git"
    (git / "HEAD").write_text("ref: refs/heads/lost\n")
    (git / "packed-refs").write_bytes(b"x" * (1 << 20) + b" refs/heads/lost\n")
    for histories in (OwnHistories(), IsolatedHistories(pool)):
        with pytest.raises(UnreadableSource, match=r"the git repository cannot be read: .*x{100}") as refusal:
            list(histories.commits(str(tmp_path), 5))
        assert len(refusal.value.reason) == MOST_REASON_CHARS
    assert pool.starts == 1


def test_a_list_that_nobody_finishes_is_given_up(pool: ReaderPool, tmp_path: Path) -> None:
    make_repository(tmp_path, [b"one\n"] * 3)
    commits = IsolatedHistories(pool).commits(str(tmp_path), 3)
    next(commits)
    commits.close()  # type: ignore[attr-defined]
    assert list(IsolatedHistories(pool).commits(str(tmp_path), 1))


def test_a_stop_while_a_history_is_read(pool: ReaderPool, tmp_path: Path) -> None:
    (sha,) = make_repository(tmp_path, [b"one\n"])
    there = IsolatedHistories(pool, lambda: True)
    with pytest.raises(Interrupted):
        there.stat(str(tmp_path), sha)
    with pytest.raises(Interrupted):
        list(there.commits(str(tmp_path), 1))
    assert pool.pids == []


def test_a_history_that_takes_too_long_is_named_with_its_state(tmp_path: Path) -> None:
    make_repository(tmp_path, [b"a message\n"] * 600)
    (tmp_path / "note.txt").write_text("The ladder is blue.\n")
    pool = ReaderPool(ReaderSetup(ReadingLimits(timeout_s=0.001)))
    try:
        found = list(FileSources(histories=IsolatedHistories(pool)).walk(str(tmp_path)))
    finally:
        pool.close()
    (problem,) = [one for one in found if isinstance(one, SkippedPath) and one.problem]
    assert problem.reason == "reading took longer than 0 s"
    assert problem.stat == state_of_repository(str(tmp_path / ".git"))
    assert [one.address.path for one in found if isinstance(one, FoundSource)] == [str(tmp_path / "note.txt")]


def test_a_history_that_was_given_up_is_not_tried_again_until_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    make_repository(folder, [b"a message\n"] * 600)
    encoder = HashingEncoder(8)
    fabric = open_fabric(tmp_path / "store", Space(encoder.fingerprint, encoder.dim), DEFAULT)
    patient, hasty = ReaderPool(ReaderSetup(PATIENT)), ReaderPool(ReaderSetup(ReadingLimits(timeout_s=0.001)))

    def remembered(path: str) -> tuple[FileStat, str] | None:
        source = fabric.records.fetch(lambda view: view.source(SourceAddress(path)))
        return None if source is None or source.problem is None else (source.stat, source.problem)

    def scan(pool: ReaderPool) -> FolderScanned:
        sources = FileSources(histories=IsolatedHistories(pool, remembered=remembered))
        desk = ReadingDesk(sources, FileReader(), patient)
        stop = threading.Event()
        return Librarian(fabric, sources, FileReader(), SystemClock(), nobody, stop, desk).scan(str(folder))

    try:
        first = scan(hasty)
        assert (first.problems, first.found, hasty.starts) == (1, 0, 1)
        assert first.named == ((str(folder / ".git"), "reading took longer than 0 s"),)
        again = scan(hasty)
        assert (again.problems, again.found, again.named, hasty.starts) == (1, 0, (), 1)
        (folder / ".git" / "refs" / "heads" / "other").write_text("0" * 40 + "\n")
        mended = scan(patient)
        assert (mended.problems, mended.found) == (0, 600)
    finally:
        patient.close()
        hasty.close()
        fabric.close()

"""What stores meet that no single module tests by itself: full maps, readers that stay, poison in a batch, bombs in a
question, numbers that run out. Damage to files is in ``tests/memory/test_damage.py``, disks that refuse in the tests
beside this one, and what each index takes and finds in its conformance suite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from memory.world import LineReader, PlainFiles, embed_all, found_by_word, opened, remember, state_of, update_of

from assistant.actors.librarian import Librarian
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import DamagedModel, StorageFailed
from assistant.contracts.events import nobody
from assistant.contracts.items import MAX_QUESTION_CHARS, Filters, RecallQuery
from assistant.core.parameters import DEFAULT
from assistant.memory import records, salvage, views
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.memory.ownership import StoreLock
from assistant.memory.recall import Recall
from assistant.memory.records import RecordStore
from assistant.memory.terms import TantivyTerms
from assistant.memory.vectors import HnswVectors
from assistant.testing.clock import FakeClock
from assistant.testing.stores import DIM, Entry, labels, unit_rows
from hardness.processes import LIMIT_S, run, start
from hardness.stored import ENCODER, FILES, furnish, holds, is_right


@pytest.fixture
def fabric(tmp_path: Path) -> Iterator[Fabric]:
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    yield fabric
    fabric.close()


# LMDB


def test_map_full_in_the_middle_of_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAP_SIZE_BYTES", 1 << 20)
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    much = {f"/r/much{number}.md": f"number much {number}\n" + "filler words " * 400 for number in range(300)}
    with pytest.raises(StorageFailed, match="size limit"):
        remember(fabric, much)
    is_right(fabric, FILES)
    remember(fabric, {"/r/small.md": "number small"})  # there is room for this
    fabric.close()
    monkeypatch.undo()
    assert holds(tmp_path / "memory", {**FILES, "/r/small.md": "number small"}) == []


def test_second_instance_in_one_process(tmp_path: Path) -> None:
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    with pytest.raises(StorageFailed, match="already open in this process"):
        opened(tmp_path / "memory", ENCODER)
    is_right(fabric, FILES)
    fabric.close()


READER = (
    "import sys\nfrom pathlib import Path\nfrom assistant.memory.records import RecordStore\n"
    "store = RecordStore(Path(sys.argv[1]), read_only=True)\n"
    "with store.read() as view:\n"
    "    for line in sys.stdin: print(sum(1 for _ in view.sources()), view.revision, flush=True)\n"
)


@contextmanager
def a_reader(store: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with one view of a store open. A line in, a line out: sources and revision it sees."""
    command = [sys.executable, "-c", READER, str(store / "records")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        yield reader
        assert reader.stdin is not None
        reader.stdin.close()


def sees(reader: subprocess.Popen[str]) -> tuple[int, int]:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("\n")
    reader.stdin.flush()
    sources, revision = reader.stdout.readline().split()
    return int(sources), int(revision)


def churn(fabric: Fabric, rounds: int) -> None:
    for number in range(rounds):
        fabric.remember([update_of("/r/churn.md", f"number {number} " + "filler " * 2000)])


def test_long_reader(tmp_path: Path) -> None:
    """It sees what it saw at first, however much is written; the room is used again when it has gone."""
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    with a_reader(tmp_path / "memory") as reader:
        before = sees(reader)
        churn(fabric, 40)
        assert sees(reader) == before == (30, 2)
        grown = fabric.records.size_bytes()
    churn(fabric, 40)
    assert fabric.records.size_bytes() < 1.5 * grown
    fabric.close()


def test_stale_reader(tmp_path: Path) -> None:
    """Killed in the middle of a view: it does not keep the file growing for ever."""
    furnish(tmp_path / "memory")
    with a_reader(tmp_path / "memory") as reader:
        sees(reader)
        reader.send_signal(signal.SIGKILL)
        reader.wait(LIMIT_S)
        assert reader.stdin is not None
        fabric = opened(tmp_path / "memory", ENCODER)
    churn(fabric, 30)
    once = fabric.records.size_bytes()
    churn(fabric, 60)
    assert fabric.records.size_bytes() < 1.5 * once
    fabric.close()


def read_and_die(talk: Connection, store: Path, count: int) -> None:
    """Take places in the table of readers, and be killed with all of them."""
    with RecordStore(store / "records", read_only=True) as store_:
        taken = [store_._env.begin() for _ in range(count)]
        talk.send(len(taken))
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_table_of_readers_full_of_killed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LOCK_BYTES", 4096)
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    places = fabric.records._env.info()["max_readers"]
    assert places <= 256
    for _ in range(3):
        ended = run(read_and_die, tmp_path / "memory", places // 2)
        assert ended.code == -signal.SIGKILL
        assert len(state_of(fabric)) == 30
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: len(state_of(fabric)), range(16))) == [30] * 16
    fabric.close()


def test_compacting_while_another_process_reads_loses_nothing(tmp_path: Path) -> None:
    """LMDB counts transactions in its lock file. Under the one of the old data file, which lives on while somebody
    reads, a compacted one, whose count starts anew, would pass for empty in every second case, and be overwritten."""
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    files = dict(FILES)
    for number in range(4):
        with a_reader(tmp_path / "memory") as reader:
            held = sees(reader)
            fabric.records.compact()
            is_right(fabric, files)
            files[f"/r/{number}.txt"] = f"number {number} more"
            remember(fabric, {f"/r/{number}.txt": files[f"/r/{number}.txt"]})
            assert sees(reader) == held
            with a_reader(tmp_path / "memory") as other:
                assert sees(other)[0] == len(files)
    fabric.close()
    holds(tmp_path / "memory", files)


def test_a_lock_that_was_moved_away_is_not_taken_for_ours(tmp_path: Path) -> None:
    """The folder is replaced between opening the lock file and locking it."""
    lock = StoreLock(tmp_path / "memory")
    assert lock.acquire()
    other = StoreLock(tmp_path / "memory")
    assert not other.acquire()
    (tmp_path / "memory").rename(tmp_path / "aside")
    assert other.acquire()  # that of the new folder
    third = StoreLock(tmp_path / "memory")
    assert not third.acquire()
    for one in (lock, other):
        one.release()
    assert third.acquire()
    third.release()


# hnswlib


class BrokenEncoder:
    """Gives rows that are no vectors for some texts."""

    def __init__(self, row: object) -> None:
        self.row = row

    def rows(self, texts: list[str]) -> np.ndarray:
        found = ENCODER.encode(texts)
        found[::3] = self.row
        return found


@pytest.mark.parametrize("row", [np.nan, np.inf, -np.inf, 0.0, 5.0], ids=str)
def test_a_model_that_gives_no_vectors_for_some_texts(tmp_path: Path, row: float) -> None:
    """They are not stored: one such row, once stored, would keep the memory from being opened ever again."""
    notes: list[str] = []
    fabric = opened(tmp_path / "memory", ENCODER, notes)
    remember(fabric, FILES)
    with fabric.records.read() as view:
        pending = view.pending(fabric.space.fingerprint)
        texts = [item.text for item in view.items(key for _, key in pending)]
    fabric.store_vectors([content for content, _ in pending], BrokenEncoder(row).rows(texts))
    bad = len(texts[::3])
    assert f"no usable vector for {bad} pieces" in notes[-1]
    report = check(fabric)
    assert (report.findings, report.vectors, report.pending) == ((), len(texts) - bad, bad)
    fabric.close()
    fabric = opened(tmp_path / "memory", ENCODER)
    embed_all(fabric, ENCODER)  # the model is well again
    is_right(fabric, FILES)
    fabric.close()


def test_a_model_of_another_width(fabric: Fabric) -> None:
    remember(fabric, {"/r/new.md": "number new"})
    with fabric.records.read() as view:
        ((content, _),) = view.pending(fabric.space.fingerprint)
    for width in (15, 17, 0):
        with pytest.raises(DamagedModel, match="shape"):
            fabric.store_vectors([content], unit_rows(1, width) if width else np.empty((1, 0), np.float32))
    embed_all(fabric, ENCODER)
    is_right(fabric, {**FILES, "/r/new.md": "number new"})


def test_a_bad_row_among_the_records_does_not_keep_the_memory_from_opening(tmp_path: Path) -> None:
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    with fabric._writing() as view:
        for at, row in enumerate((np.full(16, np.nan, np.float32), np.zeros(4, np.float32))):
            key, value = list(view.entries("vectors"))[at]
            payload = views.unseal(key, value)[:8] + row.tobytes()
            view.put("vectors", key, views.seal(key, payload))
            view.touch_vector(ENCODER.fingerprint, views.unpack_u64(payload[:8]))
    fabric.close()
    fabric = opened(tmp_path / "memory", ENCODER)
    assert found_by_word(fabric, "number")
    assert len(fabric.vectors) == 59
    assert {finding.where for finding in check(fabric).findings} == {"records", "vectors"}
    fabric.close()


def test_more_asked_for_than_there_are_and_filters_that_let_nothing_through(fabric: Fabric) -> None:
    recall = Recall(fabric, ENCODER, FakeClock(), DEFAULT)
    assert len(recall.rank(RecallQuery(text="number", k=1000)).items) <= 90
    for filters in (
        Filters(paths=("/nowhere",)),
        Filters(kinds=("mail",)),
        Filters(languages=("cobol",)),
        Filters(since=datetime(2030, 1, 1, tzinfo=UTC), until=datetime(2020, 1, 1, tzinfo=UTC)),
    ):
        assert recall.rank(RecallQuery(text="number 7", k=5, filters=filters)).items == []


def test_everything_forgotten(fabric: Fabric) -> None:
    with fabric.records.read() as view:
        sources = list(view.sources())
    fabric.forget(sources, ["/r"])
    is_right(fabric, {})
    recall = Recall(fabric, ENCODER, FakeClock(), DEFAULT)
    assert recall.rank(RecallQuery(text="number 7", k=5)).items == []
    remember(fabric, FILES)
    embed_all(fabric, ENCODER)
    is_right(fabric, FILES)


def test_add_query_resize_and_save_at_once(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT.model_copy(update={"exact_below": 0}))
    rows = unit_rows(4000)
    index.add(labels(*range(100)), rows[:100], 1)
    stop = threading.Event()

    def ask(worker: int) -> int:
        asked = 0
        while not stop.is_set():
            found = index.search(rows[worker], 3)
            assert found[0][0] == worker
            assert len(index.similarity(rows[worker], labels(1, 2, 3))) == 3
            asked += 1
        return asked

    def save() -> int:
        saved = 0
        while not stop.is_set():
            index.publish()
            saved += 1
        return saved

    with ThreadPoolExecutor(4) as pool:
        askers = [pool.submit(ask, worker) for worker in range(3)]
        saver = pool.submit(save)
        for at in range(100, 4000, 150):
            index.add(labels(*range(at, min(4000, at + 150))), rows[at : at + 150], at)
            index.remove(labels(at - 1), at)
        stop.set()
        assert all(asker.result() for asker in askers)
        assert saver.result()
    index.publish()
    reopened = HnswVectors(tmp_path, DIM, DEFAULT)
    assert (len(reopened), reopened.damage) == (len(index), [])


# Tantivy


def hold_the_writer(talk: Connection, folder: Path) -> None:
    """Be the one who writes to an index, until told to end."""
    with closing(TantivyTerms(folder)) as index:
        index.apply([Entry(1, "tea")], (), 1)
        talk.send("holding")
        talk.recv()


def test_lock_busy(tmp_path: Path) -> None:
    """Another program has the word index open for writing: said at once, and done when it has gone."""
    process, talk = start(hold_the_writer, tmp_path / "terms")
    assert talk.recv() == "holding"
    index = TantivyTerms(tmp_path / "terms")
    with pytest.raises(StorageFailed, match="could not be written"):
        index.apply([Entry(2, "coffee")], (), 2)
    assert len(index) == 1
    talk.send("end")
    process.join(LIMIT_S)
    talk.close()
    index.apply([Entry(2, "coffee")], (), 2)
    assert len(index) == 2
    index.close()


POISON = {
    "a lone surrogate": "number \ud800 poison",
    "a NUL": "number \x00 poison",
    "a word of 200 KB": "number " + "z" * 200_000,
    "20 MB of text": "number " + "word " * 4_000_000,
    "nothing but marks": "\u0301" * 100_000,
}


@pytest.mark.parametrize("name", POISON)
def test_poison_document_in_a_batch(fabric: Fabric, name: str) -> None:
    """The others of the batch are stored and found."""
    update = update_of("/r/poison.md", "replaced")
    poison = replace(update, drafts=(replace(update.drafts[0], text=POISON[name]),))
    fabric.remember([update_of("/r/a.md", "number before"), poison, update_of("/r/z.md", "number after")])
    fabric.project_terms()
    assert {"number before", "number after"} <= found_by_word(fabric, "number")
    assert check(fabric).findings == ()
    with fabric.records.read() as view:
        source = view.source(SourceAddress("/r/poison.md"))
    assert source is not None
    assert (source.problem is None) == (name != "a lone surrogate")
    embed_all(fabric, ENCODER)
    assert check(fabric).findings == ()


BOMBS = {
    "open brackets": "(" * 20_000,
    "twenty thousand ORs": "a OR " * 20_000,
    "a star": "*",
    "a field that does not exist": "nofield:x AND body:*",
    "a regular expression": "/(a+)+$/ [a TO z] a~2^9",
    "a quotation that does not end": '"number',
    "a NUL": "number \x00 7",
    "marks only": "\u0301" * 5000,
    "one long word": "x" * 9_000,
    "every word once": " ".join(f"w{number}" for number in range(2000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_query_bomb(fabric: Fabric, name: str) -> None:
    recall = Recall(fabric, ENCODER, FakeClock(), DEFAULT)
    text = BOMBS[name][:MAX_QUESTION_CHARS]
    assert len(recall.rank(RecallQuery(text=text, k=10)).items) <= 10
    for phrases in ((text,), ()):
        assert isinstance(fabric.terms.search({text: 1.0}, (text,), phrases, 10), list)
    is_right(fabric, FILES)


# numbers and clocks


@pytest.mark.parametrize("left", [0, 1, 2])
@pytest.mark.parametrize("counter", ["last_item", f"last_label:{ENCODER.fingerprint}"])
def test_numbers_that_run_out(tmp_path: Path, counter: str, left: int) -> None:
    """No number is used twice and none is too large for an index: the last one works, and then it is said."""
    furnish(tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    with fabric._writing() as view:
        view.set_number(counter, views.LAST_NUMBER - left)
    files = dict(FILES)
    for number in range(left):
        files[f"/r/new{number}.md"] = f"number new {number}"
        remember(fabric, {f"/r/new{number}.md": files[f"/r/new{number}.md"]})
        embed_all(fabric, ENCODER)
    is_right(fabric, files)
    with pytest.raises(StorageFailed, match="used up its numbers"):
        add_and_learn(fabric, {"/r/toomuch.md": "number too much"})
    fabric.close()
    fabric = opened(tmp_path / "memory", ENCODER)
    assert set(files) <= set(state_of(fabric))
    assert check(fabric).findings == ()
    fabric.close()


def add_and_learn(fabric: Fabric, files: dict[str, str]) -> None:
    remember(fabric, files)
    embed_all(fabric, ENCODER)


def test_revisions_that_run_out(tmp_path: Path) -> None:
    furnish(tmp_path / "memory")
    with RecordStore(tmp_path / "memory" / "records") as store:
        store.trim_journal(100)
        with store.write() as view:
            for key, _ in list(view.entries("journal")):
                view.drop("journal", key)
            view.set_number("trimmed", views.LAST_NUMBER - 2)
    fabric = opened(tmp_path / "memory", ENCODER)
    files = {**FILES, "/r/new.md": "number new"}
    add_and_learn(fabric, {"/r/new.md": "number new"})
    is_right(fabric, files)
    assert fabric.records.revision == views.LAST_NUMBER
    with pytest.raises(StorageFailed, match="used up"):
        remember(fabric, {"/r/toomuch.md": "number too much"})
    fabric.close()
    holds(tmp_path / "memory", files)


def test_the_clock_jumps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files from the future, scans before those before, and two stores set aside in what is the same second."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.txt").write_text("number one")
    os.utime(files / "a.txt", (4e9, 4e9))
    fabric = opened(tmp_path / "memory", ENCODER)
    clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    for start_at in (clock, FakeClock(datetime(2026, 3, 1, tzinfo=UTC) - timedelta(days=900))):
        librarian = Librarian(fabric, PlainFiles(), LineReader(), start_at, nobody, threading.Event())
        librarian.scan(str(files))
        (files / "b.txt").write_text("number two")
        os.utime(files / "b.txt", (1, 1))
    librarian.scan(str(files))
    embed_all(fabric, ENCODER)
    hits = Recall(fabric, ENCODER, clock, DEFAULT).rank(RecallQuery(text="number", k=5)).items
    assert {hit.record.text for hit in hits} == {"number one", "number two"}
    assert check(fabric).findings == ()
    fabric.close()
    monkeypatch.setattr(salvage, "stamp", lambda: "20260301T120000")
    furnish(tmp_path / "other")
    kept = [salvage.set_aside(tmp_path / name, tmp_path / "shelf")[0] for name in ("memory", "other")]
    assert [path.name for path in kept] == ["memory-20260301T120000", "memory-20260301T120000-2"]

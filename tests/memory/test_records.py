"""The record store on LMDB."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.core.filenames import is_within
from assistant.memory import layout, records, writing
from assistant.memory.envelope import seal
from assistant.memory.records import RecordStore
from assistant.testing.stores import RecordStoreSuite
from memory.world import update_of


class TestRecordStore(RecordStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[RecordStore]:
        with RecordStore(tmp_path) as store:
            yield store


def write_number(store: RecordStore, number: int) -> None:
    with store.write() as view:
        view.set_number("something", number)


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        write_number(store, 3)
    with RecordStore(tmp_path) as store:
        assert store.fetch(lambda view: view.number("something")) == 3


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        write_number(store, 3)
    with RecordStore(tmp_path, read_only=True) as store:
        with pytest.raises(StorageFailed):
            write_number(store, 4)
        assert store.fetch(lambda view: view.number("something")) == 3


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        RecordStore(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()


def test_an_empty_data_file_is_not_a_fresh_store(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").touch()
    with pytest.raises(DamagedStore, match="empty"):
        RecordStore(tmp_path)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_schema_from_the_future_is_refused(tmp_path: Path, read_only: bool) -> None:
    with RecordStore(tmp_path) as store, store.write() as view:
        view.set_number("schema", 99)
    with pytest.raises(DamagedStore, match="schema version is 99"):
        RecordStore(tmp_path, read_only=read_only)


def test_a_lost_lock_file_does_not_matter(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        write_number(store, 3)
    (tmp_path / "lock.mdb").unlink()
    with RecordStore(tmp_path) as store:
        assert store.fetch(lambda view: view.number("something")) == 3


def test_a_full_map_undoes_the_step_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overfill(store: RecordStore) -> None:
        with store.write() as view:
            for number in range(1000):
                view.put("items", b"k%d" % number, bytes(5000))

    monkeypatch.setattr(records, "MAP_SIZE_BYTES", 1 << 20)
    with RecordStore(tmp_path) as store:
        write_number(store, 3)
        with pytest.raises(StorageFailed, match="size limit"):
            overfill(store)
        assert store.fetch(lambda view: (view.number("something"), view.count("items"))) == (3, 0)
        write_number(store, 4)


def test_compacting_leaves_nothing_that_was_deleted(tmp_path: Path) -> None:
    with RecordStore(tmp_path / "a") as store:
        with store.write() as view:
            view.put("items", b"key", b"canary " * 2000)
        with store.write() as view:
            view.drop("items", b"key")
            view.put("items", b"other", b"kept")
        assert b"canary canary" in (tmp_path / "a" / "data.mdb").read_bytes()
        store.compact()
        assert [key for key, _ in store.fetch(lambda view: list(view.entries("items")))] == [b"other"]
    assert b"canary canary" not in (tmp_path / "a" / "data.mdb").read_bytes()


def test_a_healthy_store_with_an_unwritten_end_opens(tmp_path: Path) -> None:
    """LMDB leaves pages at the end unwritten that one transaction took and freed again."""
    for seed in range(100):
        draw = random.Random(seed)
        folder = tmp_path / str(seed)
        expected: dict[bytes, bytes] = {}
        with RecordStore(folder) as store:
            short = False
            while not short and len(expected) < 100:
                with store.write() as view:
                    for _ in range(draw.randrange(1, 60)):
                        key = b"x%d" % draw.randrange(300)
                        if draw.random() < 0.5:
                            expected[key] = seal(key, draw.randbytes(draw.choice([10, 300, 3000, 9000, 20000])))
                            view.put("meta", key, expected[key])
                        else:
                            expected.pop(key, None)
                            view.drop("meta", key)
                pages = store._env.info()["last_pgno"] + 1
                short = store.size_bytes() < pages * store._env.stat()["psize"]
        if short:
            break
    else:
        pytest.fail("no transaction left its end unwritten")
    with RecordStore(folder) as store:
        assert dict(store.fetch(lambda view: list(view.entries("meta", b"x")))) == expected


@pytest.mark.parametrize("size_bytes", [1, 100, 4096, 8191, 8192, 12288, 40_960])
def test_a_cut_off_data_file_is_seen_before_it_kills(tmp_path: Path, size_bytes: int) -> None:
    with RecordStore(tmp_path) as store, store.write() as view:
        for number in range(200):
            view.set_number(f"counter {number}", number)
            view.put("names", b"%d" % number, bytes(1000))
    os.truncate(tmp_path / "data.mdb", size_bytes)
    with pytest.raises(DamagedStore):
        RecordStore(tmp_path)


@pytest.mark.parametrize("read_only", [False, True])
def test_an_older_layout_that_is_a_part_of_ours_opens(tmp_path: Path, read_only: bool) -> None:
    """Read as it is; brought up to ours by who owns it."""
    with RecordStore(tmp_path) as store, store.write() as view:
        view.set_number("schema", layout.OLDER_SCHEMAS[0])
    with RecordStore(tmp_path, read_only=read_only) as store:
        version = store.fetch(lambda view: view.number("schema"))
    assert version == (layout.OLDER_SCHEMAS[0] if read_only else layout.SCHEMA_VERSION)


def test_sources_below_paths_are_found_without_reading_the_others(tmp_path: Path) -> None:
    names = ["/r/a.md", "/r/a/b.md", "/r/ab/c.md", '/r/a/"quoted" \\ and\tmore.md', "/r/a/тест.md", "/r/a/\uefff.md"]
    with RecordStore(tmp_path) as store:
        with store.write() as view:
            for name in names:
                writing.remember(view, update_of(name, "text"))
        with store.read() as view:
            for asked in (["/r/a"], ["/r"], ["/"], ["/r/a.md", "/r/ab"], [names[3]], ["/q"], []):
                found = sorted(source.path for source in view.sources_within(asked))
                assert found == sorted(name for name in names if any(is_within(name, one) for one in asked)), asked

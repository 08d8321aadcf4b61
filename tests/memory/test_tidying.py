"""Giving space back: only where it pays, beside what is asked, and with nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.contracts.errors import Interrupted
from assistant.memory import tidying
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from memory.world import ROOT, CountingEncoder, embed_all, opened, state_of, update_of

MANY = 400


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder(8)


@pytest.fixture
def fabric(tmp_path: Path, encoder: CountingEncoder) -> Iterator[Fabric]:
    fabric = opened(tmp_path / "store", encoder)
    fabric.add_root(ROOT, "2026-01-01")
    fabric.remember([update_of(f"/r/{number}.txt", f"text number {number}") for number in range(MANY)])
    fabric.project_terms()
    embed_all(fabric, encoder)
    yield fabric
    assert check(fabric).findings == ()
    fabric.close()


def drop(fabric: Fabric, count: int) -> None:
    with fabric.records.read() as view:
        gone = list(view.sources())[:count]
    fabric.remember([], (), gone)
    fabric.project_terms()
    fabric.project_vectors()


def folder_of(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_where_nothing_was_removed_nothing_is_done(fabric: Fabric, tmp_path: Path) -> None:
    before = state_of(fabric)
    found = tidying.compact(fabric, folder_of(tmp_path))
    assert (found.done, found.left) == ([], [])
    assert state_of(fabric) == before


def test_a_vector_index_full_of_removed_vectors_is_built_anew(fabric: Fabric, tmp_path: Path) -> None:
    drop(fabric, 150)
    assert fabric.vectors.dead_share == pytest.approx(150 / MANY)
    before = state_of(fabric)
    found = tidying.compact(fabric, folder_of(tmp_path))
    assert any("vector index" in sentence for sentence in found.done)
    assert fabric.vectors.dead_share == 0
    assert len(fabric.vectors) == MANY - 150
    assert state_of(fabric) == before
    assert len(list((folder_of(tmp_path) / "vectors").glob("*/gen-*"))) == 1


def test_a_word_index_full_of_dropped_pieces_is_made_anew(fabric: Fabric, tmp_path: Path) -> None:
    drop(fabric, 150)
    if fabric.terms.dead_share == 0:  # the library has merged its segments by itself
        pytest.fail("the word index tells of no dropped pieces")
    found = tidying.compact(fabric, folder_of(tmp_path))
    assert any("word index" in sentence for sentence in found.done)
    assert fabric.terms.dead_share == 0
    assert len(fabric.terms) == MANY - 150
    assert sorted(path.name for path in folder_of(tmp_path).glob("terms*")) == ["terms"]


def test_whole_gives_back_what_little_there_is_and_says_how_much(fabric: Fabric, tmp_path: Path) -> None:
    drop(fabric, 40)
    assert tidying.compact(fabric, folder_of(tmp_path)).done == []
    found = tidying.compact(fabric, folder_of(tmp_path), whole=True)
    assert len(found.done) == 3
    assert fabric.vectors.dead_share == fabric.terms.dead_share == 0


def test_on_a_disk_without_room_it_is_left_and_said(
    fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidying, "SPARE_SPACE", 1e12)
    fabric.publish()
    drop(fabric, 150)
    found = tidying.compact(fabric, folder_of(tmp_path), whole=True)
    assert found.done == []
    assert len(found.left) == 3
    assert all("no room" in sentence for sentence in found.left)


def test_it_can_be_stopped_between_two_steps(fabric: Fabric, tmp_path: Path) -> None:
    drop(fabric, 150)
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        tidying.compact(fabric, folder_of(tmp_path), should_stop=lambda: next(asked))
    assert fabric.vectors.dead_share == 0


def test_who_asks_and_who_writes_go_on_meanwhile(fabric: Fabric, tmp_path: Path, encoder: CountingEncoder) -> None:
    drop(fabric, 150)
    stop, asked, failures = threading.Event(), [0], list[BaseException]()
    kept = encoder.encode_query(f"text number {MANY - 1}")

    def ask() -> None:
        try:
            while not stop.is_set():
                assert fabric.terms.search({"number": 1.0}, (), (), 5), "words can be found at any moment"
                assert fabric.vectors.search(kept, 3), "vectors too"
                with fabric.records.read() as view:
                    assert view.count("items") >= MANY - 150
                asked[0] += 1
        except BaseException as failure:  # noqa: BLE001 - told by the test's own thread
            failures.append(failure)

    def write() -> None:
        try:
            number = 0
            while not stop.is_set() and number < 200:
                fabric.remember([update_of(f"/r/new{number}.txt", f"fresh number {number}")])
                fabric.project_terms()
                number += 1
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=ask), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            tidying.compact(fabric, folder_of(tmp_path), whole=True)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert asked[0] > 0
    fabric.project_terms()


def test_collecting_drops_what_nobody_needs_and_what_every_index_has_followed(
    fabric: Fabric, encoder: CountingEncoder
) -> None:
    drop(fabric, 150)
    fabric.publish()
    found = tidying.collect(fabric)
    assert any("journal" in sentence for sentence in found.done)
    assert fabric.records.fetch(lambda view: view.journal_start()) > 0
    assert tidying.collect(fabric).done == []


def test_files_that_vanish_while_they_are_counted(tmp_path: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            (tmp_path / "folder").mkdir(exist_ok=True)
            (tmp_path / "folder" / "file").write_bytes(b"x" * 10)
            (tmp_path / "folder" / "file").unlink()
            (tmp_path / "folder").rmdir()

    (tmp_path / "stays").write_bytes(b"y" * 7)
    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        assert {tidying.size_of(tmp_path) for _ in range(2000)} <= {7, 17}
    finally:
        stop.set()
        thread.join()

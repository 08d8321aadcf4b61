"""A disk that is full: the step fails with words, and nothing that was stored before is touched."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistant.contracts.errors import StorageFailed
from assistant.core.parameters import DEFAULT
from assistant.memory.checking import check
from assistant.memory.durable import replace_synced
from assistant.memory.terms import TantivyTerms
from assistant.memory.vectors import HnswVectors
from assistant.testing.hashing import HashingEncoder
from assistant.testing.stores import DIM, Entry, keys, labels, unit_rows
from memory.test_damage import child, told
from memory.world import opened, state_of


@contextmanager
def no_file_grows_beyond(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def published(folder: Path) -> HnswVectors:
    index = HnswVectors(folder, DIM, DEFAULT)
    index.add(labels(*range(100)), unit_rows(100), 1)
    index.publish()
    return index


@pytest.mark.parametrize("missing_bytes", [1, 100, 10_000, 50_000])
def test_a_vector_index_that_does_not_fit_leaves_the_old_one(tmp_path: Path, missing_bytes: int) -> None:
    index = published(tmp_path)
    index.add(labels(*range(100, 300)), unit_rows(200, seed=1), 2)
    with (
        no_file_grows_beyond(index._index.index_file_size() - missing_bytes),
        pytest.raises(StorageFailed, match="could not be saved"),
    ):
        index.publish()
    reopened = HnswVectors(tmp_path, DIM, DEFAULT)
    assert (reopened.applied, len(reopened), reopened.damage) == (1, 100, [])
    assert [path.name for path in tmp_path.iterdir()] == ["gen-0000000000000001"]
    assert index.unsaved == 200
    index.publish()
    assert len(HnswVectors(tmp_path, DIM, DEFAULT)) == 300


def test_a_word_index_that_does_not_fit_keeps_what_it_held_and_goes_on_later(tmp_path: Path) -> None:
    index = TantivyTerms(tmp_path / "terms")
    index.apply([Entry(1, "tea")], (), 1)
    with no_file_grows_beyond(2_000), pytest.raises(StorageFailed, match="could not be written"):
        index.apply([Entry(key, f"word{key} " * 50) for key in range(2, 200)], (), 2)
    assert (index.applied, len(index)) == (1, 1)
    index.apply([Entry(2, "coffee")], (), 3)
    index.close()
    reopened = TantivyTerms(tmp_path / "terms")
    assert (reopened.applied, len(reopened), reopened.damage) == (3, 2, [])


def test_a_word_index_that_failed_half_way_through_dropping_can_be_written_again(tmp_path: Path) -> None:
    index = TantivyTerms(tmp_path / "terms")
    index.apply([Entry(key, f"word{key} tea") for key in range(200)], (), 1)
    for limit_bytes in (50, 130, 300, 1_000, 3_000):
        with no_file_grows_beyond(limit_bytes), pytest.raises(StorageFailed):
            index.apply([Entry(key, "coffee " * 5000) for key in range(500, 600)], keys(*range(100)), 2)
    index.apply([], keys(*range(100)), 2)
    assert (index.applied, len(index), index.frequency("tea")) == (2, 100, 100)
    index.close()
    reopened = TantivyTerms(tmp_path / "terms")
    assert (len(reopened), reopened.damage) == (100, [])


def test_a_small_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    replace_synced(tmp_path / "note", b"old")
    with no_file_grows_beyond(2), pytest.raises(OSError, match="too large"):
        replace_synced(tmp_path / "note", b"new and longer")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("note", b"old")]


def nothing_acknowledged_is_lost(folder: Path, said: list[dict[str, str]]) -> None:
    acknowledged = [line["remembered"] for line in said if "remembered" in line]
    (failure,) = [line for line in said if "error" in line]
    assert acknowledged
    assert (failure["error"], failure["exit_code"]) == ("StorageFailed", 6)
    assert failure["kept"]
    assert said[-1] == {"alive": True}
    fabric = opened(folder, HashingEncoder(16))
    assert check(fabric).findings == ()
    assert set(acknowledged) <= set(state_of(fabric))
    fabric.close()


@pytest.mark.parametrize("limit_bytes", [200_000, 500_000])
def test_no_file_may_grow(tmp_path: Path, limit_bytes: int) -> None:
    said = told(child("fill", tmp_path / "store", limit_bytes))
    nothing_acknowledged_is_lost(tmp_path / "store", said)


def test_a_file_system_of_two_megabytes(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        said = told(child("fill", tmp_path / "store", 0))
        subprocess.run(["mount", "-o", "remount,size=8m", tmp_path], check=True)
        nothing_acknowledged_is_lost(tmp_path / "store", said)
    finally:
        subprocess.run(["umount", tmp_path], check=True)

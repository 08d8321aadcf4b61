"""The failure matrix of a reader process: each attack costs its own source, by name and with a reason, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from assistant.contracts.errors import DataError
from assistant.reading.confining import ReadingLimits
from assistant.reading.pool import ReaderPool
from tests.reading_isolated.desks import QUICK, desk_of, read_all, setup_of, told, written
from tests.reading_isolated.hostile_readers import never_made

LONGER = "reading took longer than 1 s"
MEMORY = "the reader ran out of memory"

MATRIX = {
    "spin": LONGER,
    "spin_in_c": LONGER,
    "sleep": LONGER,
    "ignore_sigterm": LONGER,
    "drip": LONGER,
    "allocate": MEMORY,
    "allocate_at_once": MEMORY,
    "map_memory": "its reader failed (OSError)",
    "allocate_in_c": MEMORY,
    "leave": "the reader stopped (exit code 3)",
    "leave_quietly": "the reader stopped (exit code 0)",
    "raise_exit": "the reader stopped (exit code 4)",
    "crash": "the reader crashed (signal 11)",
    "abort": "the reader crashed (signal 6)",
    "kill_itself": "the reader was killed (signal 9)",
    "write_garbage": "the reader answered rubbish",
    "write_noise": "the reader answered with more than 160 MiB",
    "answer_another": "the reader answered what it was not asked",
    "answer_with_a_bad_digest": "the reader answered rubbish",
    "answer_too_much": "the reader answered with more than 160 MiB",
    "close_halfway": "the reader closed its pipe",
    "leave_halfway": "the reader stopped in the middle of an answer",
    "recurse": "nested too deeply for its reader",
    "raise_key_error": "its reader failed (KeyError)",
    "raise_panic": "its reader failed (PanicException)",
    "refuse": "it refuses",
}
HANGS = {harm for harm, reason in MATRIX.items() if reason == LONGER} | {"close_halfway"}


@pytest.mark.parametrize("harm", MATRIX)
def test_one_source_is_lost_and_named(harm: str, tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n", "third = 3\n", "fourth = 4\n")
    limits = QUICK if harm in HANGS else ReadingLimits(60.0, QUICK.memory_bytes)
    with desk_of(harm, limits) as (desk, _):
        found = told(read_all(desk, folder))
    assert found == ["first = 1", MATRIX[harm], "third = 3", "fourth = 4"]


@pytest.mark.parametrize("harm", ["spin_in_c", "crash", "leave", "answer_too_much", "allocate"])
def test_every_second_source_is_poison(harm: str, tmp_path: Path) -> None:
    texts = [("poison = 0\n", f"word_{number} = 1\n")[number % 2] for number in range(10)]
    folder = written(tmp_path / "files", *texts)
    limits = QUICK if harm in HANGS else ReadingLimits(60.0, QUICK.memory_bytes)
    with desk_of(harm, limits, most=2) as (desk, pool):
        found = told(read_all(desk, folder))
        assert pool.starts <= 22
    assert found == [(MATRIX[harm], f"word_{number} = 1")[number % 2] for number in range(10)]


def test_an_answer_too_many_is_not_taken_for_the_next(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n", "third = 3\n", "fourth = 4\n")
    with desk_of("answer_twice") as (desk, _):
        found = told(read_all(desk, folder))
    assert found == ["first = 1", "the reader answered what it was not asked", "third = 3", "fourth = 4"]


def test_a_grandchild_goes_with_the_reader(tmp_path: Path) -> None:
    note = tmp_path / "number"
    folder = written(tmp_path / "files", f"poison {note} \n", "second = 2\n")
    with desk_of("bear_a_child", QUICK) as (desk, _):
        found = told(read_all(desk, folder))
    assert found == [LONGER, "second = 2"]
    number = int(note.read_text())
    assert not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_what_a_parser_prints_is_no_answer(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", *["poison = 1\n"] * 20)
    with desk_of("chatter") as (desk, pool):
        assert told(read_all(desk, folder)) == ["poison = 1"] * 20
        assert pool.starts == 1


def test_a_reader_cannot_fill_the_disk(tmp_path: Path) -> None:
    target = tmp_path / "target"
    folder = written(tmp_path / "files", f"poison {target} \n")
    with desk_of("write_files") as (desk, _):
        assert told(read_all(desk, folder)) == ["its reader failed (OSError)"]
    assert target.stat().st_size <= 64 * 1024


def test_no_core_is_dumped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = written(tmp_path / "files", "poison = 1\n")
    with desk_of("crash") as (desk, _):
        read_all(desk, folder)
    assert [name for name in os.listdir("/") if name.startswith("core")] == []
    assert os.listdir(tmp_path) == ["files"]


def test_memory_that_an_earlier_source_filled_is_not_held_against_the_next(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n")
    with desk_of("allocate", QUICK) as (desk, pool):
        assert told(read_all(desk, folder)) == ["first = 1", MEMORY]
        assert pool.starts == 2  # tried again in a fresh process before it was blamed


def test_readers_that_do_not_start_at_all_are_no_fault_of_the_sources(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "second = 2\n")
    with desk_of() as (desk, pool):
        pool._setup = setup_of("no_such_harm")
        with pytest.raises(DataError, match=r"cannot be started: .*no_such_harm") as refused:
            read_all(desk, folder)
        assert refused.value.kept
        assert pool.starts == 3
        pool._setup = setup_of()
        assert told(read_all(desk, folder)) == ["first = 1", "second = 2"]


def test_a_reader_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    setup = setup_of()
    setup = type(setup)(setup.limits, reader=f"{never_made.__module__}:never_made")
    folder = written(tmp_path / "files", "first = 1\n")
    with desk_of() as (desk, pool):
        pool._setup = setup
        with pytest.raises(DataError, match="RuntimeError: this reader cannot be made"):
            read_all(desk, folder)


def test_no_program_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    folder = written(tmp_path / "files", "first = 1\n")
    with desk_of() as (desk, pool):
        with pytest.raises(DataError, match="No such file"):
            read_all(desk, folder)
        assert pool.pids == []
    assert isinstance(pool, ReaderPool)

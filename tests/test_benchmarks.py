"""The benchmarks, run at a small scale: they still fit the program and give the figures they promise."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.__main__ import NAMES, benchmark
from benchmarks.measuring import Figures, StepClocks, percentile, take_turns
from benchmarks.texts import Texts, write_files
from benchmarks.workbench import Workbench

SCALE = 0.01

PROMISED = {
    "embedding": {"pipeline_chunks_per_s", "bare_chunks_per_s", "pipeline_to_bare", "encoder_to_bare", "scan_s"},
    "startup": {"help_s", "help_to_imports", "help_to_smallest", "recall_s", "recall_to_model"},
    "lexical": {"searchable_s", "searchable_to_bare", "unchanged_s", "unchanged_to_stat", "edited_s"},
    "query": {"small_p50_ms", "small_p95_ms", "large_p50_ms", "large_rerank_ratio", "ask_p50_ms", "ask_late_ms"},
    "memory": {"recall_mib", "recall_to_model", "bytes_per_vector", "vector_to_row"},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Workbench(folder, folder / "models", SCALE)


@pytest.mark.parametrize("name", NAMES)
def test_gives_the_figures_it_promises(name: str, bench: Workbench) -> None:
    figures = benchmark(name)(bench)
    assert PROMISED[name] <= figures.found.keys()
    for key, figure in figures.found.items():
        assert math.isfinite(figure.value), key
        assert figure.what in str(figures)


def test_the_machine_is_told() -> None:
    assert machine.facts()["processor"]
    assert "load average" in machine.told()


def test_texts_are_the_same_every_time(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        write_files(tmp_path / folder, 8, 3, seed=1)
    first, second = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("first", "second")
    )
    assert first == second
    assert len(first) == 8
    assert Texts(1).question() != Texts(2).question()


def test_sides_take_turns() -> None:
    order: list[str] = []
    times = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [len(found) for found in times.values()] == [3, 3]


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    figures = Figures("")
    figures.ratio("r", [2.0, 9.0, 8.0], [1.0, 3.0, 2.0], "")
    found = figures.found["r"]
    assert (found.low, found.value, found.high) == (2.0, 3.0, 4.0)
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5


def test_clocks_are_taken_off_again() -> None:
    class Adder:
        def add(self, one: int, other: int) -> int:
            return one + other

    adder, clocks = Adder(), StepClocks()
    with clocks.on({"add": (adder, "add")}):
        assert adder.add(1, 2) == 3
    assert "add" not in vars(adder)
    assert clocks.total_s["add"] > 0

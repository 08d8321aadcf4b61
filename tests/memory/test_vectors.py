"""The vector index: hnswlib and its fake obey one contract, and agree."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from assistant.core.parameters import DEFAULT
from assistant.memory.vectors import HnswVectors
from assistant.testing.stores import DIM, VectorIndexSuite, labels, unit_rows
from assistant.testing.transient import TransientVectors

GRAPH = DEFAULT.model_copy(update={"exact_below": 0})


class TestTransientVectors(VectorIndexSuite):
    @pytest.fixture
    def index(self) -> TransientVectors:
        return TransientVectors(DIM)


class TestHnswVectorsExact(VectorIndexSuite):
    @pytest.fixture
    def index(self, tmp_path: Path) -> HnswVectors:
        return HnswVectors(tmp_path, DIM, DEFAULT)


class TestHnswVectorsGraph(VectorIndexSuite):
    @pytest.fixture
    def index(self, tmp_path: Path) -> HnswVectors:
        return HnswVectors(tmp_path, DIM, GRAPH)


ROWS = unit_rows(40, seed=5)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "publish", "reopen", "rebuild"]), st.lists(st.integers(0, 39), max_size=8)
    ),
    max_size=12,
)


@pytest.mark.parametrize("exact_below", [0, 10, 10_000])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, asked=st.integers(0, 39), k=st.integers(0, 50), among=st.none() | st.lists(st.integers(0, 45)))
def test_hnsw_agrees_with_the_plain_index_after_any_history(
    tmp_path_factory: pytest.TempPathFactory,
    exact_below: int,
    steps: list[tuple[str, list[int]]],
    asked: int,
    k: int,
    among: list[int] | None,
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    parameters = DEFAULT.model_copy(update={"exact_below": exact_below})
    real, plain = HnswVectors(folder, DIM, parameters), TransientVectors(DIM)
    for number, (step, numbers) in enumerate(steps, 1):
        if step == "add":
            for index in (real, plain):
                index.add(labels(*numbers), ROWS[numbers], number)
        elif step == "remove":
            for index in (real, plain):
                index.remove(labels(*numbers), number)
        elif step == "rebuild":
            real.rebuild()
        else:
            real.publish()
        if step == "reopen":
            real = HnswVectors(folder, DIM, parameters)
            assert not real.damage
    assert (len(real), real.applied) == (len(plain), plain.applied)
    wanted = None if among is None else labels(*among)
    found, expected = real.search(ROWS[asked], k, wanted), plain.search(ROWS[asked], k, wanted)
    assert [label for label, _ in found] == [label for label, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


def test_the_graph_finds_nearly_all_of_the_nearest(tmp_path: Path) -> None:
    rows = unit_rows(2000, seed=1)
    real, plain = HnswVectors(tmp_path, DIM, GRAPH), TransientVectors(DIM)
    for index in (real, plain):
        index.add(labels(*range(2000)), rows, 1)
        index.remove(labels(*range(0, 2000, 7)), 2)
    hits = sum(
        len({label for label, _ in real.search(row, 10)} & {label for label, _ in plain.search(row, 10)})
        for row in unit_rows(50, seed=2)
    )
    assert hits >= 490


def test_removed_vectors_leave_the_file_when_there_are_many(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT)
    index.add(labels(*range(100)), unit_rows(100), 1)
    index.remove(labels(*range(50)), 2)
    index.publish()
    reopened = HnswVectors(tmp_path, DIM, DEFAULT)
    canary = unit_rows(100)[7].tobytes()
    assert len(reopened) == 50
    assert all(canary not in path.read_bytes() for path in tmp_path.rglob("index.bin"))


def test_two_generations_are_kept_and_leftovers_are_not(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT)
    for number in range(1, 5):
        index.add(labels(number), unit_rows(1, seed=number), number)
        index.publish()
    (tmp_path / ".tmp-999-1").mkdir()
    (tmp_path / ".tmp-999-1" / "index.bin").write_bytes(b"half")
    HnswVectors(tmp_path, DIM, DEFAULT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gen-0000000000000003", "gen-0000000000000004"]


def test_a_reader_removes_and_publishes_nothing(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT)
    index.add(labels(1), unit_rows(1), 1)
    index.publish()
    (tmp_path / ".tmp-1-1").mkdir()
    before = sorted(path.name for path in tmp_path.rglob("*"))
    reader = HnswVectors(tmp_path, DIM, DEFAULT, read_only=True)
    reader.add(labels(2), unit_rows(1), 2)
    reader.publish()
    assert (len(reader), sorted(path.name for path in tmp_path.rglob("*"))) == (2, before)


def test_growing_far_beyond_the_first_capacity(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT)
    rows = unit_rows(5000)
    for at in range(0, 5000, 500):
        index.add(labels(*range(at, at + 500)), rows[at : at + 500], at)
    assert index.search(rows[4321], 1)[0][0] == 4321


def test_the_same_label_twice_in_one_call(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, DIM, DEFAULT)
    row = unit_rows(1)
    index.add(labels(3, 3), np.repeat(row, 2, axis=0), 1)
    assert (len(index), [label for label, _ in index.search(row[0], 5)]) == (1, [3])

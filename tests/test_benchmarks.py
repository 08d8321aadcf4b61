"""The benchmarks, run at a small scale: they still fit the program and give the figures they promise."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import flamegraphs, machine, report, scenario, targets
from benchmarks.__main__ import NAMES, ON_DEMAND, benchmark
from benchmarks.likeness import Likeness
from benchmarks.measuring import Figure, Figures, StepClocks, percentile, take_turns
from benchmarks.peers import corpus as corpora
from benchmarks.peers import driver
from benchmarks.peers.corpus import Asked, Piece
from benchmarks.peers.library import OURS, Library, LibraryFailed
from benchmarks.tables import table
from benchmarks.texts import NAMES as PROPER_NAMES
from benchmarks.texts import Texts, proper_name, write_files
from benchmarks.workbench import REPOSITORY, Workbench

SCALE = 0.002

PROMISED = {
    "embedding": {"pipeline_chunks_per_s", "bare_chunks_per_s", "pipeline_to_bare", "encoder_to_bare", "scan_s"},
    "startup": {
        "help_s",
        "help_to_imports",
        "help_to_smallest",
        "recall_s",
        "recall_to_model",
        "attached_s",
        "asked_ms",
    },
    "lexical": {"searchable_s", "searchable_to_bare", "unchanged_s", "unchanged_to_stat", "edited_p95_s", "read_s"},
    "watching": {"idle_p50_s", "idle_p95_s", "busy_p95_s", "scan_beside_s", "watch_bytes", "idle_cpu_s"},
    "living": {"idle_share", "resident_mb", "ask_busy_to_idle", "recall_busy_to_idle", "edit_scan_p95_s"},
    "query": {
        "small_p50_ms",
        "large_p95_ms",
        "large_plain_p95_ms",
        "large_index_recall",
        "large_recall_s",
        "ask_p95_ms",
    },
    "memory": {"recall_mb", "recall_to_model", "bytes_per_vector", "vector_to_row"},
    "peers": {"20000_ours_index_s", "20000_ours_open_ms", "20000_ours_dense_recall", "20000_ours_hybrid_p95_ms"},
    "million": {
        "million_p95_ms",
        "million_plain_p95_ms",
        "million_open_s",
        "million_recall_mb",
        "million_vectors_bytes",
    },
    "million-store": {"million_scan_s", "million_store_s", "million_index_recall"},
    "precision": {"int8_to_fp32", "cosine"},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Workbench(folder, folder / "models", SCALE, peers=(OURS, "absent"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(PROMISED))
def test_gives_the_figures_it_promises(name: str, bench: Workbench) -> None:
    figures = benchmark(name)(bench)
    assert PROMISED[name] <= figures.found.keys()
    for key, figure in figures.found.items():
        assert math.isfinite(figure.value), key
        assert figures.tabled or figure.what in str(figures)
    if name == "peers":
        assert any(note.startswith("absent: ") for note in figures.notes), "a library that is not there is named"


def test_every_target_names_a_figure_that_is_promised_or_says_why_not() -> None:
    for target in targets.TARGETS:
        assert bool(target.figure) != bool(target.not_yet), target.line
        if target.figure:
            benchmark_name, figure = target.figure
            assert benchmark_name in PROMISED
            assert figure in PROMISED[benchmark_name], target.line
    assert set(NAMES) <= PROMISED.keys()


def test_verdicts() -> None:
    def judged(benchmark_name: str, figure: str, value: float) -> targets.Judged:
        figures = Figures("", {figure: Figure(value, "", "")})
        return next(one for one in targets.judge({benchmark_name: figures}) if one.measured is not None)

    assert judged("query", "large_p95_ms", 29.0).verdict == "met"
    missed = judged("query", "large_p95_ms", 45.0)
    assert (missed.verdict, missed.ratio) == ("missed", 1.5)
    assert judged("embedding", "pipeline_to_bare", 0.95).verdict == "met"
    assert judged("embedding", "pipeline_to_bare", 0.85).verdict == "missed"
    assert judged("startup", "help_s", 0.2).measured == 200.0
    everything = targets.judge({})
    assert {one.verdict for one in everything} == {"not run", "not yet"}
    assert all(one.line in targets.told(everything) for one in everything)
    assert json.dumps(targets.kept(everything))


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


def test_proper_names_are_all_different() -> None:
    names = {proper_name(number) for number in range(0, PROPER_NAMES, 7)}
    assert len(names) == len(range(0, PROPER_NAMES, 7))


def test_drawn_vectors_are_near_texts_with_the_same_words() -> None:
    chance = np.random.default_rng(1)
    topics = chance.standard_normal((5, 384), dtype=np.float32)
    texts, rows = [], []
    for number in range(200):
        topic = number % 5
        texts.append(" ".join(f"{word}{'abcde'[topic]}" for word in ("boiler", "garden", "ferry")) + f" item {number}")
        rows.append(topics[topic] + 5 * chance.standard_normal(384, dtype=np.float32) / 384**0.5)
    vectors = np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)
    likeness = Likeness(texts, vectors)
    drawn = likeness.vectors(["boilera gardena ferrya item 999", "boilerb gardenb ferryb item 999", texts[7]])
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(drawn[2], vectors[7], atol=1e-6)
    near, far = drawn[0] @ topics[0], drawn[0] @ topics[1]
    assert near > far
    assert likeness.drawn([texts[7]])[1] == [7]
    assert likeness.vectors([]).shape == (0, 384)


def test_exact_neighbours_of_a_corpus(tmp_path: Path) -> None:
    pieces = [
        Piece(f"p{n}", f"text {n}", f"/x/{n % 2}/{n}", f"/x/{n % 2}", "code" if n < 30 else "text") for n in range(60)
    ]
    angles = np.linspace(0, 1.5, 60)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    asked = [Asked("which?", "code", "/x/1")]
    made = corpora.write(tmp_path / "corpus", pieces, vectors, asked, np.array([[0.0, 1.0]], np.float32))
    again = corpora.Corpus(made.folder)
    assert again.pieces == pieces
    assert again.exact("dense") == [{f"p{n}" for n in range(40, 60)}]
    assert again.exact("dense_kind") == [{f"p{n}" for n in range(10, 30)}]
    assert again.exact("dense_folder") == [{f"p{n}" for n in range(21, 60, 2)}]


def test_hostile_library_that_dies_is_reported(tmp_path: Path) -> None:
    with (
        Library(OURS, tmp_path / "no corpus there", tmp_path / "home") as library,
        pytest.raises(LibraryFailed, match="No such file"),
    ):
        library.tell("load")


def test_a_ratio_compares_a_narrowed_search_with_our_hybrid_one() -> None:
    ours: dict[str, Any] = {"dense_p50_ms": (1.0, "ms", ""), "hybrid_kind_p50_ms": (8.0, "ms", "")}
    theirs: dict[str, Any] = {
        "dense_p50_ms": (2.0, "ms", ""),
        "dense_kind_p50_ms": (4.0, "ms", ""),
        "hits": (9.0, "hits", ""),
    }
    assert driver.ratios_of(ours, theirs) == {"dense_p50_ms": 0.5, "dense_kind_p50_ms": 2.0}


def test_figures_go_into_their_places_in_a_document() -> None:
    first = {
        "targets": [
            {"line": "a", "target": "<= 1 s", "measured": 0.5, "unit": "s", "ratio": 0.5, "verdict": "met", "why": ""}
        ]
    }
    second: dict[str, Any] = {
        "targets": [{**first["targets"][0], "measured": None, "ratio": None, "verdict": "not run"}],
        "query": {
            "figures": {"x": {"what": "asking", "unit": "ms", "value": 12.3, "low": 10.0, "high": 20.0}},
            "notes": [],
        },
        "peers": {
            "figures": {},
            "notes": ["absent: not installed", "| 5 pieces | ours |\n| - | -: |\n| x | 1 |\nours: it"],
        },
    }
    names = ("targets", "query", "peers", "million")
    document = "".join(f"# {name}\n<!-- figures: {name} -->\nold {name}\n<!-- end -->\n" for name in names)
    text, unknown = report.filled(document, report.merged([first, second]))
    assert unknown == ["million"]
    assert "old million" in text
    assert "old query" not in text
    assert "met" in text
    assert "not run" not in text
    assert "12.30 ms (10.00 to 20.00)" in text
    assert "* absent: not installed" in text
    assert "* ours: it" in text
    assert report.filled(text, report.merged([first, second]))[0] == text


def test_the_document_has_a_place_for_every_benchmark() -> None:
    document = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    places = {region[2] for region in report.REGION.finditer(document)}
    assert places == {"machine", "targets", *NAMES, *ON_DEMAND}


def test_tables_are_aligned() -> None:
    lines = table(["what", "a"], [["x", "12,345"], ["longer one", "-"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].endswith(":|") or lines[1].endswith(": |")


FRAMES = (
    ("all", 0, 100),
    ('process 7:"python -c secret /home/me"', 1, 100),
    ("outer (app.py:1)", 2, 90),
    ("inner (app.py:9)", 3, 60),
    ("outer (app.py:1)", 4, 40),
)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:fg="http://github.com/jonhoo/inferno">
<text id="title" x="50%" y="24.00">profiler --output /home/me/x.svg</text><g>""" + (
    "".join(
        f"<g><title>{name} ({looks} samples, {looks}%)</title>"
        f'<rect y="{100 + 16 * depth}" fg:x="0" fg:w="{looks}"/><text>{name[:20]}</text></g>'
        for name, depth, looks in FRAMES
    )
    + "</g></svg>"
)


def test_a_flame_graph_names_no_folder_of_this_machine() -> None:
    tidy = flamegraphs.tidied(SVG, "a title")
    assert "/home" not in tidy
    assert "secret" not in tidy
    assert "a title" in tidy
    assert "inner (app.py:9)" in tidy


def test_the_costliest_functions_of_a_flame_graph(tmp_path: Path) -> None:
    picture = tmp_path / "x.svg"
    picture.write_text(SVG)
    own, _, whole = flamegraphs.costliest(picture).partition("   all  function")
    assert " 70.0%  outer (app.py:1)" in own  # 30 of the outer one, 40 of the one that it is called again in
    assert " 20.0%  inner (app.py:9)" in own
    assert " 90.0%  outer (app.py:1)" in whole
    assert set(scenario.SCENARIOS) == {scene.name for scene in flamegraphs.SCENES}


def test_narrow_boxes_go_when_a_flame_graph_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flamegraphs, "MAX_SVG_BYTES", len(flamegraphs.tidied(SVG, "t")) - 1)
    smaller = flamegraphs.tidied(SVG, "t")
    assert "40 samples" not in smaller
    assert "60 samples" in smaller


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

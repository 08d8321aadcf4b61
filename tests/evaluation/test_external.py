"""Reading external sets: what is tolerated, and what is refused with the number of its line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistant.contracts.errors import BadFile, BadPath
from assistant.evaluation import external
from assistant.evaluation.external import load_external

from .sets import write_set


def test_a_set_is_read(tmp_path: Path) -> None:
    found = load_external(write_set(tmp_path / "things", about='{"source": "here"}'))
    assert (found.name, len(found.documents), len(found.queries), len(found.judged)) == ("things", 10, 10, 10)
    assert found.grades["q/boiler"] == {"d/boiler": 1}
    assert (found.unknown_documents, found.unknown_queries, found.blank_documents) == (0, 0, 0)
    assert found.about == {"source": "here"}


def test_numbers_are_ids_and_other_fields_are_passed_over(tmp_path: Path) -> None:
    found = load_external(
        write_set(
            tmp_path / "set",
            [{"id": 1, "text": "a", "extra": {"b": [1]}, "title": None}],
            [{"id": 7, "text": "a?", "category": 2, "answer": ["x"]}],
            [("7", "1", 3)],
        )
    )
    assert found.grades == {"7": {"1": 3}}
    assert found.queries[0].category == "2"


@pytest.mark.parametrize("heading", ["query-id\tcorpus-id\tscore\n", "q\td\tgrade\r\n", ""])
@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n"])
def test_a_heading_and_trailing_line_ends_are_tolerated(tmp_path: Path, heading: str, end: str) -> None:
    found = load_external(write_set(tmp_path / "set", qrels=f"{heading}q/boiler\td/boiler\t2{end}"))
    assert found.grades == {"q/boiler": {"d/boiler": 2}}


def test_only_one_heading(tmp_path: Path) -> None:
    write_set(tmp_path / "set", qrels="query\tdocument\tgrade\nquery\tdocument\tgrade\n")
    with pytest.raises(BadFile, match=r"qrels\.tsv, line 2"):
        load_external(tmp_path / "set")


def test_blank_lines_and_a_byte_order_mark_are_tolerated(tmp_path: Path) -> None:
    found = load_external(write_set(tmp_path / "set", corpus='\ufeff\n{"id": "d/boiler", "text": "a"}\n\n  \n'))
    assert [one.id for one in found.documents] == ["d/boiler"]


def test_judgements_of_what_does_not_exist_are_counted(tmp_path: Path) -> None:
    grades = [("q/boiler", "d/boiler", 1), ("q/boiler", "nowhere", 1), ("nobody", "d/boiler", 1), ("q/ferry", "no", 1)]
    found = load_external(write_set(tmp_path / "set", grades=grades))
    assert (found.unknown_documents, found.unknown_queries) == (2, 1)
    assert [one.id for one in found.judged] == ["q/boiler"]


def test_a_grade_below_one_says_that_nothing_is_to_be_found(tmp_path: Path) -> None:
    grades = [("q/boiler", "d/boiler", 1), ("q/ferry", "d/ferry", 0), ("q/violin", "d/violin", -1)]
    found = load_external(write_set(tmp_path / "set", grades=grades))
    assert [one.id for one in found.judged] == ["q/boiler"]


def test_of_two_grades_for_the_same_the_higher_counts(tmp_path: Path) -> None:
    grades = [("q/boiler", "d/boiler", 3), ("q/boiler", "d/boiler", 1)]
    assert load_external(write_set(tmp_path / "set", grades=grades)).grades["q/boiler"] == {"d/boiler": 3}


GOOD = '{"id": "d/boiler", "text": "a"}\n'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("corpus", GOOD + "{", r"corpus\.jsonl, line 2"),
        ("corpus", GOOD + "\n\n[1]", r"corpus\.jsonl, line 4"),
        ("corpus", GOOD + '{"id": "x"}', r"corpus\.jsonl, line 2: text"),
        ("corpus", '{"text": "x"}', r"corpus\.jsonl, line 1: id"),
        ("corpus", '{"id": "", "text": "x"}', r"corpus\.jsonl, line 1: id"),
        ("corpus", '{"id": "x", "text": 7.5e999}', r"corpus\.jsonl, line 1"),
        ("corpus", '{"id": "x", "text": ["a"]}', r"corpus\.jsonl, line 1: text"),
        ("corpus", '{"id": "x", "text": "\\ud800"}', r"corpus\.jsonl, line 1"),
        ("corpus", '{"id": "x", "text": "a", "pos": "first"}', r"corpus\.jsonl, line 1: pos"),
        ("corpus", GOOD + GOOD, r"corpus\.jsonl, line 2: the id 'd/boiler' stands there a second time"),
        ("corpus", b"\xff\xfe\x00", r"corpus\.jsonl, line 1"),
        ("corpus", "[" * 100_000, r"corpus\.jsonl, line 1"),
        ("corpus", f'{{"id": "{"x" * 1001}", "text": "a"}}', r"corpus\.jsonl, line 1: id"),
        ("corpus", "", r"corpus\.jsonl is empty"),
        ("asked", '{"id": "q", "text": "  "}', r"queries\.jsonl, line 1: text"),
        ("asked", f'{{"id": "q", "text": "{"x" * 10_001}"}}', r"queries\.jsonl, line 1: text"),
        ("asked", '{"id": "q", "text": "a", "group": "g"}', r"queries\.jsonl: the query 'q' is of a group"),
        ("qrels", "q/boiler\td/boiler\n", r"qrels\.tsv, line 1"),
        ("qrels", "q/boiler\td/boiler\t1\nq/boiler d/boiler 1\n", r"qrels\.tsv, line 2"),
        ("qrels", "q/boiler\td/boiler\t1\nq/boiler\td/ferry\t1.5\n", r"qrels\.tsv, line 2"),
        ("qrels", "q/boiler\td/boiler\t0.5\nq/boiler\td/ferry\t1\n", r"qrels\.tsv, line 1"),
        ("qrels", b"q/boiler\td/\xff\t1\n", r"qrels\.tsv, line 1"),
        ("qrels", "q/boiler\tnowhere\t1\n", r"qrels\.tsv names no document"),
        ("qrels", "", r"qrels\.tsv names no document"),
        ("about", "[]", r"META\.json"),
        ("about", "{", r"META\.json"),
        ("about", "[" * 100_000, r"META\.json"),
    ],
)
def test_what_makes_no_sense_is_refused_by_line(tmp_path: Path, name: str, text: str | bytes, said: str) -> None:
    write_set(tmp_path / "set", **{name: text})
    with pytest.raises(BadFile, match=said):
        load_external(tmp_path / "set")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    (write_set(tmp_path / "set") / name).unlink()
    with pytest.raises(BadPath, match=name):
        load_external(tmp_path / "set")


def test_a_pipe_for_a_corpus_is_not_waited_for(tmp_path: Path) -> None:
    path = write_set(tmp_path / "set") / "corpus.jsonl"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadPath, match=r"corpus\.jsonl"):
        load_external(tmp_path / "set")


@pytest.mark.parametrize(
    ("bound", "most", "said"),
    [
        ("MOST_FILE_BYTES", 100, "larger than"),
        ("MOST_LINE_BYTES", 40, "line 1: longer than"),
        ("MOST_DOCUMENTS", 9, "more than 9 lines"),
        ("MOST_QUERIES", 9, "more than 9 lines"),
        ("MOST_JUDGEMENTS", 9, "more than 9 judgements"),
    ],
)
def test_sizes_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, said: str) -> None:
    write_set(tmp_path / "set")
    load_external(tmp_path / "set")
    monkeypatch.setattr(external, bound, most)
    with pytest.raises(BadFile, match=said):
        load_external(tmp_path / "set")

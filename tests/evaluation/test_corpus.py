"""An external corpus as files, and back from lines to documents."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from assistant.contracts.errors import Interrupted, StorageFailed
from assistant.evaluation.codelike import code_extension
from assistant.evaluation.corpus import CorpusFiles, lay_out
from assistant.evaluation.external import ExternalDocument

from .sets import TALK, Row

HOSTILE_IDS = ["../../escape", "/etc/passwd", "a/b", "..", "nul\0inside", "x\ny", "конец", "boiler leak", "-rf"]


def written(rows: list[Row], folder: Path) -> CorpusFiles:
    corpus = lay_out([ExternalDocument.model_validate(row) for row in rows], folder)
    corpus.write(threading.Event())
    return corpus


def test_ids_never_become_names(tmp_path: Path) -> None:
    corpus = written([{"id": one, "text": f"text {number}"} for number, one in enumerate(HOSTILE_IDS)], tmp_path / "c")
    found = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path) for path in found] == sorted(file.path for file in corpus.files)
    assert all(path.stem.isdigit() and path.parent.name.isdigit() for path in found)
    assert [corpus.documents_at(file.path, 1, 9) for file in corpus.files] == [(one,) for one in HOSTILE_IDS]


def test_groups_never_become_names(tmp_path: Path) -> None:
    corpus = written([{"id": one, "text": "a", "group": one} for one in HOSTILE_IDS], tmp_path / "c")
    assert len({corpus.group_folder(one) for one in HOSTILE_IDS}) == len(HOSTILE_IDS)
    assert all(Path(corpus.group_folder(one)).parent == tmp_path / "c" for one in HOSTILE_IDS)


def test_every_kind_of_document_gets_its_kind_of_file(tmp_path: Path) -> None:
    corpus = written(
        [
            {"id": "plain", "text": "Import duties rose."},
            {"id": "titled", "title": "On\nduties", "text": "They rose."},
            {"id": "code", "text": "def rise(duty):\n    return duty + 1\n"},
            {"id": "both", "title": "rise", "text": "def rise(duty):\n    return duty + 1\n"},
            {"id": "java", "title": "rise", "text": "public int rise(int duty) {\n    return duty + 1;\n}"},
        ],
        tmp_path / "c",
    )
    assert [Path(file.path).suffix for file in corpus.files] == [".txt", ".md", ".py", ".py", ".java"]
    texts = [Path(file.path).read_text() for file in corpus.files]
    assert texts[0] == "Import duties rose."
    assert texts[1] == "# On duties\n\nThey rose."
    assert texts[3].startswith("# rise\ndef rise")
    assert texts[4].startswith("// rise\npublic")


def test_a_talk_becomes_a_transcript_a_turn_a_line(tmp_path: Path) -> None:
    corpus = written(TALK[::-1], tmp_path / "c")
    assert len(corpus.files) == 3
    for file in corpus.files:
        lines = Path(file.path).read_text().splitlines()
        assert len(lines) == 4
        for number, line in enumerate(lines, 1):
            (found,) = corpus.documents_at(file.path, number, number)
            assert line == next(row["text"] for row in TALK if row["id"] == found)
    assert {os.path.dirname(file.path) for file in corpus.files} == {
        corpus.group_folder("one"),
        corpus.group_folder("two"),
    }


def test_turns_stand_in_the_order_of_their_places_not_of_the_file(tmp_path: Path) -> None:
    turns: list[Row] = [{"id": str(pos), "speaker": "A", "pos": pos, "text": f"A: {pos}"} for pos in (3, 10, 1.5, 2)]
    (file,) = written(turns, tmp_path / "c").files
    assert Path(file.path).read_text() == "A: 1.5\nA: 2\nA: 3\nA: 10\n"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n", "\u2028", "\x0b", "\x0c", "\x85", "\x1c"])
def test_line_ends_inside_a_turn_do_not_shift_what_follows(tmp_path: Path, end: str) -> None:
    turns: list[Row] = [
        {"id": "first", "speaker": "Anna", "pos": 0, "text": f"Anna: one{end}Boris: not he{end}"},
        {"id": "second", "speaker": "Boris", "pos": 1, "text": "Boris: two"},
    ]
    corpus = written(turns, tmp_path / "c")
    (file,) = corpus.files
    assert Path(file.path).read_bytes().count(b"\n") == 2
    assert corpus.documents_at(file.path, 2, 2) == ("second",)


def test_who_speaks_is_said_once(tmp_path: Path) -> None:
    turns: list[Row] = [
        {"id": "bare", "speaker": "Anna", "session": "s", "date": "3 May 2024", "text": "hello"},
        {"id": "undated", "speaker": "Boris", "session": "s", "text": "hello"},
        {"id": "given", "speaker": "Anna", "session": "s", "date": "3 May 2024", "text": "Anna (noon): hello"},
    ]
    (file,) = written(turns, tmp_path / "c").files
    assert Path(file.path).read_text() == "Anna (3 May 2024): hello\nBoris: hello\nAnna (noon): hello\n"


def test_several_lines_are_several_turns_and_what_is_beyond_is_none(tmp_path: Path) -> None:
    corpus = written(TALK, tmp_path / "c")
    path = corpus.files[0].path
    assert corpus.documents_at(path, 2, 3) == ("one:1/1", "one:1/2")
    assert corpus.documents_at(path, 4, 900) == ("one:1/3",)
    assert corpus.documents_at(path, 50, 60) == ()
    assert corpus.documents_at("/elsewhere", 1, 1) == ()


def test_what_is_there_already_is_left_alone_and_what_was_changed_is_written_anew(tmp_path: Path) -> None:
    corpus = written(TALK, tmp_path / "c")
    first, second = (Path(file.path) for file in corpus.files[:2])
    inode, text = first.stat().st_ino, second.read_text()
    second.write_text("somebody else's words")
    corpus.write(threading.Event())
    assert (first.stat().st_ino, second.read_text()) == (inode, text)
    assert first.stat().st_mtime == second.stat().st_mtime


def test_writing_stops_when_asked_to(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        lay_out([ExternalDocument(id="a", text="b")], tmp_path / "c").write(stop)
    assert not (tmp_path / "c").exists()


def test_a_disk_that_refuses_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file where a folder should be")
    with pytest.raises(StorageFailed):
        lay_out([ExternalDocument(id="a", text="b")], tmp_path / "c").write(threading.Event())


@pytest.mark.parametrize(
    ("extension", "text"),
    [
        ("py", "def add(a, b):\n    return a + b"),
        ("py", "@cache\nclass Box:\n    size = 1"),
        ("py", "import os\nprint 'two'\n"),
        ("go", "func (s *Server) Close() error {\n\treturn nil\n}"),
        ("rs", "pub fn add(a: i32, b: i32) -> i32 { a + b }"),
        ("java", "@Override\npublic String toString() {\n  return name;\n}"),
        ("js", "const add = (a, b) => a + b;"),
        ("ts", "interface Box { size: number; }"),
        ("rb", "def add(a, b)\n  a + b\nend"),
        ("php", "<?php function f($a) { return $a; }"),
        ("c", "int main(void) {\n  return 0;\n}"),
        ("cpp", "std::string Foo::bar() const {\n  return x_;\n}"),
        ("sh", "#!/bin/sh\necho hi\n"),
    ],
)
def test_code_is_known_by_what_it_says(extension: str, text: str) -> None:
    assert code_extension(text) == extension


@pytest.mark.parametrize(
    "text",
    [
        "",
        "word",
        "Import duties were raised in March.",
        "import duties were raised",
        "The function f(x) => y is defined by var x = 3, and let us see.",
        "class struggle",
        "from home to work",
        "We define def foo(a, b) as the sum, see class Box: it is good.",
        "public (or private) goods { are } goods",
        "{'a': 1}",
        "x = 1",
        "Anna (7 pm): fn main() {} is where it starts",
        "def f(:\n    broken",
        "def add(a, b): return a\n" * 20_000,
        "def " * 1000 + "(" * 5000,
    ],
)
def test_prose_and_what_no_grammar_reads_is_not_code(text: str) -> None:
    assert code_extension(text) is None

"""Documents that change between ``add`` and a question: the answer comes from the bytes of now."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.commandline import CommandLine, assert_stands_there

QUESTION = "What is the boiler pressure when the system is cold?"
OLD, NEW = "1.4 bar", "2.9 bar"


def edit_in_place(path: Path) -> None:
    path.write_text(path.read_text().replace(OLD, NEW))


def edit_and_keep_size_and_time(path: Path) -> None:
    state = path.stat()
    edit_and_replace(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def edit_and_replace(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_text(path.read_text().replace(OLD, NEW))
    new.replace(path)


def insert_lines_above(path: Path) -> None:
    path.write_text("# Contents\n\nTwo lines more.\n\n" + path.read_text().replace(OLD, NEW))


def rename_and_edit(path: Path) -> None:
    path.rename(path.with_name("heating.md"))
    edit_in_place(path.with_name("heating.md"))


@pytest.mark.parametrize(
    "change",
    [edit_in_place, edit_and_replace, edit_and_keep_size_and_time, insert_lines_above],
    ids=lambda f: f.__name__,
)
def test_a_document_that_changed_answers_with_its_new_bytes(line: CommandLine, change: Callable[[Path], None]) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    before = line.inside("ask", QUESTION, "--json").ended(0).json
    assert OLD in before["answer"]
    change(line.stage / "boiler.md")
    after = line.inside("ask", QUESTION, "--json").ended(0).json
    assert NEW in after["answer"]
    assert OLD not in after["answer"]
    assert after["revision"] > before["revision"]
    assert after["sources_fresh"] == after["sources_checked"]
    for citation in after["citations"]:
        assert_stands_there(citation)
    assert all(OLD not in hit["snippet"] and hit["fresh"] for hit in line.hits("boiler pressure"))


def test_recall_sees_the_change_first(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    edit_in_place(line.stage / "boiler.md")
    hits = line.hits("boiler pressure")
    assert NEW in hits[0]["snippet"]
    assert all(OLD not in hit["snippet"] for hit in hits)
    assert_stands_there(hits[0]["cite"])
    assert line.hits(NEW)[0]["cite"]["path"].endswith("boiler.md")


def test_a_deleted_document_is_not_found_again(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    (line.stage / "boiler.md").unlink()
    said = line.inside("ask", QUESTION, "--json")
    assert OLD not in said.out
    assert said.code == 3
    assert all("boiler" not in hit["cite"]["path"] for hit in line.hits("boiler pressure"))
    assert line.inside("status", "--json").json["sources"] == 2


def test_a_document_replaced_by_a_folder_a_pipe_or_a_link_out_is_gone(line: CommandLine) -> None:
    line.furnish()
    secret = line.stage.parent / "secret.md"
    secret.write_text("The boiler pressure is 6.6 bar when the system is cold.\n")
    for replace in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to(secret)):
        path = line.write("boiler.md", f"The boiler pressure is {OLD} when the system is cold.\n")
        line.inside("add", line.stage).ended(0)
        path.unlink()
        replace(path)  # type: ignore[operator]
        said = line.inside("ask", QUESTION, "--json").ended(3)
        assert OLD not in said.out
        assert "6.6 bar" not in said.out
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_renamed_document_is_found_under_its_new_name_after_add(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    (line.stage / "boiler.md").rename(line.stage / "heating.md")
    assert OLD not in line.inside("recall", "boiler pressure", "--json").out
    added = line.inside("add", "--json").ended(0).json
    assert (added["folders"][0]["read"], added["embedded"]) == (1, 0)
    answer = line.inside("ask", QUESTION, "--json").ended(0).json
    assert answer["citations"][0]["path"] == str(line.stage / "heating.md")


def test_a_touched_document_stays_fresh_and_is_not_embedded_again(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    before = line.inside("ask", QUESTION, "--json").ended(0).json
    os.utime(line.stage / "boiler.md")
    after = line.inside("ask", QUESTION, "--json").ended(0).json
    assert after["sources_fresh"] == after["sources_checked"]
    assert after["revision"] == before["revision"]
    added = line.inside("add", "--json").ended(0).json
    assert (added["folders"][0]["problems"], added["embedded"], added["pending_vectors"]) == (0, 0, 0)


def test_a_document_that_became_unreadable_is_not_quoted_from_memory(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    (line.stage / "boiler.md").write_bytes(b"\x00\x01\x02 1.4 bar \xff" * 50)
    said = line.inside("ask", QUESTION, "--json").ended(3)
    assert OLD not in said.out


def test_a_whole_folder_that_vanished_answers_nothing_and_add_says_so(line: CommandLine) -> None:
    """It is away: nothing is answered from it, recall shows it as not fresh, and it is not forgotten."""
    line.furnish()
    line.inside("add", line.stage).ended(0)
    before = line.inside("status", "--json").ended(0).json
    line.stage.rename(line.stage.with_name("elsewhere"))
    assert OLD not in line.inside("ask", QUESTION, "--json").ended(3).out
    hits = line.inside("recall", QUESTION, "--json").ended(0).json["items"]
    assert hits
    assert not any(hit["fresh"] for hit in hits)
    assert "away: it is gone" in line.inside("add").ended(0).out
    after = line.inside("status", "--problems", "--json").ended(0).json
    assert (after["sources"], after["items"]) == (before["sources"], before["items"])
    assert after["problems"] == [{"path": str(line.stage), "reason": "away: it is gone"}]
    line.inside("add", line.stage).refused(2, str(line.stage))
    line.stage.with_name("elsewhere").rename(line.stage)
    back = line.inside("add", "--json").ended(0).json
    assert (back["folders"][0]["read"], back["folders"][0]["away"], back["embedded"]) == (0, [], 0)
    assert OLD in line.inside("ask", QUESTION, "--json").ended(0).out
    line.inside("forget", line.stage).ended(0)
    line.inside("check").ended(0)

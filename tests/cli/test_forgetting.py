"""Forgetting leaves nothing behind, and touches nobody's files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from assistant.app import open_assistant
from assistant.contracts.ids import digest_of
from cli.commandline import CommandLine

CANARY = "Quetzalwort73"
QUESTION = f"What is the colour of the {CANARY}?"


def furnish(line: CommandLine) -> Path:
    line.furnish()
    folder = line.stage / "private"
    line.write("private/plant.md", f"# Plants\n\nThe colour of the {CANARY} is vermilion.\n")
    line.write("private/more.txt", f"A second {CANARY} grows at the gate.\n" * 5)
    line.inside("add", line.stage, folder).ended(0)
    return folder


def files_holding(home: Path, needle: bytes) -> list[str]:
    """Every file of ours that holds these bytes (the models aside)."""
    found = []
    for top, folders, names in os.walk(home):
        folders[:] = [name for name in folders if name != "models"]
        found += [f"{Path(top, name).relative_to(home)}" for name in names if needle in Path(top, name).read_bytes()]
    return found


def vectors_of(word: str) -> list[bytes]:
    with open_assistant() as assistant, assistant.fabric.records.read() as view:
        contents = {item.content for item in view.all_items() if word in item.text}
        found = [view.vector(assistant.fabric.space.fingerprint, content) for content in contents]
    return [row.astype("float32").tobytes() for _, row in filter(None, found)]


def test_what_is_forgotten_is_not_found(line: CommandLine) -> None:
    folder = furnish(line)
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in line.stage.rglob("*.*")}
    assert "vermilion" in line.inside("ask", QUESTION).ended(0).out
    said = line.inside("forget", folder, "--json").ended(0).json
    assert (said["sources"], "0 found" in said["proof"]) == (2, True)
    assert str(line.stage) in said["returns"]
    assert "vermilion" not in line.inside("ask", QUESTION, "--json").ended(3).out
    assert all("private" not in hit["cite"]["path"] for hit in line.hits(CANARY))
    assert all("private" not in hit["cite"]["path"] for hit in line.hits("vermilion plant at the gate", "-k", "100"))
    status = line.inside("status", "--json").json
    assert [root["path"] for root in status["roots"]] == [str(line.stage)]
    assert status["sources"] == 3
    line.inside("check").ended(0)
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in line.stage.rglob("*.*")} == before


def test_the_search_for_canaries_finds_what_is_remembered(line: CommandLine) -> None:
    furnish(line)
    vectors = vectors_of(CANARY)
    assert len(vectors) >= 2
    assert files_holding(line.home, CANARY.encode())
    assert files_holding(line.home, vectors[0])


def test_no_word_of_what_is_forgotten_stays_in_any_file(line: CommandLine) -> None:
    line.inside("forget", furnish(line)).ended(0)
    for needle in (CANARY, CANARY.lower(), "vermilion", "plant.md"):
        assert files_holding(line.home, needle.encode()) == []


def test_no_vector_of_what_is_forgotten_stays_in_any_file(line: CommandLine) -> None:
    folder = furnish(line)
    vectors = vectors_of(CANARY)
    line.inside("forget", folder).ended(0)
    assert vectors
    for vector in vectors:
        assert files_holding(line.home, vector) == []
        assert files_holding(line.home, vector[400:464]) == []


def test_no_digest_of_what_is_forgotten_stays_in_any_file(line: CommandLine) -> None:
    folder = furnish(line)
    digest = digest_of((folder / "plant.md").read_bytes())
    line.inside("forget", folder).ended(0)
    assert files_holding(line.home, digest.encode()) == []


def test_the_last_folder_is_forgotten_to_the_last_byte(line: CommandLine) -> None:
    furnish(line)
    line.inside("forget", line.stage).ended(0)
    assert line.inside("status", "--json").json["roots"] == []
    for needle in (CANARY, "boiler pressure", "Liisa", str(line.stage)):
        assert files_holding(line.home, needle.encode()) == []


def test_one_file_is_forgotten_and_comes_back_unless_it_is_ignored(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    said = line.inside("forget", line.stage / "boiler.md").ended(0)
    assert ".assistantignore" in said.out
    assert all("boiler" not in hit["cite"]["path"] for hit in line.hits("boiler pressure"))
    line.write(".assistantignore", "boiler.md\n")
    line.inside("add").ended(0)
    assert all("boiler" not in hit["cite"]["path"] for hit in line.hits("boiler pressure"))
    (line.stage / ".assistantignore").unlink()
    line.inside("add").ended(0)
    assert line.hits("boiler pressure")[0]["cite"]["path"] == str(line.stage / "boiler.md")


def test_a_folder_that_is_gone_from_the_disk_can_be_forgotten(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage, "--no-wait").ended(0)
    line.stage.rename(line.stage.with_name("moved"))
    line.inside("forget", line.stage).ended(0)
    assert line.inside("status", "--json").json["roots"] == []


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "~", "."])
def test_forgetting_what_is_not_remembered(line: CommandLine, path: str) -> None:
    line.inside("forget", path).refused(2, "is remembered")


def test_a_neighbour_with_a_longer_name_is_not_forgotten(line: CommandLine) -> None:
    line.write("note/a.md", "The kettle is red.\n")
    line.write("notebook/b.md", "The ladder is blue.\n")
    line.inside("add", line.stage / "note", line.stage / "notebook", "--no-wait").ended(0)
    line.inside("forget", line.stage / "note").ended(0)
    assert [hit["cite"]["path"] for hit in line.hits("ladder")] == [str(line.stage / "notebook" / "b.md")]

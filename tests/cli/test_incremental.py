"""Adding again: only what changed is read and embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.commandline import CommandLine, sentences


def added(line: CommandLine, *arguments: str | Path) -> dict[str, Any]:
    return line.inside("add", *arguments, "--json").ended(0).json


def only_folder(found: dict[str, Any]) -> dict[str, Any]:
    (folder,) = found["folders"]
    return dict(folder)


def test_add_json_has_the_documented_keys(line: CommandLine) -> None:
    line.furnish()
    found = added(line, line.stage)
    assert found.keys() == {"folders", "embedded", "pending_vectors"}
    folder = only_folder(found)
    assert folder.pop("took_s") >= 0
    assert folder == {
        "root": str(line.stage),
        "found": 3,
        "read": 3,
        "unchanged": 0,
        "gone": 0,
        "problems": 0,
        "skipped": 0,
        "named": [],
        "away": [],
    }
    assert (found["embedded"], found["pending_vectors"]) == (3, 0)


def test_the_second_add_reads_and_embeds_nothing(line: CommandLine) -> None:
    line.furnish()
    added(line, line.stage)
    revision = line.inside("status", "--json").json["revision"]
    again = added(line, line.stage)
    assert (only_folder(again)["read"], only_folder(again)["unchanged"], again["embedded"]) == (0, 3, 0)
    assert "3 unchanged" in line.inside("add").ended(0).out
    assert line.inside("status", "--json").json["revision"] - revision <= 2


def test_an_edited_document_embeds_its_changed_pieces_only(line: CommandLine) -> None:
    parts = [f"## Part {n}\n\n" + " ".join(sentences(40)[n * 8 : n * 8 + 8]) for n in range(5)]
    file = line.write("long.md", "\n\n".join(parts))
    first = added(line, line.stage)
    assert first["embedded"] >= 5
    file.write_text("\n\n".join([*parts[:2], parts[2].replace("Note 16", "Note sixteen"), *parts[3:]]))
    second = added(line)
    assert only_folder(second)["read"] == 1
    assert 1 <= second["embedded"] < first["embedded"] / 2


def test_a_rename_embeds_nothing(line: CommandLine) -> None:
    line.furnish()
    added(line, line.stage)
    (line.stage / "deep").mkdir()
    (line.stage / "car.md").rename(line.stage / "deep" / "wheels.md")
    found = added(line)
    assert (only_folder(found)["read"], only_folder(found)["gone"], found["embedded"]) == (1, 1, 0)
    assert line.hits("wheel bolts Lumo")[0]["cite"]["path"] == str(line.stage / "deep" / "wheels.md")


def test_no_wait_returns_with_words_and_the_next_add_goes_on(line: CommandLine) -> None:
    line.furnish()
    found = added(line, line.stage, "--no-wait")
    assert (found["embedded"], found["pending_vectors"]) == (0, 3)
    assert "by their words only" in line.inside("add", "--no-wait").ended(0).out
    result = line.inside("recall", "boiler pressure", "--json").ended(0).json
    assert result["pending_vectors"] == 3
    assert result["items"][0]["cite"]["path"] == str(line.stage / "boiler.md")
    assert "found by their words only so far" in line.inside("recall", "boiler").out
    assert line.inside("status", "--json").json["searchable_by_meaning"] == 0
    assert "1.4 bar" in line.inside("ask", "What is the boiler pressure when the system is cold?").ended(0).out
    resumed = added(line)
    assert (only_folder(resumed)["read"], resumed["embedded"], resumed["pending_vectors"]) == (0, 3, 0)
    assert line.inside("status", "--json").json["searchable_by_meaning"] == 3


def test_add_without_folders_when_nothing_is_remembered(line: CommandLine) -> None:
    line.inside("add").refused(2, "Nothing is remembered yet", "assistant add ~/notes")
    line.inside("add", "--json").refused(2, "Nothing is remembered yet")


def test_two_folders_at_once(line: CommandLine) -> None:
    line.write("one/a.md", "The kettle is red.\n")
    line.write("two/b.md", "The ladder is blue.\n")
    found = added(line, line.stage / "one", line.stage / "two", "--no-wait")
    assert [folder["root"] for folder in found["folders"]] == [str(line.stage / "one"), str(line.stage / "two")]
    assert [root["sources"] for root in line.inside("status", "--json").json["roots"]] == [1, 1]
    assert len(added(line, "--no-wait")["folders"]) == 2


def test_one_bad_folder_among_good_ones_changes_nothing(line: CommandLine) -> None:
    line.write("one/a.md", "The kettle is red.\n")
    line.inside("add", line.stage / "one", line.stage / "missing").refused(2, "missing")
    assert line.inside("status", "--json").json["roots"] == []


def test_the_same_folder_in_many_spellings_is_one(line: CommandLine) -> None:
    line.furnish()
    link = line.stage.parent / "link"
    link.symlink_to(line.stage)
    for path in (str(line.stage), f"{line.stage}/", "stage", "./stage//", "stage/../stage", str(link), f"{link}/."):
        added(line, path, "--no-wait")
    status = line.inside("status", "--json").json
    assert [(root["path"], root["sources"]) for root in status["roots"]] == [(str(line.stage), 3)]
    assert status["items"] == 3


def test_a_folder_inside_a_remembered_one_finds_nothing_twice(line: CommandLine) -> None:
    line.furnish()
    line.write("deep/kettle.md", "The kettle is red.\n")
    added(line, line.stage, "--no-wait")
    added(line, line.stage / "deep", "--no-wait")
    assert len(line.hits("kettle")) == 1
    assert line.inside("status", "--json").json["items"] == 4
    added(line, "--no-wait")
    line.inside("check").ended(0)
    assert len(line.hits("kettle")) == 1
    assert line.inside("status", "--json").json["sources"] == 4


def test_a_folder_around_a_remembered_one_finds_nothing_twice(line: CommandLine) -> None:
    line.write("deep/kettle.md", "The kettle is red.\n")
    added(line, line.stage / "deep", "--no-wait")
    added(line, line.stage, "--no-wait")
    assert len(line.hits("kettle")) == 1
    line.inside("check").ended(0)


def test_nested_folders_settle_and_read_nothing_again(line: CommandLine) -> None:
    line.furnish()
    line.write("deep/kettle.md", "The kettle is red.\n")
    added(line, line.stage, line.stage / "deep", "--no-wait")
    added(line, "--no-wait")
    found = added(line, "--no-wait")
    assert [folder["read"] for folder in found["folders"]] == [0, 0]

"""What is cited stands on the disk, byte for byte; and filters keep out what they should."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.commandline import GOLDEN, CommandLine, assert_stands_there, bytes_of

QUESTIONS = [one["text"] for one in yaml.safe_load((GOLDEN / "home.yaml").read_text())["questions"]]
RYE = "At what temperatures and for how long does the rye bread bake?"
VERBATIM = {".md", ".txt", ".py", ".ts", ".go", ".toml", ".rst", ".csv", ".sh"}
CODE = {".py", ".ts", ".go", ".sh", ".sql", ".mod"}
LEGACY = {"мама - лекарства.txt": "cp1251", "правила дома (2023).txt": "cp1251"}
"""What the sample home holds in another encoding than UTF-8."""


def quoted(cite: Mapping[str, Any]) -> str:
    """What stands at the cited place, read by somebody who knows how the file is written."""
    return bytes_of(cite).decode(LEGACY.get(Path(cite["path"]).name, "utf-8"))


@pytest.mark.parametrize("part", range(2))
def test_every_citation_of_an_answer_stands_on_the_disk(golden: CommandLine, part: int) -> None:
    cited = 0
    for question in QUESTIONS[part::16]:
        said = golden.inside("ask", question, "--json")
        assert said.code in (0, 3), said.err
        answer = said.json
        assert answer["answered"] == (said.code == 0) == bool(answer["citations"])
        for citation in answer["citations"]:
            if "@" in Path(citation["path"]).name:
                continue
            assert_stands_there(citation)
            assert f"[{citation['n']}]" in answer["answer"]
            if Path(citation["path"]).suffix in VERBATIM:
                assert quoted(citation) == citation["quote"]
                cited += 1
    assert cited > 0


@pytest.mark.parametrize(("name", "query"), [(name, Path(name).stem) for name in LEGACY])
def test_what_is_not_utf_8_is_cited_by_its_bytes_and_quoted_by_its_letters(
    golden: CommandLine, name: str, query: str
) -> None:
    hits = golden.hits(query, "-k", "50", "--file-hint", name)
    (cite, *_) = [hit["cite"] for hit in hits if Path(hit["cite"]["path"]).name == name]
    assert_stands_there(cite)
    with pytest.raises(UnicodeDecodeError):
        bytes_of(cite).decode()
    answer = golden.inside("ask", quoted(cite).split("\n")[0], "--in", cite["path"], "--json").ended(0).json
    assert answer["citations"]
    for citation in answer["citations"]:
        assert_stands_there(citation)
        assert quoted(citation) == citation["quote"]


def test_every_hit_of_recall_stands_on_the_disk(golden: CommandLine) -> None:
    kinds = set()
    for query in ("boiler", "backoff attempt", "invoice electricity", "Кутаиси билеты", "meeting minutes Jonas"):
        for hit in golden.hits(query, "-k", "20"):
            assert_stands_there(hit["cite"])
            kinds.add(Path(hit["cite"]["path"]).suffix)
    assert {".md", ".py", ".csv"} <= kinds


def test_a_citation_counts_bytes_and_not_letters(line: CommandLine) -> None:
    line.furnish()
    line.write(
        "дача.md", "# Дача\r\n\r\nКотёл стоит в сенях.\r\n\r\nThe stove 🔥 needs 3 logs of birch every evening.\r\n"
    )
    line.inside("add", line.stage).ended(0)
    answer = line.inside("ask", "How many logs of birch does the stove need every evening?", "--json").ended(0).json
    (citation, *_) = answer["citations"]
    assert_stands_there(citation)
    assert citation["line"] == 5
    assert bytes_of(citation).decode() == citation["quote"]
    assert "3 logs" in citation["quote"]


def test_in_narrows_to_a_folder_that_is_remembered(golden: CommandLine) -> None:
    inside = golden.inside("ask", RYE, "--in", golden.stage / "notes", "--json").ended(0).json
    assert all(one["path"].startswith(f"{golden.stage}/notes/") for one in inside["citations"])
    # None of these words stands in any file below code, so whatever the rule of refusal, there is no answer.
    outside = golden.inside("ask", "What is in the rye bread dough?", "--in", golden.stage / "code", "--json").ended(3)
    assert all(hit["cite"]["path"].startswith(f"{golden.stage}/code/") for hit in outside.json["nearest"])
    assert len(golden.inside("status", "--json").json["roots"]) == 1
    hits = golden.hits("Jonas", "--in", str(golden.stage / "work"), "--in", str(golden.stage / "mail"))
    assert {Path(hit["cite"]["path"]).relative_to(golden.stage).parts[0] for hit in hits} <= {"work", "mail"}
    assert hits


def test_in_a_folder_that_was_never_added_remembers_it_first(line: CommandLine) -> None:
    line.furnish()
    answer = line("ask", "What is the boiler pressure when the system is cold?", "--in", line.stage, "--json").ended(0)
    assert answer.json["citations"][0]["path"] == str(line.stage / "boiler.md")
    assert [root["path"] for root in line.inside("status", "--json").json["roots"]] == [str(line.stage)]


def test_in_a_file(line: CommandLine) -> None:
    line.furnish()
    file = line.stage / "car.md"
    answer = (
        line.inside("ask", "How many Nm do the wheel bolts of the Lumo need?", "--in", file, "--json").ended(0).json
    )
    assert {citation["path"] for citation in answer["citations"]} == {str(file)}
    assert line.inside("ask", "What is the boiler pressure when cold?", "--in", file, "--json").ended(3)


def test_in_a_path_through_a_link_and_with_a_tilde(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    line.furnish()
    (line.stage.parent / "link").symlink_to(line.stage)
    monkeypatch.setenv("HOME", str(line.stage.parent))
    line.inside("add", line.stage).ended(0)
    for path in (line.stage.parent / "link", "~/stage", "~/link/", "stage/../stage"):
        assert line.inside("recall", "boiler", "--in", path).ended(0)
        assert line.inside("ask", "What is the boiler pressure when the system is cold?", "--in", path).ended(0)
    assert len(line.inside("status", "--json").json["roots"]) == 1


def test_in_a_path_that_is_missing(golden: CommandLine) -> None:
    golden.inside("ask", RYE, "--in", golden.stage / "nowhere").refused(2, "There is no file or folder", "nowhere")


def test_filters_by_kind_and_language(golden: CommandLine) -> None:
    code = golden.hits("backoff attempt pause", "--kind", "code", "--language", "python")
    assert {Path(hit["cite"]["path"]).suffix for hit in code} == {".py"}
    either = golden.hits("backoff attempt pause", "--kind", "code", "--kind", "markdown", "-k", "50")
    assert {".py", ".md"} <= {Path(hit["cite"]["path"]).suffix for hit in either} <= CODE | {".md"}
    assert golden.hits("backoff", "--language", "klingon") == []


def test_filters_by_day(line: CommandLine) -> None:
    line.furnish()
    line.write("2025-03-01 walk.md", "Walked along the harbour.\n")
    line.write("2025-03-02 walk.md", "Walked along the river.\n")
    line.inside("add", line.stage, "--no-wait").ended(0)

    def days(*flags: str) -> set[str]:
        return {Path(hit["cite"]["path"]).name[:10] for hit in line.hits("walked", *flags)}

    assert days() == {"2025-03-01", "2025-03-02"}
    assert days("--since", "2025-03-02") == {"2025-03-02"}
    assert days("--until", "2025-03-01") == {"2025-03-01"}
    assert days("--since", "2025-03-01", "--until", "2025-03-02") == {"2025-03-01", "2025-03-02"}
    assert days("--until", "0001-01-01") == days("--since", "9999-12-31") == set()
    assert days("--since", "0001-01-01", "--until", "9999-12-31") == {"2025-03-01", "2025-03-02"}


@pytest.mark.parametrize("command", ["ask", "recall"])
@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--kind", "poem", ("There is no kind poem", "markdown")),
        ("--kind", "", ("There is no kind",)),
        ("--since", "tomorrow", ("'tomorrow' is not a date", "2026-03-14")),
        ("--until", "2025-13-99", ("'2025-13-99' is not a date",)),
        ("--since", "", ("'' is not a date",)),
        ("--until", "２０２５", ("is not a date",)),
    ],
)
def test_a_filter_that_makes_no_sense(
    line: CommandLine, command: str, flag: str, value: str, words: tuple[str, ...]
) -> None:
    line.inside(command, "tea", flag, value).refused(2, *words)


def test_since_after_until_finds_nothing(golden: CommandLine) -> None:
    assert golden.hits("boiler", "--since", "2025-06-01", "--until", "2025-05-01") == []

"""Every command: its exit code, what goes to stdout and what to stderr, and the shape of its JSON."""

from __future__ import annotations

import json
import subprocess

import pytest

from cli.commandline import PROGRAM, CommandLine

COMMANDS = [
    (),
    ("add",),
    ("ask",),
    ("recall",),
    ("status",),
    ("forget",),
    ("check",),
    ("eval",),
    ("models",),
    ("models", "list"),
    ("models", "install"),
    ("models", "probe"),
]
CITATION = {"n", "path", "line", "end_line", "start_byte", "end_byte", "digest", "quote"}
CITE = CITATION - {"n", "quote"}
ANSWER = {
    "answered",
    "answer",
    "citations",
    "revision",
    "sources_checked",
    "sources_fresh",
    "spoken_by",
    "took_ms",
    "confidence",
    "versions",
    "nearest",
}
RYE = "At what temperatures and for how long does the rye bread bake?"
UNKNOWABLE = "Who won the world chess championship in 1972?"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_every_command(line: CommandLine, command: tuple[str, ...], flag: str) -> None:
    said = line.inside(*command, flag).ended(0)
    assert "Usage: " in said.out
    assert said.err == ""


def test_the_installed_program_helps_and_tells_its_version(line: CommandLine) -> None:
    said = line("--help").ended(0)
    for command in {command[0] for command in COMMANDS if command}:
        assert f" {command} " in said.out
    assert "130 interrupted" in said.out
    assert line("--version").ended(0).out == "0.1.0\n"


def test_python_m_assistant_is_the_same_program(line: CommandLine) -> None:
    said = subprocess.run(
        [PROGRAM.replace("bin/assistant", "bin/python"), "-m", "assistant", "--version"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=line.env(),
    )
    assert (said.stdout, said.stderr) == ("0.1.0\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("sing",),
        ("ask",),
        ("recall", "-k", "0", "tea"),
        ("recall", "--loud", "tea"),
        ("models", "install", "--precision", "int4"),
    ],
)
def test_a_command_that_makes_no_sense(line: CommandLine, arguments: tuple[str, ...]) -> None:
    said = line.inside(*arguments).ended(2)
    assert said.out == ""
    assert "Usage: " in said.err


def test_from_nothing_to_an_answer_and_back(line: CommandLine) -> None:
    line.furnish()
    line.write("tea.md", "# Tea\n\nThe green tea from Uji steeps at 70 degrees for two minutes.\n")
    said = line("add", line.stage).ended(0)
    assert f"{line.stage}: 4 sources, 4 read, 0 unchanged" in said.out
    assert "Traceback" not in said.err
    asked = line("ask", "At how many degrees does the green tea from Uji steep?").ended(0)
    assert "70 degrees" in asked.out
    assert "[1] stage/tea.md:3" in asked.out
    assert "sources checked now" in asked.out
    assert asked.err == ""
    recalled = line("recall", "Uji tea").ended(0)
    assert "stage/tea.md:1-3" in recalled.out
    status = line("status").ended(0)
    assert str(line.stage) in status.out
    assert "4 by meaning (100 %)" in status.out
    assert "agree" in line("check").ended(0).out
    forgot = line("forget", line.stage).ended(0)
    assert "Forgot 4 sources (4 pieces)" in forgot.out
    assert "0 found" in forgot.out
    assert line("recall", "Uji tea").ended(3).out.startswith("Nothing is remembered yet")


def test_ask_json_has_the_documented_keys(golden: CommandLine) -> None:
    found = golden("ask", RYE, "--json").ended(0)
    assert found.err == ""
    answer = found.json
    assert answer.keys() == ANSWER
    assert answer["answered"] is True
    assert "190 C" in answer["answer"]
    assert answer["spoken_by"] == "extractive"
    assert answer["sources_checked"] == answer["sources_fresh"] > 0
    assert 0.0 < answer["confidence"] <= 1.0
    assert answer["took_ms"] > 0
    assert answer["nearest"] == []
    assert [citation["n"] for citation in answer["citations"]] == list(range(1, len(answer["citations"]) + 1))
    for citation in answer["citations"]:
        assert citation.keys() == CITATION


def test_what_the_memory_does_not_hold_is_not_answered(golden: CommandLine) -> None:
    answer = golden.inside("ask", UNKNOWABLE, "--json").ended(3).json
    assert answer.keys() == ANSWER
    assert (answer["answered"], answer["citations"]) == (False, [])
    assert all(hit["cite"].keys() == CITE for hit in answer["nearest"])
    said = golden.inside("ask", UNKNOWABLE).ended(3)
    assert said.out.startswith("The memory holds no answer to this.")


def test_a_memory_of_one_document_answers(line: CommandLine) -> None:
    line.write("tea.md", "# Tea\n\nThe green tea from Uji steeps at 70 degrees for two minutes.\n")
    line.inside("add", line.stage).ended(0)
    line.inside("ask", "At how many degrees does the green tea from Uji steep?").ended(0)


def test_recall_json_has_the_documented_keys(golden: CommandLine) -> None:
    result = golden.inside("recall", "boiler pressure", "-k", "5", "--json").ended(0).json
    assert result.keys() == {"items", "took_ms", "revision", "sources_checked", "sources_fresh", "pending_vectors"}
    assert 0 < len(result["items"]) <= 5
    scores = [hit["score"] for hit in result["items"]]
    assert scores == sorted(scores, reverse=True)
    assert len({hit["id"] for hit in result["items"]}) == len(scores)
    for hit in result["items"]:
        assert hit.keys() == {"id", "score", "snippet", "cite", "fresh", "also", "explain"}
        assert hit["cite"].keys() == CITE
        assert 0.0 <= hit["score"] <= 1.0
        assert hit["fresh"] is True
        assert hit["snippet"]


def test_recall_explains_each_score(golden: CommandLine) -> None:
    (hit, *_) = golden.inside("recall", "boiler pressure", "--explain", "--json").ended(0).json["items"]
    why = hit["explain"]
    assert why["bm25"] > 0
    assert "boiler" in why["matched_terms"]
    assert why["dense_cosine"] is not None
    said = golden.inside("recall", "boiler pressure", "-k", "1", "--explain").ended(0)
    assert "cosine" in said.out
    assert why["parameters"] in said.out


def test_status_json(golden: CommandLine) -> None:
    found = golden.inside("status", "--json").ended(0).json
    assert [root["path"] for root in found["roots"]] == [str(golden.stage)]
    assert found["items"] == found["searchable_by_words"] == found["searchable_by_meaning"] > 300
    assert (found["pending_vectors"], found["problem_count"], found["busy"]) == (0, 0, False)
    assert found["model_installed"] is True
    assert found["data_folder"] == str(golden.home / "data")
    assert found["store_bytes"] > 0


def test_check_json(golden: CommandLine) -> None:
    found = golden.inside("check", "--json").ended(0).json
    assert found.keys() >= {"sources", "items", "vectors", "pending", "files", "findings", "more", "mended"}
    assert found["findings"] == []
    assert found["items"] == golden.inside("status", "--json").json["items"]


def test_check_repair_leaves_a_sound_store_alone(line: CommandLine) -> None:
    line.write("tea.md", "The tea is green.\n")
    line.inside("add", line.stage).ended(0)
    line.inside("check", "--repair").ended(0)
    assert not (line.home / "state" / "set-aside").exists()
    assert line.hits("tea")


def test_forget_json(line: CommandLine) -> None:
    line.write("tea.md", "The tea is green.\n")
    line.inside("add", line.stage, "--json").ended(0)
    found = line.inside("forget", line.stage, "--json").ended(0).json
    assert found == {
        "path": str(line.stage),
        "sources": 1,
        "items": 1,
        "returns": "",
        "proof": "asked again for everything at or below it: 0 found",
    }


def test_models_list(line: CommandLine) -> None:
    rows = line.inside("models", "list", "--json").ended(0).json["models"]
    (configured,) = [row for row in rows if row["configured"]]
    assert configured["id"] == "all-minilm-l6-v2"
    assert configured["state"].startswith("installed")
    assert {row["state"] for row in rows if not row["configured"]} == {"to be downloaded after consent"}
    assert "all-minilm-l6-v2" in line.inside("models", "list").ended(0).out


def test_models_install_does_nothing_the_second_time(line: CommandLine) -> None:
    found = line.inside("models", "install", "--json").ended(0).json
    assert (found["model"], found["prepared_now"]) == ("all-minilm-l6-v2", False)


def test_models_probe(line: CommandLine) -> None:
    found = line.inside("models", "probe", "--json").ended(0).json
    assert found["right"] is True
    assert found["near_cosine"] > found["far_cosine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_offered(line: CommandLine, shell: str) -> None:
    # The shell is named, not detected: whatever runs the tests need not be one of these.
    said = line("--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert "_ASSISTANT_COMPLETE" in said.out


def test_shell_completion_completes_commands(line: CommandLine) -> None:
    said = line(env={"_ASSISTANT_COMPLETE": "complete_bash", "COMP_WORDS": "assistant re", "COMP_CWORD": "1"})
    assert said.out.split() == ["recall", "restore"]


def test_results_are_one_line_of_json_even_in_a_pipe_of_commands(golden: CommandLine) -> None:
    for command in (("status",), ("check",), ("models", "list"), ("recall", "tea")):
        said = golden.inside(*command, "--json").ended(0)
        assert json.loads(said.out)
        assert said.err == ""


def test_show_prints_a_memory_item(line: CommandLine) -> None:
    line.furnish()
    line.write("kettle.md", "# Kitchen\n\nThe kettle is red.\n")
    line("add", line.stage, "--no-wait").ended(0)
    (hit,) = json.loads(line("recall", "kettle", "-k", "1", "--json").out)["items"]
    item = json.loads(line("show", hit["id"], "--json").out)
    assert set(item) == {"id", "modality", "source", "embeddings", "sparse", "meta", "text", "cite"}
    assert set(item["source"]) == {"path", "repo", "commit", "timestamp"}
    assert {"project", "language", "scope", "pii"} <= set(item["meta"])
    assert (item["id"], item["cite"]) == (hit["id"], hit["cite"])
    assert dict(zip(item["sparse"]["terms"], item["sparse"]["weights"], strict=True))["kettl"] > 0
    assert "The kettle is red." in line("show", hit["id"]).out
    line("show", "mi_nothing").refused(2, "No remembered piece is called 'mi_nothing'")

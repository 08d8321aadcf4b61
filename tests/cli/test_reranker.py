"""A reranker of one's own choice: named in the settings, shown in the status, heard in recall, and done without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from inference import tiny_cross

from cli.commandline import CommandLine

LISTED = "ms-marco-minilm-l-6-v2"
QUESTION = "boiler or kettle"
WORDS = ("boiler", "kettle", "red", "kitchen")


@pytest.fixture(scope="module")
def noted(models: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Notes on two things, remembered, in a memory with a models folder of its own, which holds the shared encoder."""
    folder = tmp_path_factory.mktemp("noted")
    made = CommandLine(folder / "home", folder / "stage")
    own = made.home / "data" / "models"
    own.mkdir(parents=True)
    for one in models.iterdir():
        if not one.name.startswith("."):
            (own / one.name).symlink_to(one)
    made.furnish()
    made.write("boiler2.md", "# Heating\n\nThe boiler is red.\n")
    made.write("kettle.md", "# Heating\n\nThe kettle is red.\n")
    made("add", made.stage).ended(0)
    return made


@pytest.fixture
def line(
    noted: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """That memory, to be changed; the current folder is empty."""
    home = tmp_path / "home"
    shutil.copytree(noted.home, home, symlinks=True)
    monkeypatch.setenv("ASSISTANT_HOME", str(home))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return CommandLine(home, noted.stage, capsys)


def choose(line: CommandLine, reranker: str) -> None:
    (line.home / "config").mkdir(exist_ok=True)
    (line.home / "config" / "settings.toml").write_text(f'reranker = "{reranker}"\n')


def put(line: CommandLine, name: str = LISTED, *, favourite: str = "kettle", **how: object) -> Path:
    """Put a cross-encoder there by hand that cares for one word most."""
    weights = {word: 20.0 if word == favourite else 0.1 for word in WORDS}
    return tiny_cross.write(line.home / "data" / "models" / name, weights, **how)


def first(line: CommandLine) -> dict[str, object]:
    found: dict[str, object] = line.hits(QUESTION, "--explain")[0]
    return found


@pytest.mark.parametrize("favourite", ["kettle", "boiler"])
def test_the_chosen_model_decides_the_order(line: CommandLine, favourite: str) -> None:
    put(line, favourite=favourite)
    choose(line, "Xenova/ms-marco-MiniLM-L-6-v2")
    said = line.inside("recall", QUESTION, "--explain", "--json").ended(0)
    assert said.err == ""
    best = said.json["items"][0]
    assert f"The {favourite}" in best["snippet"]
    own, chosen = best["explain"]["rerankers"]
    assert own.startswith("tokens of all-minilm-l6-v2")
    assert chosen == LISTED
    assert f"and {LISTED}" in line.inside("recall", QUESTION, "--explain").ended(0).out


def test_a_program_of_its_own_uses_it_too(line: CommandLine) -> None:
    put(line)
    assert LISTED in line("recall", QUESTION, "--explain", env={"ASSISTANT_RERANKER": LISTED}).ended(0).out
    line("ask", "Is the kettle red?", env={"ASSISTANT_RERANKER": LISTED}).ended(0)


def test_the_status_names_it(line: CommandLine) -> None:
    assert line.inside("status", "--json").json["reranker"] == "default"
    assert "reranker default" in line.inside("status").out
    choose(line, LISTED)
    found = line.inside("status", "--json").ended(0).json
    assert (found["reranker"], found["reranker_installed"]) == (LISTED, False)
    assert f"reranker {LISTED} (not installed: default)" in line.inside("status").out
    put(line)
    found = line.inside("status", "--json").ended(0).json
    assert (found["reranker"], found["reranker_installed"]) == (LISTED, True)
    choose(line, "none")
    assert "reranker none" in line.inside("status").ended(0).out


def test_a_missing_model_is_named_and_recall_goes_on(line: CommandLine) -> None:
    plain = line.inside("recall", QUESTION, "--json").ended(0)
    choose(line, LISTED)
    said = line.inside("recall", QUESTION, "--json").ended(0)
    assert said.json["items"] == plain.json["items"]
    assert f"Reranking without {LISTED}, as by default: " in said.err
    assert "assistant models install Xenova/ms-marco-MiniLM-L-6-v2 --yes" in said.err


@pytest.mark.parametrize("fault", ["not finite", "two classes"])
def test_hostile_a_model_that_gives_no_scores(line: CommandLine, fault: tiny_cross.Fault) -> None:
    put(line, fault=fault)
    choose(line, LISTED)
    said = line.inside("recall", QUESTION, "--explain", "--json").ended(0)
    (own,) = said.json["items"][0]["explain"]["rerankers"]
    assert own.startswith("tokens of")
    assert said.err.count("Reranking without") == 1
    line.inside("models", "probe", LISTED).refused(6)


def test_a_name_that_no_reranker_has(line: CommandLine) -> None:
    choose(line, "bge-reranker-bose")
    said = line.inside("recall", QUESTION).ended(0)
    assert "There is no model called 'bge-reranker-bose'. Did you mean" in said.err
    assert "(not installed: default)" in line.inside("status").ended(0).out


def test_none_switches_closer_looks_off(line: CommandLine) -> None:
    choose(line, "none")
    why = first(line)["explain"]
    assert isinstance(why, dict)
    assert (why["rerank"], why["rerankers"]) == (0.0, [])


def test_hostile_a_project_may_not_choose_it(line: CommandLine) -> None:
    Path(".assistant.toml").write_text(f'reranker = "{LISTED}"\n')
    line.inside("recall", QUESTION).refused(2, "may not set 'reranker'")


def test_models_lists_installs_and_measures_it(line: CommandLine) -> None:
    rows = {row["id"]: row for row in line.inside("models", "list", "--json").ended(0).json["models"]}
    assert (rows[LISTED]["role"], rows[LISTED]["state"]) == ("reranker", "to be downloaded after consent")
    assert rows["all-minilm-l6-v2"]["role"] == "encoder"
    line.inside("models", "install", LISTED).refused(4, "Fetching it downloads 80 MB", "--yes")
    put(line)
    choose(line, LISTED)
    rows = {row["id"]: row for row in line.inside("models", "list", "--json").ended(0).json["models"]}
    assert (rows[LISTED]["state"], rows[LISTED]["configured"]) == ("installed", True)
    assert LISTED in line.inside("models", "list").ended(0).out
    done = line.inside("models", "install", LISTED, "--json").ended(0).json
    assert (done["model"], done["role"]) == (LISTED, "reranker")
    assert len(done["sha256"]) == 64
    report = line.inside("models", "probe", LISTED, "--json")
    assert (report.json["name"], report.json["reranked_texts"]) == (LISTED, 12)
    assert report.code == (0 if report.json["right"] else 6)


def test_an_unknown_name_is_compared_with_encoders_and_rerankers(line: CommandLine) -> None:
    line.inside("models", "probe", "bge-reranker-bose").refused(2, "bge-reranker-base")
    line.inside("models", "install", "bge-smoll-en-v1.5").refused(2, "bge-small-en-v1.5")


def test_an_evaluation_measures_with_it(line: CommandLine, tmp_path: Path) -> None:
    texts = {name: f"The {name} is red." for name in ("kettle", "boiler", "bicycle", "violin", "ladder")}
    texts |= {f"both{number}": f"Room {number} has heating." for number in range(5)}
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(
        "".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items())
    )
    (folder / "queries.jsonl").write_text(json.dumps({"id": "q", "text": QUESTION}) + "\n")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\tkettle\t1\n")
    choose(line, LISTED)
    found = {}
    for favourite in ("kettle", "boiler"):
        put(line, favourite=favourite)
        report = line.inside("eval", folder, "--json").ended(0).json
        assert report["model"].endswith(f", reranked by {LISTED}")
        found[favourite] = report["external"][0]["queries"][0]["mrr_at_10"]
    assert found == {"kettle": 1.0, "boiler": 0.5}

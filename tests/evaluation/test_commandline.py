"""``assistant eval`` as a person or a program meets it, with the real model."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from cli.commandline import PROGRAM, CommandLine, Watched, sentences
from cli.conftest import line as line  # its fixtures are used here too
from cli.conftest import models as models
from cli.conftest import shared as shared

from .sets import write_set

SMALL_SET = """\
version: 1
home: stage
questions:
  - id: tea
    class: easy
    text: "At how many degrees does the green tea from Uji steep?"
    answers:
      - {path: "tea.md", lines: [3, 3], grade: 3}
    expect: ["70"]
  - id: bolts
    class: easy
    part: held-out
    text: "What torque do the wheel bolts of the Lumo need?"
    answers:
      - {path: "car.md", lines: [3, 3], grade: 3}
    expect: ["130 Nm"]
  - id: painter
    class: no-answer
    part: held-out
    text: "Who painted the Mona Lisa?"
"""


@pytest.fixture
def golden_file(line: CommandLine) -> Path:
    line.furnish()
    line.write("tea.md", "# Tea\n\nThe green tea from Uji steeps at 70 degrees for two minutes.\n")
    file = line.stage.parent / "set.yaml"
    file.write_text(SMALL_SET)
    return file


def test_a_golden_file_by_parts(line: CommandLine, golden_file: Path) -> None:
    said = line.inside("eval", golden_file).ended(0)
    for words in ("recall", "@20", "tuning", "held-out", "abstention accuracy", "answered 100.0%", "p95"):
        assert words in said.out
    assert said.err == ""
    assert line.inside("status", "--json").json["roots"] == []
    one = line.inside("eval", golden_file, "--part", "held-out", "--json").ended(0).json["golden"][0]
    assert [part["name"] for part in one["parts"]] == ["held-out"]
    assert [row["id"] for row in one["questions"]] == ["bolts", "painter"]
    assert (one["total"]["questions"], one["citations_verified"]) == (2, 1.0)
    assert one["total"]["answered_share"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_results_are_recorded(line: CommandLine, golden_file: Path) -> None:
    folder = write_set(line.stage.parent / "things")
    line.inside("eval", golden_file, folder, "--record", "--limit-queries", "2").ended(0)
    line.inside("eval", golden_file, "--record").ended(0)
    with closing(sqlite3.connect(line.home / "state" / "evaluations.db")) as database:
        runs = database.execute("select coalesce(name, file), total_ndcg_at_10, total_ndcg_at_10_low from runs")
        found = [(Path(name).name, 0 <= low <= value <= 1) for name, value, low in runs]
        assert found == [("set.yaml", True), ("things", True), ("set.yaml", True)]
        assert database.execute("select count(*) from questions").fetchone() == (2 + 3,)
        assert database.execute("select count(*) from queries where ndcg_at_10 = 1.0").fetchone() == (2,)


def test_an_external_set_compared_and_kept(line: CommandLine) -> None:
    folder, kept = write_set(line.stage.parent / "things"), line.stage.parent / "kept"
    said = line.inside("eval", folder, "--compare", "1", "--keep", kept).ended(0)
    for words in ("things", "nDCG@10", "MRR@10", "recall", "@20", "within noise", "pieces/s embedded", str(kept)):
        assert words in said.out
    assert "REUSED" not in said.out
    again = line.inside("eval", folder, folder, "--keep", kept).ended(0)
    assert "REUSED" in again.out
    assert "mean of 2 sets" in again.out
    found = line.inside("eval", folder, "--keep", kept, "--json").ended(0).json
    (one,) = found["external"]
    assert one["indexed"]["reused"] is True
    assert len(one["queries"]) == 10
    assert {"id", "ndcg_at_10", "recall_at_20", "recall_ms"} <= one["queries"][0].keys()
    assert one["total"]["ndcg_at_10"]["value"] == pytest.approx(
        sum(row["ndcg_at_10"] for row in one["queries"]) / 10, abs=1e-5
    )


def test_what_is_refused_and_with_which_code(line: CommandLine, golden_file: Path) -> None:
    good = write_set(line.stage.parent / "things")
    line.inside("eval", line.stage / "missing.yaml").refused(2, "missing.yaml")
    line.inside("eval", line.write("set.yaml", "questions: [")).refused(6, "set.yaml")
    line.inside("eval", line.write("list.yaml", "- 1\n")).refused(6, "list.yaml")
    line.inside("eval", line.write("bytes.yaml", b"\xff\x00\x01")).refused(6, "bytes.yaml")
    line.inside("eval", line.stage).refused(2, "corpus.jsonl")
    line.inside("eval", good, "--compare", "999").refused(2, "999")
    line.inside("eval", good, "--parameters", "999").refused(2, "parameters")
    line.inside("eval", good, "--part", "tuning").refused(2, "golden")
    line.inside("eval", "").refused(2, "empty")
    line.inside("eval", good, "--keep", "").refused(2, "empty")
    line.inside("eval", good, "--keep", line.stage).refused(2, "something else")
    bad = write_set(line.stage.parent / "bad", qrels="a b c\n")
    line.inside("eval", good, bad).refused(6, "qrels.tsv", "line 1")
    golden_file.write_text(SMALL_SET.replace("    part: held-out\n", ""))
    line.inside("eval", golden_file, "--part", "held-out").refused(2, "held-out")
    assert line.inside("eval", good, "--limit-queries", "0").code == 2
    assert line.inside("eval", good, "--part", "other").code == 2
    assert line.inside("eval").code == 2


@pytest.mark.parametrize("moment", ["Learning meanings", "Asking"])
def test_ctrl_c_leaves_nothing_behind(line: CommandLine, tmp_path: Path, moment: str) -> None:
    texts = [{"id": str(number), "text": text} for number, text in enumerate(sentences(250))]
    queries = [{"id": str(number), "text": text} for number, text in enumerate(sentences(250))]
    folder = write_set(tmp_path / "things", texts, queries, [(str(n), str(n), 1) for n in range(250)])
    line.environment["TMPDIR"] = str(tmp_path / "temporary")
    measuring = Watched(line, "eval", folder)
    measuring.until(moment)
    measuring.signal(signal.SIGINT)
    said = measuring.end()
    assert said.code == 130
    assert "Traceback" not in said.err
    assert list((tmp_path / "temporary").glob("assistant-*")) == []


def test_names_from_a_set_do_not_steer_the_terminal(line: CommandLine) -> None:
    evil = "\x1b[31mred\x07"
    folder = write_set(
        line.stage.parent / f"things{evil}",
        queries=[{"id": evil, "text": "boiler", "category": evil}],
        grades=[(evil, "d/boiler", 1), (evil, evil, 1)],
    )
    for flags in ((), ("--json",)):
        said = line.inside("eval", folder, *flags).ended(0)
        assert "\x1b" not in said.out
        assert "\x07" not in said.out
    assert json.loads(said.out)["external"][0]["queries"][0]["id"] == evil


def test_names_that_are_no_text(line: CommandLine, golden_file: Path) -> None:
    top = os.fsencode(golden_file.parent)
    file, folder = top + b"/caf\xe9.yaml", top + b"/caf\xe9"
    os.rename(golden_file, file)
    write_set(Path(os.fsdecode(folder)))
    said = line("eval", file, folder, "--limit-queries", "2", "--json").ended(0)
    assert said.json["external"][0]["name"] == "caf\uefe9"
    line("eval", folder, "--keep", folder + b"-kept").refused(2, "UTF-8")


@pytest.mark.parametrize("columns", [80, 100])
def test_tables_fit_a_terminal(line: CommandLine, golden_file: Path, columns: int) -> None:
    folder = write_set(line.stage.parent / "things")
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "eval", golden_file, folder, folder, "--compare", "1"],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.DEVNULL,
        env=line.env({"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"}),
    )
    os.close(writer)
    shown = b""
    try:
        while block := os.read(reader, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(reader)
    assert process.wait(60) == 0
    lines = shown.decode().splitlines()
    assert max(map(len, lines)) <= columns
    text = " ".join(shown.decode().split())
    for words in ("held-out", "no-answer", "within noise", "mean of 2 sets"):
        assert words in text
    assert "\u2026" not in text  # nothing was cut short

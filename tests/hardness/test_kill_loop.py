"""``kill -9`` at random moments, with the files harmed in between: nothing that was acknowledged is lost, the stores
agree, and the answers are those of fresh indexes."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from hardness.command_rounds import Commands, Held, missing
from hardness.figures import Figures
from hardness.kill_loop import Expected, Loop
from hardness.vandalism import KINDS, vandalise

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "1000"))


def all_well(figures: Figures, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")
    assert figures.lost == []
    assert figures.divergent == []
    assert figures.harmed
    assert figures.rebuilt


@pytest.mark.timeout(300)
def test_killed_thirty_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = Loop(tmp_path, seed=11).run(30, Commands(tmp_path, None))
    all_well(figures, capsys)
    assert figures.kills >= 28


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_killed_a_thousand_times(tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = Loop(tmp_path, seed=2026).run(ROUNDS, Commands(tmp_path, models))
    all_well(figures, capsys)
    assert figures.backups > 0


# that it can fail


def test_what_was_lost_would_be_seen() -> None:
    expected = Expected()
    for line in (
        {"will": ["/a", "/b"]},
        {"done": {"/a": "one\n\ntwo", "/b": "three"}},
        {"learnt": True},
        {"will": ["/b"]},
    ):
        expected.hear(line)
    whole = {"state": {"/a": ["one", "two"], "/b": ["whatever"]}, "learnt": ["/a"]}
    assert expected.missing(whole) == []
    assert expected.missing({**whole, "learnt": []}) == ["/a has lost vectors"]
    assert expected.missing({**whole, "state": {"/a": ["one"]}})
    assert expected.missing({**whole, "state": {}})
    expected.hear({"done": {"/b": None}, "forgot": True})
    assert expected.missing(whole) == ["/b holds ['whatever'], not None"]
    expected.hear({"forgetting": True})
    assert expected.missing({"state": {}, "learnt": []}) == []


def test_what_a_command_lost_would_be_seen() -> None:
    on_disk = {"a.md": "one", "b.md": "two", "c.md": "three"}
    held = Held({"a.md": "one", "b.md": "two, once"}, frozenset({"one"}))
    assert missing([held], on_disk, unchanged=1, pending=2) == ""
    assert missing([held], on_disk, unchanged=3, pending=0) == ""
    assert missing([held], on_disk, unchanged=0, pending=2) == "0 of 3 files were known, 2 wait for vectors"
    assert missing([held], on_disk, unchanged=1, pending=3) == "1 of 3 files were known, 3 wait for vectors"
    assert missing([held, Held()], on_disk, unchanged=0, pending=3) == ""


def test_the_vandal_leaves_the_records_alone(tmp_path: Path) -> None:
    for name in (
        "records/data.mdb",
        "records/lock.mdb",
        "terms/a.idx",
        "vectors/ff/gen-1/index.bin",
        "lock",
        "order.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"0123456789")
    draw, done = random.Random(1), set()
    for _ in range(400):
        done |= vandalise(tmp_path, draw).keys()
        (tmp_path / "terms").mkdir(exist_ok=True)
        (tmp_path / "terms" / "a.idx").write_bytes(b"0123456789")
        (tmp_path / "vectors").mkdir(exist_ok=True)
        (tmp_path / "vectors" / "index.bin").write_bytes(b"0123456789")
        for name in ("lock", "order.json", "records/lock.mdb"):
            (tmp_path / name).write_bytes(b"0123456789")
    assert (tmp_path / "records" / "data.mdb").read_bytes() == b"0123456789"
    assert {name.split(": ")[1] for name in done} >= {kind.__name__ for kind in KINDS}
    assert {name.split(": ")[0] for name in done} == {"word index", "vector index", "lock", "note of order"}

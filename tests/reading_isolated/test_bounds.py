"""What is read in our own process is small and of a kind that no source can make dear."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assistant.contracts.documents import SourceAddress
from assistant.reading.bounds import is_bounded, may_be_bounded
from tests.reading_isolated.processes import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]

SMALL, MOST = 4 * 1024, 16 * 1024


def filled(unit: str, size_bytes: int) -> str:
    return (unit * (size_bytes // len(unit) + 1))[:size_bytes]


WORST = {
    "turns.txt": filled("Ab: x\nCd: y\n", MOST),
    "labels.txt": filled("Ab:\n\n", MOST),
    "stamps.txt": filled("[03.03.26, 19:42:10] Ab: x\n[03.03.26, 19:42:11] Cd: x\n", MOST),
    "no space.txt": filled("Aaa.Bbb?", MOST),
    "combining.txt": filled("a" + "\u0301" * 200, MOST // 2),
    "semicolons.csv": filled(";", MOST),
    "quotes.csv": filled('"\r', MOST),
    "open quotes.csv": filled('a,"b\n', MOST),
    "cells.md": filled("|" + "a|" * 120 + "\n|" + "-|" * 120 + "\n" + "x\n" * 7000, SMALL),
    "lazy quotes.md": ">" * 20 + "a\n" + filled("b\n", SMALL - 22),
    "heading.md": "# " + filled("![[", SMALL - 2),
    "stairs.md": "".join("  " * depth + "- a\n" for depth in range(60)),
    "lists.md": filled("> - ", SMALL),
    "references.md": filled('[a]: b "', SMALL),
}
"""The slowest and the largest of all that were tried, by name."""

READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20))
from assistant.contracts.documents import SourceAddress
from assistant.reading.reader import FileReader
from assistant.reading.taking import take
reading = take(FileReader(), SourceAddress("/r/" + sys.argv[1]), sys.stdin.buffer.read())
assert reading.problem is None, reading.problem
"""


@pytest.mark.parametrize("name", WORST)
def test_the_worst_small_sources_are_bearable(name: str) -> None:
    data = WORST[name].encode()
    assert is_bounded(f"/r/{name}", data)
    subprocess.run([sys.executable, "-c", READ, name], input=data, check=True, timeout=LIMIT_S, cwd=ROOT)


@pytest.mark.parametrize(
    "name",
    [
        "a.py",
        "a.rs",
        "a.json",
        "a.yaml",
        "a.toml",
        "a.html",
        "a.rst",
        "a.ipynb",
        "a.eml",
        "a.mbox",
        "Makefile",
        "a.ini",
    ],
)
def test_kinds_that_may_be_dear_are_never_read_here(name: str) -> None:
    assert not may_be_bounded(SourceAddress(f"/r/{name}"))
    assert not is_bounded(f"/r/{name}", b"harmless\n")


@pytest.mark.parametrize("name", ["a.txt", "notes", "README", "a.md", "a.csv", "a.log"])
def test_small_notes_may_be_read_here(name: str) -> None:
    assert may_be_bounded(SourceAddress(f"/r/{name}"))
    assert is_bounded(f"/r/{name}", b"harmless\n")


def test_commits_are_never_read_here() -> None:
    assert not may_be_bounded(SourceAddress("/r", "0" * 40))


@pytest.mark.parametrize(("name", "most"), [("a.txt", MOST), ("a.csv", MOST), ("a.md", SMALL), ("a", MOST)])
def test_the_size_decides(name: str, most: int) -> None:
    assert is_bounded(name, b"a" * most)
    assert not is_bounded(name, b"a" * (most + 1))


@pytest.mark.parametrize(
    "data",
    [
        b"caf\xe9",
        "The ferry.\n".encode("utf-16"),
        b"#!/bin/sh\necho kettle\n",
        b"<!doctype html>\n<p>kettle\n",
        b"From a@example.org Mon Jan  1 00:00:00 2026\nFrom: a\n\nkettle\n",
    ],
)
def test_what_the_bytes_say_decides_too(data: bytes) -> None:
    assert not is_bounded("/r/jottings", data)

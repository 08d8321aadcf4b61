from __future__ import annotations

import pytest

from assistant.reading.kinds import classify, language_of


@pytest.mark.parametrize(
    ("name", "kind", "language"),
    [
        ("a.py", "code", "python"),
        ("A.TSX", "code", "tsx"),
        ("x.cs", "code", "c_sharp"),
        ("Makefile", "code", "make"),
        ("Dockerfile.dev", "code", "dockerfile"),
        ("CMakeLists.txt", "code", "cmake"),
        (".bashrc", "code", "bash"),
        ("main.swift", "code", "swift"),
        ("pyproject.toml", "config", "toml"),
        ("setup.cfg", "config", "ini"),
        ("data.jsonl", "config", "json"),
        ("notes.md", "markdown", None),
        ("index.rst", "rst", None),
        ("page.html", "html", None),
        ("t.csv", "table", None),
        ("t.tsv", "table", None),
        ("m.eml", "mail", None),
        ("all.mbox", "mail", None),
        ("n.ipynb", "notebook", None),
        ("README", "text", None),
        ("requirements.txt", "text", None),
        ("unknown.xyz", None, None),
        (".hidden", None, None),
    ],
)
def test_names_tell_what_a_file_is(name: str, kind: str | None, language: str | None) -> None:
    assert (classify("/some/where/" + name, b""), language_of("/some/where/" + name, b"")) == (kind, language)


@pytest.mark.parametrize(
    ("head", "kind", "language"),
    [
        (b"#!/usr/bin/env python3.11\n", "code", "python"),
        (b"#!/usr/bin/env -S FOO=1 node --x\n", "code", "javascript"),
        (b"#! /bin/sh\n", "code", "bash"),
        (b"#!/opt/strange\n", None, None),
        (b"<!DOCTYPE html>\n<p>", "html", None),
        (b"From a@b Tue Mar 12 10:00:00 2024\nSubject: x\n", "mail", None),
        (b"just words", None, None),
    ],
)
def test_a_file_without_extension_is_told_by_its_start(head: bytes, kind: str | None, language: str | None) -> None:
    assert (classify("/bin/thing", head), language_of("/bin/thing", head)) == (kind, language)

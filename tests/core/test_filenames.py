"""File names that are not UTF-8 go through text and back unharmed."""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from assistant.core.filenames import is_within, to_disk, to_text


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_come_back(name: bytes) -> None:
    decoded = os.fsdecode(name)
    assume(not any(0xEF80 <= ord(char) <= 0xEFFF for char in decoded))
    text = to_text(decoded)
    assert os.fsencode(to_disk(text)) == name
    assert text.encode("utf-8")


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"\xff\xfe", b"ok-\x80-\xff", "привет.txt".encode(), b"plain.txt"])
def test_examples_come_back(name: bytes) -> None:
    assert os.fsencode(to_disk(to_text(os.fsdecode(name)))) == name


def test_clean_names_are_left_alone() -> None:
    for name in ("plain.txt", "привет 🙂.md", "a\nb"):
        assert to_text(name) == name == to_disk(name)


@pytest.mark.parametrize(
    ("path", "folder", "within"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
        ("/a/b", "/a/", True),
        ("/a", "/", True),
        ("/", "/", True),
    ],
)
def test_is_within(path: str, folder: str, within: bool) -> None:
    assert is_within(path, folder) is within

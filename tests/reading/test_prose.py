from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.decoding import decode
from assistant.reading.prose import read_prose

from .document_laws import check_laws
from .sources import chunk_texts, document_of

LINES = ["Title", "=====", "---", "LOUD WORDS", "Label:", "- item", "1. step", "", "", "words and words.", "Привет!"]


@given(st.lists(st.sampled_from(LINES), max_size=40), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_the_laws_hold_for_any_mix_of_lines(lines: list[str], line_end: str) -> None:
    data = line_end.join(lines).encode()
    decoded = decode(data)
    assert decoded is not None
    document = read_prose("x.txt", decoded)
    assert (document is None) == (not decoded.text.strip())
    if document is not None:
        check_laws(data, document, verbatim=True)


@given(st.text(max_size=2000))
def test_the_laws_hold_for_any_text(text: str) -> None:
    data = text.encode("utf-8", "replace")
    decoded = decode(data)
    document = read_prose("x.txt", decoded) if decoded is not None else None
    if document is not None:
        check_laws(data, document, verbatim=True)


def test_titles_become_scopes() -> None:
    document = document_of(
        "a.txt", "Journey\n=======\n\nWe left.\n\nPACKING LIST\n\nSocks.\n\nNote:\n\nCall Bob.\n\nThe rest.\n"
    )
    assert [(chunk.scope, text) for chunk, text in zip(document.chunks, chunk_texts(document), strict=True)] == [
        (("Journey",), "Journey\n=======\n\nWe left."),
        (("Journey", "PACKING LIST"), "PACKING LIST\n\nSocks."),
        (("Journey", "PACKING LIST", "Note"), "Note:\n\nCall Bob."),
        (("Journey", "PACKING LIST"), "The rest."),
    ]
    assert document.title == "Journey"


@pytest.mark.parametrize("words", ["NO. THIS IS SHOUTED, NOT A TITLE.", "I", "- LIST ITEM HERE", "12:30"])
def test_not_every_loud_line_is_a_title(words: str) -> None:
    assert document_of("a.txt", f"{words}\n\nAnd so on.\n").chunks[0].scope == ()


def test_a_list_stays_with_the_line_that_leads_into_it() -> None:
    items = "\n".join(f"- item number {number} of the list" for number in range(6))
    filler = "Filler words here. " * 24
    document = document_of("a.txt", f"{filler}\n\nTake with you:\n\n{items}\n")
    assert chunk_texts(document)[-1] == f"Take with you:\n\n{items}"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Обычный текст, with a word", "ru"), ("Plain words", "en"), ("123 456", None), ("日本語", None)],
)
def test_language_is_guessed_by_script(text: str, language: str | None) -> None:
    assert document_of("a.txt", text).language == language


@pytest.mark.parametrize("name", ["2026-03-14 walk.txt", "IMG_20260314_1.txt", "отчёт 14.03.2026.txt"])
def test_a_date_in_the_name_is_the_date_of_the_text(name: str) -> None:
    assert document_of(name, "words").timestamp == datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize("name", ["1234567890.txt", "2026-13-45.txt", "report.txt"])
def test_other_numbers_are_no_dates(name: str) -> None:
    assert document_of(name, "words").timestamp is None

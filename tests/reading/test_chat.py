"""Transcripts of talk are read by turns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.reading.sources import chunk_texts, document_of

TALK = """[2024-03-12 14:05] Anna: hi
[2024-03-12 14:06] Bob: hello
there
[2024-03-13 09:00] Anna: bye
[2024-03-13 09:01] Bob: bye
"""


def test_every_turn_is_a_chunk_with_its_date() -> None:
    document = document_of("a.txt", TALK)
    assert document.kind == "chat"
    assert {chunk.kind for chunk in document.chunks} == {"message"}
    assert chunk_texts(document)[1] == "[2024-03-12 14:06] Bob: hello\nthere"
    assert [chunk.timestamp for chunk in document.chunks] == [
        datetime(2024, 3, 12, 14, 5, tzinfo=UTC),
        datetime(2024, 3, 12, 14, 6, tzinfo=UTC),
        datetime(2024, 3, 13, 9, 0, tzinfo=UTC),
        datetime(2024, 3, 13, 9, 1, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "form",
    [
        "{name} (7:42 pm on 3 March, 2026): words of {name}",
        "[03.03.26, 19:42:10] {name}: words of {name}",
        "\u200e[03.03.26, 19:42:10] {name}: words of {name}",
        "3/3/26, 7:42 PM - {name}: words of {name}",
        "{name}, [03.03.2026 19:42]\nwords of {name}",
        "2026-03-03 19:42 <{name}> words of {name}",
    ],
)
def test_forms_of_exports(form: str) -> None:
    talk = "\n".join(form.format(name=name) for name in ("Anna", "Bob Smith", "Anna", "Bob Smith", "Anna"))
    document = document_of("a.txt", talk)
    assert document.kind == "chat"
    assert len(document.chunks) == 5
    moments = [chunk.timestamp for chunk in document.chunks]
    assert all(moment is not None and (moment.year, moment.month, moment.day) == (2026, 3, 3) for moment in moments)


@pytest.mark.parametrize(
    "talk",
    ["Анна: привет\nБоб: привет\nАнна: как дела\nБоб: да\n", "<ann> hi\n<bob> hi\n<ann> ok\n<bob> so\n"],
)
def test_a_talk_needs_no_times(talk: str) -> None:
    assert {chunk.kind for chunk in document_of("a.txt", talk).chunks} == {"message"}


def test_a_list_of_facts_is_no_talk() -> None:
    assert document_of("a.txt", "Phone: 12\nName: x\nMail: y\nCity: z\nStreet: q\n").chunks[0].kind == "prose"


def test_a_bare_time_or_a_time_out_of_mind_is_no_date() -> None:
    talk = "[19:42] Ann: a\n[99.99.9999] Bob: b\n[00:00] Ann: c\n[1.1.0001] Bob: d\n"
    assert [chunk.timestamp for chunk in document_of("a.txt", talk).chunks] == [None] * 4


def test_a_turn_longer_than_a_chunk_is_cut() -> None:
    talk = f"Ann: {'word ' * 600}\nBob: b\nAnn: c\nBob: d\n"
    chunks = document_of("a.txt", talk).chunks
    assert len(chunks) > 5
    assert all(chunk.end - chunk.start <= 900 for chunk in chunks)


def test_two_hundred_thousand_brackets_take_no_time_to_speak_of() -> None:
    talk = "Ann: a\nBob: b\nAnn: c\nBob: d\n" + "[" * 200_000 + "(" * 200_000
    assert document_of("a.txt", talk).kind in {"chat", "text"}

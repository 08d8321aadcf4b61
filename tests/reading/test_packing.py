from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.packing import MAX_CHARS, SMALL_CHARS, TARGET_CHARS, pack, paragraphs, sentences

MIXED = st.text(st.sampled_from("ab жё.!?,;: \n\t\r\u0301\u200d。👍\u00a0"), max_size=4000)


@given(MIXED)
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    ranges = pack(text, [(0, len(text))])
    at = 0
    for start, end in ranges:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert end - start <= MAX_CHARS
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40), max_size=400))
def test_no_word_is_cut(words: list[str]) -> None:
    text = " ".join(words)
    assert [word for start, end in pack(text, [(0, len(text))]) for word in text[start:end].split()] == text.split()


def test_neighbours_are_joined_up_to_the_target() -> None:
    text = "\n\n".join("word " * 30 for _ in range(10))
    ranges = pack(text, paragraphs(text))
    assert [end - start <= TARGET_CHARS for start, end in ranges] == [True] * len(ranges)
    assert len(ranges) == 4


def test_a_short_last_piece_joins_the_one_before() -> None:
    text = "a" * 470 + "\n\n" + "b" * (SMALL_CHARS - 1)
    assert pack(text, paragraphs(text)) == [(0, len(text))]


def test_the_strongest_border_is_taken() -> None:
    text = "First one is here. " * 40 + "\n" + "Second one is here. " * 40
    ranges = pack(text, [(0, len(text))])
    assert all(text[end - 1] == "." for _, end in ranges)
    assert any(start == text.index("Second") for start, _ in ranges)


def test_sentence_borders_count_characters_not_bytes() -> None:
    text = "Привет, мир. 👍 Как дела? Всё хорошо!"
    assert [text[start:end] for start, end in sentences(text, 0, len(text))] == [
        *("Привет, мир.", "👍 Как дела?", "Всё хорошо!")
    ]


def test_a_word_longer_than_a_chunk_is_cut_before_no_combining_mark() -> None:
    text = "e\u0301" * 3000
    ranges = pack(text, [(0, len(text))])
    assert [unicodedata.combining(text[start]) for start, _ in ranges] == [0] * len(ranges)
    assert ranges[-1][1] == len(text)


@pytest.mark.parametrize(
    "text",
    ["a" * 5_000_000, "ab\n" * 2_000_000, "." * 1_000_000, "\n \n" * 500_000, "(" * 1_000_000],
    ids=["no_spaces", "two_million_lines", "only_stops", "only_blanks", "only_brackets"],
)
def test_huge_texts_take_linear_time(text: str) -> None:
    ranges = pack(text, [(0, len(text))])  # the time limit of the test run is the assertion on time
    assert sum(end - start for start, end in ranges) <= len(text)
    assert max((end - start for start, end in ranges), default=0) <= MAX_CHARS

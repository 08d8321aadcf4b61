"""Near-duplicates have hashes a few bits apart."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from assistant.core.simhash import distance, simhash

LONG = " ".join(f"word{number} stands in this rather long paragraph" for number in range(40))


@given(st.text(max_size=300))
def test_a_hash_fits_and_repeats(text: str) -> None:
    assert 0 <= simhash(text) < 1 << 64
    assert simhash(text) == simhash(text)


@given(first=st.integers(0, 2**64 - 1), second=st.integers(0, 2**64 - 1))
def test_distance_counts_bits(first: int, second: int) -> None:
    assert distance(first, second) == distance(second, first) == f"{first ^ second:b}".count("1")


def test_case_and_punctuation_do_not_count() -> None:
    assert simhash("The boiler, was; SERVICED!") == simhash("the boiler was serviced")


def test_one_changed_word_in_many_is_near_and_another_text_is_far() -> None:
    assert distance(simhash(LONG), simhash(LONG.replace("word20", "another"))) <= 6
    assert distance(simhash(LONG), simhash("Заметки о встрече во вторник и о счёте за отопление дома")) > 10


def test_the_order_of_words_counts() -> None:
    assert simhash("dog bites man today") != simhash("man bites dog today")


def test_no_words_no_hash() -> None:
    assert simhash("") == simhash("... !!! —") == 0


def test_one_word_has_a_hash() -> None:
    assert simhash("boiler") == simhash("Boiler.") != simhash("kettle")


def test_only_the_beginning_of_a_huge_text_is_read() -> None:
    assert simhash("a b " * 200) == simhash("a b " * 200 + "something else")

"""Words, identifiers, and what a question asks for."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.contracts.items import Signals
from assistant.core.question import read_question
from assistant.core.words import FUNCTION_WORDS, MAX_QUESTION_WORDS, humps, identifiers, normalise, script_share, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set retry_backoff here", ["retry_backoff"]),
        ("maxRetries = 3", ["maxretries"]),
        ("error E1042!", ["e1042"]),
        ("ping 10.0.0.7 now", ["10.0.0.7"]),
        ("write to a@b.example, please", ["a@b.example", "a@b"]),
        ("import os.path", ["os.path"]),
        ("pass --no-wait", ["no-wait"]),
        ("C++ and C#", ["c++", "c#"]),
        ("src/core/words.py:41", ["src/core/words.py:41"]),
        ("ключ_доступа и обычные слова", ["ключ_доступа"]),
        ("see config.maxRetries", ["config.maxretries", "maxretries"]),
        ("plain words only.", []),
        ("Это просто слова.", []),
        ("", []),
        ("___ ... ---", []),
        ("x" * 130 + "_y", []),
    ],
)
def test_identifiers(text: str, expected: list[str]) -> None:
    assert list(identifiers(text)) == expected


@given(st.text(max_size=200))
def test_identifiers_are_short_lower_case_pieces_without_space(text: str) -> None:
    for name in identifiers(text):
        assert name == name.lower()
        assert name.split() == [name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("maxRetries", ["max", "Retries"]),
        ("HTTPServer parseJSON", ["HTTP", "Server", "parse", "JSON"]),
        ("plain snake_case", []),
        ("aB", []),
    ],
)
def test_humps(text: str, expected: list[str]) -> None:
    assert list(humps(text)) == expected


def test_words_keep_apostrophes_and_divide_at_underscores() -> None:
    assert words("don't cut_this, ok? Дом-2") == ["don't", "cut", "this", "ok", "Дом", "2"]


@given(st.text(max_size=100))
def test_normal_form_is_stable(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_yo_and_composed_letters() -> None:
    assert normalise("Ёлка и ёж") == "Елка и еж"
    assert normalise("чаи\u0306 cafe\u0301") == "чай café"


def test_shares_of_scripts() -> None:
    assert script_share("123 !?") == {"latin": 0.0, "cyrillic": 0.0, "other": 0.0}
    assert script_share("abвг") == {"latin": 0.5, "cyrillic": 0.5, "other": 0.0}
    assert script_share("naïve") == {"latin": 1.0, "cyrillic": 0.0, "other": 0.0}
    assert script_share("日本") == {"latin": 0.0, "cyrillic": 0.0, "other": 1.0}


@given(st.text(max_size=80))
def test_shares_add_up(text: str) -> None:
    assert sum(script_share(text).values()) in (0.0, pytest.approx(1.0))


# questions


def test_function_words_are_dropped_unless_there_is_nothing_else() -> None:
    assert list(read_question("When was the boiler serviced?").terms) == ["boiler", "serviced"]
    assert list(read_question("Когда обслужили котёл?").terms) == ["обслужили", "котел"]
    assert list(read_question("What is it?").terms) == ["What", "is", "it"]
    assert list(read_question("!!!").terms) == []


def test_function_words_are_normal_and_lower_case() -> None:
    assert {word for word in FUNCTION_WORDS if word != normalise(word).lower()} == set()


def test_names_phrases_and_backticks() -> None:
    question = read_question('where is `Retry Policy` and "green tea" near maxRetries «чай с мёдом»')
    assert question.phrases == ("green tea", "чай с мёдом")
    assert set(question.names) == {"maxretries", "retry policy"}
    assert {"max", "Retries", "Retry", "Policy"} <= set(question.terms)


def test_signals_name_symbols() -> None:
    question = read_question("where?", Signals(code_symbols=("parse_date",)))
    assert "parse_date" in question.names
    assert {"parse", "date"} <= set(question.terms)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("When was it?", "time"),
        ("What date is the meeting?", "time"),
        ("Когда встреча?", "time"),
        ("Who called?", "person"),
        ("Кому я звонил?", "person"),
        ("How much is the rent?", "number"),
        ("Сколько стоит?", "number"),
        ("Where are the keys?", "place"),
        ("Где ключи?", "place"),
        ("Why did it fail?", "reason"),
        ("How do I restart it?", "procedure"),
        ("How often does it run?", "number"),
        ("List all servers", "list"),
        ("The whole story", "statement"),
        ("", "statement"),
    ],
)
def test_what_is_wanted(text: str, wanted: str) -> None:
    assert read_question(text).wanted == wanted


def test_readable_by_scripts() -> None:
    russian = read_question("Где ключи?")
    assert not russian.readable_by(frozenset({"latin"}))
    assert russian.readable_by(frozenset({"latin", "cyrillic"}))
    assert russian.readable_by(frozenset())
    assert read_question("42?").readable_by(frozenset({"latin"}))


def test_hostile_long_questions_have_few_terms() -> None:
    assert len(read_question(" ".join(f"w{number}" for number in range(5000))).terms) <= MAX_QUESTION_WORDS


def test_decomposed_letters_of_a_question_stay_together() -> None:
    assert [normalise(term) for term in read_question("где чаи\u0306").terms] == ["чай"]


@given(st.text(max_size=300))
def test_any_text_is_a_question(text: str) -> None:
    question = read_question(text)
    assert all(weight > 0 for weight in question.terms.values())
    assert all(name == name.lower() for name in question.names)

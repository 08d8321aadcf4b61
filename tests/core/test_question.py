"""What a question asks for, by its words."""

from __future__ import annotations

import pytest

from assistant.core.question import read_question


@pytest.mark.parametrize(
    "text",
    [
        "When was the boiler serviced?",
        "what does retry_backoff do",
        "Which room did we paint first?",
        "roof box of the Lumo",
        'who wrote "the long way"',
        "bus line 14",
        "Сколько стоил насос?",
    ],
)
def test_questions_about_a_particular_thing(text: str) -> None:
    assert read_question(text).specific


@pytest.mark.parametrize(
    "text",
    [
        "What is information science?",
        "methods of on-line retrieval in libraries",
        "why do dense and sparse methods disagree",
        "Какие бывают способы поиска?",
    ],
)
def test_questions_about_a_topic(text: str) -> None:
    assert not read_question(text).specific


def test_words_said_twice_weigh_twice() -> None:
    assert read_question("titles and approximate titles").terms == {"titles": 2.0, "approximate": 1.0}


def test_hyphenated_words_are_no_exact_names() -> None:
    question = read_question("on-line max_retries E1042 co-operative-society")
    assert question.exact_names == ("max_retries", "e1042")

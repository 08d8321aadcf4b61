"""Questions that ask for several things."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.core.asking import things_asked
from assistant.core.question import read_question
from assistant.core.weighing import Asked
from assistant.testing.hashing import HashingEncoder


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("When is it due and what will it cost?", ["When is it due", "what will it cost?"]),
        (
            "When was it planned, when did it go live, and what caused the delay?",
            ["When was it planned", "when did it go live", "what caused the delay?"],
        ),
        ("Who feeds the cat, and do they have a key?", ["Who feeds the cat", "do they have a key?"]),
        ("Когда сажали картошку и сколько вёдер увёз Дима?", ["Когда сажали картошку", "сколько вёдер увёз Дима?"]),
        ("If the windscreen breaks, what do I pay?", ["If the windscreen breaks, what do I pay?"]),
        ("What do bread and butter cost?", ["What do bread and butter cost?"]),
        ("Where is the key?", ["Where is the key?"]),
    ],
)
def test_a_question_is_cut_where_it_asks_anew(text: str, parts: list[str]) -> None:
    assert [question.text for question, _ in things_asked(read_question(text), None)] == parts


def test_each_part_has_its_own_tokens() -> None:
    text = "When is the belt due and what will the pump cost?"
    (tokens,) = HashingEncoder(dim=64).token_vectors([text])
    whole = Asked(tokens.rows[0], tokens, np.full(len(tokens.starts), 1 / len(tokens.starts)))
    for question, asked in things_asked(read_question(text), whole):
        assert asked is not None
        words = [question.text[start:end] for start, end in zip(asked.tokens.starts, asked.tokens.ends, strict=True)]
        assert words == [word.rstrip("?") for word in question.text.split()]
        assert asked.weights.sum() == pytest.approx(1.0)
        assert np.linalg.norm(asked.vector) == pytest.approx(1.0, abs=1e-5)

"""Late interaction, by tokens kept narrow and by letters."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from assistant.contracts.vectors import TokenVectors
from assistant.core.late import TOKEN_WIDTH, best_matches, maxsim, narrow, narrow_maxsim, principal_basis
from assistant.core.spelling import spelling_match, trigrams


def unit_rows(count: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_narrow_rows_give_nearly_the_same_as_whole_ones() -> None:
    rng = np.random.default_rng(1)
    spread = (rng.normal(size=(40, 384)) * np.geomspace(1, 1e-3, 384)).astype(np.float32)  # lies in few directions
    rows = spread / np.linalg.norm(spread, axis=1, keepdims=True)
    basis = principal_basis(rows)
    assert basis.shape == (384, TOKEN_WIDTH)
    np.testing.assert_allclose(basis.T @ basis, np.eye(TOKEN_WIDTH), atol=1e-5)
    question, texts = rows[:5], [rows[5:20], rows[20:21], rows[21:]]
    weights = np.full(5, 0.2)
    places = np.arange(40, dtype=np.int32)
    whole = [
        maxsim(weights, best_matches(TokenVectors(question, places[:5], places[:5]), TokenVectors(text, at, at)))
        for text in texts
        for at in [places[: len(text)]]
    ]
    kept = narrow_maxsim(question @ basis, weights, [narrow(text, basis) for text in texts])
    assert kept == pytest.approx(whole, abs=0.02)


def test_a_text_without_rows_has_no_score() -> None:
    basis = np.eye(8, TOKEN_WIDTH, dtype=np.float32)
    rows = unit_rows(3, 8, 2)
    none = np.empty((0, TOKEN_WIDTH), np.int8)
    assert narrow_maxsim(rows @ basis, np.full(3, 1 / 3), [None, none]) == [None, None]
    mixed = narrow_maxsim(rows @ basis, np.full(3, 1 / 3), [None, narrow(rows, basis), none])
    assert mixed[0] is None
    assert mixed[1] == pytest.approx(1.0, abs=0.05)
    assert mixed[2] is None


def test_a_basis_is_the_same_whichever_way_its_directions_come_out() -> None:
    rows = unit_rows(500, 96, 3)
    np.testing.assert_allclose(principal_basis(rows), principal_basis(rows[::-1].copy()), atol=1e-4)


def test_word_forms_that_a_stemmer_keeps_apart_are_alike() -> None:
    texts = ["условия возникновения пожара", "возврат товара", "зима"]
    scores = spelling_match({"возник": 1.0, "пожар": 2.0}, texts)
    assert scores[0] > scores[1] > scores[2]


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0, 9), max_size=5), st.lists(st.text(max_size=40)))
def test_likeness_is_a_share(wanted: dict[str, float], texts: list[str]) -> None:
    scores = spelling_match(wanted, texts)
    assert len(scores) == len(texts)
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in scores)


def test_the_same_word_is_wholly_alike() -> None:
    assert spelling_match({"котел": 3.0}, ["про Котёл", ""]) == [1.0, 0.0]
    assert trigrams("a") == {"^a$"}

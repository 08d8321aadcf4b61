"""Intervals and tests against cases whose answer is known, and against chance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.evaluation.resampling import EXACT_UP_TO, RESAMPLES, SIGNIFICANCE, draws, ends, holm, sign_flip_p

Values = NDArray[np.float64]


def interval(values: Values, **more: int) -> tuple[float, float]:
    """Of a mean."""
    low, high = ends(draws(values[:, None], np.ones((len(values), 1)), **more))
    return float(low[0]), float(high[0])


def test_enough_resamples() -> None:
    assert RESAMPLES >= 2000


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 800)
    error = values.std() / np.sqrt(len(values))
    low, high = interval(values)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_more_questions_make_it_narrower() -> None:
    values = np.random.default_rng(2).random(1600)
    few, many = interval(values[:100]), interval(values)
    assert (few[1] - few[0]) / (many[1] - many[0]) == pytest.approx(4.0, rel=0.2)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    chance = np.random.default_rng(3)
    held = 0
    for seed in range(300):
        low, high = interval((chance.random(80) < 0.7).astype(float), resamples=400, seed=seed)
        held += low <= 0.7 <= high
    assert 0.90 <= held / 300 <= 0.985


def test_questions_that_are_all_alike_leave_no_width() -> None:
    assert interval(np.full(9, 0.25)) == (0.25, 0.25)


def test_the_same_questions_give_the_same_interval() -> None:
    values = np.random.default_rng(4).random(50)
    assert interval(values) == interval(values)
    assert interval(values) != interval(values, seed=1)


def test_a_share_is_of_all_citations_not_of_questions() -> None:
    tops, bottoms = np.array([[1.0], [0.0], [4.0]]), np.array([[1.0], [0.0], [8.0]])
    drawn = draws(tops, bottoms)
    known = drawn[~np.isnan(drawn)]
    assert set(np.round(known, 3)) <= {0.5, 0.529, 0.556, 0.6, 1.0}
    assert np.isnan(drawn).sum() > 0  # only the second question was drawn


def test_a_figure_that_no_question_says_anything_of() -> None:
    assert np.isnan(ends(draws(np.zeros((5, 1)), np.zeros((5, 1))))).all()
    assert np.isnan(ends(draws(np.zeros((0, 2)), np.zeros((0, 2))))).all()


def test_many_questions_do_not_take_much_memory() -> None:
    tops = np.random.default_rng(5).random((300_000, 1))
    assert draws(tops, np.ones_like(tops), resamples=20).shape == (20, 1)


def test_figures_do_not_disturb_each_other() -> None:
    values = np.random.default_rng(6).random((40, 3))
    together = ends(draws(values, np.ones_like(values)))
    for column in range(3):
        low, high = interval(values[:, column])
        assert together[:, column] == pytest.approx([low, high])


@pytest.mark.parametrize("count", [1, 2, 5, 10, EXACT_UP_TO])
def test_differences_of_one_sign_have_the_known_probability(count: int) -> None:
    """Only all signs as found, or all turned, are as far from 0."""
    assert sign_flip_p(np.linspace(0.1, 0.9, count)) == pytest.approx(2 / 2**count)
    assert sign_flip_p(-np.linspace(0.1, 0.9, count)) == pytest.approx(2 / 2**count)


def test_a_case_counted_by_hand() -> None:
    """1 + 2 - 3 and its like: sums of 0, 2, 4, 6 either way; 4 of the 8 are at least 2 + 2 = 4 away for 3 + 2 - 1."""
    assert sign_flip_p(np.array([3.0, 2.0, -1.0])) == 0.5
    assert sign_flip_p(np.array([1.0, 2.0, -3.0])) == 1.0


def test_questions_without_a_difference_change_nothing() -> None:
    some = np.array([0.3, 0.2, 0.5, -0.1])
    assert sign_flip_p(some) == sign_flip_p(np.concatenate([some, np.zeros(500)]))
    assert sign_flip_p(np.zeros(10)) == 1.0
    assert sign_flip_p(np.zeros(0)) == 1.0


def test_drawn_signs_agree_with_all_signs() -> None:
    some = np.random.default_rng(7).normal(0.25, 1.0, EXACT_UP_TO + 2)
    every = [abs(float(np.dot(signs, some))) for signs in itertools.product((-1, 1), repeat=len(some))]
    exact = sum(one >= abs(some.sum()) - 1e-9 for one in every) / len(every)
    assert 0.1 < exact < 0.9
    assert sign_flip_p(some) == pytest.approx(exact, abs=0.02)


def test_a_real_difference_is_detected() -> None:
    chance = np.random.default_rng(8)
    first = chance.beta(3, 2, 300)
    better = np.clip(first + chance.normal(0.06, 0.12, 300), 0, 1)
    low, high = interval(better - first)
    assert 0 < low < high
    assert sign_flip_p(better - first) < 0.001
    assert sign_flip_p(first - better) == pytest.approx(sign_flip_p(better - first), abs=0.001)


def test_none_is_invented() -> None:
    """Where there is no difference, one in twenty is taken for one, as stated; not more."""
    chance = np.random.default_rng(9)
    found = sum(sign_flip_p(chance.normal(0.0, 0.2, 40), flips=400) < SIGNIFICANCE for _ in range(600))
    assert 0.03 <= found / 600 <= 0.075


def test_the_result_of_drawing_is_never_nought() -> None:
    assert sign_flip_p(np.full(500, 0.5), flips=99) == pytest.approx(0.01)


def test_holm_against_a_worked_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_looking_at_many_classes_finds_nothing_by_chance() -> None:
    chance = np.random.default_rng(10)
    found = alone = 0
    for _ in range(200):
        p_values = [sign_flip_p(chance.normal(0.0, 1.0, 12)) for _ in range(9)]
        alone += min(p_values) < SIGNIFICANCE
        found += min(holm(p_values)) < SIGNIFICANCE
    assert alone > 50  # one by one, some class nearly always stands out
    assert found <= 20

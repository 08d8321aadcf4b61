"""Figures with intervals, and differences with words, from what single questions add."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.evaluation.figures import NOTHING, differences_of, figures_of, latency, mean_difference, mean_figures
from assistant.evaluation.figures import mean_share as share


def test_values_and_what_says_nothing() -> None:
    found = figures_of(
        {
            "mean": [share(1.0), share(None), share(0.5)],
            "pooled": [(1.0, 2.0), NOTHING, (3.0, 3.0)],
            "none": [NOTHING, NOTHING, NOTHING],
        }
    )
    assert found["none"] is None
    assert found["mean"] is not None
    assert found["pooled"] is not None
    assert (found["mean"].value, found["pooled"].value) == (0.75, 0.8)
    assert (found["mean"].low, found["mean"].high) == (0.5, 1.0)
    assert found["pooled"].low <= 0.8 <= found["pooled"].high


def test_no_questions_no_figures() -> None:
    assert figures_of({"mean": []}) == {"mean": None}


def test_sets_count_the_same_whatever_their_size() -> None:
    found = mean_figures([{"a": [1.0] * 1000, "b": [0.0] * 1000}, {"a": [0.0, 0.5], "b": [1.0, 1.0]}])
    assert (found["a"].value, found["b"].value) == (0.625, 0.5)
    assert (found["a"].low, found["a"].high) == (0.5, 0.75)
    assert (found["b"].low, found["b"].high) == (0.5, 0.5)


def test_a_planted_difference_is_told_and_its_direction() -> None:
    chance = np.random.default_rng(1)
    first = chance.random(120)
    pairs = [(float(one), float(min(1.0, one + 0.05))) for one in first]
    noise = [(float(a), float(b)) for a, b in chance.random((120, 2))]
    same = [(float(one), float(one)) for one in first]
    turned = [(b, a) for a, b in pairs]
    found = {
        one.group: one
        for one in differences_of("ndcg", {"planted": pairs, "noise": noise, "same": same, "turned": turned})
    }
    assert {name: one.verdict for name, one in found.items()} == {
        "planted": "better",
        "noise": "within noise",
        "same": "within noise",
        "turned": "worse",
    }
    assert 0.03 < found["planted"].low <= found["planted"].difference <= found["planted"].high < 0.06
    assert found["noise"].low < 0 < found["noise"].high
    assert (found["same"].difference, found["same"].p) == (0.0, 1.0)
    assert found["turned"].difference == -found["planted"].difference


def test_one_class_of_many_must_stand_out_more() -> None:
    """p = 2 / 2**6 = 0.031 alone; among four classes that is no news."""
    pairs = [(0.0, 0.1)] * 6
    assert differences_of("x", {"a": pairs})[0].verdict == "better"
    among = differences_of("x", {"a": pairs, "b": [(0.5, 0.5)] * 6, "c": [(0.5, 0.5)] * 6, "d": [(0.5, 0.5)] * 6})
    assert (among[0].verdict, among[0].p, among[0].p_adjusted) == ("within noise", 0.03125, 0.125)


def test_a_class_without_a_question_is_left_out() -> None:
    assert [one.group for one in differences_of("x", {"a": [], "b": [(0.0, 1.0)]})] == ["b"]
    assert differences_of("x", {}) == []


def test_the_difference_of_a_mean_over_sets() -> None:
    large, small = [(0.5, 0.5)] * 500, [(0.2, 0.4), (0.3, 0.5), (0.1, 0.3)]
    found = mean_difference("mean", "x", [large, small])
    assert (found.difference, found.questions) == (0.1, 503)
    assert found.p == 0.25  # three differences of one sign


def test_latency() -> None:
    assert latency([]).p95 == 0.0
    assert latency([1.0, 2.0, 3.0]).p50 == pytest.approx(2.0)

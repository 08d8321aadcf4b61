"""Batches by measured speed and by who waits; rests on battery and on a busy machine."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assistant.core.pacing import LEAST_TOKENS, MOST_TOKENS, PaceLimits, Pacing, Surroundings

speeds = st.floats(10, 1e6)


@given(tokens_per_s=speeds, ago=st.none() | st.floats(0, 1000))
def test_batches_stay_within_bounds_and_are_smaller_when_people_ask(tokens_per_s: float, ago: float | None) -> None:
    pacing = Pacing()
    pacing.measured(4, 1000, 1000 / tokens_per_s)
    size = pacing.batch_tokens(ago)
    assert LEAST_TOKENS <= size <= MOST_TOKENS
    assert pacing.batch_tokens(0.0) <= size <= pacing.batch_tokens(None)


@given(tokens_per_s=st.floats(LEAST_TOKENS / 0.06, 1e6))
def test_a_question_waits_no_longer_than_it_may(tokens_per_s: float) -> None:
    pacing = Pacing()
    pacing.measured(4, 1000, 1000 / tokens_per_s)
    assert pacing.batch_tokens(1.0) / tokens_per_s <= pacing.limits.wait_s * 1.001


def test_speed_follows_what_is_measured() -> None:
    pacing = Pacing()
    assert pacing.texts_per_s is None
    pacing.measured(10, 1000, 1.0)
    assert (pacing.texts_per_s, pacing.tokens_per_s) == (10, 1000)
    for _ in range(60):
        pacing.measured(40, 4000, 1.0)
    assert pacing.texts_per_s is not None
    assert abs(pacing.texts_per_s - 40) < 0.01
    pacing.measured(1, 1, 0.0)  # a clock that did not go on tells nothing
    assert abs(pacing.texts_per_s - 40) < 0.01


def test_it_rests_on_battery_and_on_a_busy_machine_and_says_so() -> None:
    pacing = Pacing(PaceLimits(battery_share=0.5, busy_share=0.25))
    plugged, battery, busy = Surroundings(False), Surroundings(True), Surroundings(None, 0.9)
    assert pacing.rest_s(1.0, plugged) == 0
    assert pacing.rest_s(1.0, battery) == 1.0
    assert pacing.rest_s(1.0, busy) == 3.0
    assert pacing.held_back(plugged, 0) == ""
    assert pacing.held_back(battery, 0) == "on battery"
    assert "90%" in pacing.held_back(busy, 0)
    assert pacing.held_back(plugged, 1) == "a question goes first"


def test_whoever_wants_full_speed_on_battery_gets_it() -> None:
    pacing = Pacing(PaceLimits(battery_share=1.0, busy_share=1.0))
    assert pacing.rest_s(1.0, Surroundings(True, 1.0)) == 0
    assert pacing.held_back(Surroundings(True, 1.0), 0) == ""

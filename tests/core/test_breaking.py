"""The circuit breaker against a plain model, and pauses that double."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assistant.core.breaking import Breaker, BreakerLimits, back_off_s

LIMITS = BreakerLimits(failures=3, pause_s=10, most_pause_s=35)


class BreakerMachine(RuleBasedStateMachine):
    """Calls are made one after the other, as an actor makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(LIMITS)
        self.now_s = 0.0
        self.failures = 0
        self.pauses = 0
        self.open_until_s: float | None = None

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(outcome=st.sampled_from(["right", "wrong", "cancelled"]))
    def call(self, outcome: str) -> None:
        resting = self.open_until_s is not None and self.now_s < self.open_until_s
        half_open = self.open_until_s is not None and not resting
        assert self.breaker.admits(self.now_s) is not resting
        if resting:
            return
        if half_open:
            assert not self.breaker.admits(self.now_s), "half open, one try at a time"
        match outcome:
            case "right":
                self.breaker.succeeded()
                self.failures = self.pauses = 0
                self.open_until_s = None
            case "cancelled":
                self.breaker.abandoned()
            case "wrong":
                self.breaker.failed(self.now_s)
                self.failures += 1
                if half_open or self.failures >= LIMITS.failures:
                    self.open_until_s = self.now_s + min(35.0, 10.0 * 2**self.pauses)
                    self.pauses += 1
                    self.failures = 0

    @invariant()
    def says_its_state(self) -> None:
        state = self.breaker.state(self.now_s)
        if self.open_until_s is None:
            assert state == "closed"
            assert self.breaker.waits_s(self.now_s) == 0
        else:
            assert state == ("open" if self.now_s < self.open_until_s else "half-open")
            assert self.breaker.waits_s(self.now_s) == max(0.0, self.open_until_s - self.now_s)


BreakerMachine.TestCase.settings = settings(max_examples=100, deadline=None)
TestBreaker = BreakerMachine.TestCase


def test_pauses_double_up_to_a_limit() -> None:
    assert [back_off_s(attempt) for attempt in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]
    assert back_off_s(10**6) == 60.0

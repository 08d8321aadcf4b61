"""The timetable: due once however many were missed, and never for a time that has not come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.core.timetable import Line, due, next_after, problem_with

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURLY = Line("sweep", "0 * * * *")
times = st.integers(0, 40 * 86400).map(lambda seconds: START + timedelta(seconds=seconds))


def test_what_is_no_time_is_named() -> None:
    assert problem_with("off") == ""
    assert problem_with("7 3 * * 1") == ""
    assert "cron" in problem_with("every day")
    assert "cron" in problem_with("61 * * * *")
    assert "cron" in problem_with("0 0 31 2 *")
    assert "cron" in problem_with("")


def test_off_is_never_due() -> None:
    line = Line("sweep", "off")
    assert next_after(line, START) is None
    assert due(line, None, START, START + timedelta(days=400)) is None


@given(since=times, passed=st.integers(0, 30 * 86400))
def test_due_is_the_latest_full_hour_that_has_come(since: datetime, passed: int) -> None:
    now = since + timedelta(seconds=passed)
    found = due(HOURLY, None, since, now)
    hour = now.replace(minute=0, second=0)
    assert found == (hour if hour > since else None)


@given(last=times, passed=st.integers(0, 30 * 86400))
def test_missed_runs_are_caught_up_once(last: datetime, passed: int) -> None:
    last = last.replace(minute=0, second=0)
    now = last + timedelta(seconds=passed)
    found = due(HOURLY, last, START, now)
    if found is not None:
        assert last < found <= now
        assert due(HOURLY, found, START, now) is None
        assert next_after(HOURLY, found) > now  # type: ignore[operator]
    else:
        assert passed < 3600


@pytest.mark.parametrize("microsecond", [0, 1, 999_999])
def test_due_at_the_very_second(microsecond: int) -> None:
    now = START.replace(hour=5, microsecond=microsecond)
    assert due(HOURLY, START.replace(hour=4), START, now) == START.replace(hour=5)
    before = START.replace(hour=4, minute=59, second=59, microsecond=microsecond)
    assert due(HOURLY, START.replace(hour=4), START, before) is None

"""When tasks are due: cron expressions, and what was missed caught up once. Pure: the time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

OFF = "off"


@dataclass(frozen=True, slots=True)
class Line:
    """A task and when it is due: a cron expression with five fields, in local time, or "off"."""

    name: str
    when: str


def problem_with(when: str) -> str:
    """Why this is no time for a task; "" when it is one."""
    if when == OFF:
        return ""
    try:
        next(CronSim(when, datetime(2026, 1, 1)))
    except (CronSimError, StopIteration) as error:
        return f"{when!r} is no cron expression ({error or 'it never comes'})"
    return ""


def next_after(line: Line, after: datetime) -> datetime | None:
    """The first time the task is due later than ``after`` (timezone-aware); ``None`` when it is off."""
    return None if line.when == OFF else next(CronSim(line.when, after), None)


def due(line: Line, last_due: datetime | None, since: datetime, now: datetime) -> datetime | None:
    """The time the task should have run for, when that has come: the latest one after ``last_due`` (the time its last
    run stood for; ``None``: it never ran, and counts from ``since``). However many were missed, there is one."""
    if line.when == OFF:
        return None
    just_after = now.replace(microsecond=0) + timedelta(seconds=1)
    newest = next(CronSim(line.when, just_after, reverse=True), None)
    start = since if last_due is None else last_due
    return newest if newest is not None and newest > start else None

"""What the living process says of itself: its queues, pools, jobs, timetable, and what caused what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assistant.contracts.items import Contract


class QueueStatus(Contract):
    """A bounded queue. ``dropped``: lost because it was full; ``coalesced``: folded into one that was waiting."""

    name: str
    waiting: int
    most: int
    peak: int
    taken: int
    dropped: int = 0
    coalesced: int = 0


class PoolStatus(Contract):
    """Threads for one kind of work. ``refused``: handed in while the queue was full."""

    name: str
    threads: int
    busy: int
    waiting: int
    most_waiting: int
    done: int
    refused: int = 0


class ActorStatus(Contract):
    """``state``: "running"; "waiting" for its restart; "open", its circuit breaker keeps it from trying; "stopped"."""

    name: str
    state: Literal["running", "waiting", "open", "stopped"]
    queue: QueueStatus
    handled: int
    failed: int
    restarts: int
    reason: str = ""
    """Of the last failure; "" when there was none."""


class WatchedFolder(Contract):
    """``how``: "events" from the system; "polling" every ``interval_s``; "away": it is not there now; "not watched"."""

    path: str
    how: Literal["events", "polling", "away", "not watched"]
    reason: str = ""
    interval_s: float | None = None


class EmbeddingStatus(Contract):
    """``batch``: texts encoded in one go at the moment. ``per_s`` and ``left_s`` are ``None`` while nothing has been
    measured. ``held_back``: why it goes slower than it could; "" when it does not."""

    pending: int
    batch: int
    per_s: float | None = None
    left_s: float | None = None
    held_back: str = ""


class ProcessStatus(Contract):
    """``lexical_revision`` and ``vector_revision``: what both indexes have followed. ``alarms``: sentences about what a
    person should look at."""

    pid: int
    started_at: str
    door: str
    """Path of the socket; "" when nobody can come in."""
    clients: int
    lexical_revision: int
    vector_revision: int
    lexical_behind: int
    """Pieces that are written and cannot be searched by words yet."""
    vector_behind: int
    """Vectors that are written and cannot be searched yet."""
    embedding: EmbeddingStatus
    watching: tuple[WatchedFolder, ...] = ()
    actors: tuple[ActorStatus, ...] = ()
    pools: tuple[PoolStatus, ...] = ()
    failed_jobs: int = 0
    alarms: tuple[str, ...] = ()


class Job(Contract):
    """A command that is carried out in the background. What fails ``attempts`` times is given up and stays listed as
    "failed" until somebody retries or drops it."""

    id: int
    command: str
    about: str
    """What it is about, for a person: a folder, a number of files."""
    state: Literal["waiting", "running", "failed", "done", "dropped"]
    attempts: int
    reason: str = ""
    at: str


class Task(Contract):
    """A line of the timetable. Times are ISO 8601 with zone, ``None``: never, or not planned. ``outcome``: of the last
    run, or why it was skipped."""

    name: str
    does: str
    when: str
    last_at: str | None = None
    took_s: float | None = None
    outcome: str = ""
    state: Literal["waiting", "running", "off"] = "waiting"
    next_at: str | None = None


class TaskRun(Contract):
    """How a task went the last time. ``at``: when it began, or was skipped; ``due_at``: the time it stood for; both ISO
    8601. ``outcome`` is a sentence. ``figures``: what it measured, for comparison with the next time."""

    name: str
    at: str
    due_at: str
    took_s: float
    outcome: str
    skipped: bool = False
    failed: bool = False
    figures: dict[str, float] = Field(default={})


class StoryLine(Contract):
    """One message. ``cause``: the number of the message that led to it; ``None`` for the one a turn began with.
    ``took_s``: of a command, how long until its reply; ``None`` for an event or one that is not done."""

    number: int
    cause: int | None
    at: str
    message: str
    topic: str
    about: str
    took_s: float | None = None
    failed: str = ""


class Story(Contract):
    """The messages of one turn, oldest first. ``left_out``: messages that others name as
    their cause and that are not there any more, because the journal is bounded."""

    turn_id: int
    lines: tuple[StoryLine, ...]
    left_out: int = 0


class Metrics(Contract):
    """``text``: in Prometheus' exposition format."""

    text: str

"""What happened, told while it happens. Past tense, frozen; nobody has to listen. Each kind belongs to a topic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

Topic = Literal[
    "intent",
    "plan",
    "tool.invoked",
    "fs.diff",
    "memory.ingest",
    "memory.compact",
    "memory.gc",
    "memory.eval",
    "policy.block",
    "job.progress",
    "llm.tokens",
    "mcp.connected",
    "mcp.tool_invoked",
    "mcp.error",
    "error",
]


@dataclass(frozen=True, slots=True)
class ScanProgressed:
    """A walk went on. ``found`` sources so far, ``read`` of them anew (the others had not changed)."""

    root: str
    found: int
    read: int


@dataclass(frozen=True, slots=True)
class FolderScanned:
    """A folder can be searched by its words from now on. Counts are of this scan; ``problems`` counts what a person
    should know of, ``skipped`` what was left out by rule. ``named`` are the first of the problems that are new, each a
    path and a reason."""

    root: str
    found: int
    read: int
    unchanged: int
    gone: int
    problems: int
    skipped: int
    took_s: float
    named: tuple[tuple[str, str], ...] = ()
    away: tuple[tuple[str, str], ...] = ()
    """Folders that cannot be seen now, each with a reason: what is remembered of them stays."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Single places were brought up to date, and can be searched by their words. ``places`` were looked at; ``outside``
    of those asked for lie in no remembered folder. The other counts are of sources, as in :class:`FolderScanned`;
    ``unsettled`` of them changed faster than they could be remembered. ``revision``: of the memory afterwards."""

    places: int
    outside: int
    found: int
    read: int
    unchanged: int
    gone: int
    problems: int
    skipped: int
    unsettled: int
    revision: int
    took_s: float
    named: tuple[tuple[str, str], ...] = ()
    away: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddingStarted:
    pending: int


@dataclass(frozen=True, slots=True)
class VectorsStored:
    """``done`` of ``pending`` items can now be found by meaning."""

    done: int
    pending: int


@dataclass(frozen=True, slots=True)
class EmbeddingFinished:
    """``done`` of ``pending``; fewer when it was stopped."""

    done: int
    pending: int
    took_s: float


@dataclass(frozen=True, slots=True)
class Mended:
    """Something was found out of order and put right; ``what`` is a sentence."""

    what: str


@dataclass(frozen=True, slots=True)
class WorkProgressed:
    """``done`` of ``total`` of ``what``; 0 of 0 when that is not known."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """Something happened below remembered folders. ``paths``: where to look, at most some thousands; ``roots``:
    folders to be walked as a whole, because too much happened in them or something was missed."""

    paths: tuple[str, ...]
    roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourcesRefreshed:
    """A question came upon sources that had changed; ``changed`` of them were read anew, or dropped, before it was
    answered."""

    changed: int


@dataclass(frozen=True, slots=True)
class FolderForgotten:
    """Nothing at or below ``path`` is remembered any more."""

    path: str


@dataclass(frozen=True, slots=True)
class MemoryCompacted:
    """Space was given back. ``done`` are sentences."""

    done: tuple[str, ...]
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class GarbageCollected:
    """What nothing referred to any more is gone. ``done`` are sentences."""

    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemoryEvaluated:
    """The golden set was asked. ``regressed``: what is worse than the time before, "" when nothing is."""

    summary: str
    regressed: str


@dataclass(frozen=True, slots=True)
class TaskRan:
    """A line of the timetable was carried out, or ``skipped`` for a reason ("": it was not)."""

    name: str
    took_s: float
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A background command failed; ``given_up``: it is not tried again unless somebody says so."""

    job_id: int
    command: str
    reason: str
    given_up: bool


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """``restarts_in_s`` is ``None`` when it is not started again."""

    actor: str
    reason: str
    restarts_in_s: float | None


TOPICS: dict[type, Topic] = {
    ScanProgressed: "job.progress",
    FolderScanned: "memory.ingest",
    EmbeddingStarted: "job.progress",
    VectorsStored: "memory.ingest",
    EmbeddingFinished: "memory.ingest",
    Mended: "error",
    WorkProgressed: "job.progress",
    FilesChanged: "fs.diff",
    SourcesRefreshed: "memory.ingest",
    FolderForgotten: "memory.gc",
    Looked: "memory.ingest",
    MemoryCompacted: "memory.compact",
    GarbageCollected: "memory.gc",
    MemoryEvaluated: "memory.eval",
    TaskRan: "job.progress",
    JobFailed: "error",
    ActorFailed: "error",
}

Event = (
    ScanProgressed
    | FolderScanned
    | EmbeddingStarted
    | VectorsStored
    | EmbeddingFinished
    | Mended
    | WorkProgressed
    | FilesChanged
    | SourcesRefreshed
    | FolderForgotten
    | Looked
    | MemoryCompacted
    | GarbageCollected
    | MemoryEvaluated
    | TaskRan
    | JobFailed
    | ActorFailed
)
EVENTS: dict[str, type] = {one.__name__: one for one in get_args(Event)}
"""Every kind of event by its name."""
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that does not listen."""

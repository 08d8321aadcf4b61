"""What happened, told while it happens. Past tense, frozen; nobody has to listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


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


Event = ScanProgressed | FolderScanned | EmbeddingStarted | VectorsStored | EmbeddingFinished | Mended
Listener = Callable[[Event], None]


def nobody(_: Event) -> None:
    """A listener that does not listen."""

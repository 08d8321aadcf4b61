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

"""Answers and the citations they stand on."""

from __future__ import annotations

from pydantic import Field

from assistant.contracts.items import Contract, RecallHit


class Citation(Contract):
    """One checked place. ``digest`` is the SHA-256 of the bytes ``start_byte`` .. ``end_byte`` (exclusive) of the
    source at the moment of answering; ``quote`` is the readable text of exactly these bytes (the bytes themselves,
    decoded, wherever the source is not itself an encoding such as base64 mail)."""

    n: int
    path: str
    line: int
    end_line: int
    start_byte: int
    end_byte: int
    digest: str
    quote: str


class Version(Contract):
    """One of several versions of a fact that the answer tells. ``date``: ISO 8601, as exact as its source says
    (``2026-05-19``, ``2026-05``, ``2026``); ``None``: not known. ``citations``: the numbers of the citations it stands
    on. ``current``: whether it holds now; ``None``: it cannot be told which one does."""

    date: str | None
    citations: tuple[int, ...]
    current: bool | None


class Answer(Contract):
    """What ``assistant ask`` says. ``answered`` false: the memory holds no answer; ``nearest`` then shows the closest
    hits, as such. ``spoken_by`` names who formed the words: ``extractive`` or a model's name."""

    answered: bool
    answer: str
    citations: tuple[Citation, ...] = ()
    revision: int = 0
    sources_checked: int = 0
    sources_fresh: int = 0
    spoken_by: str = "extractive"
    took_ms: float = 0.0
    confidence: float = 0.0
    """Estimated probability that the memory answers the question, 0..1."""
    versions: tuple[Version, ...] = ()
    """In the order of the answer; empty when no source disagrees about what the answer says."""
    nearest: tuple[RecallHit, ...] = Field(default=())

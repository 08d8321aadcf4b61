"""What the assistant says of itself."""

from __future__ import annotations

from assistant.contracts.items import Contract


class Problem(Contract):
    """A source that could not be read, or not wholly. ``path`` and a short ``reason``."""

    path: str
    reason: str


class RootStatus(Contract):
    path: str
    added_at: str
    sources: int
    items: int
    problems: int


class Status(Contract):
    """``searchable_by_words`` and ``searchable_by_meaning`` count items; the second catches up with the first."""

    revision: int
    roots: tuple[RootStatus, ...]
    sources: int
    items: int
    searchable_by_words: int
    searchable_by_meaning: int
    pending_vectors: int
    problems: tuple[Problem, ...] = ()
    problem_count: int
    model: str
    model_installed: bool
    fingerprint: str
    reranker: str
    """"default": the encoder's own token vectors; "none": nothing; else the cross-encoder that reads the best hits."""
    reranker_installed: bool
    """Whether its files are here; without them recall goes on with the default."""
    parameters: str
    store_bytes: int
    data_folder: str
    busy: bool
    """Another process owns the store; what is shown is what it has committed."""


class Forgotten(Contract):
    path: str
    sources: int
    items: int
    proof: str
    """What was asked of the memory afterwards, and what it answered."""
    returns: str = ""
    """Whether and why the sources will be read again; "" when they will not."""

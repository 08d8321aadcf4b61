"""What the assistant says of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assistant.contracts.events import EmbeddingFinished, FolderScanned
from assistant.contracts.items import Contract
from assistant.contracts.process import ProcessStatus


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
    process: ProcessStatus | None = None
    """The process that owns the store, when that is one that stays; ``None`` from a command that works alone."""


class Added(Contract):
    """Folders were brought up to date. ``embedding`` is ``None`` when vectors were not asked for, or there is no model
    to make them with. ``pending``: items of the whole memory that wait for a vector."""

    scans: tuple[FolderScanned, ...]
    embedding: EmbeddingFinished | None = None
    pending: int = 0


class Housekeeping(Contract):
    """``done``: in sentences; empty when there was nothing to do. ``skipped``: why it was left for another time.
    ``alarm``: a person should look at what was found. ``figures``: what was measured."""

    done: tuple[str, ...] = ()
    skipped: str = ""
    freed_bytes: int = 0
    alarm: bool = False
    figures: dict[str, float] = Field(default={})


class Stopped(Contract):
    """The process that is going to stop."""

    pid: int


class Forgotten(Contract):
    path: str
    sources: int
    items: int
    proof: str
    """What was asked of the memory afterwards, and what it answered."""
    returns: str = ""
    """Whether and why the sources will be read again; "" when they will not."""


Where = Literal["records", "words", "vectors", "files"]


class Finding(Contract):
    """One disagreement: between the records themselves, with an index, or with the files. ``said`` is a sentence for
    a person, ``remedy`` the command that mends it."""

    where: Where
    said: str
    remedy: str


class FilesFigures(Contract):
    """How the remembered sources compare with what is on the disk.

    ``sources`` that could be read when they were remembered are counted as ``same``, ``changed``, ``gone`` or
    ``unreadable``. ``read`` of them were read again, byte for byte (``read_bytes``): all whose date or size is another
    one, and of the rest a sample, or all of them when ``full``. ``spans`` pieces of those were compared with their
    digests.
    """

    sources: int = 0
    same: int = 0
    changed: int = 0
    gone: int = 0
    unreadable: int = 0
    read: int = 0
    read_bytes: int = 0
    spans: int = 0
    full: bool = False


class CheckReport(Contract):
    """``vectors`` and ``pending`` are those of the space in use. ``files`` is ``None`` when they were not looked at.
    ``findings`` are at most a hundred; ``more`` were found. None: all is well. ``mended`` says in sentences what a
    repair did before this was found; ``set_aside`` where it put what it replaced ("": nothing)."""

    sources: int
    items: int
    vectors: int
    pending: int
    files: FilesFigures | None = None
    findings: tuple[Finding, ...] = ()
    more: int = 0
    mended: tuple[str, ...] = ()
    set_aside: str = ""

"""Memory items, recall queries and results: the public contract of the memory (field names of the plan, section 11)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from assistant.contracts.documents import ChunkKind, Modality, SourceKind
from assistant.contracts.limits import MAX_K, MAX_QUESTION_CHARS


class Contract(BaseModel):
    """Frozen; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceRef(Contract):
    """Where an item came from. ``repo`` and ``commit`` are ``None`` unless it is a commit of a git history."""

    path: str
    repo: str | None = None
    commit: str | None = None
    timestamp: datetime | None = None
    """When the source says it was written, else when the file was last changed."""


class Sparse(Contract):
    """Terms and their weights, side by side. Empty when they live in the term index only."""

    terms: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


class ItemMeta(Contract):
    project: str
    """The remembered folder the item belongs to, absolute."""
    language: str | None = None
    scope: str | None = None
    """Trail of headings or symbols, outermost first, joined by `` > ``; ``None`` at top level."""
    pii: bool = False
    kind: SourceKind = "text"
    chunk: ChunkKind = "prose"
    title: str | None = None


class Cite(Contract):
    """A place in a source that a person can open and a program can check.

    ``digest`` is the SHA-256 (hexadecimal) of the bytes ``start_byte`` to ``end_byte`` (exclusive) of the source.
    Lines count from 1, both ends inclusive. For a commit, ``path`` is ``<repository>@<hash>`` and the bytes are
    those of its message.
    """

    path: str
    line: int
    end_line: int
    start_byte: int
    end_byte: int
    digest: str


class MemoryItem(Contract):
    """One remembered piece of a source."""

    id: str
    modality: Modality
    source: SourceRef
    embeddings: dict[str, tuple[float, ...]] = {}
    """Vectors by space ("text"), unit length; empty when not asked for or not yet computed."""
    sparse: Sparse = Sparse()
    meta: ItemMeta
    text: str = ""
    cite: Cite


class Signals(Contract):
    """Hints beside the words of the question; ``code_symbols`` are looked up exactly, ``file_hints`` prefer sources
    whose path holds one of them."""

    code_symbols: tuple[str, ...] = ()
    file_hints: tuple[str, ...] = ()


class Filters(Contract):
    """What may be found. Each empty field filters nothing; fields combine with *and*, values of one with *or*."""

    paths: tuple[str, ...] = ()
    """Absolute folders or files."""
    kinds: tuple[SourceKind, ...] = ()
    languages: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def empty(self) -> bool:
        return not (self.paths or self.kinds or self.languages or self.since or self.until)


class RecallQuery(Contract):
    text: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)]
    signals: Signals = Signals()
    modality: tuple[Modality, ...] = ()
    """Empty: any."""
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 20
    filters: Filters = Filters()


class ScoreExplanation(Contract):
    """Why a hit stands where it stands. Raw figures first, then what each added to ``score``."""

    parameters: str
    """Name and version of the parameter set."""
    dense_cosine: float | None
    """Cosine of question and item; ``None`` when the item has no vector yet or the encoder cannot read the script."""
    bm25: float
    """0.0 when no word of the question is in the item."""
    matched_terms: tuple[str, ...]
    dense: float
    sparse: float
    recency: float
    source_quality: float
    rerank: float
    """Change of the score by the rerankers; 0.0 where none ran."""
    rerankers: tuple[str, ...] = ()
    """What looked closely at it, in this order."""
    held: float = 0.0
    """What was added for identifiers and quoted phrases it holds word for word, and for a hint at its file."""
    note: str = ""


class RecallHit(Contract):
    id: str
    score: float
    """0 (unrelated) .. 1; comparable within one result only."""
    snippet: str
    cite: Cite
    fresh: bool = True
    """Whether the source was checked against the disk for this result and held the cited bytes."""
    also: tuple[str, ...] = ()
    """Other places with (nearly) the same words, as ``path:line``."""
    explain: ScoreExplanation | None = None


class RecallResult(Contract):
    """Hits, best first."""

    items: tuple[RecallHit, ...]
    took_ms: float
    revision: int = 0
    sources_checked: int = 0
    sources_fresh: int = 0
    pending_vectors: int = 0
    """Items that can be found by their words only, for now."""

"""What readers produce: the readable text of a source, cut into chunks, with an exact way back to the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

SourceKind = Literal["text", "markdown", "rst", "html", "code", "config", "table", "mail", "chat", "notebook", "commit"]
"""What a source is. Chosen by name and content; drives reading, chunking and fusion."""

ChunkKind = Literal["prose", "code", "table", "config", "message", "commit"]
"""What one chunk is. Drives how statements are taken from it for an answer."""

Modality = Literal["text", "code", "image", "audio", "video"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where something lies in the original file.

    ``start_byte`` (inclusive) and ``end_byte`` (exclusive) count bytes from 0; ``line`` and ``end_line`` count lines
    from 1, both inclusive. A line ends with ``\\n``.
    """

    start_byte: int
    end_byte: int
    line: int
    end_line: int


class Offsets(Protocol):
    """The way from characters of ``Document.text`` back to bytes and lines of the source."""

    def span(self, start: int, end: int) -> Span:
        """Span of the characters ``start`` (inclusive) to ``end`` (exclusive), ``0 <= start < end <= len(text)``.

        Exact where the text stands verbatim in the source; elsewhere (base64 or quoted-printable mail, escaped
        strings) the smallest span of whole encoded units that holds it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a document. Chunks come in reading order; they may leave gaps but never overlap.

    ``start``/``end`` are character offsets into ``Document.text``, half open, never empty, never inside a word,
    with no white space at either end.
    ``scope`` is the trail of headings, or of symbols (module member > class > function), outermost first.
    ``header`` is text that belongs with the chunk but lies elsewhere (a table's header row, a mail's subject and
    sender); it is indexed with the chunk and never cited.
    ``symbol`` is the name a code chunk defines, ``None`` when it defines none or is a later part of one.
    ``timestamp`` is the chunk's own date (a message of a mailbox), ``None``: the document's.
    """

    start: int
    end: int
    kind: ChunkKind
    scope: tuple[str, ...] = ()
    header: str = ""
    symbol: str | None = None
    language: str | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The readable text of one source.

    ``text`` never holds lone surrogates. ``language`` is a programming language ("python") for code and configuration,
    a natural one ("en", "ru") or ``None`` for the rest. ``timestamp`` is the date the source itself names (a Date
    header, front matter, a date in its name), timezone-aware; ``None`` when it names none (then the file's own time
    counts). ``notes`` lists what was left out, in words for a person.
    """

    text: str
    offsets: Offsets
    encoding: str
    kind: SourceKind
    modality: Modality
    chunks: tuple[Chunk, ...]
    language: str | None = None
    title: str | None = None
    timestamp: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileStat:
    """What ``stat`` says of a source; equal stats mean the bytes need not be read again."""

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, order=True)
class SourceAddress:
    """Names one source. ``path`` is absolute; ``commit`` is the full hash of a git commit of the repository at
    ``path``, or ``""`` for a file."""

    path: str
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.path}@{self.commit[:12]}" if self.commit else self.path


@dataclass(frozen=True, slots=True)
class FoundSource:
    """One source found by a walk."""

    address: SourceAddress
    stat: FileStat


@dataclass(frozen=True, slots=True)
class SkippedPath:
    """Something a walk met and left out. ``reason`` is a short phrase. ``problem`` is true when a person should hear
    of it (unreadable, too large, a broken link), false for what is left out by rule (ignored, binary, a cache).
    ``stat``: its state, when it need not be tried again before that changes."""

    path: str
    reason: str
    problem: bool
    stat: FileStat | None = None


@dataclass(frozen=True, slots=True)
class RootSigns:
    """What can be told of a remembered folder from outside. ``problem``: why it cannot be looked into, a short phrase,
    ``None`` when it can. ``device``: the number of its file system; ``None``: not known. ``mounts``: the mount points
    at or below it, by path; none where the system does not tell."""

    problem: str | None = None
    device: int | None = None
    mounts: frozenset[str] = frozenset()

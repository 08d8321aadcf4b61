"""From the address of a source to what is remembered of it: fetch, compare, read, draft. The same code runs in our own
process and in a reader process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document, SourceAddress, Span
from assistant.contracts.errors import UnreadableSource
from assistant.contracts.ids import Digest, digest_of
from assistant.core.intake import ItemDraft, Outline, draft_items, outline_of

if TYPE_CHECKING:
    from assistant.contracts.ports import Reader, Sources

MOST_TRAIL = 64
MOST_HEADER_CHARS = 1000
"""Of the header, the symbol, and all of the trail of one chunk."""
MOST_TITLE_CHARS = 500
MOST_NOTES = 100

Range = tuple[int, int]
"""Characters of a document's text, half open."""


@dataclass(frozen=True, slots=True)
class WantedSource:
    """A source to be read. ``root``: the walked folder it was found in, whose own path may lead through links.
    ``size_bytes``: as its stat said. ``known``: the digest of its bytes when it was read last, ``""`` for never."""

    address: SourceAddress
    root: str = ""
    size_bytes: int = 0
    known: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one source.

    ``problem``: why it cannot be read, a short phrase; then nothing else is set. ``same``: its bytes still have the
    known digest, and were not read further. ``outline`` is ``None`` when there is nothing to read in it by rule.
    """

    digest: Digest | str = ""
    outline: Outline | None = None
    drafts: tuple[ItemDraft, ...] = ()
    problem: str | None = None
    same: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Some characters of a document as it is now: the ``text``, where it stands in the source, and the digest of the
    bytes there."""

    text: str
    span: Span
    digest: Digest | str


def fetch_and_take(sources: Sources, reader: Reader, wanted: WantedSource) -> Reading:
    """Read one source anew, unless its bytes are known. Never raises for what is wrong with the source."""
    try:
        data = sources.fetch(wanted.address)
    except UnreadableSource as error:
        return Reading(problem=error.reason)
    return take(reader, wanted.address, data, wanted.known)


def take(reader: Reader, address: SourceAddress, data: bytes, known: str = "") -> Reading:
    """Read the bytes of a source, unless they are known. A reader that fails in a way it does not declare is a problem
    of this source too; running out of memory is left to the caller."""
    digest = digest_of(data)
    if digest == known:
        return Reading(digest, same=True)
    try:
        with undeclared_failures():
            document = reader.read(address, data)
            if document is None:
                return Reading(digest)
            document = modest(document)
            return Reading(digest, outline_of(document), tuple(draft_items(address, document, data)))
    except UnreadableSource as error:
        return Reading(problem=error.reason)


def find_places(
    reader: Reader, address: SourceAddress, data: bytes, ranges: Sequence[Range]
) -> list[Place | None] | None:
    """What stands at each of ``ranges`` in a document that is read now, ``None`` for one it does not reach.

    ``None`` for all: there is nothing to read in it. Raises :class:`~assistant.contracts.errors.UnreadableSource`.
    """
    with undeclared_failures():
        document = reader.read(address, data)
        return None if document is None else [_place(document, data, *place) for place in ranges]


def _place(document: Document, data: bytes, start: int, end: int) -> Place | None:
    if not 0 <= start < end <= len(document.text):
        return None
    span = document.offsets.span(start, end)
    return Place(document.text[start:end], span, digest_of(data[span.start_byte : span.end_byte]))


def modest(document: Document) -> Document:
    """A document in which what goes with every chunk stays in proportion to a chunk: a trail or header of a hundred
    kilobytes, repeated with each of a thousand chunks, would be a bomb."""
    if len(document.title or "") > MOST_TITLE_CHARS or len(document.notes) > MOST_NOTES:
        notes = document.notes[:MOST_NOTES]
        document = replace(document, title=(document.title or "")[:MOST_TITLE_CHARS] or None, notes=notes)
    if all(map(_is_modest, document.chunks)):
        return document
    return replace(document, chunks=tuple(map(_modest, document.chunks)))


def _is_modest(chunk: Chunk) -> bool:
    return (
        len(chunk.header) <= MOST_HEADER_CHARS
        and len(chunk.symbol or "") <= MOST_HEADER_CHARS
        and len(chunk.scope) <= MOST_TRAIL
        and sum(map(len, chunk.scope)) <= MOST_HEADER_CHARS
    )


def _modest(chunk: Chunk) -> Chunk:
    if _is_modest(chunk):
        return chunk
    trail: list[str] = []
    left = MOST_HEADER_CHARS
    for part in chunk.scope[:MOST_TRAIL]:
        trail.append(part[:left])
        left -= len(trail[-1])
        if not left:
            break
    symbol = chunk.symbol[:MOST_HEADER_CHARS] if chunk.symbol else chunk.symbol
    return replace(chunk, scope=tuple(trail), header=chunk.header[:MOST_HEADER_CHARS], symbol=symbol)


@contextmanager
def undeclared_failures() -> Iterator[None]:
    """Whatever a parser does wrong costs one source, not the scan. A library in Rust that gives up does so by a
    BaseException of a class that cannot be imported."""
    try:
        yield
    except (UnreadableSource, MemoryError):
        raise
    except RecursionError as error:
        raise UnreadableSource("nested too deeply for its reader") from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UnreadableSource(f"its reader failed ({type(error).__name__})") from error

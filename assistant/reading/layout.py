"""From the blocks a reader finds (headings, paragraphs, tables) to the chunks of a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from assistant.contracts.documents import Chunk, ChunkKind
from assistant.reading.packing import MAX_CHARS, Range, lines, pack, paragraphs

LIST_ITEM = re.compile(r"[^\S\n]*(?:[-*+•‣◦–—]|\(?(?:\d{1,3}|[A-Za-zа-яА-Я])[.)])[^\S\n]+(?=\S)")
"""Start of a list item, bullet or number."""

_LARGE_CHARS = 64 * 1024  # a paragraph longer than this is packed by lines, without a look at its structure
_MOST_SCOPE_CHARS = 160


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document that is one thing: a heading, or a unit of text to be packed with its neighbours.

    Neighbours are packed together while ``kind``, ``scope``, ``header``, ``language`` and ``timestamp`` agree.
    ``heading`` is the level of a heading (1 is the highest), 0 for text. A heading's ``scope`` ends with itself.
    """

    start: int
    end: int
    kind: ChunkKind = "prose"
    scope: tuple[str, ...] = ()
    header: str = ""
    language: str | None = None
    heading: int = 0
    timestamp: datetime | None = None


class Trail:
    """The headings a reader is below, outermost first."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, str]] = []

    def leave(self) -> None:
        """Go back above the last heading entered."""
        self._levels.pop()

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        """Go below a heading; headings of the same or a lower rank are left. Returns the new trail."""
        while self._levels and self._levels[-1][0] >= level:
            self._levels.pop()
        self._levels.append((level, " ".join(title.split())[:_MOST_SCOPE_CHARS].rstrip()))
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self._levels if name)


def chunks_of(text: str, blocks: Iterable[Block]) -> tuple[Chunk, ...]:
    """Pack blocks (in order, not overlapping) into chunks.

    A heading goes with the first text below it, also through a deeper heading that follows at once; no chunk reaches
    from one section into the next. A heading with no prose right below it is a chunk of its own.
    """
    chunks: list[Chunk] = []
    group: list[Block] = []
    for block in blocks:
        if group and not _goes_with(group[-1], block):
            chunks.extend(_packed(text, group))
            group = []
        group.append(block)
    chunks.extend(_packed(text, group))
    return tuple(chunks)


def _goes_with(before: Block, block: Block) -> bool:
    if before.heading and block.heading:
        return block.heading > before.heading
    if block.heading:
        return False
    return (before.kind, before.scope, before.header, before.language, before.timestamp) == (
        *(block.kind, block.scope, block.header),
        *(block.language, block.timestamp),
    )


def _packed(text: str, group: Sequence[Block]) -> Iterator[Chunk]:
    if not group:
        return
    last = group[-1]
    for start, end in pack(text, ((block.start, block.end) for block in group)):
        yield Chunk(start, end, last.kind, last.scope, last.header, language=last.language, timestamp=last.timestamp)


def units(text: str, start: int, end: int) -> Iterator[Range]:
    """Paragraphs and list items between ``start`` and ``end``, to be packed.

    A list stays in one unit with the line that leads into it when both fit a chunk; else the lead-in stays with the
    first item.
    """
    waiting: Range | None = None  # a lead-in whose list may follow after a blank line
    for paragraph in paragraphs(text, start, end):
        large = paragraph[1] - paragraph[0] > _LARGE_CHARS
        parts = [paragraph] if large else _list_parts(text, *paragraph)
        if waiting is not None:
            if len(parts) > 1 or LIST_ITEM.match(text, parts[0][0]):
                parts[0] = (waiting[0], parts[0][1])
            else:
                yield waiting
            waiting = None
        if len(parts) > 1 and parts[-1][1] - parts[0][0] <= MAX_CHARS:
            parts = [(parts[0][0], parts[-1][1])]
        if len(parts) == 1 and text[parts[0][1] - 1] == ":" and parts[0][1] - parts[0][0] < MAX_CHARS // 3:
            waiting = parts[0]
            continue
        yield from parts
    if waiting is not None:
        yield waiting


def _list_parts(text: str, start: int, end: int) -> list[Range]:
    """A paragraph cut before each of its list items, the lead-in left with the first; whole when it holds no list."""
    cuts = [line for line, _ in lines(text, start, end) if LIST_ITEM.match(text, line)]
    if cuts and cuts[0] > start and text[start : cuts[0]].count("\n") <= 2:
        cuts = cuts[1:]
    edges = [start, *(cut for cut in cuts if cut > start), end]
    return list(pairwise(edges))

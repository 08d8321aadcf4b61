"""HTML: the text a person would see, each run of it traced to its place in the source."""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from assistant.contracts.documents import Document
from assistant.core.offsets import OffsetMap, TextPiece
from assistant.reading.dates import date_in_name, parse_date
from assistant.reading.decoding import PIECE_CHARS, ByteCursor, DecodedText, without_surrogates
from assistant.reading.layout import Block, Trail, chunks_of
from assistant.reading.packing import lines
from assistant.reading.scripts import natural_language

if TYPE_CHECKING:
    from tree_sitter import Parser

_MOST_CHARS = 8 * 1024 * 1024
_MOST_DEPTH = 400  # of open tags; the parser's time grows with size times depth
_TAG = re.compile(r"<(/?)([A-Za-z][\w:-]*)")


def _names(joined: str) -> frozenset[str]:
    return frozenset(joined.split())


_NEVER_DEEP = _names(
    "area base br col embed hr img input link meta source track wbr p li td th tr dt dd option thead tbody tfoot"
)
_DROPPED = _names("title script style noscript template svg iframe object select")
_INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark meter output q ruby rt rp s "
    "samp small span strike strong sub sup time tt u var wbr"
)
_ROWS = _names("table thead tbody tfoot tr caption")
_CELLS = frozenset({"td", "th"})
_HEADING = re.compile(r"h[1-6]")
_MARKUP = frozenset({"start_tag", "end_tag", "self_closing_tag", "erroneous_end_tag", "comment", "doctype", "entity"})
_RAW = frozenset({"script_element", "style_element"})
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_DATED_META = re.compile(
    r"<meta\b[^>]{0,200}?(?:published_time|\bdate|dc\.date)[^>]{0,80}?content\s*=\s*[\"']([^\"'>]{4,40})", re.IGNORECASE
)
_HEAD_CHARS = 16 * 1024


@dataclass(frozen=True, slots=True)
class HtmlText:
    """The visible text of a page. ``raw_text`` is to ``text`` what it is in :class:`DecodedText`; ``pieces`` lead
    into the bytes of the source; ``blocks`` cover ``text`` in order."""

    text: str
    raw_text: str
    pieces: list[TextPiece]
    blocks: list[Block]
    title: str | None


def read_html(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """A page as its visible text below its headings; ``None`` when there is none to see.

    Block elements and table rows stand on lines of their own, cells joined by `` | ``; runs of white space are one
    space outside ``<pre>``. Citations cover the source between the first and the last visible character.
    Raises ``ValueError`` when the page is too large or too deeply nested. ``language`` is not used.
    """
    del language
    page = visible_text(decoded)
    if not page.text.strip():
        return None
    meta = _DATED_META.search(decoded.text[:_HEAD_CHARS])
    return Document(
        text=page.text,
        offsets=OffsetMap(page.raw_text, page.pieces, decoded.newlines(), decoded.encoding),
        encoding=decoded.encoding,
        kind="html",
        modality="text",
        chunks=chunks_of(page.text, page.blocks),
        language=natural_language(page.text),
        title=page.title,
        timestamp=(parse_date(meta[1]) if meta else None) or date_in_name(path),
    )


def visible_text(decoded: DecodedText) -> HtmlText:
    """See :func:`read_html`, which raises the same."""
    if len(decoded.text) > _MOST_CHARS:
        raise ValueError("too large to be parsed as HTML")
    if _depth(decoded.text) > _MOST_DEPTH:
        raise ValueError("nested too deeply to be parsed as HTML")
    return _Page(decoded).read()


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _TAG.finditer(text):
        if match[2].lower() in _NEVER_DEEP:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


@cache
def _parser() -> Parser:
    import tree_sitter_html
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_html.language()))


class _Page:
    """Builds the visible text in one pass over the marks of the source."""

    def __init__(self, decoded: DecodedText) -> None:
        self._decoded = decoded
        self._cursor = ByteCursor(decoded)
        self._parts: list[str] = []
        self._size = 0
        self._pieces: list[TextPiece] = []
        self._blocks: list[Block] = []
        self._block_from = 0
        self._trail = Trail()
        self._hidden = 0  # depth inside dropped elements
        self._pre = 0
        self._block_part = 0
        self._header = ""  # of the table we are in
        self._in_header_row = False
        self._heading = 0
        self._in_title = False
        self._title: list[str] = []
        self._wants_space = False
        self._wants_cell = False

    def read(self) -> HtmlText:
        source = self._decoded.raw_text
        at = 0
        for kind, name, start, end in self._marks():
            self._run(source, at, start)
            at = max(at, end)
            if kind == "entity":
                self._entity(source, start, end)
            elif kind in {"start_tag", "self_closing_tag", "end_tag", "erroneous_end_tag"}:
                self._tag(name, opens=kind in {"start_tag", "self_closing_tag"}, closes=kind != "start_tag")
        self._run(source, at, len(source))
        self._break()
        raw = "".join(self._parts)
        text = without_surrogates(raw)
        title = " ".join("".join(self._title).split())[:200] or next(
            (block.scope[-1] for block in self._blocks if block.scope), None
        )
        blocks = [part for block in self._blocks for part in _line_blocks(text, block)]
        return HtmlText(text, raw, self._pieces, blocks, title)

    def _marks(self) -> Iterator[tuple[str, str, int, int]]:
        """Kind, element name and character range of every tag, comment, entity and script, in order."""
        text = self._decoded.text
        data = text.encode()
        ascii_only = len(data) == len(text)
        byte = char = 0

        def chars(offset: int) -> int:
            nonlocal byte, char
            if ascii_only:
                return offset
            char += len(data[byte:offset].decode("utf-8", "replace")) if offset > byte else 0
            byte = max(byte, offset)
            return char

        cursor = _parser().parse(data).walk()
        while True:
            node = cursor.node
            kind = node.type if node else ""
            if node is not None and (kind in _MARKUP or kind in _RAW):
                name = _TAG.match(data[node.start_byte : node.start_byte + 40].decode("utf-8", "replace"))
                start = chars(node.start_byte)
                yield kind, name[2].lower() if name else "", start, chars(node.end_byte)
            elif cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return

    def _tag(self, name: str, *, opens: bool, closes: bool) -> None:
        if name in _DROPPED:
            self._break()
            if name == "title" and not self._hidden:
                self._in_title = opens and not closes and not self._title
            elif closes:
                self._in_title = False
            self._hidden = max(0, self._hidden + opens - closes)
            return
        if self._hidden or not name or name in _INLINE:
            return
        if name in _CELLS:
            self._wants_cell = True
            self._in_header_row |= name == "th" and not self._header
            return
        if (self._header or self._in_header_row) and name not in _ROWS:
            self._wants_space = True  # a paragraph inside a cell
            return
        self._break()
        if name == "table":
            self._header = ""
        elif name == "pre":
            self._pre = max(0, self._pre + opens - closes)
        elif _HEADING.fullmatch(name):
            self._heading = int(name[1]) if opens else 0

    def _run(self, source: str, start: int, end: int) -> None:
        """Text between marks: white space is one space, except in ``<pre>``."""
        if start >= end:
            return
        if self._hidden:
            if self._in_title:
                self._title.append(self._decoded.text[start:end])
            return
        if self._pre:
            self._put(source, start, end)
            return
        at = start
        for blank in _BLANKS.finditer(source, start, end):
            # a single space inside a run stays in its piece
            if (
                blank.end() - blank.start() == 1
                and source[blank.start()] == " "
                and at < blank.start()
                and blank.end() < end
            ):
                continue
            self._put(source, at, blank.start())
            self._wants_space = True
            at = blank.end()
        self._put(source, at, end)

    def _entity(self, source: str, start: int, end: int) -> None:
        word = without_surrogates(entities.unescape(source[start:end]))
        if self._in_title:
            self._title.append(word)
        if self._hidden or not word:
            return
        if word.isspace() and not self._pre:
            self._wants_space = True
            return
        first, last = self._cursor.byte_of(start), self._cursor.byte_of(end)
        self._separate(first)
        self._pieces.append(TextPiece(self._size, self._size + len(word), first, last, exact=False))
        self._append(word)

    def _put(self, source: str, start: int, end: int) -> None:
        if start >= end:
            return
        self._separate(self._cursor.byte_of(start))
        for at in range(start, end, PIECE_CHARS):
            stop = min(at + PIECE_CHARS, end)
            first, last = self._cursor.byte_of(at), self._cursor.byte_of(stop)
            self._pieces.append(TextPiece(self._size, self._size + stop - at, first, last))
            self._append(source[at:stop])

    def _separate(self, byte: int) -> None:
        """The space or cell border owed before the next visible character, which stands at ``byte`` and stands for
        the marks before it; none at the start of a line."""
        if self._size > self._block_from and (self._wants_cell or self._wants_space):
            words = " | " if self._wants_cell else " "
            last = self._pieces[-1].end_byte
            self._pieces.append(TextPiece(self._size, self._size + len(words), last, byte, exact=False))
            self._append(words)
        self._wants_space = self._wants_cell = False

    def _append(self, words: str) -> None:
        self._parts.append(words)
        self._size += len(words)

    def _break(self) -> None:
        """End the line, and with it the block."""
        self._wants_space = self._wants_cell = False
        if self._size == self._block_from:
            return
        words = "".join(self._parts[self._block_part :]) if self._heading or self._in_header_row else ""
        if self._in_header_row:
            self._header = words
            self._in_header_row = False
        heading = self._heading if words.strip() else 0
        self._blocks.append(
            Block(
                self._block_from,
                self._size,
                kind="table" if self._header else "prose",
                scope=self._trail.enter(heading, words) if heading else self._trail.names,
                header=self._header,
                heading=heading,
            )
        )
        self._append("\n")
        self._block_from, self._block_part = self._size, len(self._parts)


def _line_blocks(text: str, block: Block) -> Iterator[Block]:
    if block.heading or text.find("\n", block.start, block.end) < 0:
        yield block
        return
    for start, end in lines(text, block.start, block.end):
        yield Block(start, end, block.kind, block.scope, block.header)

"""Markdown: sections below their headings, lists, tables, code fences, front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from assistant.contracts.documents import Document
from assistant.reading.dates import date_in_name, parse_date
from assistant.reading.decoding import DecodedText
from assistant.reading.layout import Block, Trail, chunks_of, units
from assistant.reading.packing import MAX_CHARS
from assistant.reading.scripts import natural_language

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MOST_CHARS = 1024 * 1024  # beyond this the parser's tokens cost more than they are worth: read as plain text
_LINE_END = re.compile(r"\r\n?|\n")  # as the parser counts lines
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[^\S\n]*\r?\n(?:(?!\1).*\n){0,200}?\1[^\S\n]*(?:\r?\n|\Z)")
_FIELD = re.compile(r"(?m)^(title|date|updated|created)[^\S\n]*[:=][^\S\n]*(\S.*?)[^\S\n]*\r?$")
_MARKS = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)|[`*]+|(?<!\w)_+|_+(?!\w)|<[^>\n]{1,80}>|\\(?=[^\w\s])")
_COMMENT = re.compile(r"\s*<!--")
_SHORT_FENCE_LINES = 4  # with its two fence lines: left in the text around it


def read_markdown(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """A Markdown text (CommonMark and tables) as chunks below their headings; ``None`` when it is blank.

    Prose, lists and short fences are kind "prose"; the inside of a longer code fence is "code" with its language; a
    table is "table", its header row in ``header`` (and, with its first rows, in the first chunk); front matter is
    "config". Raises ``ValueError`` for a text too large to parse. ``language`` is not used.
    """
    del language
    text = decoded.text
    if not text or text.isspace():
        return None
    if len(text) > _MOST_CHARS:
        raise ValueError("too large to be parsed as Markdown")
    front = _FRONT_MATTER.match(text)
    fields = dict(reversed(_FIELD.findall(front[0]))) if front else {}
    blocks: list[Block] = []
    if front:
        blocks.append(Block(0, front.end(), kind="config"))
    blocks.extend(_Sections(text, front.end() if front else 0).blocks())
    title = fields.get("title", "").strip("\"' ") or next((block.scope[-1] for block in blocks if block.scope), None)
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="markdown",
        modality="text",
        chunks=chunks_of(text, blocks),
        language=natural_language(text[front.end() :] if front else text),
        title=title,
        timestamp=_date_of(fields) or date_in_name(path),
    )


def _date_of(fields: dict[str, str]) -> datetime | None:
    for name in ("date", "updated", "created"):
        moment = parse_date(fields.get(name, ""))
        if moment is not None:
            return moment
    return None


def plain_words(heading: str) -> str:
    """A heading without its inline marks."""
    return " ".join(_MARKS.sub(lambda match: match[1] or "", heading).split())


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])


class _Sections:
    """The blocks of a Markdown text from ``start`` on."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._line_starts = [start, *(match.end() for match in _LINE_END.finditer(text, start)), len(text)]
        self._tokens: Sequence[Token] = _parser().parse(text[start:])
        self._trail = Trail()

    def blocks(self) -> Iterator[Block]:
        """Headings, tables and code as the parser finds them; whatever lies between them is prose."""
        done = 0  # lines before this one are covered
        for index, token in enumerate(self._tokens):
            if token.level or token.map is None or token.nesting < 0:
                continue
            first, last = token.map
            is_code = token.type in {"fence", "code_block"} and last - first > _SHORT_FENCE_LINES
            is_comment = token.type == "html_block" and _COMMENT.match(token.content) is not None
            if not (is_code or is_comment or token.type in {"heading_open", "table_open", "hr"}):
                continue
            yield from self._prose(done, first)
            done = last
            if token.type == "heading_open":
                scope = self._trail.enter(int(token.tag[1]), plain_words(self._tokens[index + 1].content))
                yield Block(self._at(first), self._at(last), scope=scope, heading=int(token.tag[1]))
            elif token.type == "table_open":
                yield from self._table(first, last)
            elif is_code:
                yield self._code(token, first, last)
        yield from self._prose(done, len(self._line_starts) - 1)

    def _at(self, line: int) -> int:
        return self._line_starts[min(line, len(self._line_starts) - 1)]

    def _prose(self, first: int, last: int) -> Iterator[Block]:
        if first >= last:
            return
        for part in units(self._text, self._at(first), self._at(last)):
            yield Block(*part, scope=self._trail.names)

    def _table(self, first: int, last: int) -> Iterator[Block]:
        """One block when the table fits a chunk; else one a row, the head with the first."""
        header = self._text[self._at(first) : self._at(first + 1)].strip()
        if self._at(last) - self._at(first) <= MAX_CHARS:
            yield Block(self._at(first), self._at(last), "table", self._trail.names, header)
            return
        start = self._at(first)
        for line in range(min(first + 3, last), last + 1):
            yield Block(start, self._at(line), "table", self._trail.names, header)
            start = self._at(line)

    def _code(self, token: Token, first: int, last: int) -> Block:
        start, end = self._at(first), self._at(last)
        if token.type == "fence":
            start = self._at(first + 1)
            closing = self._text[self._at(last - 1) : end].strip()
            if closing.startswith(token.markup[:3]) and not closing.strip(token.markup[0]):
                end = self._at(last - 1)
        language = (token.info.split() or [""])[0].strip("{}.").lower() or None
        return Block(start, end, "code", self._trail.names, language=language)

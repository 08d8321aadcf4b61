"""reStructuredText: sections by their underlines, code blocks, the rest as paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from assistant.contracts.documents import Document
from assistant.reading.dates import date_in_name
from assistant.reading.decoding import DecodedText
from assistant.reading.layout import Block, Trail, chunks_of, units
from assistant.reading.scripts import natural_language

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_MOST_CHARS = 4 * 1024 * 1024
_CODE_DIRECTIVE = re.compile(r"\.\.[^\S\n]+(?:code-block|code|sourcecode)::[^\S\n]*([\w+#-]*)")
_MARKS = re.compile(r":[\w:+.-]+:(?=`)|`+__?|[`*]+|\|(?=\w)|(?<=\w)\||\\(?=\W)")
_SHORT_CODE_LINES = 3


def read_rst(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """A reStructuredText source as chunks below its section titles; ``None`` when it is blank.

    A code directive of more than a few lines is kind "code"; comments are dropped; everything else is "prose".
    Raises ``ValueError`` for a text too large to parse. ``language`` is not used.
    """
    del language
    text = decoded.text
    if not text or text.isspace():
        return None
    if len(text) > _MOST_CHARS:
        raise ValueError("too large to be parsed as reStructuredText")
    blocks = list(_blocks(text))
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="rst",
        modality="text",
        chunks=chunks_of(text, blocks),
        language=natural_language(text),
        title=next((block.scope[-1] for block in blocks if block.scope), None),
        timestamp=date_in_name(path),
    )


@cache
def _parser() -> Parser:
    import tree_sitter_rst
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_rst.language()))


def _blocks(text: str) -> Iterator[Block]:
    """Titles and code as the parser finds them; whatever lies between them is prose."""
    starts = [0, *(match.end() for match in re.finditer(r"\n", text)), len(text)]
    trail = Trail()
    styles: list[str] = []  # adornments in order of appearance: their place is their level
    done = 0

    def prose(stop: int) -> Iterator[Block]:
        if done < stop:
            for part in units(text, starts[done], starts[stop]):
                yield Block(*part, scope=trail.names)

    last_line = len(starts) - 1
    for node in _parser().parse(text.encode()).root_node.children:
        first = node.start_point.row
        last = min(node.end_point.row + (node.end_point.column > 0), last_line)
        if first < done:
            continue
        if node.type == "section":
            yield from prose(first)
            title = _child(node, "title")
            style = _style(text[starts[first] : starts[last]])
            if style not in styles:
                styles.append(style)
            level = styles.index(style) + 1
            words = _MARKS.sub("", (title.text or b"").decode() if title else "")
            yield Block(starts[first], starts[last], scope=trail.enter(level, words), heading=level)
            done = last
        elif node.type == "comment":
            yield from prose(first)
            done = last
        elif node.type == "directive":
            match = _CODE_DIRECTIVE.match(text, starts[first])
            if match and last - first > _SHORT_CODE_LINES:
                yield from prose(first)
                yield Block(starts[first + 1], starts[last], "code", trail.names, language=match[1].lower() or None)
                done = last
    yield from prose(last_line)


def _child(node: Node, kind: str) -> Node | None:
    return next((child for child in node.children if child.type == kind), None)


def _style(section: str) -> str:
    """The adornment of a title: its sign, twice when it stands above the title too."""
    rows = [row.strip() for row in section.strip().splitlines()]
    sign = rows[-1][:1]
    return sign * 2 if len(rows) > 2 and rows[0][:1] == sign else sign

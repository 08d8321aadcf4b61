"""Statements: the smallest parts of an item that can stand in an answer, each with its place.

A sentence of prose, an item of a list with its lead-in, a table row read with its header, one setting, one
definition with its signature and first words of documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assistant.contracts.documents import ChunkKind

StatementKind = Literal["sentence", "item", "row", "setting", "heading", "definition"]

_HEADING = re.compile(r"^(#{1,6}\s+(?P<md>.+?)\s*#*|(?P<rst>[=\-~^\"'`#*+]{3,}))$")
_BULLET = re.compile(r"^(?P<indent>\s*)(?:[-*+•–]|\d{1,3}[.)]|\[[ xX]\])\s+(?:\[[ xX]\]\s+)?")
_FENCE = re.compile(r"^\s*(```|~~~)")
_TABLE_RULE = re.compile(r"^[\s|:\-+=]+$")
_SETTING = re.compile(
    r"^\s*(?:export\s+|const\s+|let\s+|var\s+|final\s+|-\s+)?[\"']?[\w.\-/ ]{1,60}[\"']?\s*(?::=|[:=])\s*\S"
)
_SECTION = re.compile(r"^\[{1,2}[^\W\d][\w .:/\"-]*\]{1,2}$")
_COMMENT = re.compile(r"^\s*(?:#+!?|//+!?|\*+/?|/\*+|--+|;+|\"\"\"|''')\s?")
_MARKUP = re.compile(r"(\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w))")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_QUOTED = re.compile(r"^\s*(?:>\s?)+")
_WRAPPED_CHARS = 50
_WRAPPED_SHARE = 0.6
MAX_STATEMENTS = 200
_MAX_SETTING_CHARS = 300


@dataclass(frozen=True, slots=True)
class Statement:
    """Characters ``start`` .. ``end`` of an item's text. ``words`` is how it reads in an answer (markup removed, cells
    named by their columns). ``lead_start`` is where its lead-in or the heading that names it begins, ``None`` when it
    needs none. ``paragraph`` counts the blocks of the item, so neighbours can be told from strangers."""

    start: int
    end: int
    kind: StatementKind
    words: str
    paragraph: int
    lead: str = ""
    cells: tuple[str, ...] = ()
    """Of a row: its cells as they read, one for each column."""


def statements_of(text: str, chunk: ChunkKind, header: str = "", language: str | None = None) -> list[Statement]:
    """The statements of one item in reading order, at most 200."""
    if chunk == "code":
        found = _code_statements(text)
    elif chunk == "config":
        found = _setting_statements(text)
    elif chunk == "table":
        found = _row_statements(text, header)
    else:
        found = _prose_statements(text, language)
    return [statement for statement, _ in zip(found, range(MAX_STATEMENTS), strict=False) if statement.words]


def clean(text: str) -> str:
    """Readable words: no emphasis marks, link targets, quote marks of mail, line ends or runs of blanks."""
    text = "\n".join(_QUOTED.sub("", line) for line in text.split("\n"))
    return " ".join(_MARKUP.sub("", _LINK.sub(r"\1", text)).split())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _prose_statements(text: str, language: str | None) -> Iterator[Statement]:
    paragraph, lead, fenced = 0, "", False
    block: list[tuple[int, str]] = []

    def flush() -> Iterator[Statement]:
        for start, end in _runs(block):
            yield from _sentences(text, start, end, paragraph, language)
        block.clear()

    for at, line in _lines(text):
        stripped = line.strip()
        if _FENCE.match(line):
            fenced = not fenced
            yield from flush()
            continue
        heading = None if fenced else _HEADING.match(stripped)
        if heading or not stripped:
            opening = clean(block[-1][1]) if block else ""
            yield from flush()
            if not stripped:
                paragraph += 1
                lead = opening if opening.endswith(":") else lead if not opening else ""
            elif heading and heading["md"]:
                lead = ""
                start = at + line.index(stripped)
                yield Statement(start, start + len(stripped), "heading", clean(heading["md"]), paragraph)
        elif fenced:
            yield Statement(at + line.index(stripped), at + len(line.rstrip()), "setting", stripped, paragraph)
        elif bullet := _BULLET.match(line):
            if block:
                lead = clean(text[block[0][0] : at]) if block[-1][1].rstrip().endswith(":") else ""
                yield from flush()
            block.append((at, line))
            block_end = _item_end(text, at + len(line))
            yield Statement(
                at + len(bullet["indent"]),
                block_end,
                "item",
                clean(text[at + bullet.end() : block_end]),
                paragraph,
                lead,
            )
            block.clear()
        elif stripped.startswith("|") and stripped.endswith("|"):
            yield from flush()
            if not _TABLE_RULE.match(stripped):
                cells = " | ".join(cell.strip() for cell in stripped.strip("|").split("|"))
                start = at + line.index(stripped)
                yield Statement(start, start + len(stripped), "row", cells, paragraph, lead)
        elif not _continues_item(text, at, line):
            block.append((at, line))
    yield from flush()


def _runs(block: list[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """The block as character ranges: whole when it is prose broken over lines, else line by line (an address book, a
    log), an indented line going with the one above."""
    if not block:
        return
    lengths = [len(line.rstrip()) for _, line in block]
    longest = max(lengths)
    if len(block) == 1 or (longest >= _WRAPPED_CHARS and min(lengths[:-1]) >= _WRAPPED_SHARE * longest):
        yield block[0][0], block[-1][0] + len(block[-1][1])
        return
    start, end = block[0][0], block[0][0] + len(block[0][1])
    margin = len(block[0][1]) - len(block[0][1].lstrip())
    for at, line in block[1:]:
        if len(line) - len(line.lstrip()) <= margin:
            yield start, end
            start = at
        end = at + len(line)
    yield start, end


def _continues_item(text: str, at: int, line: str) -> bool:
    """Whether an indented line goes on with the list item above it (which has taken it in already)."""
    if not line[:1].isspace():
        return False
    before = text[:at].rstrip("\n").rsplit("\n", 1)[-1]
    while before[:1].isspace() and not _BULLET.match(before):
        at = text.rindex(before, 0, at)
        if at == 0:
            break
        before = text[:at].rstrip("\n").rsplit("\n", 1)[-1]
    return bool(_BULLET.match(before))


def _item_end(text: str, end: int) -> int:
    """End of a list item that started on the line ending at ``end``: indented lines below belong to it."""
    while end < len(text):
        stop = text.find("\n", end + 1)
        stop = len(text) if stop < 0 else stop
        line = text[end + 1 : stop]
        if not line.strip() or not line[:1].isspace() or _BULLET.match(line):
            break
        end = stop
    return end


def _sentences(text: str, start: int, end: int, paragraph: int, language: str | None) -> Iterator[Statement]:
    from sentencex import get_sentence_boundaries

    part = text[start:end]
    flat = part.replace("\n", " ")
    first = 0
    for boundary in get_sentence_boundaries("ru" if language == "ru" else "en", flat):
        last = boundary["end_index"]
        if last < len(flat) and not flat[last - 1].isspace():
            continue  # "../a" and the like: no sentence ends without white space
        sentence = part[first:last]
        left = first + len(sentence) - len(sentence.lstrip())
        right = first + len(sentence.rstrip())
        if left < right:
            yield Statement(start + left, start + right, "sentence", clean(part[left:right]), paragraph)
        first = last


def _setting_statements(text: str) -> Iterator[Statement]:
    comment = ""
    for number, (at, line) in enumerate(_lines(text)):
        stripped = line.strip()
        if not stripped or stripped in "{}[](),":
            comment = ""
            continue
        start = at + line.index(stripped)
        if _SECTION.match(stripped):
            comment = ""
            yield Statement(start, start + len(stripped), "heading", stripped.strip("[]"), number)
            continue
        if _COMMENT.match(stripped) and not _SETTING.match(stripped):
            comment = " ".join(filter(None, (comment, _COMMENT.sub("", stripped).strip())))
            yield Statement(start, start + len(stripped), "sentence", _COMMENT.sub("", stripped).strip(), number)
            continue
        yield Statement(
            start, start + len(stripped), "setting", stripped.rstrip(",")[:_MAX_SETTING_CHARS], number, comment
        )
        comment = ""


def _row_statements(text: str, header: str) -> Iterator[Statement]:
    columns = [column.strip() for column in header.split("|")] if header else []
    for number, (at, line) in enumerate(_lines(text)):
        stripped = line.strip()
        if not stripped or _TABLE_RULE.match(stripped):
            continue
        cells = _cells(stripped)
        if columns and [cell.lower() for cell in cells] == [column.lower() for column in columns]:
            continue
        if len(cells) == len(columns):
            words = "; ".join(f"{column}: {cell}" for column, cell in zip(columns, cells, strict=True) if cell)
        else:
            words = " | ".join(cells)
        start = at + line.index(stripped)
        yield Statement(
            start, start + len(stripped), "row", clean(words), number, cells=tuple(clean(cell) for cell in cells)
        )


def _cells(line: str) -> list[str]:
    import csv

    if line.startswith("|"):
        return [cell.strip() for cell in line.strip("|").split("|")]
    delimiter = max("\t;,|", key=line.count)
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [line])
    except csv.Error:  # a lone carriage return, or a cell beyond the library's limit
        cells = line.split(delimiter)
    return [cell.strip() for cell in cells]


def _code_statements(text: str) -> Iterator[Statement]:
    words = documentation(text)
    yield Statement(0, len(text), "definition", words, 0)
    for number, (at, line) in enumerate(_lines(text)):
        stripped = line.strip()
        if stripped and _SETTING.match(line) and not stripped.endswith((":", "{", "(", ",")):
            start = at + line.index(stripped)
            yield Statement(start, start + len(stripped), "setting", stripped[:_MAX_SETTING_CHARS], number + 1)


def documentation(text: str) -> str:
    """The first words of documentation of a definition: its doc comment or docstring; "" when it has none."""
    match = re.search(r'("""|\'\'\')(.+?)(?:\1|\Z)', text, re.DOTALL)
    if match:
        body = match.group(2)
    else:
        block: list[str] = []
        for line in text.split("\n"):
            if line.startswith("#!"):
                continue
            if _COMMENT.match(line) and line.strip():
                block.append(_COMMENT.sub("", line).removesuffix("*/").strip())
            elif block:
                break
        body = "\n".join(block)
    return " ".join(body.strip().split("\n\n")[0].split()) or text.split("\n", 1)[0].strip()

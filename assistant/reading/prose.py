"""Plain text: paragraphs, lists, titles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistant.contracts.documents import Chunk, Document
from assistant.reading.chat import is_transcript, read_chat
from assistant.reading.dates import date_in_name
from assistant.reading.decoding import DecodedText
from assistant.reading.layout import LIST_ITEM, Block, Trail, chunks_of, units
from assistant.reading.packing import Range, paragraphs
from assistant.reading.scripts import natural_language

_UNDERLINE = re.compile(r"(={3,}|-{3,}|~{3,}|\*{3,}|#{3,})\s*")
_LABEL = re.compile(r"[A-ZА-ЯЁ][^\n:]{1,48}:")
_ENDS_SENTENCE = (".", ",", ";", "!", "?", ":", "…")
_MOST_TITLE_CHARS = 80
_LABEL_LEVEL = 3


def read_prose(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """A plain text as paragraphs packed to chunks, below titles where there are any; ``None`` when it is blank.

    Titles are lines underlined with ``===`` or ``---``, lines in capitals, and short ``Label:`` lines. A transcript of
    talk is read by turns instead (:mod:`assistant.reading.chat`).
    ``language`` is not used: the natural language is guessed by script.
    """
    del language
    text = decoded.text
    if not text or text.isspace():
        return None
    if is_transcript(text):
        return read_chat(path, decoded)
    chunks = chunks_of(text, blocks_of(text, 0, len(text)))
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="text",
        modality="text",
        chunks=chunks,
        language=natural_language(text),
        title=_title(text, chunks),
        timestamp=date_in_name(path),
    )


def blocks_of(text: str, start: int, end: int) -> Iterator[Block]:
    """Paragraphs, list items and titles of ``text[start:end]``, in order. A ``Label:`` stands above one paragraph."""
    trail = Trail()
    body_from = start
    below_label = False
    for paragraph in paragraphs(text, start, end):
        heading = _heading(text, *paragraph)
        if heading is None and not below_label:
            continue
        body_to = paragraph[1] if heading is None else paragraph[0]
        for part in units(text, body_from, body_to):
            yield Block(*part, scope=trail.names)
        body_from = body_to
        if below_label:
            trail.leave()
            below_label = False
        if heading is not None:
            body_from, level, title = heading
            yield Block(paragraph[0], body_from, scope=trail.enter(level, title), heading=level)
            below_label = level == _LABEL_LEVEL
    for part in units(text, body_from, end):
        yield Block(*part, scope=trail.names)


def _heading(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """End, level and words of the title a paragraph begins with; ``None`` when it begins with none."""
    first_end = text.find("\n", start, end)
    first_end = end if first_end < 0 else first_end
    first = text[start : min(first_end, start + 2 * _MOST_TITLE_CHARS)].rstrip()
    if not first or len(first) > _MOST_TITLE_CHARS or LIST_ITEM.match(first):
        return None
    second_end = text.find("\n", first_end + 1, end)
    second_end = end if second_end < 0 else second_end
    second = text[first_end + 1 : min(second_end, first_end + 2 * _MOST_TITLE_CHARS)].strip()
    if _UNDERLINE.fullmatch(second) and len(second) * 2 >= len(first) and any(map(str.isalnum, first)):
        return first_end + 1 + len(text[first_end + 1 : second_end].rstrip()), 1 if second[0] in "=#*" else 2, first
    if _is_capitals(first) and not (second and _is_capitals(second)):
        return start + len(first), 2, first
    if first_end == end and _LABEL.fullmatch(first) and len(first.split()) <= 5:
        following = text[end : end + 200].lstrip()
        if following and not LIST_ITEM.match(following):
            return start + len(first), _LABEL_LEVEL, first[:-1]
    return None


def _is_capitals(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return (
        len(letters) >= 4
        and line == line.upper()
        and line != line.lower()
        and len(letters) * 2 > len(line)
        and not line.endswith((".", ",", ";", "!", "?"))
        and len(line.split()) <= 10
    )


def _title(text: str, chunks: tuple[Chunk, ...]) -> str | None:
    """The title a text opens with: a recognised one, or a short line that stands alone."""
    if chunks and chunks[0].scope:
        return chunks[0].scope[0]
    first: Range | None = next(paragraphs(text), None)
    if first is None or first[1] - first[0] > _MOST_TITLE_CHARS:
        return None
    line = text[first[0] : first[1]]
    if "\n" in line or line.endswith(_ENDS_SENTENCE) or LIST_ITEM.match(line) or len(line.split()) < 2:
        return None
    return line

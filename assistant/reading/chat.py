"""Transcripts of talk: chat exports, logs, minutes of who said what. Every turn is a chunk of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from assistant.contracts.documents import Chunk, Document
from assistant.reading.dates import date_in_name, parse_date
from assistant.reading.decoding import DecodedText
from assistant.reading.packing import pack, trim
from assistant.reading.scripts import natural_language

_LINE = re.compile(r"[^\n]+")
_WHEN = r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:\s?[AaPp][Mm])?"
_NAME = r"[^\W\d_][\w.'’-]{0,24}(?:[ ][\w.'’-]{1,24}){0,3}"
_STAMP_AFTER = rf",[ ]\[(?P<after>{_WHEN},?[ ]+{_CLOCK})\]:?|[ ]\((?P<within>[^()\n]{{3,48}})\):"
_TURN = re.compile(
    rf"(?m)^(?:\u200e?\[(?P<stamp>[^\]\n]{{3,32}})\][ ]*|(?P<plain>(?:{_WHEN},?[ ]+)?{_CLOCK})[ ]+(?:-[ ]+)?)?"
    rf"[<*]{{0,2}}(?P<name>{_NAME})(?:>|\*{{0,2}}:\*{{0,2}}|{_STAMP_AFTER})(?:[ ]|$)"
)
"""A line that opens a turn: ``[03.03.26, 19:42:10] Name: ...``, ``3/3/26, 7:42 PM - Name: ...``,
``[19:42] <name> ...``, ``Name, [03.03.2026 19:42] ...``, ``Name (7:42 pm on 3 March, 2026): ...``, ``Name: ...``."""

_SAMPLE_LINES = 200
_SAMPLE_CHARS = 64 * 1024
_STAMPED_SHARE = 0.25
_BARE_SHARE = 0.6


def is_transcript(text: str) -> bool:
    """Whether most lines of the first ``_SAMPLE_LINES`` (a quarter, when they are stamped with a time) are turns of
    a few speakers."""
    sample = [match[0] for match in islice(_LINE.finditer(text[:_SAMPLE_CHARS]), _SAMPLE_LINES)]
    sample = [line for line in sample if not line.isspace()]
    names: list[str] = []
    stamped = 0
    for line in sample:
        turn = _TURN.match(line)
        if turn is not None:
            names.append(turn["name"])
            stamped += any(char.isdigit() for char in _stamp(turn))
    speakers = Counter(names)
    if len(names) < 4 or not 2 <= len(speakers) <= len(names) * 0.6:
        return False
    return len(names) > len(sample) * (_STAMPED_SHARE if stamped > len(names) * 0.8 else _BARE_SHARE)


def read_chat(path: str, decoded: DecodedText) -> Document:
    """A transcript (see :func:`is_transcript`) as turns, kind "message", with the lines that continue them. A turn too
    long for one chunk is cut. Each carries the date of its stamp, or the last one named before it."""
    text = decoded.text
    chunks: list[Chunk] = []
    for start, end, moment in _turns(text):
        for part in pack(text, [(start, end)]):
            chunks.append(Chunk(*part, kind="message", timestamp=moment))
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="chat",
        modality="text",
        chunks=tuple(chunks),
        language=natural_language(text),
        title=None,
        timestamp=date_in_name(path),
    )


def _turns(text: str) -> Iterator[tuple[int, int, datetime | None]]:
    """What stands before the first turn, then each turn, trimmed, with its date."""
    at, moment = 0, None
    for match in _TURN.finditer(text):
        part = trim(text, at, match.start())
        if part is not None:
            yield *part, moment
        at = match.start()
        moment = _moment(_stamp(match)) or moment
    part = trim(text, at, len(text))
    if part is not None:
        yield *part, moment


def _stamp(turn: re.Match[str]) -> str:
    return turn["stamp"] or turn["plain"] or turn["after"] or turn["within"] or ""


_MONTH = re.compile(r"[A-Za-z]{3}")
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


def _moment(stamp: str) -> datetime | None:
    """The moment of a stamp; ``None`` for a bare time of day. Of two readings of ``3/4/26`` day before month wins."""
    moment = parse_date(stamp)
    if moment is not None or not (_MONTH.search(stamp) or re.search(_WHEN, stamp)):
        return moment
    from dateutil.parser import ParserError, parse

    try:
        read: datetime = parse(stamp, fuzzy=True, dayfirst=True, default=datetime(1, 1, 1, tzinfo=UTC))
    except (ParserError, OverflowError, ValueError):
        return None
    if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
        return None
    return read if read.utcoffset() is not None else read.replace(tzinfo=UTC)

"""Mail: single messages and mailboxes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import zip_longest

from assistant.contracts.documents import Document
from assistant.core.offsets import OffsetMap, TextPiece, newline_offsets
from assistant.reading.dates import date_in_name
from assistant.reading.decoding import without_surrogates
from assistant.reading.layout import Block, chunks_of, units
from assistant.reading.mail_parts import Field, PartText, header_fields, part_texts
from assistant.reading.scripts import natural_language

_FROM_LINE = re.compile(rb"(?m)^From [^\n]*\d{4}[^\n]*\n")
_SIGNATURE = re.compile(r"(?m)^-- ?\r?$")
_QUOTE_START = re.compile(
    r"(?m)^(?:>|(?:On|Am|Le|El) .{4,120}(?:wrote|schrieb|a écrit|escribió)\s?:\s*$"
    r"|.{4,120}(?:пишет|писал\(?а?\)?)\s?:\s*$"
    r"|-{2,}\s?(?:Original Message|Forwarded message|Исходное сообщение|Пересылаемое сообщение))"
)
_QUOTED_LINE = re.compile(r"[ \t]*(?:>|\r?$|\Z)")
_SHOWN = ("subject", "from", "to", "date")
_MOST_FIELD_CHARS = 160
_MOST_NOTES = 50


def read_mail(path: str, data: bytes) -> Document | None:
    """A message (``.eml``) or a mailbox as one document; ``None`` when no message holds text.

    Each message gives one chunk of its From, To, Cc, Subject and Date lines, then chunks of its body, all of kind
    "message" (tables of HTML mail stay "table") with the subject as scope and a ``header`` that names subject,
    sender, recipient and date. Quoted replies are chunks of their own; signatures belong to no chunk. ``timestamp`` of
    a chunk is its message's date, of the document the newest one, else the date in the file
    name. Line ends of the text are those of the mail.
    """
    book = _Book(data)
    count = 0
    for start, end in _messages(data):
        book.add(start, data[start:end])
        count += 1
    return book.document(count, date_in_name(path))


def _messages(data: bytes) -> Iterator[tuple[int, int]]:
    """Byte ranges of the messages: the whole of a single one; between ``From `` lines (at the start or after an empty
    line) of a mailbox."""
    if not data.startswith(b"From "):
        yield 0, len(data)
        return
    start: int | None = None
    for match in _FROM_LINE.finditer(data):
        at = match.start()
        if at and not data.endswith((b"\n\n", b"\n\r\n"), max(0, at - 3), at):
            continue
        if start is not None:
            yield start, at
        start = match.end()
    yield start or 0, len(data)


class _Book:
    """Gathers the text, pieces and blocks of the messages of one file."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts: list[str] = []
        self._size = 0
        self._pieces: list[TextPiece] = []
        self._blocks: list[Block] = []
        self._notes: list[str] = []
        self._newest: datetime | None = None
        self._subject: str | None = None

    def add(self, base: int, message: bytes) -> None:
        """Take in the message that starts at byte ``base``."""
        fields = header_fields(message)
        values: dict[str, str] = {}
        for field in fields:
            values.setdefault(field.name, field.value)
        moment = _moment(values.get("date", ""))
        if moment is not None:
            self._newest = moment if self._newest is None else max(moment, self._newest)
        subject = values.get("subject", "")
        self._subject = self._subject or subject or None
        header = "; ".join(
            f"{name.capitalize()}: {values[name][:_MOST_FIELD_CHARS]}" for name in _SHOWN if values.get(name)
        )
        scope = (subject[:_MOST_FIELD_CHARS],) if subject else ()
        self._add_fields(base, message, fields, scope, moment)
        try:
            parts, notes = part_texts(message)
        except ValueError as error:
            parts, notes = [], [f"a message was left out: {error}"]
        self._notes.extend(notes)
        for part in parts:
            self._add_part(base, part, scope, header, moment)

    def document(self, count: int, named: datetime | None) -> Document | None:
        """The document of the ``count`` messages added; ``named`` is the date in the file name."""
        raw = "".join(self._parts)
        text = without_surrogates(raw)
        chunks = chunks_of(text, self._blocks)
        if not chunks:
            return None
        notes = self._notes[:_MOST_NOTES]
        if len(self._notes) > _MOST_NOTES:
            notes.append(f"and {len(self._notes) - _MOST_NOTES} more parts that were not read")
        return Document(
            text=text,
            offsets=OffsetMap(raw, self._pieces, newline_offsets(self._data)),
            encoding="utf-8",
            kind="mail",
            modality="text",
            chunks=chunks,
            language=natural_language(text),
            title=self._subject if count == 1 else None,
            timestamp=self._newest or named,
            notes=tuple(notes),
        )

    def _add_fields(
        self, base: int, message: bytes, fields: list[Field], scope: tuple[str, ...], moment: datetime | None
    ) -> None:
        start = self._size
        for field, following in zip_longest(fields, fields[1:]):
            if field.plain:
                words = message[field.start_byte : field.end_byte].decode("utf-8")
            else:
                words = f"{field.name.capitalize()}: {without_surrogates(field.value)}"
            first, last = base + field.start_byte, base + field.end_byte
            self._pieces.append(TextPiece(self._size, self._size + len(words), first, last, field.plain))
            self._append(words)
            line_end = message[field.end_byte : following.start_byte].decode("latin-1") if following else "\n"
            if line_end == "\r\n":
                self._pieces.append(TextPiece(self._size, self._size + 2, last, last + 2))
            self._append(line_end if line_end == "\r\n" else "\n")
        if self._size > start:
            self._blocks.append(Block(start, self._size, "message", scope, timestamp=moment))
            self._append("\n")

    def _add_part(
        self, base: int, part: PartText, scope: tuple[str, ...], header: str, moment: datetime | None
    ) -> None:
        shift = self._size
        self._pieces.extend(
            TextPiece(
                piece.start + shift, piece.end + shift, piece.start_byte + base, piece.end_byte + base, piece.exact
            )
            for piece in part.pieces
        )
        self._append(part.raw_text)
        self._append("\n\n")
        if part.blocks is not None:
            for block in part.blocks:
                self._blocks.append(
                    replace(
                        block,
                        start=block.start + shift,
                        end=block.end + shift,
                        kind="table" if block.kind == "table" else "message",
                        scope=(*scope, *block.scope),
                        header=f"{header}; {block.header}" if block.header else header,
                        timestamp=moment,
                    )
                )
            return
        for start, end, quoted in _passages(part.raw_text):
            full_header = f"{header}; quoted" if quoted else header
            for first, last in units(part.raw_text, start, end):
                self._blocks.append(Block(first + shift, last + shift, "message", scope, full_header, timestamp=moment))

    def _append(self, words: str) -> None:
        self._parts.append(words)
        self._size += len(words)


def _passages(body: str) -> Iterator[tuple[int, int, bool]]:
    """Ranges of a plain body and whether each is quoted; the signature is left out."""
    end = len(body)
    signature = None
    for match in _SIGNATURE.finditer(body):
        signature = match
    if signature is not None and body.count("\n", signature.end()) <= 15:
        end = signature.start()
    at = 0
    while at < end:
        quote = _QUOTE_START.search(body, at, end)
        if quote is None:
            yield at, end, False
            return
        if quote.start() > at:
            yield at, quote.start(), False
        at = _quote_end(body, quote, end)
        yield quote.start(), at, True


def _quote_end(body: str, quote: re.Match[str], end: int) -> int:
    """Where the quotation ends: after its last ``>`` line; at the end for a copied message without such marks."""
    at = body.find("\n", quote.start(), end) + 1
    if not at:
        return end
    first = at
    while at < end and _QUOTED_LINE.match(body, at, end):
        line_end = body.find("\n", at, end)
        at = end if line_end < 0 else line_end + 1
    if quote[0].lstrip().startswith("-") or (quote[0][0] != ">" and body[first:at].isspace()):
        return end
    return at


def _moment(words: str) -> datetime | None:
    """The time a Date field names; UTC when it names no zone."""
    if not words:
        return None
    try:
        moment = parsedate_to_datetime(words)
        moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)

"""The parts of one mail message: where each lies in the raw bytes, and its text with the way back."""

from __future__ import annotations

import binascii
import codecs
import email
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32

from assistant.core.offsets import OffsetMap, TextPiece
from assistant.reading.decoding import PIECE_CHARS, DecodedText, decode, without_surrogates
from assistant.reading.html import visible_text
from assistant.reading.layout import Block

_MOST_NESTED = 64
_NESTING = re.compile(rb"(?im)^content-type:\s*(?:multipart|message)/")
_HEADER_END = re.compile(rb"\r?\n\r?\n|\A\r?\n")
_FIELD = re.compile(rb"(?im)^(from|to|cc|date|subject):([^\n]*(?:\n[ \t][^\n]*)*)")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_MOST_HEADER_BYTES = 64 * 1024
_NOT_ASCII = ("utf-7", "utf-16", "utf-32", "iso2022", "hz")  # codecs in which ASCII bytes may mean something else


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name in lower case, its decoded value on one line, and its raw lines
    ``start_byte .. end_byte`` of the message (the last line end not included). ``plain``: nothing was encoded."""

    name: str
    value: str
    start_byte: int
    end_byte: int
    plain: bool


@dataclass(frozen=True, slots=True)
class PartText:
    """The text of one part. ``raw_text`` is as in :class:`DecodedText` for UTF-8; ``pieces`` lead into the message;
    ``blocks`` are set for HTML, ``None`` for plain text."""

    raw_text: str
    pieces: list[TextPiece]
    blocks: list[Block] | None


def header_fields(data: bytes) -> list[Field]:
    """The From, To, Cc, Date and Subject fields of a message, in the order they stand in."""
    fields = []
    for match in _FIELD.finditer(data, 0, min(_body_start(data), _MOST_HEADER_BYTES)):
        raw = match[2].rstrip(b"\r")
        words = raw.decode("utf-8", "replace")
        value = " ".join(_decoded_words(words).split())
        plain = "=?" not in words and "\ufffd" not in words
        fields.append(Field(match[1].decode().lower(), value, match.start(), match.start(2) + len(raw), plain))
    return fields


def part_texts(data: bytes) -> tuple[list[PartText], list[str]]:
    """The readable parts of a message, in order, and notes on the rest.

    Of alternatives the plain text is taken, else the last. Raises ``ValueError`` when parts are nested too deeply.
    """
    if len(_NESTING.findall(data)) > _MOST_NESTED:
        raise ValueError("mail parts are nested too deeply")
    # Latin-1 keeps every byte one character, so that a payload can be found again in the raw message.
    message = email.message_from_string(data.decode("latin-1"), policy=compat32)
    texts: list[PartText] = []
    notes: list[str] = []
    chosen = {id(part) for part in _chosen(message)}
    cursor = _body_start(data)
    for part in _leaves(message):
        payload = part.get_payload()
        raw = payload.encode("latin-1", "replace") if isinstance(payload, str) else b""
        at = data.find(raw, cursor) if raw else -1
        if at >= 0:
            cursor = at + len(raw)
        kind = part.get_content_type()
        name = _decoded_words(str(part.get_filename() or ""))
        if name or part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            notes.append(f"attachment not read: {' '.join(name.split())[:120] or 'no name'} ({kind})")
        elif at >= 0 and id(part) in chosen:
            text = _text_of(part, raw, at)
            if text is None:
                notes.append(f"a part that cannot be decoded was left out ({kind})")
            else:
                texts.append(text)
    return texts, notes


def _body_start(data: bytes) -> int:
    match = _HEADER_END.search(data)
    return match.end() if match else len(data)


def _decoded_words(words: str) -> str:
    """A header value with its encoded words read; as it stands when they make no sense."""
    if "=?" not in words:
        return words
    try:
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in decode_header(words)
        )
    except (HeaderParseError, LookupError, ValueError):
        return words


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _leaves(message: Message) -> Iterator[Message]:
    waiting = [message]
    while waiting:
        part = waiting.pop()
        children = _children(part)
        if children:
            waiting.extend(reversed(children))
        else:
            yield part


def _chosen(message: Message) -> Iterator[Message]:
    """The leaves to read: all but the alternatives not taken."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        children = _children(part)
        if not children:
            yield part
        elif part.get_content_type() == "multipart/alternative":
            plain = (child for child in children if child.get_content_type() == "text/plain" and _is_filled(child))
            waiting.append(next(plain, children[-1]))
        else:
            waiting.extend(reversed(children))


def _is_filled(part: Message) -> bool:
    payload = part.get_payload()
    return isinstance(payload, str) and bool(payload.strip())


def _text_of(part: Message, raw: bytes, at: int) -> PartText | None:
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    charset = _charset(part)
    if encoding in {"base64", "quoted-printable"}:
        body = _encoded_text(list(_unwrapped(raw, at, encoding)), charset)
    elif encoding in {"", "7bit", "8bit", "binary"}:
        body = _plain_text(raw, at, charset)
    else:
        return None
    if body is None or part.get_content_type() != "text/html":
        return body
    return _seen(body)


def _charset(part: Message) -> str | None:
    """Name of the codec a part declares; ``None`` when it declares none that is known."""
    try:
        found = codecs.lookup(str(part.get_content_charset("utf-8")))
        "".encode(found.name)
    except (LookupError, ValueError):
        return None
    return "utf-8" if found.name == "ascii" else found.name


def _plain_text(raw: bytes, at: int, charset: str | None) -> PartText | None:
    """A body that stands in the message as it is: exact pieces for UTF-8, whole lines for the rest."""
    found = decode(raw)
    if found is None:
        return None
    verbatim = found.encoding == "utf-8" and charset in {None, "utf-8"}
    if verbatim or (raw.isascii() and not str(charset).startswith(_NOT_ASCII)):
        pieces = [
            TextPiece(piece.start, piece.end, piece.start_byte + at, piece.end_byte + at) for piece in found.pieces()
        ]
        return PartText(found.raw_text, pieces, None)
    if charset in {None, "utf-8"}:
        charset = found.encoding
    lines = [(match[0], at + match.start(), at + match.end()) for match in _LINE.finditer(raw)]
    return _encoded_text(lines, charset)


def _unwrapped(raw: bytes, at: int, encoding: str) -> Iterator[tuple[bytes, int, int]]:
    """Each raw line's bytes once the transfer encoding is undone, with the raw range they come from."""
    if encoding == "quoted-printable":
        for match in _LINE.finditer(raw):
            yield quopri.decodestring(match[0]), at + match.start(), at + match.end()
        return
    kept, kept_from = b"", at
    for match in _LINE.finditer(raw):
        if not kept:
            kept_from = at + match.start()
        kept += _NOT_BASE64.sub(b"", match[0])
        whole = len(kept) // 4 * 4
        try:
            words = binascii.a2b_base64(kept[:whole])
        except binascii.Error:
            words = b""
        kept = kept[whole:]
        if words:
            yield words, kept_from, at + match.end()


def _encoded_text(units: list[tuple[bytes, int, int]], charset: str | None) -> PartText | None:
    """Inexact pieces, one for each unit; a character split between two units belongs to both."""
    if charset is None:
        found = decode(b"".join(words for words, _, _ in units))
        if found is None:
            return None
        charset = found.encoding
    decoder = codecs.getincrementaldecoder(charset)("replace")
    parts: list[str] = []
    pieces: list[TextPiece] = []
    size = 0
    pending_from: int | None = None
    for index, (words, start, end) in enumerate(units):
        try:
            text = decoder.decode(words, index == len(units) - 1)
        except UnicodeError:
            return None
        text = without_surrogates(text).replace("\0", "\ufffd")
        first = start if pending_from is None else pending_from
        if text:
            pieces.append(TextPiece(size, size + len(text), first, end, exact=False))
            parts.append(text)
            size += len(text)
            pending_from = None
        if decoder.getstate()[0]:
            pending_from = start if text else first
    return PartText("".join(parts), pieces, None)


def _seen(body: PartText) -> PartText | None:
    """The visible text of an HTML body, its pieces led on through the body's own into the message."""
    text = without_surrogates(body.raw_text)
    # In UTF-32 every character is four bytes: byte offsets of the page, divided, are offsets into the body.
    try:
        page = visible_text(DecodedText(text, text, "utf-32-le", 0, text.encode("utf-32-le")))
    except ValueError:
        return body
    way = OffsetMap(body.raw_text, body.pieces, [])
    exact = text == body.raw_text and all(piece.exact for piece in body.pieces)
    pieces: list[TextPiece] = []
    for piece in page.pieces:
        start, end = piece.start_byte // 4, piece.end_byte // 4
        step = PIECE_CHARS if exact or not piece.exact else 64
        width = piece.end - piece.start
        for at in range(0, width, step) if piece.exact else (0,):
            stop = min(at + step, width) if piece.exact else width
            span = way.span(start + at, start + stop) if piece.exact else way.span(start, end)
            pieces.append(
                TextPiece(piece.start + at, piece.start + stop, span.start_byte, span.end_byte, piece.exact and exact)
            )
    return PartText(page.raw_text, pieces, page.blocks)

"""Bytes to text, with a way back.

Every choice made here can be undone: encoding the text (or any slice of it) gives the very bytes of the source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from assistant.core.offsets import OffsetMap, TextPiece, newline_offsets

SAMPLE_BYTES = 64 * 1024
"""Bytes looked at to guess a legacy encoding."""

PIECE_CHARS = 2048
"""Characters of one piece of the offset map: the most that is encoded again to answer one question about a place."""

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = bytes(set(range(32)) - set(b"\b\t\n\r\f\x1b")) + b"\x7f"
_MOST_CONTROLS = 0.03  # of the sample; escape sequences and form feeds are not counted
_LEGACY_RUN = re.compile(rb"[\x80-\xff]+")
_WESTERN_PLACE = re.compile(rb"[A-Za-z][\x80-\xff]{1,2}|[\x80-\xff]{1,2}[A-Za-z]|[\x91-\x97\x85\xa0-\xbf]")
_CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5")
_OTHERS = (
    *("cp1250", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("cp932", "euc_jp", "gb18030", "cp950", "cp949"),
)  # stateless codecs only: a slice must encode as it stands in the file
_RUSSIAN_PER_MILLE = {
    letter: share
    for share, letters in {
        109: "о", 85: "е", 80: "а", 74: "и", 65: "нт", 50: "срв", 44: "л", 32: "кмдп", 27: "у", 19: "яыьг", 16: "збч",
        11: "йхж", 6: "шюц", 3: "щэф", 1: "ъё",
    }.items()
    for letter in letters
}  # fmt: skip  # rounded share of each letter in Russian prose


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A source as text.

    ``text`` holds no lone surrogates: each undecodable byte is one U+FFFD. ``raw_text`` has the same length; there an
    undecodable byte is the lone surrogate ``surrogateescape`` makes of it (UTF-8 only; elsewhere both are the same).
    ``encoding`` is a Python codec name without a byte order mark ("utf-8", "utf-16-le", "cp1251");
    ``bom_bytes`` is the length of the mark, which the text does not hold. ``data`` is the source itself.
    """

    text: str
    raw_text: str
    encoding: str
    bom_bytes: int
    data: bytes

    def pieces(self) -> list[TextPiece]:
        """The text as exact pieces of at most ``PIECE_CHARS`` characters, in order, without gaps."""
        size, skip = len(self.raw_text), self.bom_bytes
        if len(self.data) - skip == size:  # one byte a character
            return [
                TextPiece(at, min(at + PIECE_CHARS, size), skip + at, skip + min(at + PIECE_CHARS, size))
                for at in range(0, size, PIECE_CHARS)
            ]
        errors = "surrogateescape" if self.encoding == "utf-8" else "strict"
        pieces: list[TextPiece] = []
        byte = skip
        for at in range(0, size, PIECE_CHARS):
            end = min(at + PIECE_CHARS, size)
            after = byte + len(self.raw_text[at:end].encode(self.encoding, errors))
            pieces.append(TextPiece(at, end, byte, after))
            byte = after
        return pieces

    def newlines(self) -> list[int]:
        """Byte offset of the last byte of every line end (``\\n``), ascending."""
        if not self.encoding.startswith(("utf-16", "utf-32")):
            return newline_offsets(self.data)
        width = 2 if self.encoding.startswith("utf-16") else 4
        offsets: list[int] = []
        byte = self.bom_bytes
        for line in self.raw_text.split("\n")[:-1]:
            byte += len(line.encode(self.encoding)) + width
            offsets.append(byte - 1)
        return offsets

    def offsets(self) -> OffsetMap:
        """The way from characters of ``text`` to bytes and lines of ``data``."""
        return OffsetMap(self.raw_text, self.pieces(), self.newlines(), self.encoding)

    def offsets_of(self, text: str, pieces: list[TextPiece]) -> OffsetMap:
        """Offsets for another readable ``text`` made from the same source, ``pieces`` pointing into ``data``."""
        return OffsetMap(text, pieces, self.newlines(), self.encoding)


class ByteCursor:
    """Byte offsets of characters of a decoded text, asked for in ascending order; linear over a whole text."""

    def __init__(self, decoded: DecodedText) -> None:
        self._raw = decoded.raw_text
        self._encoding = decoded.encoding
        self._errors = "surrogateescape" if decoded.encoding == "utf-8" else "strict"
        self._char = 0
        self._byte = decoded.bom_bytes

    def byte_of(self, char: int) -> int:
        """Offset in the source of the first byte of character ``char`` (its length for the end of the text)."""
        self._byte += len(self._raw[self._char : char].encode(self._encoding, self._errors))
        self._char = char
        return self._byte


def decode(data: bytes) -> DecodedText | None:
    """The text of ``data``; ``None`` when it is binary.

    Tried in order: a byte order mark, UTF-8, UTF-16 without a mark, UTF-8 with a few bad bytes, a legacy encoding
    guessed from the first ``SAMPLE_BYTES``, Latin-1. NUL bytes (outside UTF-16 and UTF-32) or more than 3 % control
    characters make it binary.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            if encoding == "utf-8":
                return _decode_utf8(data, len(mark)) or _decode_legacy(data, len(mark))
            found = decode_as(data, encoding, len(mark))
            if found is not None and "\0" not in found.text:
                return found
    if b"\0" in data:
        return _decode_unmarked_utf16(data)
    return _decode_utf8(data, 0) or _decode_legacy(data, 0)


def decode_as(data: bytes, encoding: str, skip: int = 0) -> DecodedText | None:
    """``data`` without its first ``skip`` bytes in a given encoding; ``None`` when that is unknown, does not fit, or
    would not give the same bytes back."""
    try:
        text = data[skip:].decode(encoding)
        if text.encode(encoding) != data[skip:]:
            return None
    except (LookupError, UnicodeError):
        return None
    return DecodedText(text, text, encoding, skip, data)


def without_surrogates(text: str) -> str:
    """``text`` with every lone surrogate replaced by U+FFFD; the length stays."""
    return text if text.isascii() else _LONE_SURROGATES.sub("\ufffd", text)


def _is_binary(data: bytes) -> bool:
    sample = data[:SAMPLE_BYTES]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return b"\0" in data or controls > len(sample) * _MOST_CONTROLS


def _decode_utf8(data: bytes, skip: int) -> DecodedText | None:
    """UTF-8, possibly with a few bad bytes; ``None`` when it is better taken for something else."""
    if _is_binary(data):
        return None
    body = data[skip:] if skip else data
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return DecodedText(text, text, "utf-8", skip, data)
    raw = body.decode("utf-8", "surrogateescape")
    text, bad = _LONE_SURROGATES.subn("\ufffd", raw)
    multibyte = sum(1 for char in raw[:SAMPLE_BYTES] if char > "\x7f") - len(
        _LONE_SURROGATES.findall(raw[:SAMPLE_BYTES])
    )
    if skip or bad * 4 <= multibyte or (multibyte == 0 and bad * 50 <= len(body) and not _WESTERN_PLACE.search(body)):
        return DecodedText(text, raw, "utf-8", skip, data)
    return None


def _decode_unmarked_utf16(data: bytes) -> DecodedText | None:
    """UTF-16 without a mark, told by which half of most units is a plausible high byte (Latin, Cyrillic)."""
    sample = data[: SAMPLE_BYTES & ~1]
    if len(data) % 2 or len(data) < 8:
        return None
    for encoding, high, low in (("utf-16-le", sample[1::2], sample[::2]), ("utf-16-be", sample[::2], sample[1::2])):
        plausible = high.count(0) + high.count(4)
        if plausible > len(high) * 0.8 and low.count(0) < len(low) * 0.05:
            found = decode_as(data, encoding, 0)
            if found is not None and "\0" not in found.text and not _is_binary(found.text[:SAMPLE_BYTES].encode()):
                return found
    return None


def _decode_legacy(data: bytes, skip: int) -> DecodedText | None:
    if _is_binary(data):
        return None
    for encoding in (*_guesses(data[skip : skip + SAMPLE_BYTES]), "latin-1"):
        found = decode_as(data, encoding, skip)
        if found is not None:
            return found
    return None


def _guesses(sample: bytes) -> list[str]:
    """Encodings worth a try, likeliest first."""
    runs = _LEGACY_RUN.findall(sample)
    total = sum(map(len, runs))
    in_words = sum(len(run) for run in runs if len(run) >= 3)
    if total and in_words * 2 < total:  # single letters among Latin ones
        other = _normalizer_guess(sample) if total >= 20 else None
        return [other, "cp1252"] if other in {"cp1250", "cp1254", "cp1257"} else ["cp1252"]
    scored = sorted(((_russian_score(sample, encoding), encoding) for encoding in _CYRILLIC), reverse=True)
    if scored[0][0] > 30:
        return [scored[0][1]]
    other = _normalizer_guess(sample)
    return [other] if other else [scored[0][1]] if scored[0][0] > 15 else []


def _russian_score(sample: bytes, encoding: str) -> float:
    """How much the non-ASCII part of ``sample`` reads like Russian: the mean share, per mille, of its letters in
    prose; about 60 for Russian. Capitals inside words and signs that are no letters count against it."""
    text = sample.decode(encoding, "replace")
    total, count = 0.0, 0
    before = " "
    for char in text:
        if char > "\x7f":
            count += 1
            if char.islower() or not (before.islower() or before.isupper()):
                total += _RUSSIAN_PER_MILLE.get(char.lower(), -40)
            elif before.islower():
                total -= 40
            else:
                total += _RUSSIAN_PER_MILLE.get(char.lower(), -40) * 0.8
        before = char
    return total / count if count else 0.0


def _normalizer_guess(sample: bytes) -> str | None:
    best = _from_bytes()(sample, cp_isolation=list(_OTHERS), enable_fallback=False).best()
    return str(best.encoding) if best is not None and best.encoding in _OTHERS else None


@cache
def _from_bytes():  # type: ignore[no-untyped-def]
    from charset_normalizer import from_bytes

    return from_bytes

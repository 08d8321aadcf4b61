"""From characters of a readable text back to bytes and lines of the file it was made from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.contracts.documents import Span


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A run of text and the bytes it stands for.

    ``exact``: the bytes, decoded, are the text character for character, so positions inside can be computed.
    Otherwise (an entity, an escape, an encoded mail line) the piece is taken as a whole.
    """

    start: int
    end: int
    start_byte: int
    end_byte: int
    exact: bool = True


class OffsetMap:
    """Maps character ranges of a text to spans of the source.

    ``text`` is the text as decoded with ``surrogateescape`` for UTF-8 (undecodable bytes as lone surrogates), so that
    encoding a slice of it gives the very bytes of the source. ``pieces`` are ordered, do not overlap, and between
    them cover every character that a chunk or a statement may contain. ``newlines`` are the byte offsets of every
    line end in the source, ascending. Immutable, safe to share between threads.
    """

    __slots__ = ("_encoding", "_errors", "_newlines", "_pieces", "_starts", "_text")

    def __init__(
        self, text: str, pieces: Sequence[TextPiece], newlines: Sequence[int], encoding: str = "utf-8"
    ) -> None:
        self._text = text
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]
        self._newlines = newlines
        self._encoding = encoding
        self._errors = "surrogateescape" if encoding == "utf-8" else "strict"

    def span(self, start: int, end: int) -> Span:
        """See :class:`assistant.contracts.documents.Offsets`. Raises ``ValueError`` when the range is empty."""
        if not 0 <= start < end <= len(self._text):
            raise ValueError(f"no such range in the text: {start}..{end} of {len(self._text)}")
        start_byte = self._byte(start, at_end=False)
        end_byte = self._byte(end, at_end=True)
        line = bisect_right(self._newlines, start_byte - 1) + 1
        end_line = bisect_right(self._newlines, max(start_byte, end_byte - 1) - 1) + 1
        return Span(start_byte, end_byte, line, end_line)

    def _byte(self, position: int, *, at_end: bool) -> int:
        index = bisect_right(self._starts, position - 1 if at_end else position) - 1
        if index < 0:
            return self._pieces[0].start_byte if self._pieces else 0
        piece = self._pieces[index]
        if position >= piece.end:
            if at_end or index + 1 >= len(self._pieces):
                return piece.end_byte
            return self._pieces[index + 1].start_byte
        if not piece.exact:
            return piece.end_byte if at_end else piece.start_byte
        before = self._text[piece.start : position]
        return piece.start_byte + len(before.encode(self._encoding, self._errors))


def newline_offsets(data: bytes) -> list[int]:
    """Byte offset of every ``\\n`` in ``data``, ascending."""
    offsets: list[int] = []
    position = data.find(b"\n")
    while position >= 0:
        offsets.append(position)
        position = data.find(b"\n", position + 1)
    return offsets

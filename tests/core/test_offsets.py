"""From characters back to bytes and lines, against counting them one by one."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.contracts.documents import Span
from assistant.core.offsets import OffsetMap, TextPiece, newline_offsets

TEXTS = st.text(st.sampled_from("ab \n\r\té€🙂шЖ\x00\u2028"), min_size=1, max_size=60)


def verbatim_pieces(text: str, encoding: str, skip_bytes: int = 0) -> list[TextPiece]:
    """Pieces, one a line, for a text that is its source decoded as a whole.

    ``skip_bytes`` is the length of a byte order mark that the text does not hold. ASCII text needs one piece only.
    """
    if not text:
        return []
    if text.isascii() and encoding in {"utf-8", "ascii"}:
        return [TextPiece(0, len(text), skip_bytes, skip_bytes + len(text))]
    errors = "surrogateescape" if encoding == "utf-8" else "strict"
    pieces: list[TextPiece] = []
    at, byte = 0, skip_bytes
    while at < len(text):
        cut = text.find("\n", at)
        end = len(text) if cut < 0 else cut + 1
        size = len(text[at:end].encode(encoding, errors))
        pieces.append(TextPiece(at, end, byte, byte + size))
        at, byte = end, byte + size
    return pieces


def naive(text: str, encoding: str, skip_bytes: int, start: int, end: int) -> Span:
    first = skip_bytes + len(text[:start].encode(encoding, "surrogateescape"))
    last = first + len(text[start:end].encode(encoding, "surrogateescape"))
    # the newline that ends a line belongs to it
    return Span(first, last, text[:start].count("\n") + 1, text[: end - 1].count("\n") + 1)


@given(text=TEXTS, skip_bytes=st.sampled_from([0, 3]), data=st.data())
def test_spans_of_a_text_that_is_its_source(text: str, skip_bytes: int, data: st.DataObject) -> None:
    source = b"\xef\xbb\xbf"[:skip_bytes] + text.encode()
    offsets = OffsetMap(text, verbatim_pieces(text, "utf-8", skip_bytes), newline_offsets(source))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    span = offsets.span(start, end)
    assert span == naive(text, "utf-8", skip_bytes, start, end)
    assert source[span.start_byte : span.end_byte].decode() == text[start:end]


@given(data=st.binary(min_size=1, max_size=40), picks=st.data())
def test_spans_of_bytes_that_are_not_utf_8(data: bytes, picks: st.DataObject) -> None:
    text = data.decode("utf-8", "surrogateescape")
    offsets = OffsetMap(text, verbatim_pieces(text, "utf-8"), newline_offsets(data))
    start = picks.draw(st.integers(0, len(text) - 1))
    end = picks.draw(st.integers(start + 1, len(text)))
    span = offsets.span(start, end)
    assert data[span.start_byte : span.end_byte].decode("utf-8", "surrogateescape") == text[start:end]


@given(text=st.text(st.sampled_from("ab\nшЖё "), min_size=1, max_size=40), data=st.data())
@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_spans_of_other_encodings(encoding: str, text: str, data: st.DataObject) -> None:
    source = text.encode(encoding)
    offsets = OffsetMap(text, verbatim_pieces(text, encoding), newline_offsets(source), encoding)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert offsets.span(start, end) == naive(text, encoding, 0, start, end)


def test_pieces_that_are_not_exact_are_taken_whole() -> None:
    # source: "a&amp;b", text: "a&b"
    pieces = [TextPiece(0, 1, 0, 1), TextPiece(1, 2, 1, 6, exact=False), TextPiece(2, 3, 6, 7)]
    offsets = OffsetMap("a&b", pieces, [])
    assert offsets.span(1, 2) == Span(1, 6, 1, 1)
    assert offsets.span(0, 3) == Span(0, 7, 1, 1)
    assert offsets.span(0, 1) == Span(0, 1, 1, 1)
    assert offsets.span(2, 3) == Span(6, 7, 1, 1)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 1), (-1, 1), (0, 99), (3, 3)])
def test_impossible_ranges_are_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no such range"):
        OffsetMap("abc", verbatim_pieces("abc", "utf-8"), []).span(start, end)


@given(st.binary(max_size=60))
def test_newlines_are_found(data: bytes) -> None:
    assert newline_offsets(data) == [at for at, byte in enumerate(data) if byte == 10]


def test_an_empty_text_has_no_pieces() -> None:
    assert verbatim_pieces("", "utf-8") == []

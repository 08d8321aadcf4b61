"""What holds for every document, whatever reader made it."""

from __future__ import annotations

from assistant.contracts.documents import Document

ALLOWED_CHUNK_CHARS = 900


def check_laws(data: bytes, document: Document, verbatim: bool, *, most_chars: int = ALLOWED_CHUNK_CHARS) -> None:
    """Assert the contract of ``Document`` and ``Chunk``.

    ``verbatim``: the text of every chunk stands in ``data`` as it is, in the document's encoding.
    ``most_chars`` is the longest chunk allowed.
    """
    text = document.text
    assert not any("\ud800" <= char <= "\udfff" for char in text), "lone surrogate in the text"
    assert document.timestamp is None or document.timestamp.utcoffset() is not None
    before = 0
    for chunk in document.chunks:
        words = text[chunk.start : chunk.end]
        assert before <= chunk.start < chunk.end <= len(text), f"out of order or overlapping: {chunk}"
        before = chunk.end
        assert words == words.strip(), f"white space at an end: {words!r}"
        assert len(words) <= most_chars, f"{len(words)} characters in one chunk"
        assert chunk.timestamp is None or chunk.timestamp.utcoffset() is not None
        check_span(data, document, chunk.start, chunk.end, verbatim)


def check_span(data: bytes, document: Document, start: int, end: int, verbatim: bool) -> None:
    """Assert that the range ``start .. end`` of the text leads to the right bytes and lines of ``data``."""
    span = document.offsets.span(start, end)
    assert 0 <= span.start_byte < span.end_byte <= len(data)
    assert span.line == _line(data, span.start_byte, document.encoding)
    assert span.end_line == _line(data, span.end_byte - 1, document.encoding)
    if verbatim:
        cited = data[span.start_byte : span.end_byte]
        if document.encoding == "utf-8":
            cited_text = cited.decode("utf-8", "surrogateescape")
            cited_text = "".join("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in cited_text)
        else:
            cited_text = cited.decode(document.encoding)
        assert cited_text == document.text[start:end]


def _line(data: bytes, byte: int, encoding: str) -> int:
    """Number, from 1, of the line that holds ``byte``."""
    if encoding.startswith(("utf-16", "utf-32")):
        width = 2 if encoding.startswith("utf-16") else 4
        return data[: byte - byte % width].decode(encoding, "replace").count("\n") + 1
    return data.count(b"\n", 0, byte) + 1

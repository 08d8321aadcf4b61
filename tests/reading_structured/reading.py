"""What the tests of the structured readers share."""

from __future__ import annotations

from assistant.contracts.documents import Chunk, Document
from assistant.reading.code import read_code
from assistant.reading.config import read_config
from assistant.reading.decoding import DecodedText, decode
from tests.reading.document_laws import check_laws


def decoded(source: str | bytes) -> DecodedText:
    found = decode(source.encode() if isinstance(source, str) else source)
    assert found is not None
    return found


def code_of(path: str, source: str | bytes, language: str) -> Document:
    """The document of a source file, checked against the laws of documents."""
    text = decoded(source)
    document = read_code(path, text, language)
    assert document is not None
    check_laws(text.data, document, verbatim=True)
    check_words_covered(document)
    return document


def config_of(path: str, source: str | bytes, language: str) -> Document:
    text = decoded(source)
    document = read_config(path, text, language)
    assert document is not None
    check_laws(text.data, document, verbatim=True)
    check_words_covered(document)
    return document


def check_words_covered(document: Document) -> None:
    """Assert that every letter and digit of the text lies in some chunk."""
    rest, at = [], 0
    for chunk in document.chunks:
        rest.append(document.text[at : chunk.start])
        at = chunk.end
    rest.append(document.text[at:])
    left_out = "".join(rest)
    assert not any(char.isalnum() for char in left_out), f"left out: {left_out[:200]!r}"


def words(document: Document, chunk: Chunk) -> str:
    return document.text[chunk.start : chunk.end]


def names(document: Document) -> list[tuple[str, str | None]]:
    """Scope (joined with ``>``) and symbol of each chunk."""
    return [(">".join(chunk.scope), chunk.symbol) for chunk in document.chunks]


def chunk_with(document: Document, words_inside: str) -> Chunk:
    """The one chunk whose text holds these words."""
    found = [chunk for chunk in document.chunks if words_inside in words(document, chunk)]
    assert len(found) == 1, f"{len(found)} chunks hold {words_inside!r}"
    return found[0]

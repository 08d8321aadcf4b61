"""Bytes to documents: chooses the reader for a source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from assistant.contracts.documents import Document, SourceAddress, SourceKind
from assistant.contracts.errors import UnreadableSource
from assistant.reading.decoding import DecodedText, decode
from assistant.reading.kinds import HEAD_BYTES, classify, language_of

ReadText = Callable[[str, DecodedText, str | None], Document | None]
"""``path`` (its name may matter), the decoded source, its language if known. ``None``: nothing to read. Raises
``ValueError`` when the source is not what its name says."""

MOST_MEAN_LINE_CHARS = 2000
"""Code or data with longer lines on average was made by a program, for a program."""

MOST_GENERATED_BYTES = 1024 * 1024
"""Up to this size it is read all the same."""


class FileReader:
    """Implements :class:`~assistant.contracts.ports.Reader` for every kind of source. Stateless, thread-safe."""

    def read(self, address: SourceAddress, data: bytes) -> Document | None:
        """See :class:`~assistant.contracts.ports.Reader`. What its own reader cannot make sense of is read as plain
        text, with a note."""
        if not data:
            return None
        if address.commit:
            from assistant.reading.history import read_commit

            return read_commit(address.path, data)
        path = address.path
        head = data[:HEAD_BYTES]
        kind = classify(path, head)
        if kind == "mail":
            return self._read_mail(path, data)
        decoded = decode(data)
        if decoded is None:
            return None
        return _read_text(path, decoded, kind or "text", language_of(path, head))

    @staticmethod
    def _read_mail(path: str, data: bytes) -> Document | None:
        from assistant.reading.mail import read_mail

        if b"\0" in data[:HEAD_BYTES]:
            return None
        return read_mail(path, data)


def _read_text(path: str, decoded: DecodedText, kind: SourceKind, language: str | None) -> Document | None:
    if kind in {"code", "config"}:
        mean_chars = len(decoded.text) / (decoded.text.count("\n") + 1)
        if mean_chars > MOST_MEAN_LINE_CHARS and len(decoded.data) > MOST_GENERATED_BYTES:
            raise UnreadableSource(f"looks generated or minified (lines of {mean_chars:,.0f} characters)")
    try:
        return _reader_of(kind)(path, decoded, language)
    except ValueError as error:
        from assistant.reading.prose import read_prose

        document = read_prose(path, decoded, None)
        note = f"read as plain text: {' '.join(str(error).split())[:200] or 'it cannot be parsed'}"
        return None if document is None else replace(document, kind=kind, notes=(*document.notes, note))


def _reader_of(kind: SourceKind) -> ReadText:
    """The reader of a kind; each is imported when first needed."""
    if kind == "markdown":
        from assistant.reading.markdown import read_markdown

        return read_markdown
    if kind == "rst":
        from assistant.reading.rst import read_rst

        return read_rst
    if kind == "html":
        from assistant.reading.html import read_html

        return read_html
    if kind == "code":
        from assistant.reading.code import read_code

        return lambda path, decoded, language: read_code(path, decoded, language or "")
    if kind == "config":
        from assistant.reading.config import read_config

        return lambda path, decoded, language: read_config(path, decoded, language or "")
    if kind == "table":
        from assistant.reading.tables import read_table

        return read_table
    if kind == "notebook":
        from assistant.reading.notebook import read_notebook

        return read_notebook
    from assistant.reading.prose import read_prose

    return read_prose

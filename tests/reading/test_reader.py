from __future__ import annotations

import tracemalloc

import pytest

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.reading.reader import FileReader

from .document_laws import check_laws
from .sources import document_of


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n\0\0", b" \n\t\n"])
def test_nothing_to_read_gives_nothing(data: bytes) -> None:
    assert FileReader().read(SourceAddress("/x/a.txt"), data) is None


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.md", "# Words\n", "markdown"),
        ("a.rst", "Words\n=====\n", "rst"),
        ("a.html", "<p>Words", "html"),
        ("page", "<!doctype html><p>Words", "html"),
        ("a.eml", "Subject: Words\n\nHello\n", "mail"),
        ("a.txt", "Words", "text"),
        ("strange.xyz", "Words", "text"),
    ],
)
def test_each_kind_goes_to_its_reader(name: str, data: str, kind: str) -> None:
    document = document_of(name, data)
    assert document.kind == kind
    assert "Words" in document.text


def test_the_same_bytes_give_the_same_document() -> None:
    data = "# A\n\nПривет, мир.\n\n- one\n- two\n"
    first, second = document_of("a.md", data), document_of("a.md", data)
    assert (first.text, first.chunks, first.title) == (second.text, second.chunks, second.title)


def test_huge_line_is_read_in_bounded_memory() -> None:
    data = ("слово и ещё word, " * 150_000).encode()
    document_of("b.txt", "Слова. " * 300)  # what is loaded once does not count
    tracemalloc.start()
    document = document_of("a.txt", data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * len(data)
    assert len(document.chunks) > 3_000
    last = document.chunks[-1]
    span = document.offsets.span(last.start, last.end)
    assert data[span.start_byte : span.end_byte].decode() == document.text[last.start : last.end]


def test_a_huge_markdown_file_is_read_as_plain_text() -> None:
    data = "- item\n" * 300_000
    document = document_of("a.md", data)
    assert document.notes == ("read as plain text: too large to be parsed as Markdown",)
    assert document.kind == "markdown"


@pytest.mark.parametrize("name", ["a.js", "a.json"])
def test_generated_code_is_refused_when_large(name: str) -> None:
    with pytest.raises(UnreadableSource, match="looks generated or minified"):
        FileReader().read(SourceAddress("/x/" + name), b"[" + b"1," * 600_000 + b"1]")


def test_windows_line_ends_and_a_mark_are_no_trouble() -> None:
    data = b"\xef\xbb\xbf" + "Первая строка.\r\n\r\nВторая строка.\r\n".encode()
    document = document_of("a.txt", data)
    check_laws(data, document, verbatim=True)
    assert document.offsets.span(document.text.index("Вторая"), document.text.index("Вторая") + 6).line == 3

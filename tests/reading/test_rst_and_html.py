from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.decoding import decode
from assistant.reading.html import read_html
from assistant.reading.rst import read_rst

from .document_laws import check_laws
from .sources import chunk_texts, document_of

BOOK = """=======
My book
=======

Intro.

Part one
--------

See:

* a
* b

.. code-block:: python

   x = 1

   y = 2
   z = 3

.. a comment

Part *two*
----------
Конец.
"""

RST = [
    "Title\n=====\n",
    "* item\n",
    "  ",
    ".. note:: x\n",
    "::\n\n",
    "\n",
    "текст `a`_ ",
    "===\n",
    "\t",
    ":f: v\n",
    "\r\n",
]
RST += ["Sub\n---\n", ".. code:: a\n\n   b\n   c\n   d\n", ".. comment\n", "__"]
HTML = [
    "<p>",
    "</p>",
    "<div>",
    "<b",
    "&amp;",
    "&#x1F;",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<table>",
    "<th>",
    "<tr>",
]
HTML += [
    "<td>",
    "words ",
    " ",
    "\n",
    "é",
    "<",
    ">",
    '"',
    "<a href='",
    "<pre>",
    "</pre>",
    "</",
    "<title>",
    "<h1>",
    "</h1>",
]
HTML += ["&#xd800;", "&nbsp;", "x  y", "\xa0", "</table>", "</title>"]


def test_rst_sections_become_scopes() -> None:
    document = document_of("a.rst", BOOK)
    check_laws(BOOK.encode(), document, verbatim=True)
    assert [(chunk.kind, chunk.scope) for chunk in document.chunks] == [
        ("prose", ("My book",)),
        ("prose", ("My book", "Part one")),
        ("code", ("My book", "Part one")),
        ("prose", ("My book", "Part two")),
    ]
    assert chunk_texts(document)[1:] == [
        "Part one\n--------\n\nSee:\n\n* a\n* b",
        "x = 1\n\n   y = 2\n   z = 3",
        "Part *two*\n----------\nКонец.",
    ]
    assert (document.title, document.chunks[2].language) == ("My book", "python")


@given(st.lists(st.sampled_from(RST), max_size=50).map("".join))
def test_the_laws_hold_for_any_rst(text: str) -> None:
    data = text.encode()
    decoded = decode(data)
    document = read_rst("x.rst", decoded) if decoded else None
    if document is not None:
        check_laws(data, document, verbatim=True)


@given(st.lists(st.sampled_from(HTML), max_size=50).map("".join), st.sampled_from(["utf-8", "utf-16"]))
def test_the_laws_hold_for_any_html(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    decoded = decode(data)
    document = read_html("x.html", decoded) if decoded else None
    if document is not None:
        check_laws(data, document, verbatim=False)


PAGE = """<!doctype html><html><head><title>Счёт &amp; more</title><style>p { color: red }</style>
<meta property="article:published_time" content="2024-05-01T10:00:00Z"><script>if (a < b) bad()</script></head><body>
<h1>Head &mdash; one</h1><p>Привет, <b>мир</b>! 1 &lt; 2,
   next&nbsp;line<!-- hidden --></p>
<table><tr><th>Name</th><th>Age</th></tr><tr><td><p>Al</p></td><td>12</td></tr></table>
<ul><li>one<li>two</ul><h2>Sub</h2><pre>  a
   b</pre></body></html>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16"])
def test_html_shows_what_a_person_sees(encoding: str) -> None:
    data = PAGE.encode(encoding)
    document = document_of("a.html", data)
    check_laws(data, document, verbatim=False)
    assert document.text.split("\n") == [
        *(
            "Head — one",
            "Привет, мир! 1 < 2, next line",
            "Name | Age",
            "Al | 12",
            "one",
            "two",
            "Sub",
            "  a",
            "   b",
            "",
        )
    ]
    assert [(chunk.kind, chunk.scope, chunk.header) for chunk in document.chunks] == [
        ("prose", ("Head — one",), ""),
        ("table", ("Head — one",), "Name | Age"),
        ("prose", ("Head — one",), ""),
        ("prose", ("Head — one", "Sub"), ""),
    ]
    assert document.title == "Счёт & more"
    assert document.timestamp is not None
    assert document.timestamp.isoformat() == "2024-05-01T10:00:00+00:00"


def test_html_places_are_exact_between_marks() -> None:
    data = PAGE.encode()
    document = document_of("a.html", data)
    for words, source in (("Привет", "Привет"), ("мир", "мир"), ("— one", "&mdash; one"), ("1 < 2", "1 &lt; 2")):
        start = document.text.index(words)
        span = document.offsets.span(start, start + len(words))
        assert data[span.start_byte : span.end_byte].decode() == source


@pytest.mark.parametrize("mark", ["<b>", "<div><span>", "<i>x"])
def test_endless_nesting_is_read_as_plain_text(mark: str) -> None:
    document = document_of("a.html", "<p>words</p>" + mark * 5000)
    assert document.notes == ("read as plain text: nested too deeply to be parsed as HTML",)


def test_noise_never_crashes_the_html_parser() -> None:
    noise = random.Random(7)
    for _ in range(50):
        data = "".join(noise.choices(HTML, k=400)).encode()
        decoded = decode(data)
        document = read_html("x.html", decoded) if decoded else None
        if document is not None:
            check_laws(data, document, verbatim=False)

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.decoding import decode
from assistant.reading.markdown import read_markdown

from .document_laws import check_laws
from .sources import chunk_texts, document_of

MARKS = [
    "# One\n",
    "## Two `x`\n",
    "Set\n---\n",
    "words\n",
    "\n",
    "- item\n",
    "  - deep\n",
    "1. step\n",
    "```py\n",
    "~~~\n",
]
MARKS += [
    "a|b\n",
    "-|-\n",
    "> quote\n",
    "    code\n",
    "<div>\n",
    "<!-- c -->\n",
    "***\n",
    "[a]: http://x\n",
    "\t",
    "\r",
]
MARKS += ["\r\n", "---\n", "Жук "]


@given(st.lists(st.sampled_from(MARKS), max_size=40).map("".join))
def test_the_laws_hold_for_any_mix_of_marks(text: str) -> None:
    data = text.encode()
    decoded = decode(data)
    assert decoded is not None
    document = read_markdown("x.md", decoded)
    if document is not None:
        check_laws(data, document, verbatim=True)


NOTE = """---
title: "My notes"
date: 2026-03-14 10:30
---
# Big *title*

## Sub `code`

Intro. See:

- item one
- item two

| A | B |
|---|---|
| 1 | 2 |

```python
def f():
    return 1

print(f())
```

## Next [link](http://x)
Text here.

[ref]: http://example.com/abc
<!-- not for readers -->
"""


def test_sections_tables_and_code_are_told_apart() -> None:
    document = document_of("a.md", NOTE)
    check_laws(NOTE.encode(), document, verbatim=True)
    assert [(chunk.kind, chunk.scope) for chunk in document.chunks] == [
        ("config", ()),
        ("prose", ("Big title", "Sub code")),
        ("table", ("Big title", "Sub code")),
        ("code", ("Big title", "Sub code")),
        ("prose", ("Big title", "Next link")),
    ]
    _, prose, table, code, last = chunk_texts(document)
    assert prose == "# Big *title*\n\n## Sub `code`\n\nIntro. See:\n\n- item one\n- item two"
    assert table == "| A | B |\n|---|---|\n| 1 | 2 |"
    assert code == "def f():\n    return 1\n\nprint(f())"
    assert last == "## Next [link](http://x)\nText here.\n\n[ref]: http://example.com/abc"
    assert (document.chunks[2].header, document.chunks[3].language) == ("| A | B |", "python")


def test_front_matter_names_title_and_date() -> None:
    document = document_of("2020-01-01.md", NOTE)
    assert (document.title, document.timestamp) == ("My notes", datetime(2026, 3, 14, 10, 30, tzinfo=UTC))


def test_the_first_heading_is_the_title_otherwise() -> None:
    assert document_of("a.md", "words\n\n# Heading\n").title == "Heading"


def test_a_long_table_is_split_by_rows_under_one_header() -> None:
    rows = [f"| {number} | {'x' * 60} |" for number in range(40)]
    document = document_of("a.md", "\n".join(["| N | Word |", "|---|---|", *rows]))
    assert {(chunk.kind, chunk.header) for chunk in document.chunks} == {("table", "| N | Word |")}
    assert [line for text in chunk_texts(document) for line in text.split("\n")][2:] == rows


def test_no_chunk_crosses_a_heading() -> None:
    document = document_of("a.md", "# A\n\none\n\n# B\n\ntwo\n\n# C\n# D\nthree\n")
    assert chunk_texts(document) == ["# A\n\none", "# B\n\ntwo", "# C", "# D\nthree"]


def test_a_heading_inside_a_fence_is_code() -> None:
    document = document_of("a.md", "# A\n\n```sh\n# not a heading\nls\nls\nls\n```\n")
    assert [chunk.scope for chunk in document.chunks] == [("A",), ("A",)]


def test_windows_line_ends_change_nothing_but_themselves() -> None:
    data = NOTE.replace("\n", "\r\n").encode()
    document = document_of("a.md", data)
    check_laws(data, document, verbatim=True)
    assert [text.replace("\r\n", "\n") for text in chunk_texts(document)] == chunk_texts(document_of("a.md", NOTE))


def test_deep_nesting_is_no_trouble() -> None:
    text = "> " * 5000 + "deep\n" + "".join("  " * level + "- x\n" for level in range(400))
    assert document_of("a.md", text).chunks

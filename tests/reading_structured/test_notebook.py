"""Notebooks are read cell by cell, with a way back into their JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.contracts.documents import Chunk, Document
from assistant.reading.decoding import decode
from assistant.reading.notebook import MOST_OUTPUT_CHARS, read_notebook
from tests.reading.document_laws import check_laws
from tests.reading_structured.reading import chunk_with, decoded, words

PICTURE = "iVBORw0KGgo" * 200


def markdown(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str | list[str], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": list(outputs), "source": source}


def stream(text: str | list[str]) -> dict[str, Any]:
    return {"name": "stdout", "output_type": "stream", "text": text}


def notebook(*cells: dict[str, Any], language: str = "python") -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {"language_info": {"name": language}}, "nbformat": 4, "nbformat_minor": 5}


LOAD = 'def load(path):\n    """Reads\\tall."""\n    return json.load(open(path))'
CELLS = [
    markdown(["# Weather\n", "\n", "Readings of the *roof* station — “daily”.\n"]),
    markdown("## Loading"),
    code(
        ["import json\n", "\n", "def load(path):\n", '    """Reads\\tall."""\n', "    return json.load(open(path))\n"],
        stream(["read 3 files\n", "done \u2713 \U0001f600\n"]),
        {"output_type": "display_data", "data": {"image/png": PICTURE, "text/plain": ["<Figure size 640x480>"]}},
        {"output_type": "execute_result", "data": {"text/plain": "42 readings", "text/html": "<b>42</b>"}},
    ),
    code("%%bash\nls -l \\\n  data"),
    {"cell_type": "raw", "metadata": {}, "source": "raw words"},
]


def notebook_of(content: dict[str, Any] | bytes, *, ascii_only: bool = False, indent: int | None = 1) -> Document:
    data = (
        content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=ascii_only, indent=indent).encode()
    )
    document = read_notebook("weather 2024-05-06.ipynb", decoded(data))
    assert document is not None
    check_laws(data, document, verbatim=False)
    return document


def cited(data: bytes, document: Document, chunk: Chunk) -> str:
    span = document.offsets.span(chunk.start, chunk.end)
    return data[span.start_byte : span.end_byte].decode()


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("indent", [None, 1])
def test_cells_become_chunks(ascii_only: bool, indent: int | None) -> None:
    document = notebook_of(notebook(*CELLS), ascii_only=ascii_only, indent=indent)
    found = [
        (chunk.kind, chunk.scope, chunk.symbol, chunk.language, words(document, chunk)) for chunk in document.chunks
    ]
    below = ("Weather", "Loading")
    assert found == [
        ("prose", ("Weather",), None, None, "# Weather\n\nReadings of the *roof* station — “daily”."),
        ("prose", below, None, None, "## Loading"),
        ("code", below, "load", "python", "import json\n\n" + LOAD),
        ("code", below, None, None, "read 3 files\ndone ✓ 😀"),
        ("code", below, None, None, "42 readings"),
        ("code", below, None, "bash", "%%bash\nls -l \\\n  data"),
        ("prose", below, None, None, "raw words"),
    ]
    assert (document.kind, document.title, document.notes) == ("notebook", "Weather", ("1 picture left out",))
    assert document.timestamp is not None
    assert document.timestamp.date().isoformat() == "2024-05-06"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_spans_hold_the_json_of_the_chunk(ascii_only: bool) -> None:
    content = notebook(*CELLS)
    data = json.dumps(content, ensure_ascii=ascii_only, indent=1).encode()
    document = notebook_of(data)
    shown = cited(data, document, chunk_with(document, "def load"))
    assert shown.startswith("import json\\n")
    assert shown.endswith("return json.load(open(path))")
    assert cited(data, document, chunk_with(document, "raw words")) == "raw words"
    assert json.loads(f'"{cited(data, document, chunk_with(document, "42 readings"))}"') == "42 readings"
    output = chunk_with(document, "done ✓")
    assert cited(data, document, output).endswith("done ✓ 😀" if not ascii_only else r"done \u2713 \ud83d\ude00")


def test_one_statement_leads_to_its_own_line() -> None:
    content = notebook(code([f"value_{i} = {i}\n" for i in range(20)]))
    data = json.dumps(content, indent=1).encode()
    document = notebook_of(data)
    start = document.text.index("value_7")
    span = document.offsets.span(start, start + len("value_7"))
    assert data[span.start_byte : span.end_byte] == b"value_7"
    assert b"value_7 =" in data.splitlines()[span.line - 1]


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_comes_back_through_json(text: str) -> None:
    text = text.replace("\0", "").encode("utf-8", "replace").decode()
    content = notebook({"cell_type": "raw", "source": "[" + text + "]"})
    for ascii_only in (False, True):
        document = notebook_of(content, ascii_only=ascii_only)
        assert "[" in document.text
        assert document.text == "[" + text + "]"


def test_long_outputs_are_cut() -> None:
    document = notebook_of(notebook(code("run()", stream([f"line {i}\n" for i in range(2000)]))))
    assert document.notes == ("1 long output cut short",)
    assert len(document.text) < MOST_OUTPUT_CHARS + 20


def test_colours_of_the_terminal_are_left_out() -> None:
    document = notebook_of(notebook(code("x", stream("\x1b[31mred\x1b[0m words"))))
    assert "red words" in document.text


def test_pictures_inside_markdown_are_left_out() -> None:
    document = notebook_of(notebook(markdown(f"before ![plot](data:image/png;base64,{PICTURE}) after")))
    assert document.text == "before ![plot]() after"
    assert document.notes == ("1 picture left out",)


def test_headings_inside_fences_are_none() -> None:
    document = notebook_of(notebook(markdown("# One\n\n```\n# not a heading\n```\n"), markdown("text below")))
    assert {chunk.scope for chunk in document.chunks} == {("One",)}


def test_other_kernels() -> None:
    document = notebook_of(notebook(code("fn main() {}"), language="Rust"))
    assert (document.chunks[0].language, document.chunks[0].symbol) == ("rust", "main")


def test_format_3() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old times"]},
        {"cell_type": "code", "input": "x = 1", "outputs": [{"output_type": "pyout", "text": "1"}]},
    ]
    document = notebook_of({"worksheets": [{"cells": cells}], "nbformat": 3})
    assert [(chunk.scope, words(document, chunk)) for chunk in document.chunks] == [
        *((("Old times",), each) for each in ("Old times", "x = 1", "1")),
    ]


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b'{"a": 1}', b"words", b'{"cells": [}'])
def test_what_is_no_notebook(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|cells"):
        read_notebook("x.ipynb", decoded(content))


def test_a_notebook_without_text_is_nothing_to_read() -> None:
    assert read_notebook("x.ipynb", decoded(json.dumps(notebook(code(""), markdown([]))))) is None


@pytest.mark.parametrize(
    "cells",
    ["[1, null, []]", '[{"source": 3}]', '[{"cell_type": "code", "source": {"a": 1}, "outputs": 7}]', '"x"', "{}"],
)
def test_odd_shapes(cells: str) -> None:
    assert read_notebook("x.ipynb", decoded(f'{{"cells": {cells}}}')) is None


def test_lone_surrogates_and_nul() -> None:
    document = notebook_of(b'{"cells": [{"cell_type": "raw", "source": "a \\ud800 b \\u0000 c"}]}')
    assert document.text == "a \ufffd b \ufffd c"


def test_deeply_nested_json_in_an_output() -> None:
    nested = '{"a":' * 50_000 + "1" + "}" * 50_000
    source = f'{{"cells": [{{"cell_type": "code", "source": "x = 1", "outputs": [{{"data": {nested}}}]}}]}}'
    assert notebook_of(source.encode()).text == "x = 1"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_byte_noise(data: st.DataObject) -> None:
    source = bytearray(json.dumps(notebook(*CELLS), ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(source) - 1))
        source[place : place + 1] = data.draw(st.binary(max_size=3))
    text = decode(bytes(source))
    if text is None:
        return
    document = None
    with contextlib.suppress(ValueError):  # no valid JSON any more
        document = read_notebook("x.ipynb", text)
    if document is not None:
        check_laws(bytes(source), document, verbatim=False)

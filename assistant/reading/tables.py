"""Delimited tables (CSV, TSV and their kin) to documents: chunks are runs of rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document
from assistant.reading.borders import cut
from assistant.reading.dates import date_in_name
from assistant.reading.packing import MAX_CHARS, TARGET_CHARS, trim

if TYPE_CHECKING:
    from assistant.reading.decoding import DecodedText

MOST_RECORD_LINES = 64
"""A quoted cell that is still open after so many lines was never meant to be one."""

MOST_RECORD_CHARS = 16_384
"""Likewise. Below ``csv.field_size_limit()`` (131,072 unless someone changed it), which is left alone."""

MOST_HEADER_CHARS = 300
"""Columns beyond are not repeated with every chunk."""

_DELIMITERS = ",;\t|"
_SAMPLE_LINES, _SAMPLE_CHARS = 30, 16_384
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_NUMERIC = re.compile(r"[-+]?[€$£]?\d[\d.,:/T %+-]*[€$£%]?Z?")

Row = tuple[int, int]


def read_table(path: str, decoded: DecodedText, language: str | None = None) -> Document | None:
    """The document of one table; ``None`` when it has nothing but white space.

    Rows are never split unless one alone is longer than a chunk may be. Each chunk has the column names, as
    "name | name", for its ``header`` (the row that holds them is also the start of the first chunk); ``""`` when the
    first row is no header: it holds a number or a date. Ragged rows are taken as they are. ``language`` is not used.
    """
    del language
    text = decoded.text
    delimiter = "\t" if path.lower().endswith((".tsv", ".tab")) else _delimiter(text)
    rows = [row for row in (trim(text, *record) for record in records(text, delimiter)) if row is not None]
    if not rows:
        return None
    header = _header(text, rows, delimiter)
    chunks = [
        Chunk(start, end, "table", header=header)
        for row in _packed(rows)
        for start, end in _fitted(text, row, delimiter)
    ]
    return Document(
        text=text,
        offsets=decoded.offsets(),
        encoding=decoded.encoding,
        kind="table",
        modality="text",
        chunks=tuple(chunks),
        timestamp=date_in_name(path),
    )


def records(text: str, delimiter: str) -> Iterator[Row]:
    """Ranges of the records, each one line or, with quoted line ends, several; bounded in lines and characters.

    A line whose quotes do not close within the bounds is a record of its own, so one stray quote costs one row.
    """
    lines = [match.span() for match in _LINE.finditer(text) if match.end() > match.start()]
    index = 0
    while index < len(lines):
        start, end = lines[index]
        count = _lines_of_record(text, lines, index, delimiter) if text.find('"', start, end) >= 0 else 1
        yield start, lines[index + count - 1][1]
        index += count


def _lines_of_record(text: str, lines: list[Row], index: int, delimiter: str) -> int:
    overrun = False

    def source() -> Iterator[str]:
        nonlocal overrun
        start = lines[index][0]
        for first, last in lines[index : index + MOST_RECORD_LINES]:
            if last - start > MOST_RECORD_CHARS:
                break
            yield text[first:last]
        overrun = True  # asked for a line too many

    reader = csv.reader(source(), delimiter=delimiter)
    try:
        next(reader, None)
    except csv.Error:  # a lone carriage return in a cell, a cell above another's field_size_limit
        return 1
    return 1 if overrun else max(1, reader.line_num)


def _delimiter(text: str) -> str:
    """The sign that parts the first lines most evenly: most lines with the same number of it, then the most of it."""
    best, best_score = ",", (0, 0)
    sample = [match[0] for match, _ in zip(_LINE.finditer(text, 0, _SAMPLE_CHARS), range(_SAMPLE_LINES), strict=False)]
    bare = [re.sub(r'"[^"]*"', "", line) for line in sample if line.strip()]
    for delimiter in _DELIMITERS:
        counts = Counter(count for line in bare if (count := line.count(delimiter)))
        if counts:
            count, lines = counts.most_common(1)[0]
            if (lines, count) > best_score:
                best, best_score = delimiter, (lines, count)
    return best


def _header(text: str, rows: list[Row], delimiter: str) -> str:
    cells = _first_full_row(text, rows, delimiter)
    if len(rows) < 2 or not any(cells) or any(_NUMERIC.fullmatch(cell) for cell in cells):
        return ""
    header = ""
    for cell in cells:
        longer = f"{header} | {cell}" if header else cell
        if len(longer) > MOST_HEADER_CHARS:
            return f"{header} | …" if header else cell[:MOST_HEADER_CHARS]
        header = longer
    return header


def _first_full_row(text: str, rows: list[Row], delimiter: str) -> list[str]:
    """Cells of the first row that has as many cells as most of the first ones: titles and comments are passed over."""
    sample = [cells for cells in (_cells(text, row, delimiter) for row in rows[:_SAMPLE_LINES]) if cells]
    if not sample:
        return []
    usual = Counter(len(cells) for cells in sample).most_common(1)[0][0]
    return next(cells for cells in sample if len(cells) == usual)


def _cells(text: str, row: Row, delimiter: str) -> list[str]:
    if row[1] - row[0] > MOST_RECORD_CHARS:
        return []
    try:
        found = next(csv.reader([text[row[0] : row[1]]], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [" ".join(cell.split()) for cell in found]


def _packed(rows: list[Row]) -> Iterator[Row]:
    start, end = rows[0]
    for first, last in rows[1:]:
        if last - start > TARGET_CHARS:
            yield start, end
            start = first
        end = last
    yield start, end


def _fitted(text: str, row: Row, delimiter: str) -> list[Row]:
    """The run of rows itself, or pieces of a row that is too long, cut between cells where possible."""
    start, end = row
    if end - start <= MAX_CHARS:
        return [row]
    borders = []
    quoted = False
    for match in re.finditer(f'["{re.escape(delimiter)}]', text[start:end]):
        if match[0] == '"':
            quoted = not quoted
        else:
            borders.append((start + match.end(), 1 if quoted else 0))
    return cut(text, start, end, borders)

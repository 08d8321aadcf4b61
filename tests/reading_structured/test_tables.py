"""Chunks of delimited tables are runs of whole rows."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.contracts.documents import Document
from assistant.reading.decoding import decode
from assistant.reading.packing import MAX_CHARS, TARGET_CHARS
from assistant.reading.tables import MOST_RECORD_LINES, read_table, records
from tests.reading.document_laws import check_laws
from tests.reading_structured.reading import check_words_covered, decoded, words

CITIES = "name,country,population,remark\n" + "".join(f"Town {i},DE,{i * 1000},plain remark\n" for i in range(100))


def table_of(path: str, source: str | bytes) -> Document:
    text = decoded(source)
    document = read_table(path, text)
    assert document is not None
    check_laws(text.data, document, verbatim=True)
    check_words_covered(document)
    return document


def test_rows_are_packed_under_their_header() -> None:
    document = table_of("cities.csv", CITIES)
    assert (document.kind, document.modality, {chunk.kind for chunk in document.chunks}) == ("table", "text", {"table"})
    assert {chunk.header for chunk in document.chunks} == {"name | country | population | remark"}
    assert words(document, document.chunks[0]).startswith("name,country")
    assert all(words(document, chunk).startswith("Town ") for chunk in document.chunks[1:])
    assert all(words(document, chunk).endswith("plain remark") for chunk in document.chunks)
    assert max(chunk.end - chunk.start for chunk in document.chunks) <= TARGET_CHARS


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["when", "amount, net", "what"]] + [[f"day {i}", f"{i},50", "a; b"] for i in range(20)]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    assert table_of("a.csv", written.getvalue()).chunks[0].header == "when | amount, net | what"


def test_a_table_of_numbers_has_no_header() -> None:
    document = table_of("n.csv", "".join(f"{i},{i * 2.5},2024-01-{i % 28 + 1:02}\n" for i in range(100)))
    assert {chunk.header for chunk in document.chunks} == {""}


def test_titles_above_the_header_are_passed_over() -> None:
    document = table_of("r.csv", "Report of the shop\n\n" + CITIES)
    assert document.chunks[0].header == "name | country | population | remark"
    assert words(document, document.chunks[0]).startswith("Report of the shop")


def test_cells_with_line_ends_stay_in_their_row() -> None:
    source = "id,text\n" + "".join(f'{i},"first line of {i}\nsecond, ""quoted"" line\nthird"\n' for i in range(40))
    document = table_of("m.csv", source)
    assert all(words(document, chunk).endswith('third"') for chunk in document.chunks)


def test_ragged_rows() -> None:
    source = "a,b,c\n" + "x\n,,,,,,\ny,z\n" * 50 + '"",q\n'
    assert len(table_of("ragged.csv", source).chunks) > 1


def test_a_row_longer_than_a_chunk_is_cut_between_cells() -> None:
    row = ";".join(f"cell {i} with words" for i in range(200))
    document = table_of("wide.csv", f"{row}\n{row}\n")
    assert all(words(document, chunk).endswith((";", "words")) for chunk in document.chunks)
    assert max(chunk.end - chunk.start for chunk in document.chunks) <= MAX_CHARS


def test_many_columns_are_not_all_repeated() -> None:
    document = table_of("wide.csv", ",".join(f"column {i}" for i in range(400)) + "\n" + ",".join(["v"] * 400) + "\n")
    assert document.chunks[0].header.endswith(" | …")
    assert len(document.chunks[0].header) < 310


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends(end: str) -> None:
    document = table_of("a.csv", CITIES.replace("\n", end))
    assert all(words(document, chunk).endswith("plain remark") for chunk in document.chunks)


def test_csv_in_cp1251() -> None:
    source = ("город;жители;примечание\n" + "Москва;12600000;столица России\nКазань;1300000;на Волге\n" * 20).encode(
        "cp1251"
    )
    document = table_of("города.csv", source)
    assert (document.encoding, document.chunks[0].header) == ("cp1251", "город | жители | примечание")


def test_csv_with_one_unclosed_quote() -> None:
    source = CITIES.replace("Town 7,", '"Town 7,') + CITIES * 20
    document = table_of("broken.csv", source)
    assert len(document.chunks) > 50
    rows = list(records(source, ","))
    assert len(rows) == source.count("\n")


def test_csv_with_an_unclosed_quote_in_every_row() -> None:
    source = "".join(f'{i},"open {i}\n' for i in range(20_000))
    assert max(source.count("\n", *row) for row in records(source, ",")) <= MOST_RECORD_LINES
    table_of("broken.csv", source)


def test_a_quoted_cell_of_a_megabyte() -> None:
    document = table_of("blob.csv", 'id,blob\n1,"' + "x" * 1_000_000 + '"\n2,small\n')
    assert words(document, document.chunks[-1]).endswith("2,small")


def test_the_field_size_limit_of_others_is_left_alone() -> None:
    before = csv.field_size_limit(10)
    try:
        source = 'id,text\n1,"much longer than ten"\n2,"x\ny"\n'
        assert [source[slice(*row)] for row in records(source, ",")] == [
            "id,text\n",
            '1,"much longer than ten"\n',
            '2,"x\ny"\n',
        ]
        assert csv.field_size_limit() == 10
    finally:
        csv.field_size_limit(before)


@given(
    st.lists(st.lists(st.text(alphabet='ab",;\n\r é1', max_size=12), min_size=2, max_size=4), min_size=1, max_size=20)
)
def test_records_are_those_that_were_written(rows: list[list[str]]) -> None:
    rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    source = written.getvalue()
    found = [next(csv.reader(io.StringIO(source[start:end], newline=""))) for start, end in records(source, ",")]
    assert found == rows


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet='a1",;\t|\n\r ', max_size=1500).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    text = decode(data)
    document = None if text is None else read_table("x.csv", text)
    if document is not None:
        check_laws(data, document, verbatim=True)
        check_words_covered(document)

"""Statements: what can stand in an answer, and exactly where it lies."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from assistant.contracts.documents import ChunkKind
from assistant.core.statements import MAX_STATEMENTS, Statement, clean, documentation, statements_of

NOTE = """# Boiler service
The boiler was serviced on 3 March 2025. It cost €120, **paid** by card.
Call Ivan:

- phone 555-0100
- mail ivan@example.org
  or his [site](https://example.org)

| part | price |
|------|-------|
| pump | 80 |
"""


def find(found: list[Statement], words: str) -> Statement:
    return next(one for one in found if one.words == words)


def test_prose_gives_sentences_items_and_rows_with_their_places() -> None:
    found = statements_of(NOTE, "prose")
    serviced = find(found, "The boiler was serviced on 3 March 2025.")
    assert NOTE[serviced.start : serviced.end] == serviced.words
    assert find(found, "It cost €120, paid by card.").kind == "sentence"
    assert find(found, "Boiler service").kind == "heading"
    phone, mail = find(found, "phone 555-0100"), find(found, "mail ivan@example.org or his site")
    assert phone.kind == mail.kind == "item"
    assert phone.lead == mail.lead == "Call Ivan:"
    assert NOTE[mail.start : mail.end].startswith("- mail")
    assert find(found, "pump | 80").kind == "row"
    assert not any("---" in one.words for one in found)


def test_lines_that_are_no_wrapped_prose_stay_lines() -> None:
    book = "doctor  Melnik  555-0183\nneighbour  Aino  555-0101\nchimney  Mati  555-0137\n"
    assert [one.words for one in statements_of(book, "prose")] == [
        "doctor Melnik 555-0183",
        "neighbour Aino 555-0101",
        "chimney Mati 555-0137",
    ]


def test_prose_broken_over_lines_is_joined() -> None:
    text = (
        "The pump stopped on the coldest night of winter and\n"
        "nobody noticed before the pipes in the hall were frozen.\nWe called Ott."
    )
    assert [one.words for one in statements_of(text, "prose")] == [
        "The pump stopped on the coldest night of winter and nobody noticed before the pipes in the hall were frozen.",
        "We called Ott.",
    ]


def test_rows_are_read_with_their_columns_and_the_header_is_no_row() -> None:
    text = 'item,price\nkettle,30\n"pan, large",45'
    found = statements_of(text, "table", "item | price")
    assert [one.words for one in found] == ["item: kettle; price: 30", "item: pan, large; price: 45"]


def test_settings_carry_the_comment_above_them() -> None:
    found = statements_of("# in days\nretention: 30\nname: x\n", "config")
    assert (found[1].words, found[1].lead, found[2].lead) == ("retention: 30", "in days", "")


def test_a_definition_tells_its_documentation() -> None:
    code = 'def pause(n):\n    """Seconds before the next attempt.\n\n    More.\n    """\n    return n\n'
    definition = statements_of(code, "code")[0]
    assert (definition.kind, definition.words) == ("definition", "Seconds before the next attempt.")
    assert statements_of("# Doubles it.\nfn twice(x: i32) -> i32 { 2 * x }", "code")[0].words == "Doubles it."


def test_a_path_with_dots_ends_no_sentence() -> None:
    assert len(statements_of("The rest is in ../tables/a.csv and nowhere else.", "prose")) == 1


def test_markup_goes_and_words_stay() -> None:
    assert clean("> **Bold** and [a link](x)\n> _soft_ snake_case") == "Bold and a link soft snake_case"


@settings(max_examples=150)
@given(st.text(max_size=400), st.sampled_from(["prose", "code", "table", "config", "message", "commit"]))
def test_every_statement_lies_inside_and_says_something(text: str, chunk: ChunkKind) -> None:
    found = statements_of(text, chunk, "a | b")
    assert len(found) <= MAX_STATEMENTS
    for one in found:
        assert 0 <= one.start < one.end <= len(text)
        assert one.words.strip()


@pytest.mark.parametrize("hostile", ["- " * 50_000, "|" * 100_000, "#" * 100_000, "\n" * 100_000, '"' * 50_001])
def test_hostile_repetition_ends(hostile: str) -> None:
    for chunk in ("prose", "code", "table", "config"):
        assert len(statements_of(hostile, chunk, "a | b")) <= MAX_STATEMENTS  # type: ignore[arg-type]


def test_a_section_of_a_configuration_is_a_heading() -> None:
    found = statements_of('; wifi\n[guest]\nlimit = 20\n[[servers]]\nports = [1]\n["x"]', "config")
    assert [one.words for one in found if one.kind == "heading"] == ["guest", "servers"]
    assert "limit = 20" in [one.words for one in found if one.kind == "setting"]


def test_the_end_of_a_comment_is_no_word_of_it() -> None:
    text = (
        "/** What the club keeps when a group cancels. */\nexport function fee(total: number) {\n  return total / 2;\n}"
    )
    assert documentation(text) == "What the club keeps when a group cancels."

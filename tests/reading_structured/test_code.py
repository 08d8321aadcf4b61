"""Chunks of real-looking sources, language by language."""

from __future__ import annotations

import pytest

from assistant.reading.code import module_of
from assistant.reading.packing import MAX_CHARS, TARGET_CHARS
from tests.reading_structured.reading import chunk_with, code_of, names, words
from tests.reading_structured.sources import SAMPLES

EXPECTED = {
    "python": [
        ("orders", None),  # docstring
        ("orders", None),  # imports
        ("orders", "EmptyOrder"),  # with the constants before and the exception after
        ("orders", "Order"),
        ("orders>Order", "net"),
        ("orders>Order", "shipping"),
        ("orders", "parse_line"),
        ("orders", "apply_coupon"),
    ],
    "typescript": [
        ("basket", None),
        ("basket", None),
        ("basket", "BasketLine"),
        ("basket", "formatPrice"),
        ("basket", "Basket"),
        ("basket>Basket", "constructor"),
        ("basket>Basket", "add"),
        ("basket>Basket", "load"),
        ("basket", "checkout"),
    ],
    "go": [
        ("queue", None),
        ("queue", "Job"),
        ("queue", "Queue"),
        ("queue>Queue", "Put"),
    ],
    "rust": [
        ("settings", None),
        ("settings", "ParseError"),
        ("settings>Settings", "parse"),
        ("settings>Settings", "get"),
        ("settings>ParseError", "fmt"),
        ("settings", "setting"),
        ("settings", "tests"),
        ("settings>tests", "reads_one_line"),
    ],
    "java": [
        ("Account", None),
        ("Account", "Account"),
        ("Account>Account", "Account"),  # the constructor
        ("Account>Account", "withdraw"),
        ("Account>Account", "Booking"),
        ("Account", "Auditor"),
    ],
    "c": [
        ("ring", None),
        ("ring", "ring_t"),
        ("ring", "ring_put"),
        ("ring", "ring_take"),
        ("ring", "ring_name"),
    ],
    "cpp": [
        ("shapes", None),
        ("shapes", None),
        ("shapes>shapes", "Shape"),
        ("shapes>shapes", "Circle"),
        ("shapes>shapes>Circle", "Circle"),
        ("shapes>shapes>Circle", "area"),
        ("shapes>shapes", "total_area"),
    ],
    "bash": [("backup", None), ("backup", "fail"), ("backup", "copy_photos")],
}


@pytest.mark.parametrize("language", EXPECTED)
def test_symbols_and_scopes(language: str) -> None:
    path, source = SAMPLES[language]
    assert names(code_of(path, source, language)) == EXPECTED[language]


@pytest.mark.parametrize(
    ("language", "inside", "scope", "symbol"),
    [
        ("javascript", "class Counter", "server", "Counter"),
        ("tsx", "export const Dialog", "dialog", "Props"),
        ("sql", "CREATE VIEW overdue", "library", "overdue"),
        ("sql", "CREATE TABLE loans", "library", "loans"),
        ("ruby", "def average", "weather>Weather>Station", "average"),
        ("ruby", "attr_reader", "weather>Weather", "Station"),
        ("kotlin", "companion object", "Notes>MemoryStore>companion", "empty"),
        ("kotlin", "fun Note.summary", "Notes", "summary"),
        ("php", "function flush", "Sender>Sender", "flush"),
        ("php", "function greeting", "Sender", "greeting"),
        ("c_sharp", "NeedsHeat", "Thermostat>Example.Heating>Thermostat", "NeedsHeat"),
        ("c_sharp", "enum Mode", "Thermostat>Example.Heating", "Mode"),
        ("scala", "class Knight", "Chess", "Knight"),
        ("lua", "function Bus:raise", "bus>Bus", "raise"),
        ("lua", "local function call_all", "bus", "call_all"),
        ("css", ".page-header,\n.page-footer", "page", ":root"),
        ("css", "nav > ul", "page>@media (max-width: 40em)", ".page-header"),
    ],
)
def test_where_a_definition_is_found(language: str, inside: str, scope: str, symbol: str) -> None:
    path, source = SAMPLES[language]
    chunk = chunk_with(code_of(path, source, language), inside)
    assert (">".join(chunk.scope), chunk.symbol) == (scope, symbol)


@pytest.mark.parametrize("language", SAMPLES)
def test_every_chunk_says_its_language(language: str) -> None:
    path, source = SAMPLES[language]
    document = code_of(path, source, language)
    assert (document.kind, document.modality, document.language) == ("code", "code", language)
    assert {(chunk.kind, chunk.language) for chunk in document.chunks} == {("code", language)}


@pytest.mark.parametrize(
    ("language", "definition", "above"),
    [
        ("python", "class Order", "# An order is never changed"),
        ("python", "def shipping", "@property"),
        ("typescript", "class Basket", "@Injectable()"),
        ("typescript", "add(product: T", "/** Adds a product"),
        ("go", "func (q *Queue) Put", "// Put adds a job"),
        ("rust", "pub enum ParseError", "/// What can go wrong."),
        ("rust", "pub struct Settings", "#[derive(Debug, Default)]"),
        ("java", "public void withdraw", "     * Takes money out."),
        ("c", "size_t ring_take", "/* Takes up to `size` bytes"),
        ("cpp", "double total_area", "/// The sum of the areas"),
        ("bash", "fail() {", "# Says what went wrong"),
        ("sql", "CREATE TABLE loans", "-- One row for every book"),
        ("c_sharp", "class Thermostat", "/// <summary>Holds the temperature"),
    ],
)
def test_comments_and_attributes_stay_with_their_definition(language: str, definition: str, above: str) -> None:
    path, source = SAMPLES[language]
    document = code_of(path, source, language)
    assert above in words(document, chunk_with(document, definition))


def test_later_parts_of_a_long_function_repeat_its_signature() -> None:
    lines = "".join(f"    total_{i} = compute({i}, 'some words to fill the line')\n" for i in range(60))
    document = code_of("long.py", f"@cached\ndef far(a: int, *, b: str = 'x') -> int:\n{lines}    return 1\n", "python")
    first, *rest = document.chunks
    assert (first.symbol, first.header, first.scope) == ("far", "", ("long",))
    assert len(rest) > 3
    assert {(part.symbol, part.header, part.scope) for part in rest} == {
        (None, "def far(a: int, *, b: str = 'x') -> int", ("long",))
    }
    assert all(words(document, part).startswith(("total_", "return")) for part in rest)


def test_a_long_function_is_cut_between_outer_statements() -> None:
    block = "    for row in rows:\n" + "".join(f"        handle(row, {i}, 'words words')\n" for i in range(14))
    document = code_of("cut.py", "def work(rows):\n" + block * 3, "python")
    assert [words(document, chunk).count("for row in rows") for chunk in document.chunks] == [1, 1, 1]


def test_functions_inside_a_long_function_have_it_in_their_scope() -> None:
    inner = "".join(f"        step_{i}(value, 'words to fill')\n" for i in range(12))
    source = (
        f"def outer(value):\n    limit = 3\n\n    def first():\n{inner}\n    def second():\n{inner}\n    return first\n"
    )
    assert names(code_of("nest.py", source, "python")) == [
        ("nest", "outer"),
        ("nest>outer", "first"),
        ("nest>outer", "second"),
    ]


def test_small_neighbours_are_packed() -> None:
    source = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(60))
    document = code_of("small.py", source, "python")
    sizes = [chunk.end - chunk.start for chunk in document.chunks]
    assert max(sizes) <= TARGET_CHARS
    assert min(sizes[:-1]) > TARGET_CHARS * 0.8
    assert document.chunks[0].symbol == "f0"


def test_a_file_of_one_long_docstring_is_cut_at_lines() -> None:
    source = '"""' + "\n".join(f"Sentence number {i} of the documentation." for i in range(100)) + '\n"""\n'
    document = code_of("doc.py", source, "python")
    assert all(words(document, chunk).startswith(("Sentence", '"""')) for chunk in document.chunks)


def test_header_guards_do_not_hide_definitions() -> None:
    path, source = SAMPLES["c"]
    guarded = f"#ifndef RING_H\n#define RING_H\n{source}\n#endif /* RING_H */\n"
    chunk = chunk_with(code_of(path, guarded, "c"), "size_t ring_take")
    assert (chunk.scope, chunk.symbol) == (("ring",), "ring_take")


def test_a_language_without_grammar_is_cut_at_blank_lines() -> None:
    block = "sub greet {\n  my ($name) = @_;\n" + "  print 'hello', $name;\n" * 12 + "}\n"
    document = code_of("hello.pl", "\n".join([block] * 4), "perl")
    assert [words(document, chunk) for chunk in document.chunks] == [block.strip()] * 4


def test_blank_sources_are_nothing_to_read() -> None:
    from assistant.reading.code import read_code
    from tests.reading_structured.reading import decoded

    assert read_code("empty.py", decoded(" \n\n\t\n"), "python") is None


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("/a/shop/orders.py", "orders"),
        ("/a/shop/__init__.py", "shop"),
        ("web/index.d.ts", "web"),
        (".bashrc", ".bashrc"),
    ],
)
def test_the_module_is_the_file_or_its_folder(path: str, module: str) -> None:
    assert module_of(path) == module


def test_no_chunk_is_longer_than_allowed() -> None:
    for path, source in SAMPLES.values():
        language = next(name for name, sample in SAMPLES.items() if sample[0] == path)
        document = code_of(path, source * 3, language)
        assert max(chunk.end - chunk.start for chunk in document.chunks) <= MAX_CHARS

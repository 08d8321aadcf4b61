"""Sources that are broken, odd, or built to do harm."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.reading.code import read_code
from assistant.reading.decoding import decode
from tests.reading.document_laws import check_laws
from tests.reading_structured.reading import check_words_covered, chunk_with, code_of, names, words
from tests.reading_structured.sources import SAMPLES

LANGUAGES = sorted(SAMPLES)
READING = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check_any(path: str, data: bytes, language: str) -> None:
    """Whatever ``data`` is, it is read without a crash and by the laws, or it is nothing to read."""
    text = decode(data)
    document = None if text is None else read_code(path, text, language)
    if document is not None:
        check_laws(data, document, verbatim=True)
        check_words_covered(document)


@READING
@given(st.sampled_from(LANGUAGES), st.data())
def test_truncated_sources(language: str, data: st.DataObject) -> None:
    path, source = SAMPLES[language]
    start = data.draw(st.integers(0, len(source)))
    check_any(path, source[start : data.draw(st.integers(start, len(source)))].encode(), language)


@READING
@given(
    st.sampled_from(LANGUAGES),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=6)), max_size=12),
)
def test_byte_noise(language: str, noise: list[tuple[int, bytes]]) -> None:
    path, source = SAMPLES[language]
    data = bytearray(source.encode())
    for place, extra in noise:
        place %= len(data)
        data[place : place + len(extra) // 2] = extra
    check_any(path, bytes(data), language)


@READING
@given(st.sampled_from(LANGUAGES), st.text(alphabet="(){}[]<>\"'`#/*-=:;,.\\ \n\taé你_1", max_size=400))
def test_token_soup(language: str, soup: str) -> None:
    check_any(f"soup.{language}", soup.encode(), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_shuffled_lines(language: str) -> None:
    path, source = SAMPLES[language]
    lines = source.splitlines(keepends=True) * 3
    random.Random(7).shuffle(lines)
    code_of(path, "".join(lines), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("bracket", ["(", "[", "{", "f(", "{[("])
def test_deeply_nested_brackets_in_code(language: str, bracket: str) -> None:
    code_of("deep", "start " + bracket * 100_000 + " end", language)


@pytest.mark.parametrize("language", ["java", "c_sharp", "cpp", "rust", "typescript"])
def test_deeply_nested_type_arguments(language: str) -> None:
    code_of("deep", "x = " + "a<" * 50_000, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nesting_that_grammars_are_slow_at(language: str) -> None:
    code_of("deep", "%w(" * 20_000, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_many_comments_that_never_end(language: str) -> None:
    code_of("comments", "/* a " * 40_000, language)


def test_deeply_nested_valid_blocks() -> None:
    depth = 90
    source = "".join(" " * i + f"if level_{i}:\n" for i in range(depth)) + " " * depth + "reached = True\n"
    document = code_of("deep.py", source, "python")
    assert "reached = True" in words(document, document.chunks[-1])


def test_classes_in_classes_beyond_any_reason() -> None:
    source = "".join(" " * i + f"class C{i}:\n" for i in range(300)) + " " * 300 + "x = 1\n"
    document = code_of("classes.py", source, "python")
    assert len(document.chunks[-1].scope) < 40


def test_huge_single_line_minified_js() -> None:
    line = "".join(f"function f{i}(a,b){{var c=a+b*{i};return g(c,'text {i}')}}" for i in range(16_000))[: 900 * 1024]
    document = code_of("app.min.js", line, "javascript")
    assert document.chunks[0].symbol == "f0"
    assert len(document.chunks) > 1500


def test_huge_single_line_minified_js_of_one_expression() -> None:
    line = "!function(){" + "".join(f"a[{i}]=b({i},'x{i}')," for i in range(30_000)) + "0}();"
    document = code_of("bundle.min.js", line, "javascript")
    ends = [words(document, chunk)[-1] for chunk in document.chunks]
    assert ends.count(",") > 0.9 * len(ends)


def test_a_word_longer_than_a_chunk() -> None:
    document = code_of("blob.py", f"DATA = '{'ab' * 5000}'\n", "python")
    assert len(document.chunks) > 10


def test_non_ascii_identifiers() -> None:
    body = "    return größe * 2  # Fläche, площадь, 面積\n" + "    проверить(größe)\n" * 20
    document = code_of(
        "maß.py", f"class Körper:\n    '''Ein Körper.'''\n\n\ndef fläche(größe):\n{body}\n\n{body}", "python"
    )
    assert names(document)[0] == ("maß", "Körper")
    assert chunk_with(document, "def fläche").symbol == "fläche"


def test_non_ascii_text_keeps_borders_exact() -> None:
    functions = "".join(
        f"def ф{i}():\n    '''Описание функции {i}: 説明 😀.'''\n    return '{'я' * 300}'\n\n\n" for i in range(40)
    )
    document = code_of("кириллица.py", functions, "python")
    assert names(document) == [("кириллица", f"ф{i}") for i in range(40)]
    assert all(words(document, chunk).startswith("def ф") for chunk in document.chunks)


def test_crlf_code() -> None:
    path, source = SAMPLES["python"]
    document = code_of(path, source.replace("\n", "\r\n"), "python")
    assert [symbol for _, symbol in names(document)][2:] == [
        *("EmptyOrder", "Order", "net", "shipping", "parse_line", "apply_coupon"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_lone_carriage_returns(language: str) -> None:
    path, source = SAMPLES[language]
    code_of(path, source.replace("\n", "\r"), language)


def test_tabs() -> None:
    path, source = SAMPLES["python"]
    tabbed = code_of(path, source.replace("    ", "\t"), "python")
    assert ("orders>Order", "shipping") in names(tabbed)


def test_cp1251_source_with_comments() -> None:
    source = (
        "# Расчёт стоимости доставки заказа по всей стране\n\n"
        "def доставка(вес):\n    '''Возвращает стоимость доставки посылки в рублях.'''\n    return вес * 100\n"
    ).encode("cp1251")
    document = code_of("delivery.py", source, "python")
    assert document.encoding == "cp1251"
    assert names(document) == [("delivery", None), ("delivery", "доставка")]


def test_utf16_source_with_a_byte_order_mark() -> None:
    path, source = SAMPLES["typescript"]
    document = code_of(path, b"\xff\xfe" + source.encode("utf-16-le"), "typescript")
    assert ("basket>Basket", "load") in names(document)


def test_undecodable_bytes_inside_a_comment() -> None:
    document = code_of(
        "bad.py", b"# caf\xe9 \xd0\xb6\xd0\xb6\xd0\xb6\xd0\xb6 text\nx = 1\n\n\ndef f():\n    return 1\n", "python"
    )
    assert "\ufffd" in document.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_merge_conflict_marks(language: str) -> None:
    path, source = SAMPLES[language]
    half = source.index("\n", len(source) // 2) + 1
    code_of(path, f"{source[:half]}<<<<<<< HEAD\n{source[half:]}=======\n{source[half:]}>>>>>>> other\n", language)


def test_a_word_that_the_grammar_parts() -> None:
    document = code_of(
        "part.js", "listen(port || 8080ve = function serve(port) {\n  const count;\n\n" * 9, "javascript"
    )
    assert all(words(document, chunk)[:2] != "ve" for chunk in document.chunks)

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.reading.decoding import DecodedText, decode
from assistant.reading.prose import read_prose

from .document_laws import check_laws

RUSSIAN = "Привет, мир! Сегодня в Москве идёт дождь, а мы сидим дома и читаем книги.\n"
FRENCH = "L'été, les élèves étudient à l'école; ça marche, n'est-ce pas?\n"


def decoded(data: bytes) -> DecodedText:
    found = decode(data)
    assert found is not None
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8_r", "cp866", "iso8859_5"])
def test_russian_is_told_from_its_letters(encoding: str) -> None:
    found = decoded((RUSSIAN * 3).encode(encoding))
    assert (found.encoding, found.text) == (encoding, RUSSIAN * 3)


@pytest.mark.parametrize("words", ["Счёт", "ДОГОВОР АРЕНДЫ", "Заказ 15 готов", "# комментарий\nx = 1\n"])
@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r"])
def test_a_few_russian_words_are_enough(words: str, encoding: str) -> None:
    assert decoded(words.encode(encoding)).text == words


def test_western_text_is_read_as_windows_1252() -> None:
    found = decoded(FRENCH.encode("cp1252"))
    assert (found.encoding, found.text) == ("cp1252", FRENCH)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Zażółć gęślą jaźń. Książka leży na stole, który jest biały. " * 3, "cp1250"),
        ("これは日本語の文章です。今日は天気がいいですね。" * 3, "cp932"),
        ("Καλημέρα κόσμε, αυτό είναι ένα κείμενο στα ελληνικά. " * 3, "cp1253"),
    ],
)
def test_other_legacy_encodings_are_recognised(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)).text == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
def test_a_byte_order_mark_is_believed_and_not_part_of_the_text(encoding: str) -> None:
    mark = "\ufeff".encode(encoding)
    found = decoded(mark + RUSSIAN.encode(encoding))
    assert (found.encoding, found.bom_bytes, found.text) == (encoding, len(mark), RUSSIAN)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [RUSSIAN, "Plain words in two bytes each.\n"])
def test_utf_16_without_a_mark_is_recognised(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)).text == text


@pytest.mark.parametrize("data", [b"\x7fELF\x00\x01", bytes(range(256)), b"\x01\x02\x03\x04", b"\xff\xfe\x00"])
def test_binary_is_no_text(data: bytes) -> None:
    assert decode(data) is None


def test_bad_bytes_in_utf_8_show_as_one_sign_each() -> None:
    data = "Привет ".encode() + b"\xff\xfe" + " мир".encode()
    found = decoded(data)
    assert found.text == "Привет \ufffd\ufffd мир"
    assert found.raw_text.encode("utf-8", "surrogateescape") == data
    span = found.offsets().span(7, 13)
    assert data[span.start_byte : span.end_byte] == b"\xff\xfe" + " мир".encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-be", "cp1251"])
def test_lines_are_counted_in_every_encoding(encoding: str) -> None:
    mark = b"" if encoding == "cp1251" else "\ufeff".encode(encoding)
    text = "первая\r\nвторая\nਊ\n".replace("ਊ", "третья" if encoding == "cp1251" else "ਊ")  # U+0A0A holds two 0x0A
    offsets = decoded(mark + text.encode(encoding)).offsets()
    assert [offsets.span(text.index(word), text.index(word) + 1).line for word in text.split()] == [1, 2, 3]
    assert offsets.span(0, len(text)).end_line == 3


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_utf_8_comes_back_as_it_was(text: str) -> None:
    data = text.encode()
    found = decode(data)
    if found is not None and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE)):
        assert found.text == text


@given(st.binary(max_size=300))
def test_any_bytes_can_be_put_back(data: bytes) -> None:
    found = decode(data)
    if found is None:
        return
    errors = "surrogateescape" if found.encoding == "utf-8" else "strict"
    assert data[: found.bom_bytes] + found.raw_text.encode(found.encoding, errors) == data
    assert len(found.text) == len(found.raw_text)
    document = read_prose("x.txt", found)
    if document is not None:
        check_laws(data, document, verbatim=True)


def test_places_in_a_huge_line_are_found_in_small_steps() -> None:
    found = decoded(("ж" * 100_000).encode())
    assert max(piece.end - piece.start for piece in found.pieces()) <= 4096
    assert found.offsets().span(99_999, 100_000).start_byte == 199_998

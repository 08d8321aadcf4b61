from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.contracts.documents import Document
from assistant.reading.mail import read_mail

from .document_laws import check_laws
from .sources import chunk_texts, document_of

PLAIN = b"""From: Ann <a@x.org>
To: Bob <b@x.org>
Subject: Trip to
 Rome
Date: Tue, 12 Mar 2024 10:00:00 +0100
X-Mailer: none

Hello Bob,

we leave at 7:30. Please bring:
- ticket
- passport

On Mon, 11 Mar 2024, Bob wrote:
> When do we leave?
> Tell me.

Thanks
--\x20
Ann
+1 555
"""
HEADER = "Subject: Trip to Rome; From: Ann <a@x.org>; To: Bob <b@x.org>; Date: Tue, 12 Mar 2024 10:00:00 +0100"


def cited(data: bytes, document: Document, words: str) -> bytes:
    start = document.text.index(words)
    span = document.offsets.span(start, start + len(words))
    return data[span.start_byte : span.end_byte]


def test_a_message_is_cut_into_header_body_and_quotation() -> None:
    document = document_of("a.eml", PLAIN)
    check_laws(PLAIN, document, verbatim=True)
    assert list(zip(chunk_texts(document), (chunk.header for chunk in document.chunks), strict=True)) == [
        (PLAIN[: PLAIN.index(b"\nX-Mailer")].decode(), ""),
        ("Hello Bob,\n\nwe leave at 7:30. Please bring:\n- ticket\n- passport", HEADER),
        ("On Mon, 11 Mar 2024, Bob wrote:\n> When do we leave?\n> Tell me.", HEADER + "; quoted"),
        ("Thanks", HEADER),
    ]
    assert {(chunk.kind, chunk.scope) for chunk in document.chunks} == {("message", ("Trip to Rome",))}
    assert document.title == "Trip to Rome"
    assert document.timestamp == datetime(2024, 3, 12, 9, tzinfo=UTC)


def test_windows_line_ends_are_kept() -> None:
    data = PLAIN.replace(b"\n", b"\r\n")
    document = document_of("a.eml", data)
    check_laws(data, document, verbatim=True)
    assert [text.replace("\r\n", "\n") for text in chunk_texts(document)] == chunk_texts(document_of("a.eml", PLAIN))


@pytest.fixture(params=["quoted-printable", "base64", "8bit"])
def letter(request: pytest.FixtureRequest) -> bytes:
    message = EmailMessage()
    message["From"] = "Анна <a@x.org>"
    message["Subject"] = "Поездка в Рим — билеты и всё прочее, о чём мы говорили"
    message["Date"] = "Tue, 12 Mar 2024 10:00:00 -0000"
    message.set_content("Привет! " * 12 + "\n\nВстреча в 7:30.\nДо завтра.\n", cte=request.param)
    message.add_alternative("<p>HTML</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="билет.pdf")
    return bytes(message)


def test_encoded_mail_is_read_and_cited_by_whole_lines(letter: bytes) -> None:
    document = document_of("a.eml", letter)
    check_laws(letter, document, verbatim=False)
    assert chunk_texts(document)[1].endswith("Привет!\n\nВстреча в 7:30.\nДо завтра.".replace("!\n", "! \n"))
    assert "HTML" not in document.text
    assert document.title == "Поездка в Рим — билеты и всё прочее, о чём мы говорили"
    assert document.notes == ("attachment not read: билет.pdf (application/pdf)",)
    line = cited(letter, document, "Встреча в 7:30.")
    start = letter.index(line)
    assert letter[start - 1 : start] == b"\n"
    assert len(line) < 200


def test_a_character_split_between_two_raw_lines_is_cited_with_both() -> None:
    data = b"Subject: x\nContent-Transfer-Encoding: quoted-printable\n\n=D0=9F=D1=\n=80=D0=B8\n"
    document = document_of("a.eml", data)
    assert "При" in document.text
    assert cited(data, document, "р") == b"=D0=9F=D1=\n=80=D0=B8\n"
    assert cited(data, document, "П") == b"=D0=9F=D1=\n"


@pytest.mark.parametrize(
    ("encoding", "body"), [("8bit", "Привет <b>мир</b> &amp; все"), ("7bit", "Hi <b>you</b> &amp; all")]
)
def test_html_mail_leads_back_through_both_layers(encoding: str, body: str) -> None:
    head = f"Subject: x\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n"
    data = f"{head}<p>{body}</p>\n".encode()
    document = document_of("a.eml", data)
    check_laws(data, document, verbatim=False)
    words = body.replace("<b>", "").replace("</b>", "").replace("&amp;", "&")
    assert cited(data, document, words).decode() == body


def test_another_charset_is_read_by_lines() -> None:
    data = "Subject: x\nContent-Type: text/plain; charset=koi8-r\n\nПривет мир\nещё строка\n".encode("koi8-r")
    document = document_of("a.eml", data)
    assert chunk_texts(document)[-1] == "Привет мир\nещё строка"
    assert cited(data, document, "мир") == "Привет мир\n".encode("koi8-r")


def test_a_mailbox_is_cut_at_from_lines_only() -> None:
    second = (
        PLAIN.replace(b"Trip", b"Fall").replace(b"12 Mar", b"13 Mar").replace(b"Thanks", b"From here on\nFrom me 2024")
    )
    box = b"From a@x Tue Mar 12 10:00:00 2024\n" + PLAIN + b"\nFrom b@x Wed Mar 13 10:00:00 2024\n" + second
    document = document_of("all.mbox", box)
    check_laws(box, document, verbatim=True)
    assert [chunk.scope[0] for chunk in document.chunks] == ["Trip to Rome"] * 4 + ["Fall to Rome"] * 4
    assert [chunk.timestamp for chunk in document.chunks][::4] == [
        datetime(2024, 3, day, 9, tzinfo=UTC) for day in (12, 13)
    ]
    assert document.timestamp == datetime(2024, 3, 13, 9, tzinfo=UTC)


def nested(levels: int) -> bytes:
    parts = (b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (level, level) for level in range(levels))
    return b"Subject: nested\n" + b"".join(parts) + b"\nhi\n"


def test_nested_parts_are_read() -> None:
    assert chunk_texts(document_of("a.eml", nested(60))) == ["Subject: nested", "hi"]


def test_endless_nesting_is_refused() -> None:
    assert document_of("a.eml", nested(5000)).notes == ("a message was left out: mail parts are nested too deeply",)


TOKENS = [
    b"From: a\n",
    b"Subject: =?utf-8?q?x=D0?=\n",
    b"Subject: =?utf-8?b?xx?=\n",
    b"Date: junk\n",
    b"\n",
    b"\r\n",
    b"--b\n",
]
TOKENS += [
    b"Date: Tue, 99 Foo 2024 10:00:00 +9999\n",
    b"Date: Tue, 1 Jan 2024 10:00:00 +0000\n",
    b"--b--\n",
    b"> q\n",
    b"-- \n",
]
TOKENS += [
    b"Content-Type: text/html; charset=cp1251\n",
    b"Content-Type: text/plain; charset=utf-7\n",
    b"=D0=\n",
    b"=9F=\n",
]
TOKENS += [
    b"Content-Type: multipart/alternative; boundary=b\n",
    b"Content-Transfer-Encoding: base64\n",
    b"0J/RgNC40LLQtdGC\n",
]
TOKENS += [
    b"Content-Transfer-Encoding: quoted-printable\n",
    b"<p>x &amp; y</p>\n",
    b"words\n",
    b"\xff\xd0\n",
    b"From a 2024\n",
]
TOKENS += [
    b"Content-Type: message/rfc822\n",
    b"Content-Disposition: attachment; filename*=utf-8''%D0\n",
    "é".encode(),
    b"\0",
]
TOKENS += [
    b"Content-Type: text/plain; charset=iso-2022-jp\n",
    b"\x1b$B",
    b"On x, y wrote:\n",
    b"Content-Type: text/html\n",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join))
def test_the_laws_hold_for_any_mail(data: bytes) -> None:
    document = read_mail("x.eml", data)
    if document is not None:
        check_laws(data, document, verbatim=False)

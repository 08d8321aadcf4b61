"""From documents to item drafts."""

from __future__ import annotations

from memory.world import LineReader

from assistant.contracts.documents import SourceAddress
from assistant.contracts.ids import digest_of
from assistant.core.intake import ItemDraft, draft_items, embedding_text


def drafts(text: str, path: str = "/r/a.txt") -> list[ItemDraft]:
    address = SourceAddress(path)
    document = LineReader().read(address, text.encode())
    assert document is not None
    return draft_items(address, document, text.encode())


def test_a_draft_cites_its_very_bytes() -> None:
    data = "Привет\none two\n".encode()
    for draft in drafts(data.decode()):
        assert data[draft.span.start_byte : draft.span.end_byte].decode() == draft.text
        assert draft.digest == digest_of(draft.text.encode())


def test_names_do_not_depend_on_the_position() -> None:
    assert drafts("one\ntwo")[1].id == drafts("zero\nmore\none\ntwo")[3].id


def test_equal_pieces_have_names_of_their_own_and_one_content() -> None:
    found = drafts("same\nsame\nsame")
    assert len({draft.id for draft in found}) == 3
    assert len({draft.content for draft in found}) == 1


def test_a_renamed_source_keeps_contents_and_not_names() -> None:
    (first,), (second,) = drafts("one"), drafts("one", "/r/b.txt")
    assert first.content == second.content
    assert first.id != second.id


def test_the_title_and_the_trail_come_first() -> None:
    assert embedding_text("Garden", ("Garden", "Fence"), "head", "prose", "text") == "Garden > Fence\nhead\ntext"
    assert embedding_text(None, (), "", "prose", "text") == "text"
    assert embedding_text("module", ("pkg/module.py", "Class"), "", "code", "text") == "Class\ntext"

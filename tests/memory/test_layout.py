"""Records to bytes and back."""

from __future__ import annotations

from typing import get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.contracts.documents import Modality, SourceAddress, SourceKind
from assistant.contracts.errors import DamagedStore
from assistant.core.fusion import quality_of, source_quality
from assistant.memory import layout
from assistant.memory.envelope import seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["Привет, мир", "🙂👩‍👩‍👧", "\x00", "a\u0301", "\ue000"]
)
NUMBER = st.integers(0, 2**62)
ITEMS = st.builds(
    layout.ItemRecord,
    **dict.fromkeys(("id", "path", "commit", "root", "digest", "text", "header"), TEXT),
    content=st.binary(min_size=32, max_size=32).map(bytes.hex),
    kind=st.sampled_from(get_args(SourceKind)),
    modality=st.sampled_from(get_args(Modality)),
    superseded=st.booleans(),
    **dict.fromkeys(("key", "start_byte", "end_byte", "line", "end_line", "text_start", "text_end"), NUMBER),
    scope=st.lists(TEXT, max_size=3).map(tuple),
    title=st.none() | TEXT,
    symbol=st.none() | TEXT,
    language=st.none() | TEXT,
    timestamp_s=st.integers(-(2**40), 2**40),
)
SOURCES = st.builds(
    layout.SourceRecord,
    **dict.fromkeys(("path", "commit", "root", "digest", "encoding"), TEXT),
    **dict.fromkeys(("size_bytes", "mtime_ns", "inode"), NUMBER),
    items=st.lists(NUMBER, max_size=5).map(tuple),
    problem=st.none() | TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
)
JOURNAL = st.builds(
    layout.JournalRecord, items=st.lists(NUMBER).map(tuple), fingerprint=TEXT, vectors=st.lists(NUMBER).map(tuple)
)


@given(record=ITEMS | SOURCES | JOURNAL, key=st.binary(min_size=1, max_size=40))
def test_a_record_comes_back_as_it_was(record: layout.Record, key: bytes) -> None:
    assert layout.load(type(record), key, layout.dump(key, record)) == record


@given(record=ITEMS)
def test_a_card_tells_of_an_item_what_its_record_tells(record: layout.ItemRecord) -> None:
    name = layout.pack_u64(record.key)
    value = layout.dump(name, record)
    card = layout.Card(name, value)
    assert (card.key, card.content, card.kind, card.modality, card.timestamp_s, card.text_chars) == (
        *(record.key, record.content, record.kind, record.modality, record.timestamp_s, len(record.text)),
    )
    assert card.source == layout.source_key(record.address)
    assert quality_of(card.kind, card.old) == source_quality(
        record.path, record.kind, record.title, superseded=record.superseded
    )
    assert (card.record, card.context, card.text) == (record, record.context, record.text)
    assert layout.has_its_card(record, name, value)


@given(record=ITEMS, at=st.integers(0), flip=st.integers(1, 255))
def test_no_byte_of_an_item_changes_unseen(record: layout.ItemRecord, at: int, flip: int) -> None:
    name = layout.pack_u64(record.key)
    value = bytearray(layout.dump(name, record))
    value[at % len(value)] ^= flip
    with pytest.raises(DamagedStore):
        assert layout.Card(name, bytes(value)).record


@given(record=ITEMS, other=ITEMS)
def test_the_card_of_another_item_is_seen(record: layout.ItemRecord, other: layout.ItemRecord) -> None:
    name = layout.pack_u64(record.key)
    swapped = layout.dump(name, other.model_copy(update={"key": record.key}))
    assert layout.has_its_card(record, name, swapped) == (layout.pack_card(record) == layout.pack_card(other))


def test_a_record_that_makes_no_sense_is_damage() -> None:
    with pytest.raises(DamagedStore):
        layout.load(layout.RootRecord, b"key", seal(b"key", b'{"path": 3}'))


@given(first=NUMBER, second=NUMBER)
def test_packed_numbers_sort_as_numbers(first: int, second: int) -> None:
    assert layout.unpack_u64(layout.pack_u64(first)) == first
    assert (layout.pack_u64(first) < layout.pack_u64(second)) == (first < second)


def test_a_commit_is_another_source_than_the_folder_it_is_in() -> None:
    addresses = [SourceAddress("/r"), SourceAddress("/r", "ab"), SourceAddress("/r", "ac"), SourceAddress("/ra", "b")]
    assert len({layout.source_key(address) for address in addresses}) == 4

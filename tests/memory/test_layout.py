"""Records to bytes and back."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import DamagedStore
from assistant.memory import layout
from assistant.memory.envelope import seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["Привет, мир", "🙂👩‍👩‍👧", "\x00", "a\u0301", "\ue000"]
)
NUMBER = st.integers(0, 2**62)
ITEMS = st.builds(
    layout.ItemRecord,
    **dict.fromkeys(("id", "path", "commit", "root", "content", "digest", "text", "header"), TEXT),
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

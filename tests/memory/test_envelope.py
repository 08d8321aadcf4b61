"""Sealed values: every change of a single byte is seen."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.contracts.errors import DamagedStore
from assistant.memory.envelope import seal, unseal


@given(key=st.binary(max_size=40), payload=st.binary(max_size=200))
def test_what_was_sealed_comes_back(key: bytes, payload: bytes) -> None:
    assert unseal(key, seal(key, payload)) == payload
    assert unseal(key, memoryview(seal(key, payload))) == payload


@pytest.mark.parametrize("payload", [b"", b"x", "вода и чай".encode()])
def test_every_changed_byte_is_seen(payload: bytes) -> None:
    sealed = seal(b"key", payload)
    for at in range(len(sealed)):
        for flip in (0x01, 0x80, 0xFF):
            damaged = bytearray(sealed)
            damaged[at] ^= flip
            with pytest.raises(DamagedStore):
                unseal(b"key", bytes(damaged))


def test_every_cut_is_seen() -> None:
    sealed = seal(b"key", b"payload")
    for size in range(len(sealed)):
        with pytest.raises(DamagedStore):
            unseal(b"key", sealed[:size])


def test_a_value_under_another_key_is_seen() -> None:
    with pytest.raises(DamagedStore):
        unseal(b"other", seal(b"key", b"payload"))

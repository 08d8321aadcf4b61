from __future__ import annotations

import pytest

from assistant.contracts.ports import Encoder
from assistant.testing.encoders import EncoderSuite
from assistant.testing.hashing import HashingEncoder


class TestHashingEncoder(EncoderSuite):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return HashingEncoder(dim=128)

    def test_dimension_is_part_of_the_fingerprint(self) -> None:
        assert HashingEncoder(64).fingerprint != HashingEncoder(128).fingerprint == HashingEncoder(128).fingerprint


class TestMiniLmInt8(EncoderSuite):
    same_cosine = 0.95

    @pytest.fixture
    def encoder(self, minilm_int8: Encoder) -> Encoder:
        return minilm_int8


class TestMiniLmFp32(EncoderSuite):
    @pytest.fixture
    def encoder(self, minilm_fp32: Encoder) -> Encoder:
        return minilm_fp32

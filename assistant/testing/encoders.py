"""What every encoder must do. A test module makes a subclass and overrides the fixture ``encoder``."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from assistant.contracts.ports import Encoder, Vectors

TEXTS = (
    "The boiler was serviced in March.",
    "",
    "def read_file(path):\n    return open(path).read()",
    "Заметки о встрече во вторник",
    "a much longer text about gardens, invoices and trains " * 12,
    "naïve café — 🙂 \x00 end",
    "   \n\t ",
)


class EncoderSuite:
    """``same_cosine``: how near two vectors of one text must be when it was encoded in different company. Encoders
    with activations scaled per batch set it lower."""

    same_cosine = 0.9999

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError("override this fixture")

    def near(self, first: Vectors, second: Vectors) -> bool:
        """Whether every row of ``first`` is near the same row of ``second``."""
        return bool(((first * second).sum(axis=-1) >= self.same_cosine).all())

    def test_says_what_it_is(self, encoder: Encoder) -> None:
        assert encoder.name
        assert re.fullmatch(r"[0-9a-f]{16}", encoder.fingerprint)
        assert encoder.dim > 0
        assert encoder.max_tokens > 2
        assert all(script == script.lower() for script in encoder.scripts)

    def test_no_texts_give_no_rows(self, encoder: Encoder) -> None:
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.dim)
        assert vectors.dtype == np.float32

    def test_rows_are_unit_vectors(self, encoder: Encoder) -> None:
        vectors = encoder.encode(TEXTS)
        assert vectors.shape == (len(TEXTS), encoder.dim)
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)

    def test_a_query_is_one_unit_vector(self, encoder: Encoder) -> None:
        for text in TEXTS:
            vector = encoder.encode_query(text)
            assert vector.shape == (encoder.dim,)
            assert vector.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-3)

    def test_order_is_kept(self, encoder: Encoder) -> None:
        assert self.near(encoder.encode(TEXTS[::-1])[::-1], encoder.encode(TEXTS))

    def test_a_repeated_text_gets_the_same_vector(self, encoder: Encoder) -> None:
        vectors = encoder.encode([TEXTS[0], TEXTS[3], TEXTS[0]])
        assert self.near(vectors[0], vectors[2])
        assert not self.near(vectors[0], vectors[1])

    def test_the_caller_owns_the_vectors(self, encoder: Encoder) -> None:
        first = encoder.encode_query(TEXTS[0])
        kept = first.copy()
        first[:] = 0
        again = encoder.encode_query(TEXTS[0])
        again[:] = 0
        assert self.near(encoder.encode_query(TEXTS[0]), kept)

    def test_what_follows_the_last_token_read_is_cut_off(self, encoder: Encoder) -> None:
        full = "stone " * encoder.max_tokens
        vectors = encoder.encode([full, full + "purple elephants sing", "purple elephants sing"])
        assert self.near(vectors[0], vectors[1])
        assert not self.near(vectors[0], vectors[2])

    def test_shared_words_bring_texts_together(self, encoder: Encoder) -> None:
        question = encoder.encode_query("when was the boiler serviced")
        near, far = encoder.encode([TEXTS[0], "purple elephants sing"]) @ question
        assert near > far

    def test_hostile_lone_surrogates_of_undecodable_bytes(self, encoder: Encoder) -> None:
        vectors = encoder.encode(["caf\udce9 au lait", "\ud800", "\udfff" * 5000])
        assert np.isfinite(vectors).all()
        assert np.isfinite(encoder.encode_query("caf\udce9")).all()

    def test_hostile_huge_unbroken_text(self, encoder: Encoder) -> None:
        vectors = encoder.encode(["A" * 2_000_000, " " * 2_000_000])
        assert np.isfinite(vectors).all()

    def test_many_threads_at_once(self, encoder: Encoder) -> None:
        expected = encoder.encode(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: encoder.encode(TEXTS), range(8)))
            queries = list(pool.map(encoder.encode_query, [TEXTS[0]] * 16))
        assert all(self.near(result, expected) for result in results)
        assert all(self.near(query, queries[0]) for query in queries)

"""An encoder without a model: hashed words and letter trigrams."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.ids import Fingerprint
from assistant.contracts.vectors import TokenVectors
from assistant.core.late import TOKEN_WIDTH, narrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.ports import Pace

    Vectors = NDArray[np.float32]

WORD_WEIGHT = 1.0
TRIGRAM_WEIGHT = 0.3
WORD_LETTERS = 64

_WORD = re.compile(r"\w+")


class HashingEncoder:
    """A fake of :class:`~assistant.contracts.ports.Encoder`: deterministic, needs no files, thread-safe.

    Texts that share words or parts of words are near, all others nearly orthogonal ("feature hashing", Weinberger et
    al., 2009). A token is a word. Meaning beyond letters is unknown to it.
    """

    def __init__(self, dim: int = 64, max_tokens: int = 256) -> None:
        self.name = f"hashing-{dim}"
        self.dim = dim
        self.max_tokens = max_tokens
        self.scripts: frozenset[str] = frozenset()
        seed = f"hashing {dim} {max_tokens}".encode("ascii")
        self.fingerprint = Fingerprint(hashlib.sha256(seed).hexdigest()[:16])

    def encode(self, texts: Sequence[str], *, pace: Pace | None = None) -> Vectors:
        vectors = np.empty((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            if pace is not None:
                pace.before()
            vectors[row] = self.encode_query(text)
            if pace is not None:
                pace.after(1, len(text), 0.0)
        return vectors

    def encode_query(self, text: str) -> Vectors:
        vector = np.zeros(self.dim, np.float64)
        for feature, weight in self._features(text):
            digest = hashlib.blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            number = int.from_bytes(digest, "little")
            vector[(number >> 1) % self.dim] += weight if number & 1 else -weight
        if not vector.any():
            # No words, or features that cancel out exactly: a direction of its own.
            vector[0] = 1
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def token_vectors(self, texts: Sequence[str]) -> list[TokenVectors]:
        found = []
        for text in texts:
            words = list(_WORD.finditer(text))[: self.max_tokens]
            rows = [self.encode_query(word.group()) for word in words]
            found.append(
                TokenVectors(
                    np.stack(rows) if rows else np.empty((0, self.dim), np.float32),
                    np.array([word.start() for word in words], np.int32),
                    np.array([word.end() for word in words], np.int32),
                )
            )
        return found

    def basis(self) -> Vectors:
        """As many dimensions as there are, up to the width, as they stand."""
        return np.eye(self.dim, TOKEN_WIDTH, dtype=np.float32)

    def encode_narrow(
        self, texts: Sequence[str], basis: Vectors, *, pace: Pace | None = None
    ) -> tuple[Vectors, list[NDArray[np.int8]]]:
        return self.encode(texts, pace=pace), [narrow(one.rows, basis) for one in self.token_vectors(texts)]

    def _features(self, text: str) -> Iterator[tuple[str, float]]:
        for whole in _WORD.findall(text.lower())[: self.max_tokens]:
            word = whole[:WORD_LETTERS]
            yield word, WORD_WEIGHT
            padded = f"<{word}>"
            for start in range(len(padded) - 2):
                yield f"#{padded[start : start + 3]}", TRIGRAM_WEIGHT

"""Encoders that compute little: one that looks vectors up, one that draws them near real ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.ids import Fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.ports import Encoder, Pace
    from assistant.contracts.vectors import TokenVectors
    from benchmarks.likeness import Likeness

    Vectors = NDArray[np.float32]

DIM = 384


class LookUp:
    """An :class:`~assistant.contracts.ports.Encoder` for texts whose vectors are known. ``known``: unit rows, float32,
    ``(DIM,)``, by text; a text that is not in it raises ``KeyError``. It has no vectors of tokens."""

    name = "given vectors"
    fingerprint = Fingerprint("00000000000bec48")
    dim = DIM
    max_tokens = 256
    scripts: frozenset[str] = frozenset()

    def __init__(self, known: dict[str, Vectors]) -> None:
        self.known = known

    def encode(self, texts: Sequence[str], *, pace: Pace | None = None) -> Vectors:
        del pace
        rows = [self.known[text] for text in texts]
        return np.stack(rows) if rows else np.empty((0, DIM), np.float32)

    def encode_query(self, text: str) -> Vectors:
        return self.known[text].copy()

    def basis(self) -> None:
        return None

    def encode_narrow(
        self, texts: Sequence[str], basis: Vectors, *, pace: Pace | None = None
    ) -> tuple[Vectors, list[NDArray[np.int8]]]:
        del texts, basis, pace
        raise AssertionError("only an encoder with a basis is asked for this")

    def token_vectors(self, texts: Sequence[str]) -> list[TokenVectors] | None:
        del texts
        return None


class Drawn:
    """Stands in for ``real``, an :class:`~assistant.contracts.ports.Encoder`, in texts to remember: their vectors are
    drawn near real ones, their token rows are those of a text that resembles them. Questions get their real vectors.

    It has the fingerprint of ``real``, so that what it filled can be asked with ``real`` afterwards. ``given``: every
    batch of rows it gave. ``spent_s``: time spent on drawing.
    """

    def __init__(self, real: Encoder, likeness: Likeness) -> None:
        self.name, self.fingerprint = real.name, real.fingerprint
        self.dim, self.max_tokens, self.scripts = real.dim, real.max_tokens, real.scripts
        self.given: list[Vectors] = []
        self.spent_s = 0.0
        self._real = real
        self._likeness = likeness
        self._narrow: list[NDArray[np.int8]] = []

    def encode(self, texts: Sequence[str], *, pace: Pace | None = None) -> Vectors:
        del pace
        return self._draw(texts)[0]

    def _draw(self, texts: Sequence[str]) -> tuple[Vectors, list[int]]:
        started_s = time.perf_counter()
        rows, resembling = self._likeness.drawn(texts)
        self.spent_s += time.perf_counter() - started_s
        self.given.append(rows)
        return rows, resembling

    def encode_query(self, text: str) -> Vectors:
        return self._real.encode_query(text)

    def basis(self) -> Vectors | None:
        return self._real.basis()

    def encode_narrow(
        self, texts: Sequence[str], basis: Vectors, *, pace: Pace | None = None
    ) -> tuple[Vectors, list[NDArray[np.int8]]]:
        del pace
        if not self._narrow:
            self._narrow = self._real.encode_narrow(list(self._likeness.known), basis)[1]
        rows, resembling = self._draw(texts)
        return rows, [self._narrow[place] for place in resembling]

    def token_vectors(self, texts: Sequence[str]) -> list[TokenVectors] | None:
        return self._real.token_vectors(texts)

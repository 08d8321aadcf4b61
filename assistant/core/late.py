"""Late interaction: every word of the question looks for its best counterpart in a text.

MaxSim of O. Khattab, M. Zaharia, "ColBERT: efficient and effective passage search via contextualized late interaction
over BERT" (SIGIR 2020), over the token vectors of a sentence encoder, with the question's tokens weighted by inverse
document frequency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.core.words import FUNCTION_WORDS, normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.vectors import TokenVectors

TOKEN_WIDTH = 64
"""Directions kept of a token vector: those in which tokens differ most. One byte each: 64 bytes a token."""
_STEPS = 127.0


def principal_basis(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ``TOKEN_WIDTH`` orthonormal directions, ``(dim, TOKEN_WIDTH)``, that keep most of ``rows`` ``(n, dim)``,
    strongest first; each is turned so that its largest component is positive. Padded with zeros when ``dim`` is
    smaller."""
    wide = rows.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ wide / max(1, len(wide)))
    kept = directions[:, ::-1][:, :TOKEN_WIDTH]
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    basis = np.zeros((rows.shape[1], TOKEN_WIDTH), np.float32)
    basis[:, : kept.shape[1]] = kept
    return basis


def narrow(rows: NDArray[np.float32], basis: NDArray[np.float32]) -> NDArray[np.int8]:
    """Unit rows ``(n, dim)`` in a basis, to be kept: int8 ``(n, TOKEN_WIDTH)``, in steps of 1/127."""
    found: NDArray[np.int8] = np.clip(np.rint(rows @ basis * _STEPS), -_STEPS, _STEPS).astype(np.int8)
    return found


def narrow_maxsim(
    question: NDArray[np.float32], weights: NDArray[np.float64], texts: Sequence[NDArray[np.int8] | None]
) -> list[float | None]:
    """:func:`maxsim` of each text from its narrow rows; ``None`` for a text that has none. ``question``: its rows in
    the same basis, float32 ``(tokens, TOKEN_WIDTH)``."""
    present = [at for at, rows in enumerate(texts) if rows is not None and len(rows)]
    found: list[float | None] = [None] * len(texts)
    if not present or not len(question):
        return found
    rows = [rows for at in present if (rows := texts[at]) is not None]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in rows])[:-1]])
    similar = question @ np.concatenate(rows).astype(np.float32).T
    best = np.maximum.reduceat(similar, starts, axis=1) / _STEPS
    for at, score in zip(present, (weights @ best).tolist(), strict=True):
        found[at] = score
    return found


def token_weights(text: str, tokens: TokenVectors, weigh: Callable[[str], float]) -> NDArray[np.float64]:
    """Weights of the question's tokens, ``(tokens,)``, adding up to 1; 0 for function words and punctuation.

    ``weigh`` gives the weight of a word as written; the tokens of one word share it. All alike when no word weighs.
    """
    weights = np.zeros(len(tokens.starts))
    for number, (start, end) in enumerate(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)):
        while start > 0 and text[start - 1].isalnum():
            start -= 1
        last = end
        while last < len(text) and text[last].isalnum():
            last += 1
        word = text[start:last]
        if not word or normalise(word).lower() in FUNCTION_WORDS or not any(char.isalnum() for char in word):
            continue
        share = (end - int(tokens.starts[number])) / (last - start)
        weights[number] = weigh(word) * share
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1.0 / max(1, len(weights)))


def best_matches(
    question: TokenVectors, text: TokenVectors, start: int = 0, end: int | None = None
) -> NDArray[np.float32]:
    """For each token of the question the cosine of its best counterpart among the tokens of ``text`` that lie in the
    characters ``start`` .. ``end``; zeros when there are none. ``(tokens,)``, float32."""
    first = int(np.searchsorted(text.starts, start, side="left"))
    last = len(text.starts) if end is None else int(np.searchsorted(text.starts, end, side="left"))
    if first >= last or not len(question.rows):
        return np.zeros(len(question.rows), dtype=np.float32)
    found: NDArray[np.float32] = (question.rows @ text.rows[first:last].T).max(axis=1)
    return found


def maxsim(weights: NDArray[np.float64], matches: NDArray[np.float32]) -> float:
    """Weighted mean of the best matches, -1..1."""
    return float(weights @ matches) if len(weights) else 0.0

"""A second, independent computation of a BERT encoder, to check compiled graphs against.

Plain numpy in float64, one operation after another as in Devlin et al., 2019. Slow: for a handful of sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from assistant.inference.bert_graph import BertShape, layer_prefix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MASKED = -1e4
"""Added to the attention score of a token that is not there; e**-10000 is 0 in float64."""

_erf = np.frompyfunc(math.erf, 1, 1)


def sentence_vectors(
    weights: Mapping[str, NDArray[np.float32]], shape: BertShape, ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> Floats:
    """Mean-pooled unit vectors, float64, ``(batch, hidden)``; ``ids`` and ``mask`` are ``(batch, tokens)``.
    Token types are all 0."""

    def tensor(name: str) -> Floats:
        return weights[name].astype(np.float64)

    def linear(values: Floats, name: str) -> Floats:
        product: Floats = values @ tensor(f"{name}.weight").T + tensor(f"{name}.bias")
        return product

    def normalise(values: Floats, name: str) -> Floats:
        centred = values - values.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + shape.epsilon)
        result: Floats = centred / spread * tensor(f"{name}.weight") + tensor(f"{name}.bias")
        return result

    batch, tokens = ids.shape
    words = weights["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    positions = tensor("embeddings.position_embeddings.weight")[:tokens]
    state = normalise(words + positions + tensor("embeddings.token_type_embeddings.weight")[0], "embeddings.LayerNorm")
    for layer in range(shape.layers):
        prefix = layer_prefix(layer)

        def by_head(name: str, state: Floats = state, prefix: str = prefix) -> Floats:
            values = linear(state, f"{prefix}attention.self.{name}")
            return values.reshape(batch, tokens, shape.heads, -1).transpose(0, 2, 1, 3)

        query, key, value = by_head("query"), by_head("key"), by_head("value")
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(shape.hidden // shape.heads)
        shares = _softmax(scores + (1 - mask[:, None, None, :]) * MASKED)
        attended = (shares @ value).transpose(0, 2, 1, 3).reshape(batch, tokens, shape.hidden)
        attended = linear(attended, f"{prefix}attention.output.dense")
        state = normalise(state + attended, f"{prefix}attention.output.LayerNorm")
        widened = _gelu(linear(state, f"{prefix}intermediate.dense"))
        state = normalise(state + linear(widened, f"{prefix}output.dense"), f"{prefix}output.LayerNorm")
    mean = (state * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    unit: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return unit


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    shares: Floats = powers / powers.sum(-1, keepdims=True)
    return shares


def _gelu(values: Floats) -> Floats:
    erf = np.asarray(_erf(values / math.sqrt(2)), np.float64)
    activated: Floats = values * 0.5 * (1 + erf)
    return activated

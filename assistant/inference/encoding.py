"""Texts to vectors: an ONNX session driven in length-sorted batches, behind the port ``Encoder``."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from assistant.contracts.errors import DamagedModel
from assistant.contracts.ids import Fingerprint
from assistant.contracts.vectors import TokenVectors
from assistant.core.late import narrow, principal_basis
from assistant.inference.manifest import ModelManifest
from assistant.inference.sessions import onnx_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.ports import Pace

    Vectors = NDArray[np.float32]
    TokenIds = NDArray[np.int32]

BATCH_TOKENS = 1024
"""Padded tokens per run of the graph. Larger batches are slower on a CPU: their activations leave the cache."""

WINDOW_TEXTS = 2048
"""Texts that are sorted by length together; bounds the token ids held at once."""

TOKENISE_TEXTS = 128
"""Texts handed to the tokenizer at once; its own records are some hundred bytes per token."""

QUERY_CACHE_SIZE = 256
TOKENS_CACHE_SIZE = 8
"""Queries whose token vectors are remembered too, up to 0.4 MB each: they are asked for next."""

BASIS_TEXTS = 200
BASIS_WORDS = 40
"""The basis of token rows is found on this many made-up texts of so many random words of the vocabulary: it belongs to
the model and to nobody's files."""
_BASIS_SEED = 20261121
_PLAIN_WORD = re.compile(r"[A-Za-z]{3,}")

CHARS_PER_TOKEN_LIMIT = 64
"""No more than this many characters per token of ``max_tokens`` are tokenised, so that a huge text costs no more than
a long one. Words have some 5 characters per token; only long runs of blanks or unbroken letters come near the limit."""

UNIT_TOLERANCE = 1e-3

T = TypeVar("T")

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A session and what is needed to feed it.

    ``session``: an ``onnxruntime.InferenceSession``; ``tokenizer``: a ``tokenizers.Tokenizer`` that belongs to the
    encoder from now on. Both may be used from several threads at once.
    """

    session: Any
    tokenizer: Any
    pad_id: int


class OnnxEncoder:
    """Implements :class:`~assistant.contracts.ports.Encoder`. Thread-safe.

    A graph that names an output ``sentence_embedding`` is trusted to pool; otherwise the first output is pooled as
    the manifest says. An int8 graph gives a text slightly different vectors in different batches (its activations are
    scaled per batch): compare vectors by cosine, never for equality.
    """

    def __init__(
        self, graph: LoadedGraph, manifest: ModelManifest, precision: str, fingerprint: Fingerprint, load_s: float = 0.0
    ) -> None:
        self.name = f"{manifest.id}-{precision}"
        self.fingerprint = fingerprint
        self.dim = manifest.dimension
        self.scripts = frozenset(manifest.scripts)
        self.manifest = manifest
        self.load_s = load_s
        self._session = graph.session
        self._tokenizer = graph.tokenizer
        self._pad_id = graph.pad_id
        # The tokenizer was set up to cut where its own files say, which may be earlier than the manifest does.
        cut = (graph.tokenizer.truncation or {}).get("max_length", manifest.max_tokens)
        self.max_tokens = min(manifest.max_tokens, int(cut))
        self._tokenizer.enable_truncation(self.max_tokens)
        self._tokenizer.no_padding()
        self._inputs = {node.name for node in self._session.get_inputs()}
        outputs = [node.name for node in self._session.get_outputs()]
        self._pools = "sentence_embedding" in outputs
        self._output = "sentence_embedding" if self._pools else outputs[0]
        by_token = [node.name for node in self._session.get_outputs() if len(node.shape) == 3]
        self._token_output = by_token[0] if by_token else None
        added = graph.tokenizer.get_added_tokens_decoder()
        self._special = np.array([number for number, token in added.items() if token.special], np.int32)
        self._queries: OrderedDict[str, Vectors] = OrderedDict()
        self._query_tokens: OrderedDict[str, TokenVectors] = OrderedDict()
        self._queries_lock = threading.Lock()

    def encode(self, texts: Sequence[str], *, pace: Pace | None = None) -> Vectors:
        """See the port. Raises :class:`DamagedModel` when the graph gives no unit vectors."""
        vectors = np.empty((len(texts), self.dim), np.float32)
        for places, token_ids in self._batches(texts, pace):
            vectors[places] = self._run(token_ids)
        return vectors

    def encode_narrow(
        self, texts: Sequence[str], basis: NDArray[np.float32], *, pace: Pace | None = None
    ) -> tuple[Vectors, list[NDArray[np.int8]]]:
        """See the port; one pass of the graph gives both."""
        if self._token_output is None:
            raise ValueError("this model gives no token vectors")
        vectors = np.empty((len(texts), self.dim), np.float32)
        narrowed: list[NDArray[np.int8]] = [np.empty((0, basis.shape[1]), np.int8)] * len(texts)
        for places, token_ids in self._batches(texts, pace):
            states, pooled = self._both(token_ids)
            vectors[places] = pooled
            for row, place in enumerate(places):
                real = np.flatnonzero(~np.isin(token_ids[row], self._special))
                narrowed[place] = narrow(_unit(states[row, real]), basis)
        return vectors, narrowed

    def _batches(self, texts: Sequence[str], pace: Pace | None) -> Iterator[tuple[list[int], list[TokenIds]]]:
        """Batches of texts of like length: their places in ``texts``, and their token ids."""
        for start in range(0, len(texts), WINDOW_TEXTS):
            token_ids = self._token_ids(texts[start : start + WINDOW_TEXTS], self.manifest.passage_prefix)
            order = by_length([len(ids) for ids in token_ids])
            while order:
                if pace is not None:
                    pace.before()
                most = BATCH_TOKENS if pace is None else pace.batch_tokens(BATCH_TOKENS)
                size = batch_size(len(token_ids[order[0]]), most)
                batch, order = order[:size], order[size:]
                began_s = time.perf_counter()
                yield [start + place for place in batch], [token_ids[place] for place in batch]
                if pace is not None:
                    tokens = len(batch) * len(token_ids[batch[0]])
                    pace.after(len(batch), tokens, time.perf_counter() - began_s)

    def basis(self) -> NDArray[np.float32] | None:
        """See the port."""
        if self._token_output is None:
            return None
        pieces = sorted(self._tokenizer.get_vocab().items(), key=lambda pair: pair[1])
        plain = [piece for piece, _ in pieces if _PLAIN_WORD.fullmatch(piece)] or [piece for piece, _ in pieces]
        chosen = np.random.default_rng(_BASIS_SEED).integers(0, len(plain), (BASIS_TEXTS, BASIS_WORDS))
        found = self.token_vectors([" ".join(plain[word] for word in words) for words in chosen.tolist()]) or []
        return principal_basis(np.concatenate([one.rows for one in found]))

    def encode_query(self, text: str) -> Vectors:
        """See the port. The last :data:`QUERY_CACHE_SIZE` queries are remembered; token vectors of the very last come
        from the same pass, where that gives them."""
        with self._queries_lock:
            known = self._queries.get(text)
            if known is not None:
                self._queries.move_to_end(text)
                return known.copy()
        vector, tokens = self._read_query(text)
        with self._queries_lock:
            _remember(self._queries, text, vector, QUERY_CACHE_SIZE)
            if tokens is not None:
                _remember(self._query_tokens, text, tokens, TOKENS_CACHE_SIZE)
        return vector.copy()

    def _read_query(self, text: str) -> tuple[Vectors, TokenVectors | None]:
        """The vector of a query, and those of its tokens where the same pass of the graph gives them."""
        if self._token_output is None or self.manifest.query_prefix:
            return self._run(self._token_ids([text], self.manifest.query_prefix))[0].copy(), None
        encoding = self._tokenizer.encode_batch([self._cut(text)])[0]
        states, pooled = self._both([np.array(encoding.ids, np.int32)])
        return pooled[0].copy(), _without_special(states[0], encoding)

    def token_vectors(self, texts: Sequence[str]) -> list[TokenVectors] | None:
        """See the port. ``None`` when the graph has no output of shape (texts, tokens, dim)."""
        if self._token_output is None:
            return None
        with self._queries_lock:
            known = self._query_tokens.get(texts[0]) if len(texts) == 1 else None
        if known is not None:
            return [known]
        encodings = self._tokenizer.encode_batch([self._cut(text) for text in texts])
        token_ids = [np.array(encoding.ids, np.int32) for encoding in encodings]
        found: list[TokenVectors | None] = [None] * len(texts)
        for batch in plan_batches([len(ids) for ids in token_ids]):
            states, _ = self._forward([token_ids[place] for place in batch], self._token_output)
            for row, place in enumerate(batch):
                found[place] = _without_special(states[row], encodings[place])
        return [vectors for vectors in found if vectors is not None]

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Tokens that :meth:`encode` would read of ``texts``, special tokens included, padding not."""
        return sum(len(ids) for ids in self._token_ids(texts, self.manifest.passage_prefix))

    def _token_ids(self, texts: Sequence[str], prefix: str) -> list[TokenIds]:
        result: list[TokenIds] = []
        for start in range(0, len(texts), TOKENISE_TEXTS):
            block = [prefix + self._cut(text) for text in texts[start : start + TOKENISE_TEXTS]]
            result += [np.array(encoding.ids, np.int32) for encoding in self._tokenizer.encode_batch_fast(block)]
        return result

    def _cut(self, text: str) -> str:
        return encodable(text[: self.max_tokens * CHARS_PER_TOKEN_LIMIT])

    def _run(self, token_ids: Sequence[TokenIds]) -> Vectors:
        output, mask = self._forward(token_ids, self._output)
        vectors = output if self._pools else pool(output, mask, self.manifest.pooling)
        self._check(vectors, len(token_ids))
        return vectors

    def _both(self, token_ids: Sequence[TokenIds]) -> tuple[Vectors, Vectors]:
        """Token vectors ``(batch, tokens, dim)`` and checked unit vectors ``(batch, dim)``."""
        assert self._token_output is not None
        if not self._pools and self._token_output == self._output:
            states, mask = self._forward(token_ids, self._output)
            pooled = pool(states, mask, self.manifest.pooling)
        else:
            (states, output), mask = self._run_graph(token_ids, [self._token_output, self._output])
            pooled = output if self._pools else pool(output, mask, self.manifest.pooling)
        self._check(pooled, len(token_ids))
        return states, pooled

    def _forward(self, token_ids: Sequence[TokenIds], output: str) -> tuple[Vectors, NDArray[np.int64]]:
        found, mask = self._run_graph(token_ids, [output])
        return found[0], mask

    def _run_graph(self, token_ids: Sequence[TokenIds], outputs: list[str]) -> tuple[list[Vectors], NDArray[np.int64]]:
        longest = max(len(ids) for ids in token_ids)
        ids = np.full((len(token_ids), longest), self._pad_id, np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(token_ids):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        feed = {name: values for name, values in feed.items() if name in self._inputs}
        with onnx_errors(self.name):
            return self._session.run(outputs, feed), mask

    def _check(self, vectors: Vectors, count: int) -> None:
        if vectors.shape != (count, self.dim):
            width = vectors.shape[-1]
            raise DamagedModel(f"{self.name} gives vectors of {width} dimensions, its manifest says {self.dim}.")
        lengths = np.linalg.norm(vectors, axis=1)
        # Written so that NaN fails it.
        if not (np.abs(lengths - 1) <= UNIT_TOLERANCE).all():
            raise DamagedModel(f"{self.name} gave a vector that is not finite or not of unit length.")


def by_length(lengths: Sequence[int]) -> list[int]:
    """Places 0 .. ``len(lengths)`` - 1, longest first, so that batches of neighbours are padded little."""
    return sorted(range(len(lengths)), key=lambda place: -lengths[place])


def batch_size(longest: int, batch_tokens: int) -> int:
    """Texts of up to ``longest`` tokens that stay within ``batch_tokens`` when padded; at least one."""
    return max(1, batch_tokens // max(1, longest))


def plan_batches(lengths: Sequence[int], batch_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Groups places 0 .. ``len(lengths)`` - 1 by length, longest first.

    Every place is in exactly one batch. Texts times the longest of them stays within ``batch_tokens``, except that a
    batch always has one text.
    """
    order = by_length(lengths)
    start = 0
    while start < len(order):
        size = batch_size(lengths[order[start]], batch_tokens)
        yield order[start : start + size]
        start += size


def pool(output: Vectors, mask: NDArray[np.int64], pooling: str) -> Vectors:
    """Unit vectors, float32, ``(batch, dim)``, from token vectors ``(batch, tokens, dim)`` by ``mean`` over the
    unmasked tokens or the first token (``cls``); an ``output`` of ``(batch, dim)`` is pooled already."""
    if output.ndim == 3:
        if pooling == "cls":
            output = output[:, 0]
        else:
            column = mask[..., None].astype(np.float32)
            output = (output * column).sum(axis=1) / np.maximum(column.sum(axis=1), 1)
    unit: Vectors = (output / np.linalg.norm(output, axis=1, keepdims=True)).astype(np.float32, copy=False)
    return unit


def _remember(shelf: OrderedDict[str, T], name: str, thing: T, most: int) -> None:
    shelf[name] = thing
    if len(shelf) > most:
        shelf.popitem(last=False)


def _without_special(states: Vectors, encoding: Any) -> TokenVectors:
    """Unit rows of the real tokens of one text."""
    spans = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    real = np.flatnonzero(spans[:, 1] > spans[:, 0])
    found = TokenVectors(_unit(states[real]), spans[real, 0], spans[real, 1])
    for part in (found.rows, found.starts, found.ends):
        part.flags.writeable = False
    return found


def _unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.maximum(lengths, 1e-9), dtype=np.float32)


def encodable(text: str) -> str:
    """Bytes that could not be decoded stand in a text as lone surrogates, which the tokenizer refuses."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)

"""Question and text, read together: a cross-encoder driven in length-sorted batches, behind the port ``Reranker``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from assistant.contracts.errors import DamagedModel, Interrupted
from assistant.inference.encoding import CHARS_PER_TOKEN_LIMIT, TOKENISE_TEXTS, LoadedGraph, encodable, plan_batches
from assistant.inference.sessions import onnx_errors

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from assistant.contracts.ports import RerankEntry
    from assistant.contracts.questions import Question
    from assistant.inference.manifest import RerankerManifest

FEWEST_TOKENS = 16
"""A tokenizer that cuts a pair earlier than this is a mistake."""


class CrossEncoderReranker:
    """Implements :class:`~assistant.contracts.ports.Reranker`. Thread-safe.

    The graph takes pairs of question and text and gives one number each, shape ``(pairs, 1)``. An int8 graph gives a
    pair slightly different numbers in different company.
    """

    kind: Literal["cross"] = "cross"

    def __init__(
        self, graph: LoadedGraph, manifest: RerankerManifest, files: Sequence[Path], load_s: float = 0.0
    ) -> None:
        """``files``: the graph and the data beside it. Session and tokenizer belong to the reranker from now on.

        Raises :class:`DamagedModel` for a tokenizer that cuts everything off."""
        self.name = manifest.id
        self.manifest = manifest
        self._files = files
        self.load_s = load_s
        self._session = graph.session
        self._tokenizer = graph.tokenizer
        self._pad_id = graph.pad_id
        padding = graph.tokenizer.padding or {}
        self._pad_type_id = int(padding.get("pad_type_id", 0))
        self._pads_left = padding.get("direction") == "left"
        # The tokenizer was set up to cut where its own files say, which may be earlier than the manifest does.
        cut = (graph.tokenizer.truncation or {}).get("max_length", manifest.max_tokens)
        self.max_tokens = min(manifest.max_tokens, int(cut))
        if self.max_tokens < FEWEST_TOKENS:
            raise DamagedModel(f"The tokenizer of {self.name} reads no more than {cut} tokens.")
        # The longer of question and text is cut first: neither can crowd the other out.
        self._tokenizer.enable_truncation(self.max_tokens, strategy="longest_first")
        self._tokenizer.no_padding()
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._output = self._session.get_outputs()[0].name

    @cached_property
    def sha256(self) -> str:
        """Of its files; see :func:`~assistant.inference.registry.digest_of_files`. They are not read before."""
        from assistant.inference.registry import digest_of_files

        return digest_of_files(self._files)

    def reads(self, question: Question) -> bool:
        """See the port."""
        return question.readable_by(frozenset(self.manifest.scripts))

    def scores(
        self,
        question: Question,
        entries: Sequence[RerankEntry],
        *,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[float | None]:
        """See the port; context and text are read, ``None`` for an entry that has neither. Raises as :meth:`rate`
        does."""
        texts = [f"{entry.context}\n{entry.text}".strip() for entry in entries]
        judged = [place for place, text in enumerate(texts) if text]
        found: list[float | None] = [None] * len(texts)
        rated = self.rate(question.text, [texts[place] for place in judged], should_stop=should_stop)
        for place, score in zip(judged, rated.tolist(), strict=True):
            found[place] = score
        return found

    def rate(
        self, question: str, texts: Sequence[str], *, should_stop: Callable[[], bool] | None = None
    ) -> NDArray[np.float32]:
        """How well each text answers: float32 ``(len(texts),)``, finite, in the order given, higher is better.

        ``should_stop`` is asked before every batch, in the calling thread; when it says yes, :class:`Interrupted` is
        raised. Raises :class:`DamagedModel` when the graph gives anything but one finite number a pair.
        """
        found = np.empty(len(texts), np.float32)
        for start in range(0, len(texts), TOKENISE_TEXTS):
            encodings = self._encodings(question, texts[start : start + TOKENISE_TEXTS])
            for batch in plan_batches([len(one.ids) for one in encodings]):
                if should_stop is not None and should_stop():
                    raise Interrupted
                found[[start + place for place in batch]] = self._run([encodings[place] for place in batch])
        return found

    def count_tokens(self, question: str, texts: Sequence[str]) -> int:
        """Tokens that :meth:`rate` would read, special tokens included, padding not."""
        return sum(len(one.ids) for one in self._encodings(question, texts))

    def _encodings(self, question: str, texts: Sequence[str]) -> list[Any]:
        limit = self.max_tokens * CHARS_PER_TOKEN_LIMIT
        asked = encodable(question[:limit])
        found: list[Any] = self._tokenizer.encode_batch([(asked, encodable(text[:limit])) for text in texts])
        return found

    def _run(self, encodings: Sequence[Any]) -> NDArray[np.float32]:
        longest = max(len(one.ids) for one in encodings)
        ids = np.full((len(encodings), longest), self._pad_id, np.int64)
        types = np.full_like(ids, self._pad_type_id)
        mask = np.zeros_like(ids)
        for row, one in enumerate(encodings):
            size = len(one.ids)
            real = slice(longest - size, longest) if self._pads_left else slice(0, size)
            ids[row, real], types[row, real], mask[row, real] = one.ids, one.type_ids, 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        feed = {name: values for name, values in feed.items() if name in self._inputs}
        with onnx_errors(self.name):
            (output,) = self._session.run([self._output], feed)
        if np.shape(output) != (len(encodings), 1):
            shape = np.shape(output)
            raise DamagedModel(f"{self.name} gives an array {shape} for {len(encodings)} pairs, not one score each.")
        scores: NDArray[np.float32] = output[:, 0].astype(np.float32)
        if not np.isfinite(scores).all():
            raise DamagedModel(f"{self.name} gave a score that is not finite.")
        return scores

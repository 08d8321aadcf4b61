"""The embedder: gives every item its vector, newest first, in overlapped windows that can be stopped at any moment."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.contracts.errors import Interrupted
from assistant.contracts.events import EmbeddingFinished, EmbeddingStarted, Listener, VectorsStored
from assistant.memory.recall import embedded_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assistant.contracts.ids import ItemKey
    from assistant.contracts.ports import Clock, Encoder, Pace
    from assistant.memory.fabric import Fabric

WINDOW = 384
"""Contents encoded together: enough to fill batches of like length, few enough to be stored every few seconds."""
_QUEUE_WINDOWS = 2
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class _Encoded:
    contents: list[str]
    rows: NDArray[np.float32]
    tokens: list[NDArray[np.int8]] | None


class Embedder:
    """Encoding runs on a thread of its own while this one stores and indexes the window before."""

    def __init__(
        self,
        fabric: Fabric,
        encoder: Encoder,
        clock: Clock,
        listener: Listener,
        stop: threading.Event,
        pace: Pace | None = None,
    ) -> None:
        """``pace``: how fast; ``None``: as fast as it goes."""
        self._fabric = fabric
        self._encoder = encoder
        self._clock = clock
        self._tell = listener
        self._stop = stop
        self._pace = pace

    def run(self, stop: threading.Event | None = None) -> EmbeddingFinished:
        """Embed what is pending. Returns early when stopped (by ``stop``, instead of the signal given before): every
        window stored by then stays, the rest is pending.

        Raises what the encoder or the store raise; windows stored before stay.
        """
        started_s = self._clock.monotonic_s()
        pending = self._newest_first()
        self._tell(EmbeddingStarted(len(pending)))
        done, stop = 0, stop or self._stop
        if pending:
            basis = self._fabric.settle_basis(self._encoder.basis)
            for encoded in self._encoded(pending, basis, stop):
                self._fabric.store_vectors(encoded.contents, encoded.rows, encoded.tokens)
                self._fabric.publish_if_due()
                done += len(encoded.contents)
                self._tell(VectorsStored(done, len(pending)))
        result = EmbeddingFinished(done, len(pending), self._clock.monotonic_s() - started_s)
        self._tell(result)
        return result

    def _newest_first(self) -> list[tuple[str, ItemKey]]:
        with self._fabric.records.read() as view:
            pending = view.pending(self._fabric.space.fingerprint)
            dated = []
            for content, key in pending:
                record = view.item(key)
                if record is not None:
                    dated.append((-record.timestamp_s, key, content))
        return [(content, key) for _, key, content in sorted(dated)]

    def _encoded(
        self, pending: Sequence[tuple[str, ItemKey]], basis: NDArray[np.float32] | None, stop: threading.Event
    ) -> Iterator[_Encoded]:
        """Windows as they are encoded. The worker never outlives the iteration."""
        ready: queue.Queue[_Encoded | BaseException | None] = queue.Queue(_QUEUE_WINDOWS)
        abandoned = threading.Event()

        def offer(thing: _Encoded | BaseException | None) -> None:
            while not abandoned.is_set():
                try:
                    ready.put(thing, timeout=_WAIT_S)
                except queue.Full:
                    continue
                else:
                    break

        def work() -> None:
            try:
                for at in range(0, len(pending), WINDOW):
                    if stop.is_set() or abandoned.is_set():
                        break
                    contents, texts = self._texts(pending[at : at + WINDOW])
                    if texts:
                        offer(self._encode(contents, texts, basis))
                offer(None)
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits, which raises it
                offer(error)

        context = contextvars.copy_context()  # who it is done for, and whether they wait, is known there too
        worker = threading.Thread(target=context.run, args=(work,), name="embedder", daemon=True)
        worker.start()
        try:
            while (thing := ready.get()) is not None:
                if isinstance(thing, Interrupted):
                    return
                if isinstance(thing, BaseException):
                    raise thing
                yield thing
        finally:
            abandoned.set()
            worker.join()

    def _encode(self, contents: list[str], texts: list[str], basis: NDArray[np.float32] | None) -> _Encoded:
        if basis is None:
            return _Encoded(contents, self._encoder.encode(texts, pace=self._pace), None)
        rows, tokens = self._encoder.encode_narrow(texts, basis, pace=self._pace)
        return _Encoded(contents, rows, tokens)

    def _texts(self, window: Sequence[tuple[str, ItemKey]]) -> tuple[list[str], list[str]]:
        contents, texts = [], []
        with self._fabric.records.read() as view:
            for content, key in window:
                record = view.item(key)
                if record is not None and record.content == content:
                    contents.append(content)
                    texts.append(embedded_text(record))
        return contents, texts

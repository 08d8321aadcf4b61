"""This program, given the vectors like all others: files on disk are read and cut, pieces stored in LMDB, words indexed
in Tantivy, vectors in hnswlib.

``dense`` is the vector index and the records alone, as in the other libraries. The ``hybrid`` modes are its whole
recall: both retrievers scored over their union, near-duplicates folded, sources grouped, and every hit checked against
the file on disk, which no other library does. There is no reranking, since there is no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assistant.app import Assistant
from assistant.contracts.items import Filters, RecallQuery
from assistant.core.parameters import DEFAULT
from assistant.locations import locate
from assistant.settings import Settings
from benchmarks.lookup import LookUp
from benchmarks.peers.corpus import Asked, Corpus, K


class Ours:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._encoder = LookUp({})
        self._assistant: Assistant | None = None

    def title(self) -> str:
        return f"this program, m = {DEFAULT.hnsw_m}, ef = {DEFAULT.hnsw_ef_construction} / {DEFAULT.hnsw_ef_search}"

    def modes(self) -> tuple[str, ...]:
        return ("dense", "hybrid", "hybrid_kind", "hybrid_folder")

    def _open(self) -> Assistant:
        locations = locate({"ASSISTANT_HOME": str(self._home)})
        return Assistant(Settings(), locations, encoder=self._encoder)

    def build(self, corpus: Corpus) -> None:
        texts = (piece.text for piece in corpus.pieces)
        self._encoder.known.update(zip(texts, corpus.vectors, strict=True))
        self._assistant = self._open()
        self._assistant.add([str(corpus.folder / "files")])

    def open(self) -> None:
        self._assistant = self._open()

    def ask(self, mode: str, asked: Asked, vector: Any) -> list[tuple[str, str, str]]:
        assert self._assistant is not None
        how, _, narrow = mode.partition("_")
        if how == "dense":
            return self._nearest(vector)
        self._encoder.known[asked.text] = vector
        filters = Filters(
            kinds=(asked.kind,) if narrow == "kind" else (), paths=(asked.folder,) if narrow == "folder" else ()
        )
        found = self._assistant.recall(RecallQuery(text=asked.text, k=K, filters=filters))
        return [(hit.id, hit.snippet, hit.cite.path) for hit in found.items]

    def _nearest(self, vector: Any) -> list[tuple[str, str, str]]:
        assert self._assistant is not None
        fabric, found = self._assistant.fabric, []
        nearest = fabric.vectors.search(vector, K)
        with fabric.records.read() as view:
            for label, _ in nearest:
                content = view.content_of(fabric.space.fingerprint, label)
                record = view.item(view.holders(content, 1)[0]) if content else None
                if record is not None:
                    found.append((record.id, record.text, record.path))
        return found

    def close(self) -> None:
        if self._assistant is not None:
            self._assistant.close()
            self._assistant = None


def make(home: Path, variant: str) -> Ours:
    del variant
    return Ours(home)

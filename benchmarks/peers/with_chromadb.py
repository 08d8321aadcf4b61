"""chromadb: a persistent client, vectors passed in, settings as shipped (HNSW with cosine). It has no ranking by words
in its local form, so no hybrid mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings

from benchmarks.peers.corpus import Asked, Corpus, K

NAME = "pieces"


class Chroma:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._collection: Any = None

    @staticmethod
    def title() -> str:
        return f"chromadb {chromadb.__version__}"

    @staticmethod
    def modes() -> tuple[str, ...]:
        return ("dense", "dense_kind", "dense_folder")

    def _client(self) -> Any:
        return chromadb.PersistentClient(str(self._home), settings=Settings(anonymized_telemetry=False))

    def build(self, corpus: Corpus) -> None:
        client = self._client()
        collection = client.create_collection(NAME, embedding_function=None, metadata={"hnsw:space": "cosine"})
        step = client.get_max_batch_size()
        for start in range(0, len(corpus.pieces), step):
            batch = corpus.pieces[start : start + step]
            collection.add(
                ids=[piece.id for piece in batch],
                embeddings=corpus.vectors[start : start + step],
                documents=[piece.text for piece in batch],
                metadatas=[{"path": piece.path, "folder": piece.folder, "kind": piece.kind} for piece in batch],
            )

    def open(self) -> None:
        self._collection = self._client().get_collection(NAME, embedding_function=None)

    def ask(self, mode: str, asked: Asked, vector: Any) -> list[tuple[str, str, str]]:
        narrow = mode.removeprefix("dense").lstrip("_")
        found = self._collection.query(
            query_embeddings=[vector],
            n_results=K,
            where={narrow: getattr(asked, narrow)} if narrow else None,
            include=["documents", "metadatas", "distances"],
        )
        rows = zip(found["ids"][0], found["documents"][0], found["metadatas"][0], strict=True)
        return [(one, text, more["path"]) for one, text, more in rows]

    def close(self) -> None:
        self._collection = None


def make(home: Path, variant: str) -> Chroma:
    del variant
    return Chroma(home)

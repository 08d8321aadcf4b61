"""txtai: an embeddings database with content (Faiss, SQLite), by vectors alone and with its own BM25 beside them
(``txtai-hybrid``, which searches by words even when only vectors are asked for). Vectors come from a look-up table;
torch is not installed, and nothing here needs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from txtai import Embeddings

from benchmarks.peers.corpus import MODES, Asked, Corpus, K

KNOWN: dict[str, Any] = {}
"""Vector of every text it may ask for."""


def transform(texts: Sequence[str]) -> Any:
    return np.stack([KNOWN[text] for text in texts])


class Txtai:
    def __init__(self, home: Path, *, hybrid: bool) -> None:
        self._home = home
        self._hybrid = hybrid
        self._embeddings: Any = None

    def title(self) -> str:
        return f"txtai {version('txtai')}, faiss {version('faiss-cpu')}, {'hybrid' if self._hybrid else 'vectors'}"

    def modes(self) -> tuple[str, ...]:
        return tuple(mode for mode in MODES if mode.startswith("hybrid") == self._hybrid)

    def build(self, corpus: Corpus) -> None:
        KNOWN.update(zip((piece.text for piece in corpus.pieces), corpus.vectors, strict=True))
        made = Embeddings(
            {
                "method": "external",
                "transform": "benchmarks.peers.with_txtai.transform",
                "content": True,
                "hybrid": self._hybrid,
            }
        )
        made.index(
            (piece.id, {"text": piece.text, "path": piece.path, "folder": piece.folder, "kind": piece.kind})
            for piece in corpus.pieces
        )
        made.save(str(self._home))
        made.close()

    def open(self) -> None:
        self._embeddings = Embeddings()
        self._embeddings.load(str(self._home))

    def ask(self, mode: str, asked: Asked, vector: Any) -> list[tuple[str, str, str]]:
        narrow = mode.partition("_")[2]
        KNOWN[asked.text] = vector
        wanted = f" and {narrow} = :narrow" if narrow else ""
        found = self._embeddings.search(
            f"select id, text, path from txtai where similar(:question){wanted} limit {K}",
            K,
            parameters={"question": asked.text, **({"narrow": getattr(asked, narrow)} if narrow else {})},
        )
        return [(row["id"], row["text"], row["path"]) for row in found]

    def close(self) -> None:
        if self._embeddings is not None:
            self._embeddings.close()


def make(home: Path, variant: str) -> Txtai:
    return Txtai(home, hybrid=variant == "hybrid")

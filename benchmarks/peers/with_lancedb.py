"""LanceDB: a table with vectors and its own index of words; as shipped, where every vector is compared with the
question, and with its HNSW index (``lancedb-hnsw``)."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import FTS, HnswSq

from benchmarks.peers.corpus import MODES, Asked, Corpus, K

NAME = "pieces"
COLUMNS = ["id", "text", "path"]


class Lance:
    def __init__(self, home: Path, *, hnsw: bool) -> None:
        self._home = home
        self._hnsw = hnsw
        self._table: Any = None

    def title(self) -> str:
        return f"lancedb {version('lancedb')}, {'HNSW_SQ' if self._hnsw else 'no vector index (as shipped)'}"

    @staticmethod
    def modes() -> tuple[str, ...]:
        return MODES

    def build(self, corpus: Corpus) -> None:
        vectors, pieces = corpus.vectors, corpus.pieces
        rows = {name: [getattr(piece, name) for piece in pieces] for name in (*COLUMNS, "folder", "kind")}
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        table = lancedb.connect(str(self._home)).create_table(NAME, data=pa.table({**rows, "vector": column}))
        table.create_index("text", config=FTS())
        if self._hnsw:
            table.create_index("vector", config=HnswSq(distance_type="cosine"))

    def open(self) -> None:
        self._table = lancedb.connect(str(self._home)).open_table(NAME)

    def ask(self, mode: str, asked: Asked, vector: Any) -> list[tuple[str, str, str]]:
        how, _, narrow = mode.partition("_")
        if how == "hybrid":
            query = self._table.search(query_type="hybrid").vector(vector).text(asked.text)
        else:
            query = self._table.search(vector)
        query = query.distance_type("cosine").limit(K).select(COLUMNS)
        if narrow:
            query = query.where(f"{narrow} = '{getattr(asked, narrow)}'", prefilter=True)
        return [(row["id"], row["text"], row["path"]) for row in query.to_list()]

    def close(self) -> None:
        self._table = None


def make(home: Path, variant: str) -> Lance:
    return Lance(home, hnsw=variant == "hnsw")

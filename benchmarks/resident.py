"""A process whose memory is looked at: ``python -m benchmarks.resident store | model FOLDER | vectors COUNT DIM``.

Prints one JSON object of sizes in bytes.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from pathlib import Path

import psutil


def resident_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def store() -> dict[str, int]:
    """The memory of ``ASSISTANT_HOME``, opened and asked once."""
    from assistant.app import open_assistant, question
    from assistant.contracts.items import Filters
    from benchmarks.texts import Texts

    with open_assistant() as assistant:
        assistant.roots()
        opened = resident_bytes()
        assistant.recall(question(Texts(3).question(), k=10, filters=Filters()))
        recalled = resident_bytes()
        private = int(psutil.Process().memory_full_info().uss)
    return {"open": opened, "recalled": recalled, "private": private}


def model(folder: str) -> dict[str, int]:
    """onnxruntime and the tokenizer, as bare as can be."""
    from benchmarks.embedding import BareModel

    bare = BareModel(Path(folder), 256, spinning=False)
    bare.run(bare.feeds(["when was the boiler repaired?"]))
    return {"resident": resident_bytes()}


def vectors(count: int, dim: int) -> dict[str, int]:
    """The vector index with random vectors. Built with little care for its quality, which takes no memory."""
    import numpy as np

    from assistant.contracts.ids import Label
    from assistant.core.parameters import DEFAULT
    from assistant.memory.vectors import HnswVectors

    chance = np.random.default_rng(9)
    with tempfile.TemporaryDirectory(prefix="assistant-resident-") as folder:
        index = HnswVectors(Path(folder), dim, DEFAULT.model_copy(update={"hnsw_ef_construction": 8}))
        before = resident_bytes()
        for start in range(1, count + 1, 1000):
            labels = [Label(number) for number in range(start, min(start + 1000, count + 1))]
            rows = chance.standard_normal((len(labels), dim), dtype=np.float32)
            index.add(labels, rows / np.linalg.norm(rows, axis=1, keepdims=True), 1)
        del rows, labels
        after = resident_bytes()
        index.publish()
        file_bytes = next(Path(folder).glob("gen-*/index.bin")).stat().st_size
    return {"resident": after - before, "file": file_bytes, "m": DEFAULT.hnsw_m}


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "store":
        found = store()
    elif what == "model":
        found = model(arguments[0])
    else:
        found = vectors(int(arguments[0]), int(arguments[1]))
    print(json.dumps(found))

"""Memory that stays resident, each figure taken in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import Figures
from benchmarks.workbench import REPOSITORY, Workbench

VECTORS = 50_000
DIM = 384


def run(bench: Workbench) -> Figures:
    figures = Figures("memory: resident, in processes of their own")
    store = _child(bench, "store", bench.remembered)
    model = _child(bench, "model", str(bench.model_folder))
    mib = 2**20
    figures.add("open_mib", store["open"] / mib, "MiB", "store opened, 1,500 pieces remembered")
    figures.add("recall_mib", store["recalled"] / mib, "MiB", "model loaded and one question recalled")
    figures.add("private_mib", store["private"] / mib, "MiB", "of that, shared with nobody and backed by no file")
    figures.add(
        "model_mib", model["resident"] / mib, "MiB", "onnxruntime with the model and one question, nothing else"
    )
    figures.add("recall_to_model", store["recalled"] / model["resident"], "x", "recall : the model alone")
    count = bench.count(VECTORS, 1000)
    vectors = _child(bench, "vectors", str(count), str(DIM))
    each = vectors["resident"] / count
    figures.add(
        "bytes_per_vector", each, "bytes", f"resident, of {count:,} vectors of {DIM} in hnswlib, m = {vectors['m']}"
    )
    figures.add("file_bytes_per_vector", vectors["file"] / count, "bytes", "the same in the saved index")
    figures.add("vector_to_row", each / (4 * DIM), "x", "resident : the bare float32 row")
    return figures


def _child(bench: Workbench, *arguments: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.resident", *arguments],
        env=bench.environment(bench.remembered),
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=300,
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found

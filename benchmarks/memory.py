"""Memory that stays resident, each figure taken in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measuring import Figures
from benchmarks.workbench import REPOSITORY, Workbench

VECTORS = 50_000
DIM = 384
MB = 1_000_000


def run(bench: Workbench) -> Figures:
    figures = Figures("memory: resident, in processes of their own")
    measure_store(bench, bench.remembered, figures)
    count = bench.count(VECTORS, 1000)
    vectors = _child(bench, bench.remembered, "vectors", str(count), str(DIM))
    each = vectors["resident"] / count
    figures.add(
        "bytes_per_vector", each, "bytes", f"resident, of {count:,} vectors of {DIM} in hnswlib, m = {vectors['m']}"
    )
    figures.add("file_bytes_per_vector", vectors["file"] / count, "bytes", "the same in the saved index")
    figures.add("vector_to_row", each / (4 * DIM), "x", "resident : the bare float32 row")
    return figures


def measure_store(bench: Workbench, home: str, figures: Figures, size: str = "") -> None:
    """A process that opened a memory and recalled, against one with nothing but the model. ``size`` goes before the
    names of the figures."""
    prefix = f"{size}_" if size else ""
    store = _child(bench, home, "store")
    model = _child(bench, home, "model", str(bench.model_folder))
    where = f"memory “{home}”"
    figures.add(f"{prefix}open_mb", store["open"] / MB, "MB", f"store opened, {where}")
    figures.add(f"{prefix}recall_mb", store["recalled"] / MB, "MB", "model loaded and one question recalled")
    figures.add(f"{prefix}private_mb", store["private"] / MB, "MB", "of that, shared with nobody and backed by no file")
    figures.add(f"{prefix}model_mb", model["resident"] / MB, "MB", "onnxruntime, the model, one question, nothing else")
    figures.add(f"{prefix}recall_to_model", store["recalled"] / model["resident"], "x", "recall : the model alone")


def _child(bench: Workbench, home: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.resident", *arguments],
        env=bench.environment(home),
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=900,
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found

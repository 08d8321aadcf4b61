"""What the small integers of an int8 encoder save, and what they cost: its speed against fp32, and the quality of
recall with each on retrieval sets given by path (``--set DIR``; see ``assistant eval``)."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assistant.inference.loading import load_encoder
from assistant.inference.processor import Precision
from benchmarks.measuring import Figures, take_turns
from benchmarks.peers.making import pieces_of
from benchmarks.workbench import REPOSITORY, Workbench

BOTH: tuple[Precision, ...] = ("int8", "fp32")
TEXTS = 512
ROUNDS = 3
LIMIT_S = 3600


def run(bench: Workbench) -> Figures:
    figures = Figures("precision: the int8 encoder against fp32")
    encoders = {
        one: load_encoder(bench.settings.model, one, _models(bench, one), bench.settings.threads) for one in BOTH
    }
    texts = [piece.text for piece in pieces_of(bench.passages)][: bench.count(TEXTS, 8)]
    for encoder in encoders.values():
        encoder.encode(texts[:4])
    times = take_turns({one: partial(encoders[one].encode, texts) for one in BOTH}, bench.count(ROUNDS))
    for one in BOTH:
        figures.median(f"{one}_per_s", [len(texts) / s for s in times[one]], "chunks/s", f"{one}, {len(texts)} chunks")
    figures.ratio("int8_to_fp32", times["fp32"], times["int8"], "int8 : fp32 (speeds)")
    rows = {one: encoders[one].encode(texts) for one in BOTH}
    alike = (rows["int8"] * rows["fp32"]).sum(axis=1)
    figures.add("cosine", float(alike.mean()), "of 1", "mean cosine of a chunk's two vectors")
    figures.add("least_cosine", float(np.min(alike)), "of 1", "the least of them")
    for folder in bench.sets:
        _quality(bench, Path(folder).resolve(), figures)
    if not bench.sets:
        figures.note("Quality was not measured: no retrieval set was given (--set DIR).")
    return figures


def _models(bench: Workbench, precision: Precision) -> Path:
    """The folder of installed models, with that precision installed."""
    from assistant.inference.installing import install, installed_folder
    from assistant.inference.loading import manifest_for

    manifest = manifest_for(bench.settings.model)
    install(manifest, precision, installed_folder(bench.models, manifest.id, precision))
    return bench.models


def _quality(bench: Workbench, folder: Path, figures: Figures) -> None:
    found = {one: _evaluated(bench, folder, one) for one in BOTH}
    name, queries = folder.name, found["int8"]["queries"]
    for metric in ("ndcg_at_10", "mrr_at_10", "recall_at_20"):
        values = {one: float(found[one][metric]["value"]) for one in BOTH}
        for one in BOTH:
            figures.add(f"{name}_{metric}_{one}", values[one], "of 1", f"{name}, {queries} queries: {metric}, {one}")
        words = f"{name}: {metric}, int8 less fp32"
        figures.add(f"{name}_{metric}_difference", values["int8"] - values["fp32"], "", words)


def _evaluated(bench: Workbench, folder: Path, precision: Precision) -> dict[str, Any]:
    """The total of ``assistant eval`` on a retrieval set."""
    limit = [] if bench.scale >= 1 else ["--limit-queries", str(bench.count(200, 4))]
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "eval", str(folder), "--json", *limit],
        env={**bench.environment(f"precision-{precision}"), "ASSISTANT_PRECISION": precision},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=LIMIT_S,
    )
    found: dict[str, Any] = json.loads(done.stdout)["external"][0]["total"]
    return found

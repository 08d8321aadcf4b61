"""Large memories, made the usual way except for the encoder: vectors are drawn near real ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.core.parameters import DEFAULT
from benchmarks.lookup import Drawn
from benchmarks.measuring import seconds
from benchmarks.texts import Texts, write_files
from benchmarks.workbench import SAMPLE_SEED, Workbench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.app import Assistant

PARTS = 6
PIECES_PER_FILE = 6.2
FOUND_OF = 20
FEW_QUESTIONS = 50
CLOSE = 1e-5
"""Cosines that differ by less are equal, as far as the index can tell."""


@dataclass(frozen=True, slots=True)
class Grown:
    """``scan_s``: until all is searchable by words. ``store_s``: until all is searchable by meaning, and durable;
    ``draw_s`` of it went into drawing vectors. ``index_recall``: share of the 20 nearest that the vector index finds
    when asked for 20; ``index_recall_wide``: among the first 20 of the 100 that recall asks it for. ``disk_bytes`` by
    folder of the store."""

    files: int
    pieces: int
    scan_s: float
    store_s: float
    draw_s: float
    index_recall: float
    index_recall_wide: float
    disk_bytes: dict[str, int]


def grow(bench: Workbench, home: str, pieces: int) -> Grown:
    """Make the memory ``home`` with about so many pieces. Its files stay on the disk: hits are checked against them.

    One that was made before in a folder that is kept is taken as it is, with the figures of then; one that was not
    finished is made anew."""
    note = bench.folder / f"{home}-grown.json"
    if note.exists():
        return Grown(**json.loads(note.read_bytes()))
    drop(bench, home)
    files = round(pieces / PIECES_PER_FILE)
    folder = bench.folder / f"{home}-files"
    write_files(folder, files, PARTS, SAMPLE_SEED)
    drawn = Drawn(bench.encoder, bench.likeness)
    with bench.assistant(home, encoder=drawn) as assistant:
        scan_s = seconds(lambda: assistant.add([str(folder)], embed=False))
        store_s = seconds(lambda: (assistant.embed(), assistant.fabric.publish()))
        narrow, wide = index_recall(bench, assistant, drawn.given)
        count = assistant.status().items
    store = bench.locations(home).store
    disk_bytes = {place.name: _disk_bytes(place) for place in sorted(store.iterdir()) if place.is_dir()}
    grown = Grown(files, count, scan_s, store_s, drawn.spent_s, narrow, wide, disk_bytes)
    note.write_text(json.dumps(asdict(grown)))
    return grown


def index_recall(bench: Workbench, assistant: Assistant, blocks: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Share of the 20 ``rows`` nearest to a question that the vector index finds, over real questions: asked for 20,
    and for as many as recall wants. ``blocks``: all vectors it holds."""
    texts = Texts(SAMPLE_SEED + 2)
    shares: list[tuple[float, ...]] = []
    for _ in range(FEW_QUESTIONS):
        vector = bench.encoder.encode_query(texts.question())
        scores = np.concatenate([rows @ vector for rows in blocks])
        least = float(np.partition(scores, -FOUND_OF)[-FOUND_OF]) - CLOSE
        found = (assistant.fabric.vectors.search(vector, count)[:FOUND_OF] for count in (FOUND_OF, DEFAULT.candidates))
        shares.append(tuple(sum(score >= least for _, score in nearest) / FOUND_OF for nearest in found))
    narrow, wide = (sum(share) / len(shares) for share in zip(*shares, strict=True))
    return narrow, wide


def drop(bench: Workbench, home: str) -> None:
    """Remove a memory and its files, to make room."""
    (bench.folder / f"{home}-grown.json").unlink(missing_ok=True)
    for place in (bench.folder / home, bench.folder / f"{home}-files"):
        shutil.rmtree(place, ignore_errors=True)


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())

"""A process that lives with a memory until it is killed: looks whether all is right, then changes files and remembers
them, learns, forgets, saves, compacts and backs up, and says before and after each step what it does."""

from __future__ import annotations

import random
import tempfile
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from memory.world import LineReader, PlainFiles, opened, state_of

from assistant.actors.embedder import Embedder
from assistant.actors.librarian import Librarian
from assistant.clock import SystemClock
from assistant.contracts.events import nobody
from assistant.core.parameters import DEFAULT
from assistant.memory.backup import back_up
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.memory.terms import TantivyTerms
from assistant.memory.vectors import HnswVectors
from assistant.testing.hashing import HashingEncoder
from hardness.stored import NOW, unseen

ENCODER = HashingEncoder(16)
WORDS = ["tea", "coffee", "garden", "boiler", "invoice", "чай", "огород", "котёл", "def", "return", "maxRetries"]
FILES = 12
LINES = 12


def live(talk: Connection, store: Path, files: Path, backups: Path, seed: int, *, look_only: bool = False) -> None:
    """Look, tell what was found, and go on until killed."""
    draw, stop = random.Random(seed), threading.Event()
    notes: list[str] = []
    fabric = opened(store, ENCODER, notes)
    librarian = Librarian(fabric, PlainFiles(), LineReader(), SystemClock(), nobody, stop)
    embedder = Embedder(fabric, ENCODER, SystemClock(), nobody, stop)
    told: dict[str, Any] = {"notes": notes, "findings": findings_of(fabric), "state": state_of(fabric)}
    told["learnt"] = learnt(fabric)
    talk.send({"found": told})
    librarian.scan(str(files))
    told = {"findings": findings_of(fabric), "state": state_of(fabric), "divergent": divergent(fabric)}
    told["on_disk"] = {str(path): path.read_text() for path in files.iterdir()}
    talk.send({"settled": told})
    if look_only:
        fabric.close()
        return
    while True:
        step(talk, draw, fabric, librarian, embedder, files, backups, store)


def step(
    talk: Connection,
    draw: random.Random,
    fabric: Fabric,
    librarian: Librarian,
    embedder: Embedder,
    files: Path,
    backups: Path,
    store: Path,
) -> None:
    chance = draw.random()
    if chance < 0.55:
        paths = [files / f"{draw.randrange(FILES)}{draw.choice(['.txt', '.md'])}" for _ in range(draw.randrange(1, 5))]
        talk.send({"will": [str(path) for path in paths]})
        contents = {str(path): change(draw, path) for path in paths}
        librarian.scan(str(files))
        talk.send({"done": contents})
    elif chance < 0.75:
        embedder.run()
        talk.send({"learnt": True})
    elif chance < 0.83:
        fabric.publish()
        fabric.records.trim_journal(min(fabric.terms.applied, fabric.vectors.published))
        talk.send({"saved": True})
    elif chance < 0.91:
        fabric.records.compact()
        talk.send({"compacted": True})
    elif chance < 0.97:
        paths = sorted(files.iterdir())[: draw.randrange(3)]
        talk.send({"will": [str(path) for path in paths]})
        for path in paths:
            path.unlink()
            librarian.forget(str(path))
        talk.send({"done": {str(path): None for path in paths}, "forgot": True})
    elif chance < 0.985:
        talk.send({"forgetting": True})
        librarian.forget(str(files))
    else:
        target = backups / f"{draw.randrange(10**9)}.backup"
        talk.send({"backing": str(target)})
        back_up(store, target, replace=False, made_at=NOW, program="0", progress=unseen)
        talk.send({"backed": str(target), "state": state_of(fabric)})


def change(draw: random.Random, path: Path) -> str | None:
    """New content of a file; most lines stay, so that numbers and vectors are kept."""
    if path.exists() and draw.random() < 0.2:
        path.unlink()
        return None
    lines = path.read_text().split("\n") if path.exists() else []
    for _ in range(draw.randrange(1, 6)):
        lines.insert(draw.randrange(len(lines) + 1), " ".join(draw.choices(WORDS, k=draw.randrange(1, 9))))
    while len(lines) > LINES:
        lines.pop(draw.randrange(len(lines)))
    content = "\n".join(lines)
    path.write_text(content)
    return content


def findings_of(fabric: Fabric) -> list[str]:
    return [finding.said for finding in check(fabric).findings]


def learnt(fabric: Fabric) -> list[str]:
    """Paths of which every piece has its vector."""
    found = []
    with fabric.records.read() as view:
        for source in view.sources():
            contents = [item.content for item in view.items(source.items)]
            if all(view.vector(ENCODER.fingerprint, content) is not None for content in contents):
                found.append(source.path)
    return found


def divergent(fabric: Fabric) -> list[str]:
    """Questions that are answered otherwise than by indexes made just now from the same records."""
    found = []
    with tempfile.TemporaryDirectory() as folder, fabric.records.read() as view:
        terms = TantivyTerms(Path(folder) / "terms")
        terms.apply(view.all_items(), (), 1)
        vectors = HnswVectors(Path(folder) / "vectors", ENCODER.dim, DEFAULT)
        for label in view.labels(ENCODER.fingerprint):
            row = view.vector_by_label(ENCODER.fingerprint, label)
            assert row is not None
            vectors.add([label], np.stack([row]), 1)
        for word in WORDS:
            asked = ({word: 1.0}, (word,), (f"{word} tea",), 1000)
            if {key for key, _ in fabric.terms.search(*asked)} != {key for key, _ in terms.search(*asked)}:
                found.append(f"word {word}")
            if any(fabric.terms.frequency(stem) != terms.frequency(stem) for stem in terms.analyse(word)):
                found.append(f"frequency of {word}")
            near, expected = (index.search(ENCODER.encode_query(word), 20) for index in (fabric.vectors, vectors))
            if [label for label, _ in near] != [label for label, _ in expected]:
                found.append(f"meaning of {word}")
        terms.close()
    return found

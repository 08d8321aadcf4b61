"""Harm done to the files of a store while nobody looks: to the indexes, the locks and the note of order. Never to the
records, which are the one truth."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path


def cut(path: Path, draw: random.Random) -> None:
    os.truncate(path, draw.randrange(path.stat().st_size + 1))


def empty(path: Path, draw: random.Random) -> None:
    os.truncate(path, 0)


def zero(path: Path, draw: random.Random) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def garble(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(draw.randrange(1, 5000)))


def delete(path: Path, draw: random.Random) -> None:
    path.unlink()


KINDS: tuple[Callable[[Path, random.Random], None], ...] = (cut, empty, zero, flip, garble, delete)


def targets(store: Path) -> dict[str, list[Path]]:
    """What may be harmed, by what it is."""
    return {
        "word index": [path for path in (store / "terms").rglob("*") if path.is_file()],
        "vector index": [path for path in (store / "vectors").rglob("*") if path.is_file()],
        "lock": [path for path in (store / "lock", store / "records" / "lock.mdb") if path.is_file()],
        "note of order": [path for path in (store / "order.json",) if path.is_file()],
    }


def vandalise(store: Path, draw: random.Random) -> Counter[str]:
    """Harm a few files, or a whole index; returns what was done how often."""
    done = Counter[str]()
    if draw.random() < 0.04:
        part = draw.choice(["terms", "vectors"])
        shutil.rmtree(store / part, ignore_errors=True)
        done[f"{'word' if part == 'terms' else 'vector'} index: removed whole"] += 1
    for _ in range(draw.choice([0, 1, 1, 2, 3])):
        what = draw.choices(["word index", "vector index", "lock", "note of order"], [6, 4, 1, 1])[0]
        paths = sorted(targets(store)[what])
        if paths:
            harm = draw.choice(KINDS)
            harm(draw.choice(paths), draw)
            done[f"{what}: {harm.__name__}"] += 1
    return done

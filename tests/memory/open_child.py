"""``python open_child.py TASK FOLDER ...``: things that may kill a process, or must be done by another one.

Prints one JSON object a line.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

from assistant.contracts.errors import DataError, StorageFailed
from assistant.memory.checking import check
from assistant.testing.hashing import HashingEncoder
from memory.world import embed_all, found_by_word, opened, remember, state_of


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def look(folder: Path) -> None:
    """Open a store and tell all that is in it."""
    notes: list[str] = []
    try:
        fabric = opened(folder, HashingEncoder(16), notes)
        findings = [finding.said for finding in check(fabric).findings]
        state = state_of(fabric)
        found = sorted(found_by_word(fabric, "number"))
        say(findings=findings, state=state, found=found, notes=notes, read_only=fabric.read_only)
        fabric.close()
    except DataError as error:
        say(error=type(error).__name__, exit_code=error.exit_code, happened=error.happened)


def flip(template: Path, rounds: int) -> None:
    """Open copies of a store that was not closed in order, each with other bytes of its records changed."""
    for seed in range(rounds):
        draw = random.Random(seed)
        folder = template.with_name(f"flipped-{seed}")
        shutil.copytree(template, folder)
        data = folder / "records" / "data.mdb"
        content = bytearray(data.read_bytes())
        start = draw.randrange(8192) if seed % 4 == 0 else draw.randrange(len(content) - 64)
        for at in range(start, start + draw.choice([1, 1, 8, 64])):
            content[at] ^= draw.randrange(1, 256)
        data.write_bytes(content)
        look(folder)


def hold(folder: Path) -> None:
    """Own a store until the parent closes our input."""
    fabric = opened(folder, HashingEncoder(16))
    say(holding=True)
    sys.stdin.read()
    fabric.close()


def fill(folder: Path, limit_bytes: int) -> None:
    """Remember more and more until the disk refuses; tell each source that was acknowledged."""
    fabric = opened(folder, HashingEncoder(16))
    say(opened=True)
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
    try:
        for number in range(10_000):
            remember(fabric, {f"/r/more{number}": f"number {number} " + "filler words " * 500})
            say(remembered=f"/r/more{number}")
            embed_all(fabric, HashingEncoder(16))
    except StorageFailed as error:
        say(error=type(error).__name__, exit_code=error.exit_code, happened=error.happened, kept=error.kept)
    try:
        fabric.close()
    except StorageFailed as error:
        say(close_error=error.happened)
    say(alive=True)


if __name__ == "__main__":
    task, folder, *more = sys.argv[1:]
    {"look": look, "flip": flip, "hold": hold, "fill": fill}[task](Path(folder), *map(int, more))

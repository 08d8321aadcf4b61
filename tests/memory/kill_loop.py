"""``python kill_loop.py STORE FILES SEED``: keep changing files and remembering them, until killed.

Says on its output, one JSON object a line: ``will`` change these paths; ``done``, they are remembered with this
content (``None``: gone); ``embedded``, everything done so far has its vectors; ``forgetting``, all may be gone until
the next ``done``.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from pathlib import Path
from typing import Any

from assistant.actors.embedder import Embedder
from assistant.actors.librarian import Librarian
from assistant.clock import SystemClock
from assistant.contracts.events import nobody
from assistant.testing.hashing import HashingEncoder
from memory.world import LineReader, PlainFiles, opened

WORDS = ["tea", "coffee", "garden", "boiler", "invoice", "чай", "огород", "котёл", "def", "return", "maxRetries"]


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def change(draw: random.Random, path: Path) -> str | None:
    """New content of a file; most lines stay, so that numbers and vectors are kept."""
    if path.exists() and draw.random() < 0.2:
        path.unlink()
        return None
    lines = path.read_text().split("\n") if path.exists() else []
    for _ in range(draw.randrange(1, 6)):
        lines.insert(draw.randrange(len(lines) + 1), " ".join(draw.choices(WORDS, k=draw.randrange(1, 9))))
    while len(lines) > 12:
        lines.pop(draw.randrange(len(lines)))
    content = "\n".join(lines)
    path.write_text(content)
    return content


def main(store: Path, files: Path, seed: int) -> None:
    draw = random.Random(seed)
    encoder, clock, stop = HashingEncoder(16), SystemClock(), threading.Event()
    fabric = opened(store, encoder)
    librarian = Librarian(fabric, PlainFiles(), LineReader(), clock, nobody, stop)
    embedder = Embedder(fabric, encoder, clock, nobody, stop)
    librarian.scan(str(files))
    embedder.run()
    say(ready=True)
    while True:
        paths = [files / f"{draw.randrange(12)}{draw.choice(['.txt', '.md'])}" for _ in range(draw.randrange(1, 5))]
        say(will=[str(path) for path in paths])
        contents = {str(path): change(draw, path) for path in paths}
        librarian.scan(str(files))
        say(done=contents)
        step = draw.random()
        if step < 0.5:
            embedder.run()
            say(embedded=True)
        elif step < 0.6:
            fabric.publish()
            fabric.records.trim_journal(min(fabric.terms.applied, fabric.vectors.published))
        elif step < 0.65:
            say(forgetting=True)
            librarian.forget(str(files))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

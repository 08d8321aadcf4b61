"""Stores to be harmed: a small memory, its backup, and what must be true of it afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from memory.world import embed_all, found_by_word, opened, remember, state_of

from assistant.memory.backup import BackupReport, back_up
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.memory.restoring import RestoreReport, restore
from assistant.testing.hashing import HashingEncoder

ENCODER = HashingEncoder(16)
FILES = {f"/r/{number}.md": f"number {number}\nчисло {number}\ncommon words" for number in range(30)}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def furnish(folder: Path, files: dict[str, str] | None = None) -> None:
    """A store that remembers ``FILES``, words and meanings, closed in order."""
    fabric = opened(folder, ENCODER)
    remember(fabric, FILES if files is None else files)
    embed_all(fabric, ENCODER)
    fabric.close()


def unseen(_what: str, _done: int, _total: int) -> None:
    """Progress nobody looks at."""


def backed_up(store: Path, target: Path, *, replace: bool = False) -> BackupReport:
    return back_up(store, target, replace=replace, made_at=NOW, program="0.0", progress=unseen)


def restored(file: Path, store: Path) -> RestoreReport:
    return restore(file, store, progress=unseen)


def lines_of(files: dict[str, str]) -> dict[str, list[str]]:
    return {path: text.split("\n") for path, text in files.items()}


def is_right(fabric: Fabric, files: dict[str, str]) -> None:
    """The three stores agree, hold exactly these files, and find them by words and by meaning."""
    assert check(fabric).findings == ()
    assert state_of(fabric) == lines_of(files)
    for word in ("number", "common"):
        assert found_by_word(fabric, word) == {
            line for text in files.values() for line in text.split("\n") if word in line
        }
    if files and len(fabric.vectors):
        line = next(iter(files.values())).split("\n")[0]
        ((_, cosine),) = fabric.vectors.search(ENCODER.encode_query(line), 1)
        assert round(cosine, 3) == 1.0


def holds(store: Path, files: dict[str, str]) -> list[str]:
    """Open a store, see that it is right, and return what was told meanwhile."""
    notes: list[str] = []
    fabric = opened(store, ENCODER, notes)
    try:
        is_right(fabric, files)
    finally:
        fabric.close()
    left = [path.name for path in store.rglob("*") if path.name.endswith((".tmp", ".new", ".old"))]
    assert left == []
    return notes

"""Memories kept between evaluations, so that nothing is embedded a second time for being measured.

A kept folder holds a mark that it is one, and for each corpus a folder of its own with the files, the memory made of
them, and a note of what made it. A memory made by another model, or by code that reads or indexes in another way, is
made anew.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from assistant.contracts.errors import BadPath, StorageFailed, StoreBusy
from assistant.core.parameters import RecallParameters
from assistant.evaluation.made_by import code_digest
from assistant.memory.durable import replace_synced

MARK = "assistant-eval.txt"
_MARK_TEXT = b"Memories that `assistant eval --keep` made. This folder may be deleted as a whole.\n"
_NOTE, _LOCK = "made-by.json", "lock"
_OURS = ("corpus", "memory")


@contextmanager
def kept_folder(folder: Path, name: str, fingerprint: str, parameters: RecallParameters) -> Iterator[Path]:
    """The place (a real path) for the files and the memory of the corpus called ``name``, ours alone meanwhile; empty
    when what was kept there had been made in another way.

    Raises :class:`~assistant.contracts.errors.BadPath` when ``folder`` holds something else,
    :class:`~assistant.contracts.errors.StoreBusy` when another evaluation uses the place, and
    :class:`~assistant.contracts.errors.StorageFailed`.
    """
    made_by = {
        "fingerprint": fingerprint,
        "code": code_digest(),
        "hnsw": [parameters.hnsw_m, parameters.hnsw_ef_construction],
    }
    with ExitStack() as held:
        try:
            _claim(folder)
            place = folder.resolve() / name
            place.mkdir(mode=0o700, exist_ok=True)
            lock = held.enter_context((place / _LOCK).open("w"))
            _take(lock.fileno(), place)
            if _note(place) != made_by:
                _empty(place)
                replace_synced(place / _NOTE, json.dumps(made_by).encode())
        except OSError as error:
            raise StorageFailed(f"{folder} cannot be used to keep a memory: {error.strerror}.") from error
        yield place


def _empty(place: Path) -> None:
    """Remove what was made there."""
    for name in _OURS:
        if (place / name).is_dir() and not (place / name).is_symlink():
            shutil.rmtree(place / name)


def _claim(folder: Path) -> None:
    """Make it a kept folder, if it is new or empty."""
    try:
        str(folder.resolve()).encode()
    except UnicodeEncodeError as error:  # the record store could not be opened there
        raise BadPath("The folder to keep memories in has a name that is not UTF-8.", remedy="Name another.") from error
    if folder.exists() and not folder.is_dir():
        raise BadPath(f"{folder} is not a folder.", remedy="Name an empty or a new folder.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / MARK).is_file():
        return
    if any(folder.iterdir()):
        raise BadPath(
            f"The folder {folder} holds something else than kept memories.",
            kept="Nothing in it was touched.",
            remedy="Name an empty or a new folder.",
        )
    replace_synced(folder / MARK, _MARK_TEXT)


def _take(lock: int, place: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreBusy(
            f"Another evaluation uses the memory in {place}.", remedy="Wait until it is done, or keep it elsewhere."
        ) from error


def _note(place: Path) -> object:
    """What made the memory; ``None`` when that cannot be told."""
    try:
        found: object = json.loads((place / _NOTE).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found

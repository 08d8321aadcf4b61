"""Makes a corpus: files as a person has them, cut into pieces as this program cuts them, with vectors and questions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assistant.contracts.documents import SourceAddress
from assistant.core.intake import draft_items, embedding_text
from assistant.reading.reader import FileReader
from benchmarks.peers.corpus import Asked, Corpus, Piece, write
from benchmarks.texts import Texts, write_files
from benchmarks.workbench import SAMPLE_SEED, Workbench

PARTS = 6
PIECES_PER_FILE = 6.2
QUESTIONS = 220
BATCH = 2000


def make_corpus(bench: Workbench, count: int) -> Corpus:
    """``count`` pieces, below ``bench.folder``; their files lie in its folder ``files``. Questions have their real
    vectors, the first pieces too, the rest drawn ones (see :mod:`benchmarks.likeness`)."""
    folder = bench.folder / f"corpus-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    files = folder.with_name(f"{folder.name}-files")
    write_files(files, round(count / PIECES_PER_FILE), PARTS, SAMPLE_SEED)
    pieces = list(pieces_of(files, folder / "files"))
    texts = [piece.text for piece in pieces]
    vectors = np.concatenate([bench.likeness.vectors(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])
    words = Texts(SAMPLE_SEED + 1)
    folders = sorted({piece.folder for piece in pieces})
    questions = [Asked(words.question(), "code", folders[number % len(folders)]) for number in range(QUESTIONS)]
    asked = np.stack([bench.encoder.encode_query(one.text) for one in questions])
    corpus = write(folder, pieces, vectors, questions, asked)
    files.rename(folder / "files")
    return corpus


def pieces_of(files: Path, final: Path | None = None) -> Iterator[Piece]:
    """Every piece of the files below ``files``, in the order of their paths. ``final``: where the files will lie."""
    reader = FileReader()
    for path in sorted(files.rglob("*.*")):
        place = (final or files) / path.relative_to(files)
        address, data = SourceAddress(str(place)), path.read_bytes()
        document = reader.read(address, data)
        assert document is not None
        for draft in draft_items(address, document, data):
            chunk = draft.chunk
            text = embedding_text(document.title, draft.scope, chunk.header, chunk.kind, draft.text)
            yield Piece(draft.id, text, str(place), str(place.parent), document.kind)

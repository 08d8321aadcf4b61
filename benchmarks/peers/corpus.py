"""What all of them are given: pieces of text with their vectors, and questions with theirs. Plain files, read by the
processes of all libraries; numpy and the standard library only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

K = 20
"""Hits wanted of every question."""
MODES = ("dense", "dense_kind", "dense_folder", "hybrid", "hybrid_kind", "hybrid_folder")
"""By vector or by vector and words; among all, among those of one kind (a quarter), or of one folder (a hundredth or
less)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``text`` is what the encoder reads: headings and the piece itself."""

    id: str
    text: str
    path: str
    folder: str
    """Absolute."""
    kind: str


@dataclass(frozen=True, slots=True)
class Asked:
    """``kind`` and ``folder``: what the narrowed modes are narrowed to."""

    text: str
    kind: str
    folder: str


class Corpus:
    """Read from a folder that :func:`write` filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pieces(self) -> list[Piece]:
        with (self.folder / "pieces.jsonl").open(encoding="utf-8") as lines:
            return [Piece(**json.loads(line)) for line in lines]

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """float32, ``(pieces, dim)``, unit rows, in the order of :attr:`pieces`."""
        found: NDArray[np.float32] = np.load(self.folder / "vectors.npy")
        return found

    @cached_property
    def questions(self) -> list[Asked]:
        return [Asked(**one) for one in json.loads((self.folder / "questions.json").read_text(encoding="utf-8"))]

    @cached_property
    def question_vectors(self) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.load(self.folder / "questions.npy")
        return found

    def exact(self, mode: str) -> list[set[str]]:
        """For each question the ids of the :data:`K` nearest pieces, by comparing all, of a ``dense`` mode."""
        narrow = mode.removeprefix("dense").lstrip("_")
        values = np.array([getattr(piece, narrow) for piece in self.pieces]) if narrow else None
        found = []
        for asked, vector in zip(self.questions, self.question_vectors, strict=True):
            places = np.arange(len(self.pieces)) if values is None else np.flatnonzero(values == getattr(asked, narrow))
            scores = self.vectors[places] @ vector
            found.append({self.pieces[place].id for place in places[np.argsort(-scores)[:K]]})
        return found


def write(
    folder: Path,
    pieces: Sequence[Piece],
    vectors: NDArray[np.float32],
    questions: Sequence[Asked],
    question_vectors: NDArray[np.float32],
) -> Corpus:
    folder.mkdir(parents=True)
    with (folder / "pieces.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(asdict(piece)) + "\n" for piece in pieces)
    np.save(folder / "vectors.npy", vectors)
    (folder / "questions.json").write_text(json.dumps([asdict(one) for one in questions]), encoding="utf-8")
    np.save(folder / "questions.npy", question_vectors)
    return Corpus(folder)

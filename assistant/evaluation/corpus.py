"""An external corpus as ordinary files, and the way back from a place in a file to the document that stands there.

Files and folders are named by numbers, so that no word of an id can be found by them. All files have the same date: an
external set says nothing of when its documents were last touched.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.contracts.errors import Interrupted, StorageFailed
from assistant.core.filenames import to_disk, to_text
from assistant.evaluation.codelike import code_extension
from assistant.evaluation.external import ExternalDocument

WRITTEN_S = 1_577_836_800
"""2020-01-01: the date of all files."""
_HASH_COMMENTS = frozenset({"py", "rb", "sh", "pl"})


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """``documents``: one, or the turns of a transcript, one a line."""

    path: str
    documents: tuple[ExternalDocument, ...]

    def text(self) -> str:
        """What is written."""
        if self.documents[0].is_turn:
            return "".join(f"{_turn(document)}\n" for document in self.documents)
        document = self.documents[0]
        title = _one_line(document.title or "")
        if not title:
            return document.text
        extension = self.path.rpartition(".")[2]
        if extension == "md":
            return f"# {title}\n\n{document.text}"
        return f"{'#' if extension in _HASH_COMMENTS else '//'} {title}\n{document.text}"


@dataclass(slots=True)
class CorpusFiles:
    """Where the documents of a set lie; all paths are absolute, and text (see :mod:`assistant.core.filenames`)."""

    files: list[PlannedFile] = field(default_factory=list)
    _groups: dict[str, str] = field(default_factory=dict)
    _by_path: dict[str, PlannedFile] = field(default_factory=dict)

    def add(self, file: PlannedFile) -> None:
        """One more file."""
        self.files.append(file)
        self._by_path[file.path] = file
        group = file.documents[0].group
        if group is not None:
            self._groups[group] = os.path.dirname(file.path)

    def group_folder(self, group: str) -> str:
        """The folder of a group. Raises ``KeyError`` when no document belongs to it."""
        return self._groups[group]

    def documents_at(self, path: str, line: int, end_line: int) -> tuple[str, ...]:
        """Ids of the documents on these lines (from 1, inclusive) of a file, in order."""
        file = self._by_path.get(path)
        if file is None:
            return ()
        here = file.documents[line - 1 : end_line] if file.documents[0].is_turn else file.documents
        return tuple(document.id for document in here)

    def write(self, stop: threading.Event) -> None:
        """Write all files that are not there already, byte for byte. Raises
        :class:`~assistant.contracts.errors.StorageFailed`, and :class:`~assistant.contracts.errors.Interrupted` when
        stopped."""
        try:
            for file in self.files:
                if stop.is_set():
                    raise Interrupted
                path, data = Path(to_disk(file.path)), file.text().encode()
                if not path.is_file() or path.read_bytes() != data:
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.write_bytes(data)
                    os.utime(path, (WRITTEN_S, WRITTEN_S))
        except OSError as error:
            raise StorageFailed(f"The corpus cannot be written: {error.strerror}.") from error


def lay_out(documents: Sequence[ExternalDocument], folder: Path) -> CorpusFiles:
    """Give every document a place below ``folder`` (a real path); nothing is written yet.

    A document becomes a file of its own; the turns of one session become one transcript, in the order of their
    ``pos``. What belongs to a group lies in the folder of the group.
    """
    groups: dict[str | None, str] = {}
    top = to_text(str(folder))
    sessions: dict[tuple[str | None, str | None], list[ExternalDocument]] = {}
    for document in documents:
        groups.setdefault(document.group, f"{top}/{len(groups):06}")
        if document.is_turn:
            sessions.setdefault((document.group, document.session), []).append(document)
    corpus = CorpusFiles()

    def place(extension: str, *inside: ExternalDocument) -> None:
        name = f"{len(corpus.files):07}.{extension}"
        corpus.add(PlannedFile(f"{groups[inside[0].group]}/{name}", inside))

    for document in documents:
        if not document.is_turn:
            place(code_extension(document.text) or ("md" if _one_line(document.title or "") else "txt"), document)
    for turns in sessions.values():
        place("txt", *sorted(turns, key=lambda turn: turn.pos or 0.0))
    return corpus


def _turn(document: ExternalDocument) -> str:
    """A turn as one line that says who speaks."""
    text = _one_line(document.text)
    speaker = _one_line(document.speaker or "")
    if text.startswith(speaker):
        return text
    return f"{speaker} ({_one_line(document.date)}): {text}" if document.date else f"{speaker}: {text}"


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()).strip()

"""A small world to remember: a reader that takes every line for a piece, files on disk, an encoder that counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.contracts.documents import Chunk, Document, FileStat, FoundSource, RootSigns, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, UnreadableSource
from assistant.contracts.ids import digest_of
from assistant.core.filenames import is_within
from assistant.core.intake import draft_items
from assistant.core.offsets import OffsetMap, TextPiece, newline_offsets
from assistant.core.parameters import DEFAULT, RecallParameters
from assistant.memory.fabric import Fabric, Space, open_fabric
from assistant.memory.layout import ItemRecord
from assistant.memory.writing import SourceUpdate
from assistant.testing.hashing import HashingEncoder

if TYPE_CHECKING:
    from assistant.contracts.ports import Vectors

ROOT = "/r"


class CountingEncoder(HashingEncoder):
    """Remembers how often each text was encoded."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__(dim)
        self.texts: Counter[str] = Counter()

    def encode(self, texts: Sequence[str], **more: object) -> Vectors:
        self.texts.update(texts)
        return super().encode(texts)


class LineReader:
    """Every line that is not blank is a chunk; a first line ``# words`` is the title. ``.py`` files are code."""

    def read(self, address: SourceAddress, data: bytes) -> Document | None:
        if b"\x00" in data or not data:
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise UnreadableSource("not UTF-8") from error
        code = address.path.endswith(".py")
        chunks, at = [], 0
        for line in text.split("\n"):
            if line.strip():
                start = at + len(line) - len(line.lstrip())
                chunks.append(Chunk(start, start + len(line.strip()), "code" if code else "prose"))
            at += len(line) + 1
        title = text.partition("\n")[0][2:] if text.startswith("# ") else None
        return Document(
            text=text,
            offsets=OffsetMap(text, [TextPiece(0, len(text), 0, len(data))] if text else [], newline_offsets(data)),
            encoding="utf-8",
            kind="code" if code else "markdown" if address.path.endswith(".md") else "text",
            modality="text",
            chunks=tuple(chunks),
            language="python" if code else "ru" if any("а" <= char <= "я" for char in text) else "en",
            title=title,
        )


class PlainFiles:
    """Real files, without rules about what to leave out."""

    def walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        if not os.path.isdir(root):
            raise BadPath(f"There is no folder {root}.")
        for path in sorted(Path(root).rglob("*")):
            stat = self.stat(SourceAddress(str(path)))
            if stat is not None:
                yield FoundSource(SourceAddress(str(path)), stat)

    def look(self, root: str, path: str) -> Iterator[FoundSource | SkippedPath]:
        for found in self.walk(root):
            if is_within(found.path if isinstance(found, SkippedPath) else found.address.path, path):
                yield found

    def history(self, root: str, folder: str) -> Iterator[FoundSource | SkippedPath]:
        return iter(())

    def observe(self, root: str) -> RootSigns:
        return RootSigns(device=os.stat(root).st_dev) if os.path.isdir(root) else RootSigns("it is gone")

    def stat(self, address: SourceAddress) -> FileStat | None:
        try:
            found = os.stat(address.path)
        except FileNotFoundError:
            return None
        return FileStat(found.st_size, found.st_mtime_ns, found.st_ino) if os.path.isfile(address.path) else None

    def fetch(self, address: SourceAddress) -> bytes:
        try:
            return Path(address.path).read_bytes()
        except OSError as error:
            raise UnreadableSource(str(error.strerror)) from error


def update_of(path: str, text: str | bytes, *, mtime_s: int = 1_700_000_000, root: str = ROOT) -> SourceUpdate:
    """The update that a scan makes of a file with this text."""
    data = text.encode() if isinstance(text, str) else text
    address = SourceAddress(path)
    document = LineReader().read(address, data)
    drafts = tuple(draft_items(address, document, data)) if document else ()
    return SourceUpdate(
        address, root, FileStat(len(data), mtime_s * 10**9, 1), digest_of(data), document=document, drafts=drafts
    )


def opened(
    folder: Path, encoder: HashingEncoder, notes: list[str] | None = None, parameters: RecallParameters = DEFAULT
) -> Fabric:
    told = [] if notes is None else notes
    return open_fabric(folder, Space(encoder.fingerprint, encoder.dim), parameters, note=told.append)


def remember(fabric: Fabric, files: dict[str, str], *, mtime_s: int = 1_700_000_000) -> None:
    fabric.add_root(ROOT, "2026-01-01T00:00:00+00:00")
    fabric.remember([update_of(path, text, mtime_s=mtime_s) for path, text in files.items()])
    fabric.project_terms()


def embed_all(fabric: Fabric, encoder: HashingEncoder, limit: int | None = None) -> None:
    """Give vectors to what is pending (up to ``limit`` contents). The text stands for what the embedder would read."""
    with fabric.records.read() as view:
        pending = view.pending(fabric.space.fingerprint)[:limit]
        texts = [item.text for item in view.items(key for _, key in pending)]
    if pending:
        fabric.store_vectors([content for content, _ in pending], encoder.encode(texts))


def items_of(fabric: Fabric) -> list[ItemRecord]:
    with fabric.records.read() as view:
        return list(view.all_items())


def state_of(fabric: Fabric) -> dict[str, list[str]]:
    """What is remembered: texts by path, in reading order."""
    with fabric.records.read() as view:
        return {source.path: [item.text for item in view.items(source.items)] for source in view.sources()}


def found_by_word(fabric: Fabric, word: str) -> set[str]:
    """Texts that the word index finds."""
    keys = [key for key, _ in fabric.terms.search({word: 1.0}, (), (), 1000)]
    with fabric.records.read() as view:
        return {item.text for item in view.items(keys)}

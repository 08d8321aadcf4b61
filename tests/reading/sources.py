"""Sources for the tests of this folder: one call each, so that a test shows only what matters to it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from assistant.contracts.documents import Document, SourceAddress
from assistant.reading.reader import FileReader

HOUR_S = 3600
FIRST_COMMIT_S = 1_700_000_000


def document_of(name: str, data: bytes | str) -> Document:
    """The document the reader makes of ``data`` under this name; fails when there is none."""
    content = data.encode() if isinstance(data, str) else data
    document = FileReader().read(SourceAddress("/home/ann/" + name), content)
    assert document is not None
    return document


def chunk_texts(document: Document) -> list[str]:
    return [document.text[chunk.start : chunk.end] for chunk in document.chunks]


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Create files (and the folders they need) below ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def make_repository(
    root: Path, messages: Sequence[bytes], *, pack: bool = False, encoding: bytes | None = None
) -> list[str]:
    """A git repository at ``root`` with one commit a message, an hour apart. Returns their hashes, oldest first."""
    from dulwich.objects import Commit, ObjectID, Tree
    from dulwich.refs import HEADREF
    from dulwich.repo import Repo

    root.mkdir(parents=True, exist_ok=True)
    hashes: list[ObjectID] = []
    with Repo.init(os.fspath(root)) as repo:
        tree = Tree()
        repo.object_store.add_object(tree)
        for number, message in enumerate(messages):
            commit = Commit()
            commit.tree = tree.id
            commit.parents = hashes[-1:]
            commit.author = commit.committer = "Anna Жук <ann@example.org>".encode()
            commit.author_time = commit.commit_time = FIRST_COMMIT_S + number * HOUR_S
            commit.author_timezone = commit.commit_timezone = HOUR_S
            commit.encoding = encoding
            commit.message = message
            repo.object_store.add_object(commit)
            hashes.append(commit.id)
        if hashes:
            repo.refs[repo.refs.follow(HEADREF)[0][-1]] = hashes[-1]
        if pack:
            repo.object_store.pack_loose_objects()
    return [name.decode() for name in hashes]

"""Commit messages of git repositories, read from the object store alone.

No git program is run, no hook, filter or configuration is read, alternate object stores are not followed. A source is
the raw commit object: its SHA-1 is the commit's name, so what is read later is what was found, or nothing.
"""

from __future__ import annotations

import heapq
import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha1
from typing import TYPE_CHECKING

from assistant.contracts.documents import Document, FileStat
from assistant.contracts.errors import UnreadableSource
from assistant.core.offsets import OffsetMap, TextPiece, newline_offsets
from assistant.reading.decoding import decode, decode_as
from assistant.reading.layout import Block, chunks_of, units
from assistant.reading.scripts import natural_language

if TYPE_CHECKING:
    from dulwich.object_store import DiskObjectStore
    from dulwich.objects import Commit

_OPENED = ("HEAD", "packed-refs", "commondir", "objects", "refs", "shallow")
_MOST_POINTER_BYTES = 4096
_MOST_LOOSE_BYTES = 64 * 1024  # compressed: a commit larger than that is no commit message to read
_PERSON = re.compile(rb"(?m)^(author|committer) (.*?) <([^>\n]*)> (-?\d{1,12}) ([+-])(\d\d)(\d\d)$")
_ENCODING = re.compile(rb"(?m)^encoding (\S{1,40})$")
_STATEFUL = ("utf-7", "utf7", "utf-16", "utf16", "utf-32", "utf32", "iso2022", "iso-2022", "hz")


@dataclass(frozen=True, slots=True)
class FoundCommit:
    """``sha`` is the full hash; ``stat`` has the size of the commit object and the commit's time."""

    sha: str
    committed_s: int
    author: str
    stat: FileStat


def is_repository(entries: frozenset[str]) -> bool:
    """Whether a folder with these entries is a bare repository (or the inside of a ``.git`` folder)."""
    return {"HEAD", "objects", "refs"} <= entries


def git_folder(repo_path: str) -> str | None:
    """Where the repository at ``repo_path`` keeps its own files: ``.git``, the folder a ``.git`` file points to, or
    itself when bare; ``None`` when it is no repository. Links are not followed."""
    inside = os.path.join(repo_path, ".git")
    try:
        mode = os.lstat(inside).st_mode
        if stat.S_ISDIR(mode):
            return inside
        if not stat.S_ISREG(mode):
            return None
        words = _pointer(inside)
    except FileNotFoundError:
        try:
            return repo_path if is_repository(frozenset(os.listdir(repo_path))) else None
        except OSError:
            return None
    except OSError:
        return None
    if not words.startswith("gitdir:"):
        return None
    return os.path.normpath(os.path.join(repo_path, words[len("gitdir:") :].strip()))


def commits(repo_path: str, limit: int) -> Iterator[FoundCommit]:
    """Up to ``limit`` commits that HEAD leads to, newest first by commit time.

    Nothing for a repository without commits; a history cut short (a shallow clone, commits kept elsewhere) ends
    where it is cut. Raises :class:`UnreadableSource` when the repository is damaged.
    """
    head, objects = _open(repo_path)
    with closing(objects) as store:
        if head is None or limit <= 0:
            return
        first = _commit(store, head)
        if first is None:
            raise UnreadableSource("the commit HEAD names is missing or damaged")
        waiting = [(-first.commit_time, head, first)]
        seen = {head}
        for _ in range(limit):
            if not waiting:
                return
            _, sha, commit = heapq.heappop(waiting)
            raw = commit.as_raw_string()
            author = commit.author.decode("utf-8", "replace")
            seconds = min(max(commit.commit_time, 0), 2**33)
            yield FoundCommit(sha.decode(), seconds, author, FileStat(len(raw), seconds * 10**9, 0))
            for parent in commit.parents:
                if parent not in seen:
                    seen.add(parent)
                    found = _commit(store, parent)
                    if found is not None:
                        heapq.heappush(waiting, (-found.commit_time, parent, found))


def fetch_commit(repo_path: str, sha: str) -> bytes:
    """The raw commit object ``sha``: header lines, an empty line, the message.

    Raises :class:`UnreadableSource` when it is gone, damaged, or has another hash.
    """
    _, objects = _open(repo_path)
    with closing(objects) as store:
        commit = _commit(store, sha.encode())
        if commit is None:
            raise UnreadableSource("the commit is gone from the repository")
        raw = bytes(commit.as_raw_string())
    if sha1(b"commit %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest() != sha:
        raise UnreadableSource("the commit does not match its hash")
    return raw


def commit_stat(repo_path: str, sha: str) -> FileStat | None:
    """See :class:`FoundCommit`; ``None`` when the commit is gone."""
    try:
        raw = fetch_commit(repo_path, sha)
    except UnreadableSource:
        return None
    match = next((found for found in _PERSON.finditer(_header(raw)) if found[1] == b"committer"), None)
    seconds = min(max(int(match[4]), 0), 2**33) if match else 0
    return FileStat(len(raw), seconds * 10**9, 0)


def read_commit(path: str, data: bytes) -> Document | None:
    """The message of a raw commit object; ``None`` when it is empty or binary.

    ``header`` of the chunks names author and date; ``timestamp`` is the author's. Spans count bytes and lines of the
    whole object. ``path`` (of the repository) is not used.
    """
    del path
    header = _header(data)
    base = min(len(header) + 2, len(data))
    message = data[base:]
    declared = _ENCODING.search(header)
    encoding = declared[1].decode("ascii", "replace").lower() if declared else ""
    decoded = None if not encoding or encoding.startswith(_STATEFUL) else decode_as(message, encoding)
    decoded = decoded or decode(message)
    if decoded is None or not decoded.text.strip():
        return None
    text = decoded.text
    person = next((found for found in _PERSON.finditer(header) if found[1] == b"author"), None)
    moment = _moment(person) if person else None
    name = person[2].decode("utf-8", "replace").strip() if person else ""
    label = "; ".join(
        part for part in (name and f"Author: {name}", moment and f"Date: {moment:%Y-%m-%d %H:%M %z}") if part
    )
    pieces = [
        TextPiece(piece.start, piece.end, piece.start_byte + base, piece.end_byte + base) for piece in decoded.pieces()
    ]
    return Document(
        text=text,
        offsets=OffsetMap(decoded.raw_text, pieces, newline_offsets(data), decoded.encoding),
        encoding=decoded.encoding,
        kind="commit",
        modality="text",
        chunks=chunks_of(text, (Block(*part, kind="commit", header=label) for part in units(text, 0, len(text)))),
        language=natural_language(text),
        title=text.strip().split("\n", 1)[0].strip()[:200],
        timestamp=moment,
    )


def _header(data: bytes) -> bytes:
    return data.split(b"\n\n", 1)[0]


def _moment(person: re.Match[bytes]) -> datetime | None:
    minutes = int(person[6]) * 60 + int(person[7])
    try:
        zone = timezone(timedelta(minutes=-minutes if person[5] == b"-" else minutes)) if minutes else UTC
        return datetime.fromtimestamp(int(person[4]), zone)
    except (ValueError, OverflowError, OSError):
        return None


def _pointer(path: str) -> str:
    """The one line of a small file. Raises ``OSError``."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a regular file")
        return os.fsdecode(os.read(handle, _MOST_POINTER_BYTES)).strip()
    finally:
        os.close(handle)


def _open(repo_path: str) -> tuple[bytes | None, DiskObjectStore]:
    """The hash HEAD leads to (``None`` before the first commit) and the object store, to be closed by the caller."""
    from dulwich.errors import FileFormatException
    from dulwich.object_store import DiskObjectStore
    from dulwich.refs import HEADREF, DiskRefsContainer, SymrefLoop

    class OwnStore(DiskObjectStore):
        """Looks into no alternate store: those lie outside."""

        @property
        def alternates(self):  # type: ignore[no-untyped-def]
            return []

    own = git_folder(repo_path)
    if own is None:
        raise UnreadableSource("no git repository")
    try:
        shared = own
        if os.path.lexists(os.path.join(own, "commondir")):
            shared = os.path.normpath(os.path.join(own, _pointer(os.path.join(own, "commondir"))))
        _refuse_special(own, shared)
        _, head = DiskRefsContainer(os.fsencode(shared), worktree_path=os.fsencode(own)).follow(HEADREF)
        store = OwnStore(os.path.join(shared, "objects"))
    except (OSError, ValueError, KeyError, FileFormatException, SymrefLoop) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UnreadableSource(f"the git repository cannot be read: {words}") from error
    if head is not None and not re.fullmatch(rb"[0-9a-f]{40}", head):
        store.close()
        raise UnreadableSource("the git repository cannot be read: HEAD makes no sense")
    return head, store


def _refuse_special(own: str, shared: str) -> None:
    """Raise ``OSError`` when something that will be opened is a link, a pipe or the like."""
    branch = _pointer(os.path.join(own, "HEAD")).removeprefix("ref:").strip()
    for folder in {own, shared}:
        names = [*_OPENED, branch, "objects/pack"]
        pack = os.path.join(folder, "objects", "pack")
        if os.path.isdir(pack):
            names.extend(f"objects/pack/{name}" for name in os.listdir(pack))
        for name in names:
            try:
                mode = os.lstat(os.path.join(folder, name)).st_mode
            except (FileNotFoundError, NotADirectoryError):
                continue
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise OSError(f"{name} is no regular file")


def _commit(store: DiskObjectStore, sha: bytes) -> Commit | None:
    """``None`` when it is missing or no commit. Raises :class:`UnreadableSource` when the store is damaged."""
    from dulwich.errors import ApplyDeltaError, ChecksumMismatch, FileFormatException
    from dulwich.objects import Commit

    name = sha.decode("ascii", "replace")
    try:
        found = os.lstat(os.path.join(os.fsdecode(store.path), name[:2], name[2:]))
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_LOOSE_BYTES:
            raise UnreadableSource("a commit object that is no small regular file")
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise UnreadableSource(f"a commit cannot be read: {error}") from error
    # Raised outside the handler: its traceback would keep views of the mapped pack, which then could not be closed.
    problem = ""
    try:
        thing = store[sha]  # type: ignore[index]
        if isinstance(thing, Commit):
            _ = thing.commit_time, thing.author, thing.parents
            return thing
    except KeyError:
        return None
    except (
        *(OSError, ValueError, AssertionError, IndexError, EOFError, TypeError, AttributeError, OverflowError),
        *(BufferError, MemoryError, struct.error, zlib.error),
        *(FileFormatException, ChecksumMismatch, ApplyDeltaError),
    ) as error:
        problem = str(error) or type(error).__name__
    if problem:
        raise UnreadableSource(f"the git object store is damaged: {problem}")
    return None

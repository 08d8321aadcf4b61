"""The file of a backup: a tar archive with exactly two members, so that any tar can show what is in it.

``assistant-backup.json``  what this is (:class:`BackupNote`), padded with spaces to a fixed size
``records.mdb``            the record store, an LMDB data file

A backup comes from outside and may have been made to harm. It is therefore not unpacked by what it says: headers are
read one by one (the parser is ``tarfile``'s) and must name these two plain files in this order, with sizes that add up
to the size of the file to the byte; no name in it ever becomes a path, and nothing that is not a plain file is known.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from assistant.contracts.errors import BadFile, BadPath, Interrupted, StorageFailed
from assistant.contracts.items import Contract
from assistant.memory import layout
from assistant.memory.durable import BLOCK_BYTES, current, opened, write_all

FORMAT = 1
NOTE_NAME, DATA_NAME = "assistant-backup.json", "records.mdb"
_NOTE_BYTES = 16_384
_TAR_BLOCK = 512
_HEAD_BYTES = _TAR_BLOCK + _NOTE_BYTES + _TAR_BLOCK
_TAIL = bytes(2 * _TAR_BLOCK)
_MAX_DATA_BYTES = 1 << 40
_NOT_THERE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}
)


class BackupNote(Contract):
    """What a backup says of itself. ``counts`` is entries by database; ``sha256`` is of the data file."""

    format: Annotated[int, Field(strict=True)]
    schema_version: Annotated[int, Field(strict=True)]
    program: str
    made_at: datetime
    revision: Annotated[int, Field(strict=True, ge=0)]
    counts: dict[str, Annotated[int, Field(strict=True)]]
    size_bytes: Annotated[int, Field(strict=True, ge=1, le=_MAX_DATA_BYTES)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def overhead_bytes() -> int:
    """What a backup takes beside its data, at most."""
    return _HEAD_BYTES + _TAR_BLOCK + len(_TAIL)


def head(note: BackupNote) -> bytes:
    """All that comes before the data."""
    body = note.model_dump(mode="json")
    text = json.dumps({**body, "sum": _sum(body)}, indent=1).encode()
    if len(text) > _NOTE_BYTES:
        raise ValueError("the note of a backup is too long")
    stamp_s = int(note.made_at.timestamp())
    return (
        _header(NOTE_NAME, _NOTE_BYTES, stamp_s)
        + text.ljust(_NOTE_BYTES)
        + _header(DATA_NAME, note.size_bytes, stamp_s)
    )


def blank_head() -> bytes:
    """Room for :func:`head`, which is known only after the data."""
    return bytes(_HEAD_BYTES)


def tail(data_bytes: int) -> bytes:
    """All that comes after the data."""
    return bytes(-data_bytes % _TAR_BLOCK) + _TAIL


def _header(name: str, size_bytes: int, stamp_s: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size_bytes, stamp_s, 0o600
    return member.tobuf(tarfile.GNU_FORMAT)


def _sum(body: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class Backup:
    """A backup whose frame is sound; made by :func:`open_backup`. One thread."""

    def __init__(self, path: Path, descriptor: int, note: BackupNote) -> None:
        self.path = path
        self.note = note
        self._descriptor = descriptor

    def data(self) -> Iterator[bytes]:
        """The data file in blocks; to be taken to the end, where its digest is compared. Raises
        :class:`~assistant.contracts.errors.BadFile` and ``OSError``."""
        current().seek(self._descriptor, _HEAD_BYTES)
        digest, left = hashlib.sha256(), self.note.size_bytes
        while left:
            block = current().read(self._descriptor, min(BLOCK_BYTES, left))
            if not block:
                raise refused(self.path, "it ends too early")
            digest.update(block)
            left -= len(block)
            yield block
        if digest.hexdigest() != self.note.sha256:
            raise refused(self.path, "its data does not match its checksum")

    def unpack(self, target: Path, step: Callable[[int], None], should_stop: Callable[[], bool]) -> None:
        """Write the data to a new file, on the disk when this returns. ``step`` is told the bytes done. Raises
        :class:`~assistant.contracts.errors.BadFile`, :class:`~assistant.contracts.errors.Interrupted` and
        ``OSError``; what is at ``target`` is then of no use."""
        done = 0
        with opened(target, os.O_RDWR | os.O_CREAT | os.O_EXCL) as descriptor:
            for block in self.data():
                if should_stop():
                    raise Interrupted
                write_all(descriptor, block)
                done += len(block)
                step(done)
            current().sync(descriptor)


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup and check its frame: that it is one, of a version that is known, and whole.

    Raises :class:`~assistant.contracts.errors.BadPath`, :class:`~assistant.contracts.errors.BadFile` and
    :class:`~assistant.contracts.errors.StorageFailed`.
    """
    with _reading(path):
        descriptor = current().open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe must not make us wait
    try:
        with _reading(path):
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise BadPath(f"{path} is not a plain file.", remedy="Name the file that `assistant backup` made.")
            note = _read_note(path, descriptor, found.st_size)
        yield Backup(path, descriptor, note)
    finally:
        current().close(descriptor)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise BadPath(f"{path} cannot be opened: {error.strerror}.", remedy="Check the spelling.") from error
        raise StorageFailed(
            f"{path} cannot be read: {error.strerror}.", kept="Nothing was changed.", remedy="Try another copy of it."
        ) from error


def _read_note(path: Path, descriptor: int, size_bytes: int) -> BackupNote:
    start = b""
    while len(start) < _HEAD_BYTES and (block := current().read(descriptor, _HEAD_BYTES - len(start))):
        start += block
    if _member(path, start[:_TAR_BLOCK], NOTE_NAME) != _NOTE_BYTES:
        raise refused(path, "its first member is not the note of a backup")
    note = _parsed(path, start[_TAR_BLOCK : _TAR_BLOCK + _NOTE_BYTES])
    data_bytes = _member(path, start[_TAR_BLOCK + _NOTE_BYTES :], DATA_NAME)
    if data_bytes != note.size_bytes:
        raise refused(path, "it holds another amount of data than it says")
    if size_bytes != _HEAD_BYTES + data_bytes + len(tail(data_bytes)):
        raise refused(path, "it is not as long as it says: cut off, or with something behind its end")
    return note


def _member(path: Path, block: bytes, name: str) -> int:
    """Size of the member whose header this is. It must be a plain file of this very name."""
    try:
        found = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise refused(path, "it is not an archive made by `assistant backup`, or its head is damaged") from error
    if found.name != name or found.type != tarfile.REGTYPE or found.linkname:
        raise refused(path, "it holds another member than a backup does")
    if not 0 < found.size <= _MAX_DATA_BYTES:
        raise refused(path, "it declares a size that cannot be")
    return found.size


def _parsed(path: Path, block: bytes) -> BackupNote:
    try:
        body = json.loads(block)
        told = body.pop("sum")
        version, schema = body.get("format"), body.get("schema_version")
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise refused(path, "its note cannot be read") from error
    if told != _sum(body):
        raise refused(path, "its note does not match its checksum")
    if schema in layout.OLDER_SCHEMAS:  # it becomes ours when it is opened
        schema = layout.SCHEMA_VERSION
    for what, known, found in (("format", FORMAT, version), ("schema", layout.SCHEMA_VERSION, schema)):
        if isinstance(found, int) and found != known:
            age, other = ("an older", "that") if found < known else ("a newer", "the newer")
            raise BadFile(
                f"{path} was made by {age} version of this program ({what} {found}; this one knows {known}).",
                kept="Nothing was changed.",
                remedy=f"Restore it with {other} version, or remember your folders anew: assistant add PATH.",
            )
    try:
        return BackupNote.model_validate(body)
    except ValidationError as error:
        raise refused(path, "its note makes no sense") from error


def refused(path: Path, why: str) -> BadFile:
    """The error of a backup that cannot be used."""
    return BadFile(
        f"{path} cannot be used as a backup: {why}.",
        kept="Nothing was changed.",
        remedy="Try another copy of it.",
    )

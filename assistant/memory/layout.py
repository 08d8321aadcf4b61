"""What stands in the record store: databases, keys, and the records behind them.

==========  =====================================  ==================================================
database    key                                    value (sealed, unless said otherwise)
==========  =====================================  ==================================================
meta        name                                   JSON
roots       sha-256 of the path                    :class:`RootRecord`
sources     source key (16 bytes)                  :class:`SourceRecord`
items       item key (u64, big endian)             :class:`Card` (sealed by itself too), then :class:`ItemRecord`
names       item id                                item key (not sealed)
holders     content digest (32 bytes)              item keys, sorted duplicates (not sealed)
vectors     fingerprint (8) + content digest (32)  label (u64) + float32 row
tokens      fingerprint (8) + content digest (32)  int8 rows of its tokens, see :mod:`assistant.core.late`
bases       fingerprint (8)                        float32 basis the token rows are written in
labels      fingerprint (8) + label (u64)          content digest (not sealed)
pending     fingerprint (8) + content digest (32)  item key: wants a vector (not sealed)
orphans     fingerprint (8) + content digest (32)  revision at which the last holder went (not sealed)
journal     revision (u64)                         :class:`JournalRecord`
==========  =====================================  ==================================================

The values that are not sealed are derived: a check compares them with the sealed ones.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.contracts.documents import ChunkKind, FileStat, Modality, SourceAddress, SourceKind, Span
from assistant.core.superseding import calls_itself_old
from assistant.memory.envelope import HEAD_BYTES, damaged, seal, unseal

SCHEMA_VERSION = 4
OLDER_SCHEMAS = (3,)
"""Layouts that are a part of this one: opening them for writing makes them this one. In 3 nothing was known of where a
remembered folder was mounted."""
SEALED = ("meta", "roots", "sources", "items", "vectors", "tokens", "bases", "journal")
DATABASES = (*SEALED, "names", "holders", "labels", "pending", "orphans")

_U64 = struct.Struct(">Q")
_CARD = struct.Struct(">BB?Iq32s16s")
_MOST_CHARS = 2**32 - 1
_SEALED_CARD_BYTES = HEAD_BYTES + _CARD.size
_KINDS = get_args(SourceKind)
_MODALITIES = get_args(Modality)
"""Cards hold their numbers: another order of them is another schema version."""


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AwayRecord(Record):
    """A folder that cannot be seen at the moment, and why: a short phrase."""

    path: str
    reason: str


class RootRecord(Record):
    """A remembered folder. ``added_at``: ISO 8601, UTC. As it was when it was last seen: ``device``, the number of its
    file system (``None``: not known), and ``mounts``, the mount points at or below it that hold remembered sources.
    ``away``: what of it cannot be seen, and is remembered all the same."""

    path: str
    added_at: str
    device: int | None = None
    mounts: tuple[str, ...] = ()
    away: tuple[AwayRecord, ...] = ()


class SourceRecord(Record):
    """One source, readable or not. ``problem`` is ``None`` when it was read; then ``items`` are its item keys in
    reading order (none for a file with nothing to read)."""

    path: str
    commit: str = ""
    root: str
    size_bytes: int
    mtime_ns: int
    inode: int
    digest: str = ""
    encoding: str = ""
    kind: SourceKind = "text"
    language: str | None = None
    title: str | None = None
    timestamp_s: int = 0
    items: tuple[int, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> SourceAddress:
        return SourceAddress(self.path, self.commit)

    @property
    def stat(self) -> FileStat:
        return FileStat(self.size_bytes, self.mtime_ns, self.inode)


class ItemRecord(Record):
    """One item. ``content`` is the digest of what is embedded (trail, header and text), the key of its vector;
    ``digest`` that of the bytes it cites. ``text_start``/``text_end`` are its characters in the document."""

    key: int
    id: str
    path: str
    commit: str = ""
    root: str
    content: str
    digest: str
    start_byte: int
    end_byte: int
    line: int
    end_line: int
    text_start: int
    text_end: int
    text: str
    scope: tuple[str, ...] = ()
    header: str = ""
    title: str | None = None
    symbol: str | None = None
    kind: SourceKind = "text"
    chunk: ChunkKind = "prose"
    modality: Modality = "text"
    language: str | None = None
    timestamp_s: int = 0
    superseded: bool = False
    """Its document says that another has taken its place."""

    @property
    def address(self) -> SourceAddress:
        return SourceAddress(self.path, self.commit)

    @property
    def span(self) -> Span:
        return Span(self.start_byte, self.end_byte, self.line, self.end_line)

    @property
    def context(self) -> str:
        """Words that describe the item without being part of it: title, trail, header."""
        return "\n".join(part for part in (self.title or "", " > ".join(self.scope), self.header) if part)


class JournalRecord(Record):
    """What one commit changed, by key only: never text, so that forgetting leaves nothing here.

    Item keys in ``items`` were written or dropped; labels in ``vectors`` (of space ``fingerprint``) likewise. Whoever
    replays looks the present state up.
    """

    items: tuple[int, ...] = ()
    fingerprint: str = ""
    vectors: tuple[int, ...] = ()


class Card:
    """What ranking needs of an item, in few bytes at the front of its value; the record is read when it is asked for.

    ``old``: it, its file, folder or title says that another has taken its place. ``digest``: of its content, in bytes;
    ``source``: the key of its source; ``text_chars``: length of its text. Also a
    :class:`~assistant.contracts.ports.RerankEntry`.
    """

    __slots__ = (
        "_name",
        "_record",
        "_value",
        "digest",
        "key",
        "kind",
        "modality",
        "old",
        "source",
        "text_chars",
        "timestamp_s",
    )
    key: int
    kind: SourceKind
    modality: Modality
    old: bool
    text_chars: int
    timestamp_s: int
    digest: bytes
    source: bytes

    def __init__(self, name: bytes, value: bytes) -> None:
        """``name``: the packed item key; ``value``: the whole sealed value, of which only the card is verified here.
        Raises :class:`~assistant.contracts.errors.DamagedStore`, as :attr:`record` does for the rest."""
        card = unseal(name, value[HEAD_BYTES : HEAD_BYTES + _SEALED_CARD_BYTES])
        try:
            kind, modality, self.old, self.text_chars, self.timestamp_s, self.digest, self.source = _CARD.unpack(card)
            self.kind, self.modality = _KINDS[kind], _MODALITIES[modality]
        except (struct.error, IndexError) as error:
            raise damaged("the card of an item cannot be read") from error
        (self.key,) = _U64.unpack(name)
        self._name, self._value = name, value
        self._record: ItemRecord | None = None

    @property
    def record(self) -> ItemRecord:
        if self._record is None:
            self._record = load(ItemRecord, self._name, self._value)
        return self._record

    @property
    def content(self) -> str:
        return self.digest.hex()

    @property
    def context(self) -> str:
        return self.record.context

    @property
    def text(self) -> str:
        return self.record.text


_REMEMBERED_SOURCES = 64
R = TypeVar("R", bound=Record)


def pack_u64(number: int) -> bytes:
    return _U64.pack(number)


def unpack_u64(value: bytes | memoryview) -> int:
    return int(_U64.unpack(value)[0])


def pack_card(record: ItemRecord) -> bytes:
    """The card of an item, not sealed yet."""
    old, source = _of_source(record.path, record.commit, record.title)
    kind, modality = _KINDS.index(record.kind), _MODALITIES.index(record.modality)
    chars = min(len(record.text), _MOST_CHARS)
    digest = bytes.fromhex(record.content)
    return _CARD.pack(kind, modality, old or record.superseded, chars, record.timestamp_s, digest, source)


@lru_cache(_REMEMBERED_SOURCES)
def _of_source(path: str, commit: str, title: str | None) -> tuple[bool, bytes]:
    """What the cards of all items of a source share; they are written together."""
    return calls_itself_old(path, title), source_key(SourceAddress(path, commit))


def has_its_card(record: ItemRecord, key: bytes, value: bytes) -> bool:
    """Whether the card at the front of a sealed item is the one that belongs to it."""
    return value[HEAD_BYTES : HEAD_BYTES + _SEALED_CARD_BYTES] == seal(key, pack_card(record))


def source_key(address: SourceAddress) -> bytes:
    name = f"{address.path}\x00{address.commit}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(name, digest_size=16).digest()


def path_key(path: str) -> bytes:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()


_PATH_COMES_FIRST = b'{"path":"'


def path_in(value: bytes) -> bytes | None:
    """The path in a sealed source, without reading the rest of it; ``None``: only the record tells."""
    start = HEAD_BYTES + len(_PATH_COMES_FIRST)
    end = value.find(b'"', start)
    if value[HEAD_BYTES:start] != _PATH_COMES_FIRST or end < 0 or value.find(b"\\", start, end + 1) >= 0:
        return None
    return value[start:end]


def vector_key(fingerprint: str, content: str) -> bytes:
    return bytes.fromhex(fingerprint) + bytes.fromhex(content)


def label_key(fingerprint: str, label: int) -> bytes:
    return bytes.fromhex(fingerprint) + pack_u64(label)


def dump(key: bytes, record: Record) -> bytes:
    body = record.model_dump_json(exclude_defaults=True).encode()
    return seal(key, seal(key, pack_card(record)) + body if isinstance(record, ItemRecord) else body)


def load(model: type[R], key: bytes, value: bytes | memoryview) -> R:
    payload = unseal(key, value)
    try:
        return model.model_validate_json(payload[_SEALED_CARD_BYTES:] if model is ItemRecord else payload)
    except ValidationError as error:
        raise damaged(f"a record of kind {model.__name__} cannot be read") from error

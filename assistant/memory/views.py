"""Views of the record store: what can be read and written inside one transaction. No LMDB import: a view is handed
its transaction."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from assistant.contracts.errors import StorageFailed
from assistant.contracts.ids import ItemKey, Label, Revision
from assistant.core.late import TOKEN_WIDTH
from assistant.memory import layout
from assistant.memory.envelope import seal, unseal
from assistant.memory.layout import Card, ItemRecord, JournalRecord, RootRecord, SourceRecord, pack_u64, unpack_u64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.contracts.documents import SourceAddress

R = TypeVar("R", bound=layout.Record)

MOST_AT_HAND = 16_384
"""Items just written that are kept at hand for the word index, which is told of them next."""
LAST_NUMBER = 1 << 62
"""Of items, labels and revisions; both indexes can count as far."""


class ReadView:
    """A consistent view of the store; made by :meth:`RecordStore.read`. One thread; use it and drop it."""

    def __init__(self, txn: Any, databases: Mapping[str, Any]) -> None:
        self._txn = txn
        self._db = databases

    def _get(self, model: type[R], database: str, key: bytes) -> R | None:
        value = self._txn.get(key, db=self._db[database])
        return None if value is None else layout.load(model, key, value)

    def _raw(self, database: str, key: bytes) -> bytes | None:
        value = self._txn.get(key, db=self._db[database])
        return None if value is None else bytes(value)

    def entries(self, database: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and raw values of a database in key order."""
        cursor = self._txn.cursor(db=self._db[database])
        if not (cursor.set_range(prefix) if prefix else cursor.first()):
            return
        for key, value in cursor.iternext(keys=True, values=True):
            key = bytes(key)
            if not key.startswith(prefix):
                return
            yield key, bytes(value)

    def count(self, database: str) -> int:
        return int(self._txn.stat(db=self._db[database])["entries"])

    @property
    def databases(self) -> tuple[str, ...]:
        return tuple(self._db)

    def used_bytes(self) -> int:
        """What all entries take on disk, without free pages."""
        stats = [self._txn.stat(db=database) for database in (None, *self._db.values())]
        pages = sum(one["branch_pages"] + one["leaf_pages"] + one["overflow_pages"] for one in stats)
        return int(pages * stats[0]["psize"])

    @property
    def revision(self) -> Revision:
        cursor = self._txn.cursor(db=self._db["journal"])
        last = unpack_u64(cursor.key()) if cursor.last() else 0
        return Revision(max(last, self.number("trimmed")))

    def number(self, name: str) -> int:
        """A counter of the meta database; 0 when it was never set."""
        key = name.encode()
        value = self._raw("meta", key)
        return 0 if value is None else int(unseal(key, value))

    def roots(self) -> list[RootRecord]:
        records = [layout.load(RootRecord, key, value) for key, value in self.entries("roots")]
        return sorted(records, key=lambda record: record.path)

    def root(self, path: str) -> RootRecord | None:
        return self._get(RootRecord, "roots", layout.path_key(path))

    def source(self, address: SourceAddress) -> SourceRecord | None:
        return self.source_by_key(layout.source_key(address))

    def source_by_key(self, key: bytes) -> SourceRecord | None:
        return self._get(SourceRecord, "sources", key)

    def sources(self) -> Iterator[SourceRecord]:
        for key, value in self.entries("sources"):
            yield layout.load(SourceRecord, key, value)

    def sources_within(self, paths: Iterable[str]) -> Iterator[SourceRecord]:
        """Sources at or below any of these absolute paths. All entries are looked at, few of them are read."""
        wanted = {path.encode("utf-8", "surrogateescape").rstrip(b"/") for path in paths}
        for key, value in self.entries("sources") if wanted else ():
            path = layout.path_in(value)
            if path is None or _has_ancestor(path, wanted):
                record = layout.load(SourceRecord, key, value)
                if path is not None or _has_ancestor(record.path.encode("utf-8", "surrogateescape"), wanted):
                    yield record

    def sources_after(self, key: bytes, limit: int) -> Iterator[tuple[bytes, SourceRecord]]:
        """Up to ``limit`` sources in key order, with their keys, from behind ``key`` (``b""``: the first) on."""
        cursor = self._txn.cursor(db=self._db["sources"])
        if not cursor.set_range(key + b"\x00"):
            return
        for found, value in itertools.islice(cursor.iternext(keys=True, values=True), limit):
            yield bytes(found), layout.load(SourceRecord, bytes(found), value)

    def item(self, key: int) -> ItemRecord | None:
        return self._get(ItemRecord, "items", pack_u64(key))

    def items(self, keys: Iterable[int]) -> list[ItemRecord]:
        """The items that exist, in the order given."""
        found = (self.item(key) for key in keys)
        return [record for record in found if record is not None]

    def cards(self, keys: Iterable[int]) -> list[Card]:
        """The cards of the items that exist, in the order given."""
        get, database, found = self._txn.get, self._db["items"], []
        for key in keys:
            name = pack_u64(key)
            value = get(name, None, database)
            if value is not None:
                found.append(Card(name, bytes(value)))
        return found

    def all_items(self) -> Iterator[ItemRecord]:
        for key, value in self.entries("items"):
            yield layout.load(ItemRecord, key, value)

    def key_of(self, item_id: str) -> ItemKey | None:
        value = self._raw("names", item_id.encode())
        return None if value is None else ItemKey(unpack_u64(value))

    def holders(self, content: str, limit: int) -> list[ItemKey]:
        """Up to ``limit`` items with this content, ascending."""
        cursor = self._txn.cursor(db=self._db["holders"])
        if not cursor.set_key(bytes.fromhex(content)):
            return []
        return [ItemKey(unpack_u64(value)) for value in itertools.islice(cursor.iternext_dup(), limit)]

    def first_holder(self, content: str) -> ItemKey | None:
        """The item with the lowest key that has this content; ``None`` without any. Takes no longer for many."""
        cursor = self._txn.cursor(db=self._db["holders"])
        return ItemKey(unpack_u64(cursor.value())) if cursor.set_key(bytes.fromhex(content)) else None

    def is_holder(self, content: str, key: int) -> bool:
        cursor = self._txn.cursor(db=self._db["holders"])
        return bool(cursor.set_key_dup(bytes.fromhex(content), pack_u64(key)))

    def content_of(self, fingerprint: str, label: int) -> str | None:
        value = self._raw("labels", layout.label_key(fingerprint, label))
        return None if value is None else value.hex()

    def vector(self, fingerprint: str, content: str) -> tuple[Label, NDArray[np.float32]] | None:
        """Label and unit row (float32, ``(dim,)``, owned by the caller) of a content; ``None``: not embedded yet."""
        key = layout.vector_key(fingerprint, content)
        value = self._raw("vectors", key)
        if value is None:
            return None
        payload = unseal(key, value)
        return Label(unpack_u64(payload[:8])), np.frombuffer(payload, dtype=np.float32, offset=8)

    def rows(self, fingerprint: str, digests: Sequence[bytes], dim: int) -> tuple[list[int], NDArray[np.float32]]:
        """Places in ``digests`` (of contents) of those that have a vector, ascending, and these, unit rows, float32,
        ``(places, dim)``, not to be written to."""
        get, database, space = self._txn.get, self._db["vectors"], bytes.fromhex(fingerprint)
        places, rows = [], []
        for place, digest in enumerate(digests):
            key = space + digest
            value = get(key, None, database)
            if value is not None:
                places.append(place)
                rows.append(unseal(key, value)[8:])
        return places, np.frombuffer(b"".join(rows), np.float32).reshape(len(rows), dim)

    def held(self, fingerprint: str, labels: Iterable[int], limit: int) -> Iterator[list[ItemKey]]:
        """For each label that is in use the items that hold its content, ascending, up to ``limit``."""
        get, database, space = self._txn.get, self._db["labels"], bytes.fromhex(fingerprint)
        cursor = self._txn.cursor(db=self._db["holders"])
        for label in labels:
            digest = get(space + pack_u64(label), None, database)
            if digest is None or not cursor.set_key(bytes(digest)):
                continue
            keys = [ItemKey(unpack_u64(cursor.value()))]
            while len(keys) < limit and cursor.next_dup():
                keys.append(ItemKey(unpack_u64(cursor.value())))
            yield keys

    def basis(self, fingerprint: str) -> NDArray[np.float32] | None:
        """The basis ``(dim, TOKEN_WIDTH)`` token rows of this space are written in, owned by the caller; ``None``:
        none were written yet, or its encoder gives none."""
        key = bytes.fromhex(fingerprint)
        value = self._raw("bases", key)
        return None if value is None else np.frombuffer(unseal(key, value), np.float32).reshape(-1, TOKEN_WIDTH)

    def tokens(self, fingerprint: str, content: str) -> NDArray[np.int8] | None:
        """Narrow token rows ``(tokens, TOKEN_WIDTH)`` of a content, owned by the caller; ``None``: there are none."""
        key = layout.vector_key(fingerprint, content)
        value = self._raw("tokens", key)
        return None if value is None else np.frombuffer(unseal(key, value), np.int8).reshape(-1, TOKEN_WIDTH)

    def vector_by_label(self, fingerprint: str, label: int) -> NDArray[np.float32] | None:
        """Row of a label that is in use: known, and held by some item."""
        content = self.content_of(fingerprint, label)
        if content is None or self.first_holder(content) is None:
            return None
        found = self.vector(fingerprint, content)
        return None if found is None else found[1]

    def labels(self, fingerprint: str) -> Iterator[Label]:
        """Labels in use, ascending."""
        for key, content in self.entries("labels", bytes.fromhex(fingerprint)):
            if self.first_holder(content.hex()) is not None:
                yield Label(unpack_u64(key[8:]))

    def pending(self, fingerprint: str) -> list[tuple[str, ItemKey]]:
        """Contents that want a vector, with one item that holds each."""
        return [
            (key[8:].hex(), ItemKey(unpack_u64(value)))
            for key, value in self.entries("pending", bytes.fromhex(fingerprint))
        ]

    def count_pending(self, fingerprint: str) -> int:
        if len(self.spaces()) <= 1:  # then all that is pending is pending in this space
            return self.count("pending")
        return sum(1 for _ in self.entries("pending", bytes.fromhex(fingerprint)))

    def spaces(self) -> list[str]:
        """Fingerprints of the vector spaces that are kept up to date."""
        return [key[6:].decode() for key, _ in self.entries("meta", b"space:")]

    def journal(self, after: int) -> Iterator[tuple[Revision, JournalRecord]]:
        """Entries with a revision above ``after``, ascending."""
        cursor = self._txn.cursor(db=self._db["journal"])
        if cursor.set_range(pack_u64(after + 1)):
            for key, value in cursor.iternext(keys=True, values=True):
                key = bytes(key)
                yield Revision(unpack_u64(key)), layout.load(JournalRecord, key, value)

    def journal_start(self) -> int:
        """Revisions up to and including this one are no longer in the journal."""
        return self.number("trimmed")


def _has_ancestor(path: bytes, wanted: Collection[bytes]) -> bool:
    while path not in wanted:
        if not path:
            return False
        path = path.rpartition(b"/")[0]
    return True


def used_up(name: str) -> StorageFailed:
    """The error of a counter that has come to its end."""
    return StorageFailed(
        f"The memory has used up its numbers ({name}).",
        kept="Everything stored before is safe.",
        remedy="Start a new memory: move the data folder away and add your folders again.",
    )


class WriteView(ReadView):
    """A write transaction; made by :meth:`RecordStore.write`. What it does becomes one revision, or nothing."""

    def __init__(self, txn: Any, databases: Mapping[str, Any]) -> None:
        super().__init__(txn, databases)
        self.touched_items: dict[int, ItemRecord | None] = {}
        """As it was written last in here; ``None``: dropped, or only its writer knows."""
        self.touched_vectors: dict[str, dict[int, None]] = {}
        self.committed = Revision(0)
        """The revision this became; 0 before it has."""
        self._counted: dict[str, int] = {}
        self._spaces: list[str] | None = None

    def put(self, database: str, key: bytes, value: bytes, *, replace: bool = True) -> None:
        self._txn.put(key, value, db=self._db[database], overwrite=replace, dupdata=True)

    def put_record(self, database: str, key: bytes, record: layout.Record) -> None:
        self.put(database, key, layout.dump(key, record))

    def drop(self, database: str, key: bytes, value: bytes = b"") -> bool:
        return bool(self._txn.delete(key, value, db=self._db[database]))

    def number(self, name: str) -> int:
        """See :class:`ReadView`; as counted in here."""
        return self._counted[name] if name in self._counted else super().number(name)

    def set_number(self, name: str, number: int) -> None:
        key = name.encode()
        self._counted.pop(name, None)
        self._spaces = None
        self.put("meta", key, seal(key, str(number).encode()))

    def next_number(self, name: str) -> int:
        """Count a counter up by one and return it; the first is 1. Written by :meth:`finish`. Raises
        :class:`~assistant.contracts.errors.StorageFailed` when there are no more numbers: none is used twice."""
        number = self.number(name) + 1
        if number > LAST_NUMBER:
            raise used_up(name)
        self._counted[name] = number
        return number

    def spaces(self) -> list[str]:
        """See :class:`ReadView`."""
        if self._spaces is None:
            self._spaces = super().spaces()
        return self._spaces

    def touch_item(self, key: int, record: ItemRecord | None = None) -> None:
        """Tell the term index (and whoever replays) to look this item up again. ``record``: as it was just written;
        so many are kept at hand and no more."""
        self.touched_items[key] = record if len(self.touched_items) < MOST_AT_HAND else None

    def touch_vector(self, fingerprint: str, label: int) -> None:
        self.touched_vectors.setdefault(fingerprint, {})[label] = None

    def finish(self) -> None:
        """Write the counters, and the journal entries of this transaction: one revision, one more for each further
        vector space."""
        for name, number in list(self._counted.items()):
            self.set_number(name, number)
        items = tuple(self.touched_items)
        revision = self.revision
        spaces = [(name, tuple(labels)) for name, labels in self.touched_vectors.items() if labels]
        first = spaces.pop(0) if spaces else ("", ())
        entries = [JournalRecord(items=items, fingerprint=first[0], vectors=first[1])]
        entries += [JournalRecord(fingerprint=name, vectors=labels) for name, labels in spaces]
        self.committed = revision
        if not items and not first[1]:
            return
        for record in entries:
            if revision >= LAST_NUMBER:
                raise used_up("revision")
            revision = self.committed = Revision(revision + 1)
            key = pack_u64(revision)
            self._txn.put(key, layout.dump(key, record), db=self._db["journal"], append=True)

"""``python -m assistant.memory.mending FOLDER``: put the records of a damaged store in order, as far as each can be
trusted. Run as a child, on a copy: what is damaged may kill the process that reads it, and mending writes.

A value that does not match its checksum is dropped with what hangs on it, and everything that is derived from the rest
is made anew: names, holders, labels, pending and left-over vectors, the journal. Sources whose pieces are not all
there are marked, so that the next scan reads them again; nothing that is left is wrong.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.memory import children, layout
from assistant.memory.envelope import unseal
from assistant.memory.layout import ItemRecord, RootRecord, SourceRecord, pack_u64, unpack_u64
from assistant.memory.views import WriteView

MEND_LIMIT_S = 3600.0
_LONG_AGO = "1970-01-01T00:00:00+00:00"
_DERIVED = ("names", "holders", "labels", "pending", "orphans", "journal")


def mend_in_child(records: Path) -> dict[str, int]:
    """Mend the store in ``records`` in a process that may die; returns how many of what were dropped or marked.

    Raises a DamagedStore when it cannot be mended, and :class:`~assistant.contracts.errors.StorageFailed`.
    """
    with children.child("assistant.memory.mending", str(records.absolute())) as child:
        out = b"".join(child.blocks(MEND_LIMIT_S))
        child.ended()
    return {str(name): int(number) for name, number in json.loads(out).items()}


def mend(view: WriteView) -> Counter[str]:
    """See the module. Returns how many of what: ``dropped <database>``, ``to be read again``,
    ``folders found again``."""
    counts = Counter[str]()
    _drop_broken_seals(view, counts)
    items = _settle_sources(view, counts)
    _drop_strays(view, items, counts)
    _derive(view, counts)
    return counts


def _drop_broken_seals(view: WriteView, counts: Counter[str]) -> None:
    models: dict[str, type[layout.Record]] = {"roots": RootRecord, "sources": SourceRecord, "items": ItemRecord}
    for database in layout.SEALED:
        if database in _DERIVED:
            continue
        broken = [key for key, value in view.entries(database) if not _is_sound(models.get(database), key, value)]
        for key in broken:
            view.drop(database, key)
            if database == "tokens":  # computed together with the vector, and only then
                view.drop("vectors", key)
        counts[f"dropped {database}"] += len(broken)
    bases = {key for key, _ in view.entries("bases")}
    for key in [key for key, _ in view.entries("tokens") if key[:8] not in bases]:
        view.drop("tokens", key)
        view.drop("vectors", key)
        counts["dropped tokens"] += 1


def _is_sound(model: type[layout.Record] | None, key: bytes, value: bytes) -> bool:
    try:
        if model is None:
            unseal(key, value)
        else:
            record = layout.load(model, key, value)
            return not isinstance(record, ItemRecord) or layout.has_its_card(record, key, value)
    except DamagedStore:
        return False
    return True


def _settle_sources(view: WriteView, counts: Counter[str]) -> set[int]:
    """Make every source and its items agree; returns the items that are listed by one."""
    listed: set[int] = set()
    roots = {root.path for root in view.roots()}
    found_again: set[str] = set()
    strays: list[bytes] = []
    changed: dict[bytes, SourceRecord] = {}
    for key, value in view.entries("sources"):
        record = layout.load(SourceRecord, key, value)
        if layout.source_key(record.address) != key:
            strays.append(key)
            continue
        if record.root not in roots:
            found_again.add(record.root)
        right = tuple(dict.fromkeys(item.key for item in view.items(record.items) if _belongs(item, record, listed)))
        listed.update(right)
        if right != record.items:
            changed[key] = record.model_copy(update={"items": right, "digest": "", "size_bytes": -1})
    for key in strays:
        view.drop("sources", key)
    for key, record in changed.items():
        view.put_record("sources", key, record)
    for path in found_again:
        view.put_record("roots", layout.path_key(path), RootRecord(path=path, added_at=_LONG_AGO))
    counts["dropped sources"] += len(strays)
    counts["to be read again"] += len(changed)
    counts["folders found again"] += len(found_again)
    return listed


def _belongs(item: ItemRecord, source: SourceRecord, taken: set[int]) -> bool:
    return item.address == source.address and item.root == source.root and item.key not in taken


def _drop_strays(view: WriteView, listed: set[int], counts: Counter[str]) -> None:
    strays = [key for key, value in view.entries("items") if unpack_u64(key) not in listed or _misplaced(key, value)]
    for key in strays:
        view.drop("items", key)
    counts["dropped items"] += len(strays)


def _misplaced(key: bytes, value: bytes) -> bool:
    return layout.load(ItemRecord, key, value).key != unpack_u64(key)


def _derive(view: WriteView, counts: Counter[str]) -> None:
    revision = max(view.revision, 1)
    for database in _DERIVED:
        for key in list(dict.fromkeys(key for key, _ in view.entries(database))):
            view.drop(database, key)
    contents: dict[bytes, int] = {}
    highest = view.number("last_item")
    for key, value in view.entries("items"):
        item = layout.load(ItemRecord, key, value)
        content = bytes.fromhex(item.content)
        view.put("names", item.id.encode(), key)
        view.put("holders", content, key)
        contents.setdefault(content, item.key)
        highest = max(highest, item.key)
    view.set_number("last_item", highest)
    _derive_spaces(view, contents, revision, counts)
    # The indexes are made anew, which a trimmed journal asks for; the revision goes on from where it was.
    view.set_number("trimmed", revision + 1)


def _derive_spaces(view: WriteView, contents: dict[bytes, int], revision: int, counts: Counter[str]) -> None:
    spaces = set(view.spaces())
    doomed: list[bytes] = []
    for key, value in view.entries("vectors"):
        fingerprint, content = key[:8].hex(), key[8:]
        payload = unseal(key, value)
        label, row = unpack_u64(payload[:8]), np.frombuffer(payload, dtype=np.float32, offset=8)
        known = view.content_of(fingerprint, label)
        if known is not None or not np.isclose(float(np.linalg.norm(row)), 1.0, atol=1e-2):
            doomed.append(key)
            continue
        if fingerprint not in spaces:
            view.set_number(f"space:{fingerprint}", 1)
            spaces.add(fingerprint)
        view.put("labels", layout.label_key(fingerprint, label), content)
        if label > view.number(f"last_label:{fingerprint}"):
            view.set_number(f"last_label:{fingerprint}", label)
        if content not in contents:
            view.put("orphans", key, pack_u64(revision))
    for key in doomed:
        view.drop("vectors", key)
    counts["dropped vectors"] += len(doomed)
    for fingerprint in spaces:
        for content, item in contents.items():
            if view.vector(fingerprint, content.hex()) is None:
                view.put("pending", bytes.fromhex(fingerprint) + content, pack_u64(item))
    for key in [key for key, _ in view.entries("tokens") if view.vector(key[:8].hex(), key[8:].hex()) is None]:
        view.drop("tokens", key)
        counts["dropped tokens"] += 1


def main(folder: str) -> int:
    """See the module."""
    from assistant.memory.records import RecordStore

    try:
        with RecordStore(Path(folder)) as store, store.write() as view:
            counts = mend(view)
    except (DamagedStore, StorageFailed) as error:
        return children.tell(error)
    sys.stdout.write(json.dumps({name: number for name, number in sorted(counts.items()) if number}) + "\n")
    return 0


if __name__ == "__main__":
    children.bind()
    raise SystemExit(main(sys.argv[1]))

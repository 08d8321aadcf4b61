"""The changes the record store knows, each a function on one write transaction: remember, embed, forget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from assistant.contracts.documents import Document, FileStat, SourceAddress
from assistant.contracts.ids import Digest
from assistant.core.intake import ItemDraft, Outline
from assistant.core.superseding import is_superseded
from assistant.memory import layout
from assistant.memory.envelope import seal
from assistant.memory.layout import ItemRecord, RootRecord, SourceRecord, pack_u64, unpack_u64
from assistant.memory.views import WriteView

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_ORPHANS = 1000
ORPHAN_SHARE = 0.25
"""Vectors whose text is gone are kept, so that undoing an edit or switching a branch back costs nothing, up to this
share of those in use (and at least ``MIN_ORPHANS``); the oldest go first."""


@dataclass(frozen=True, slots=True)
class SourceUpdate:
    """What became of one source. Exactly one holds: ``document`` (read), ``problem`` (cannot be read), neither
    (nothing to read in it by rule). ``seen``: what was remembered of the source when it was looked at (``None``: it was
    not); it counts only while that is so."""

    address: SourceAddress
    root: str
    stat: FileStat
    digest: Digest | str = ""
    document: Document | Outline | None = None
    drafts: tuple[ItemDraft, ...] = ()
    problem: str | None = None
    seen: SourceRecord | Literal["anything"] | None = "anything"


def add_root(view: WriteView, path: str, added_at: str) -> None:
    """Remember a folder from now on; one that is remembered already stays as it is."""
    if view.root(path) is None:
        view.put_record("roots", layout.path_key(path), RootRecord(path=path, added_at=added_at))


def settle_root(view: WriteView, root: RootRecord) -> None:
    """Put a root in the place of the one of its path, if there is still one."""
    if view.root(root.path) is not None:
        view.put_record("roots", layout.path_key(root.path), root)


def is_due(view: WriteView, update: SourceUpdate) -> bool:
    """Whether what was seen of the source is still what is remembered, and its root is still a remembered one."""
    if update.seen == "anything":
        return True
    return view.source(update.address) == update.seen and view.root(update.root) is not None


def remember(view: WriteView, update: SourceUpdate) -> None:
    """Bring one source up to date. Items that are still there keep key, id and vector."""
    if not _can_be_stored(update):
        update = replace(update, document=None, drafts=(), problem="its text cannot be stored (lone surrogates)")
    key = layout.source_key(update.address)
    old = view.source(update.address)
    kept = {record.id: record for record in view.items(old.items)} if old else {}
    document = update.document
    superseded = _is_superseded(document)
    records = [_item(view, update, draft, kept.pop(draft.id, None), superseded) for draft in update.drafts]
    for record in kept.values():
        _drop_item(view, record)
    view.put_record(
        "sources",
        key,
        SourceRecord(
            path=update.address.path,
            commit=update.address.commit,
            root=update.root,
            size_bytes=update.stat.size_bytes,
            mtime_ns=update.stat.mtime_ns,
            inode=update.stat.inode,
            digest=update.digest,
            encoding=document.encoding if document else "",
            kind=document.kind if document else "text",
            language=document.language if document else None,
            title=document.title if document else None,
            timestamp_s=_timestamp_s(update),
            items=tuple(record.key for record in records),
            problem=update.problem,
            notes=document.notes if document else (),
        ),
    )


def _can_be_stored(update: SourceUpdate) -> bool:
    """Whether all its text is text: one document that is not must not keep a whole batch from being stored."""
    document = update.document
    texts = [document.title or "", *document.notes] if document else []
    for draft in update.drafts:
        texts += (draft.text, draft.chunk.header, draft.chunk.symbol or "", *draft.scope)
    try:
        for text in texts:
            if not text.isascii():
                text.encode()
    except UnicodeEncodeError:
        return False
    return True


def touch_stat(view: WriteView, source: SourceRecord, stat: FileStat) -> None:
    """The bytes are the same, the stat is not (touched, copied back): remember the new stat only."""
    changed = source.model_copy(update={"size_bytes": stat.size_bytes, "mtime_ns": stat.mtime_ns, "inode": stat.inode})
    view.put_record("sources", layout.source_key(source.address), changed)


def distrust(view: WriteView, address: SourceAddress) -> None:
    """Let the next look at a source read it again, whatever its date, size and bytes say."""
    source = view.source(address)
    if source is not None:
        unknown = {"digest": "", "size_bytes": -1, "mtime_ns": 0, "inode": 0}
        view.put_record("sources", layout.source_key(address), source.model_copy(update=unknown))


def drop_source(view: WriteView, source: SourceRecord) -> None:
    for record in view.items(source.items):
        _drop_item(view, record)
    view.drop("sources", layout.source_key(source.address))


def _timestamp_s(update: SourceUpdate) -> int:
    document = update.document
    if document and document.timestamp:
        return int(document.timestamp.timestamp())
    return update.stat.mtime_ns // 1_000_000_000


def passing_items(
    address: SourceAddress, size_bytes: int, document: Outline, drafts: Sequence[ItemDraft]
) -> list[ItemRecord]:
    """Records of a document that is read but not remembered (piped input); their key is 0."""
    update = SourceUpdate(address, "", FileStat(size_bytes, 0, 0), "", document)
    return [_record(0, update, draft, document.superseded) for draft in drafts]


def _is_superseded(document: Document | Outline | None) -> bool:
    if isinstance(document, Outline):
        return document.superseded
    return document is not None and is_superseded(document.text)


def _record(key: int, update: SourceUpdate, draft: ItemDraft, superseded: bool) -> ItemRecord:
    document = update.document
    assert document is not None, "only a document has drafts"
    chunk = draft.chunk
    return ItemRecord(
        key=key,
        id=draft.id,
        path=update.address.path,
        commit=update.address.commit,
        root=update.root,
        content=draft.content,
        digest=draft.digest,
        start_byte=draft.span.start_byte,
        end_byte=draft.span.end_byte,
        line=draft.span.line,
        end_line=draft.span.end_line,
        text_start=chunk.start,
        text_end=chunk.end,
        text=draft.text,
        scope=draft.scope,
        header=chunk.header,
        title=document.title,
        symbol=chunk.symbol,
        kind=document.kind,
        chunk=chunk.kind,
        modality="code" if chunk.kind == "code" else document.modality,
        language=chunk.language or document.language,
        timestamp_s=int(chunk.timestamp.timestamp()) if chunk.timestamp else _timestamp_s(update),
        superseded=superseded,
    )


def _item(
    view: WriteView, update: SourceUpdate, draft: ItemDraft, old: ItemRecord | None, superseded: bool
) -> ItemRecord:
    key = old.key if old else view.next_number("last_item")
    record = _record(key, update, draft, superseded)
    if record == old:
        return record
    view.put_record("items", pack_u64(key), record)
    if old is None:
        view.put("names", record.id.encode(), pack_u64(key))
        _hold(view, record)
    if old is None or _indexed(old) != _indexed(record):
        view.touch_item(key, record)
    return record


def _indexed(record: ItemRecord) -> tuple[object, ...]:
    return (
        record.text,
        record.context,
        record.symbol,
        record.kind,
        record.language,
        record.modality,
        record.timestamp_s,
    )


def _hold(view: WriteView, record: ItemRecord) -> None:
    first = view.first_holder(record.content) is None
    view.put("holders", bytes.fromhex(record.content), pack_u64(record.key))
    if not first:
        return
    for fingerprint in view.spaces():
        key = layout.vector_key(fingerprint, record.content)
        known = view.vector(fingerprint, record.content)
        if known is None:
            view.put("pending", key, pack_u64(record.key))
        elif view.drop("orphans", key):
            view.touch_vector(fingerprint, known[0])


def _drop_item(view: WriteView, record: ItemRecord) -> None:
    view.drop("items", pack_u64(record.key))
    view.drop("names", record.id.encode())
    view.drop("holders", bytes.fromhex(record.content), pack_u64(record.key))
    view.touch_item(record.key)
    other = view.first_holder(record.content)
    for fingerprint in view.spaces():
        key = layout.vector_key(fingerprint, record.content)
        if other is not None:
            if view.drop("pending", key):
                view.put("pending", key, pack_u64(other))
            continue
        view.drop("pending", key)
        known = view.vector(fingerprint, record.content)
        if known is not None:
            view.put("orphans", key, pack_u64(view.revision))
            view.touch_vector(fingerprint, known[0])


def open_space(view: WriteView, fingerprint: str) -> None:
    """Keep vectors of this encoder from now on: everything remembered so far is pending in it."""
    name = f"space:{fingerprint}"
    if view.number(name):
        return
    view.set_number(name, 1)
    contents = dict(view.entries("holders"))
    for content, item in contents.items():
        view.put("pending", bytes.fromhex(fingerprint) + content, item)


def store_basis(view: WriteView, fingerprint: str, basis: NDArray[np.float32]) -> None:
    """Settle the basis of a space's token rows, once: ``(dim, TOKEN_WIDTH)``, float32."""
    key = bytes.fromhex(fingerprint)
    view.put("bases", key, seal(key, np.ascontiguousarray(basis, dtype=np.float32).tobytes()), replace=False)


def store_vectors(
    view: WriteView,
    fingerprint: str,
    contents: Sequence[str],
    rows: NDArray[np.float32],
    tokens: Sequence[NDArray[np.int8]] | None = None,
) -> None:
    """Store one row per content. ``rows``: float32, ``(len(contents), dim)``; ``tokens``: the narrow token rows of
    each, ``None`` when the encoder gives none. Contents that nobody holds any more are passed over; one that has a
    vector already keeps its label."""
    for at, (content, row) in enumerate(zip(contents, rows, strict=True)):
        key = layout.vector_key(fingerprint, content)
        if view.first_holder(content) is None:
            continue
        known = view.vector(fingerprint, content)
        label = known[0] if known else view.next_number(f"last_label:{fingerprint}")
        payload = pack_u64(label) + np.ascontiguousarray(row, dtype=np.float32).tobytes()
        view.put("vectors", key, seal(key, payload))
        view.put("labels", layout.label_key(fingerprint, label), bytes.fromhex(content))
        if tokens is not None:
            view.put("tokens", key, seal(key, np.ascontiguousarray(tokens[at], dtype=np.int8).tobytes()))
        view.drop("pending", key)
        view.touch_vector(fingerprint, label)


def purge_orphans(view: WriteView, *, everything: bool = False) -> int:
    """Drop vectors that nobody holds: all of them, or the oldest beyond the allowance. Returns how many."""
    orphans = sorted((unpack_u64(value), key) for key, value in view.entries("orphans"))
    allowed = 0 if everything else max(MIN_ORPHANS, int(ORPHAN_SHARE * view.count("vectors")))
    doomed = orphans[: max(0, len(orphans) - allowed)]
    for _, key in doomed:
        fingerprint, content = key[:8].hex(), key[8:].hex()
        known = view.vector(fingerprint, content)
        view.drop("orphans", key)
        view.drop("vectors", key)
        view.drop("tokens", key)
        if known is not None:
            view.drop("labels", layout.label_key(fingerprint, known[0]))
            view.touch_vector(fingerprint, known[0])
    return len(doomed)


def forget(view: WriteView, sources: Iterable[SourceRecord], roots: Iterable[str]) -> int:
    """Drop sources with all that was made from them, and roots. Returns how many sources there were."""
    dropped = 0
    for source in sources:
        drop_source(view, source)
        dropped += 1
    for path in roots:
        view.drop("roots", layout.path_key(path))
    purge_orphans(view, everything=True)
    return dropped

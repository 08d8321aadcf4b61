"""Does the memory agree with itself? The records with each other, and both projections with the records.

Everything is read in key order or looked up one by one, so a check needs little memory, however much is remembered.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.reports import CheckReport, Finding, Where
from assistant.memory import layout
from assistant.memory.layout import SourceRecord, pack_u64, unpack_u64

if TYPE_CHECKING:
    from assistant.memory.fabric import Fabric
    from assistant.memory.views import ReadView

MAX_FINDINGS = 100
_BATCH = 512
_SAMPLE_EVERY = 64
"""One in so many items is searched for by a word of its own, and as many rows are compared."""


REMEDIES: dict[Where, str] = {
    "records": "assistant check --repair",
    "words": "assistant check --repair",
    "vectors": "assistant check --repair",
    "files": "assistant add",
}
"""What mends a finding, unless it says something else."""


def check(fabric: Fabric) -> CheckReport:
    """Bring the projections up to the records, then compare everything in the store.

    Raises :class:`~assistant.contracts.errors.DamagedStore` for a record that does not match its checksum, and
    :class:`~assistant.contracts.errors.DamagedIndex` for a word index that cannot be searched.
    """
    fabric.catch_up()
    with fabric.records.read() as view:
        found = itertools.chain(
            named("records", contradictions(view)),
            named("words", _term_findings(fabric, view)),
            named("vectors", _vector_findings(fabric, view)),
        )
        findings, more = bounded(found)
        return CheckReport(
            sources=view.count("sources"),
            items=view.count("items"),
            vectors=sum(1 for _ in view.labels(fabric.space.fingerprint)),
            pending=view.count_pending(fabric.space.fingerprint),
            findings=findings,
            more=more,
        )


def named(where: Where, sentences: Iterable[str]) -> Iterator[Finding]:
    """Findings of one kind."""
    return (Finding(where=where, said=said, remedy=REMEDIES[where]) for said in sentences)


def bounded(findings: Iterable[Finding]) -> tuple[tuple[Finding, ...], int]:
    """The first hundred, and how many more there are."""
    iterator = iter(findings)
    first = tuple(itertools.islice(iterator, MAX_FINDINGS))
    return first, sum(1 for _ in iterator)


def contradictions(view: ReadView) -> Iterator[str]:
    """Where records contradict each other. Every entry is reached in two ways, in key order and by its key, so that
    damage to the tree of the store itself is met too."""
    for database in layout.DATABASES:
        counted = sum(1 for _ in view.entries(database))
        if counted != view.count(database):
            yield f"{database} holds {counted} entries and says {view.count(database)}."
    yield from _source_findings(view)
    yield from _item_findings(view)
    yield from _content_findings(view)
    yield from _space_findings(view)
    yield from _journal_findings(view)


def _source_findings(view: ReadView) -> Iterator[str]:
    roots = {root.path for root in view.roots()}
    listed = 0
    for source in view.sources():
        listed += len(source.items)
        if view.source(source.address) != source:
            yield f"Source {source.address} is not found under its name."
        if source.root not in roots:
            yield f"Source {source.address} belongs to {source.root}, which is not remembered."
        if len(set(source.items)) < len(source.items):
            yield f"Source {source.address} lists an item twice."
        yield from _listing_findings(view, source)
    if listed != view.count("items"):
        yield f"Sources list {listed} items, and there are {view.count('items')}."


def _listing_findings(view: ReadView, source: SourceRecord) -> Iterator[str]:
    for key in source.items:
        item = view.item(key)
        if item is None:
            yield f"Source {source.address} lists item {key}, which does not exist."
        elif item.address != source.address or item.root != source.root:
            yield f"Source {source.address} lists item {item.id}, which belongs to {item.address}."


def _item_findings(view: ReadView) -> Iterator[str]:
    last = view.number("last_item")
    for key, value in view.entries("items"):
        item = layout.load(layout.ItemRecord, key, value)
        if pack_u64(item.key) != key or item.key > last:
            yield f"Item {item.id} has number {item.key}, and stands under another or beyond the last."
        if not layout.has_its_card(item, key, value):
            yield f"Item {item.id} is ranked by what does not belong to it."
        if view.key_of(item.id) != item.key:
            yield f"Item {item.id} is not found by its name."
        if not view.is_holder(item.content, item.key):
            yield f"Item {item.id} does not hold its content."
    for database in ("names", "holders"):
        if view.count(database) != view.count("items"):
            yield f"There are {view.count(database)} {database} for {view.count('items')} items."


def _content_findings(view: ReadView) -> Iterator[str]:
    """Every content that is held has a vector or waits for one, in each space."""
    spaces = view.spaces()
    for content, _ in itertools.groupby(view.entries("holders"), key=lambda entry: entry[0]):
        for fingerprint in spaces:
            known = view.vector(fingerprint, content.hex()) is not None
            waits = _value(view, "pending", bytes.fromhex(fingerprint) + content) is not None
            if known == waits:
                what = "has a vector and waits for one" if known else "neither has a vector nor waits for one"
                yield f"Content {content.hex()[:12]} {what}."


def _space_findings(view: ReadView) -> Iterator[str]:
    for key, _ in view.entries("vectors"):
        fingerprint, content = key[:8].hex(), key[8:].hex()
        found = view.vector(fingerprint, content)
        if found is None:
            yield f"Vector of content {content[:12]} is not found by its key."
            continue
        label, row = found
        if view.content_of(fingerprint, label) != content or label > view.number(f"last_label:{fingerprint}"):
            yield f"Vector {label} of space {fingerprint} is not found by its label."
        if not np.isclose(float(np.linalg.norm(row)), 1.0, atol=1e-2):
            yield f"Vector {label} of space {fingerprint} is not of unit length."
        if (view.first_holder(content) is not None) == (_value(view, "orphans", key) is not None):
            yield f"Vector {label} of space {fingerprint} is held and marked as left over, or neither."
    if view.count("labels") != view.count("vectors"):
        yield f"There are {view.count('labels')} labels for {view.count('vectors')} vectors."
    bases = {key for key, _ in view.entries("bases")}
    for key, _ in view.entries("tokens"):
        if _value(view, "vectors", key) is None or key[:8] not in bases:
            yield f"Token rows of content {key[8:].hex()[:12]} have no vector or no basis."
    for key, _ in view.entries("orphans"):
        if _value(view, "vectors", key) is None:
            yield f"Content {key[8:].hex()[:12]} is marked as left over and has no vector."
    for key, value in view.entries("pending"):
        if not view.is_holder(key[8:].hex(), unpack_u64(value)):
            yield f"Content {key[8:].hex()[:12]} waits for a vector on behalf of an item that does not hold it."


def _journal_findings(view: ReadView) -> Iterator[str]:
    expected = None
    for key, value in view.entries("journal"):
        layout.load(layout.JournalRecord, key, value)
        if expected is not None and unpack_u64(key) != expected:
            yield f"The journal lacks revision {expected}."
        expected = unpack_u64(key) + 1


def _value(view: ReadView, database: str, key: bytes) -> bytes | None:
    return next((value for found, value in view.entries(database, key) if found == key), None)


def _term_findings(fabric: Fabric, view: ReadView) -> Iterator[str]:
    terms = fabric.terms
    if terms.applied != view.revision:
        if not fabric.read_only:  # a reader is behind whenever the owner is at work
            yield f"The word index is at revision {terms.applied}, the memory store at {view.revision}."
        return
    if len(terms) != view.count("items"):
        yield f"The word index holds {len(terms)} items, the memory store {view.count('items')}."
    numbered = enumerate(view.all_items())
    while batch := list(itertools.islice(numbered, _BATCH)):
        keys = [item.key for _, item in batch]
        if terms.holding(keys) != sorted(keys):
            yield f"The word index lacks items between {keys[0]} and {keys[-1]}, or holds one twice."
        for position, item in batch:
            stems = terms.analyse(item.text) if position % _SAMPLE_EVERY == 0 else []
            if stems and not terms.holding([item.key], stems[-1]):
                yield f"Item {item.id} is not found by its word “{stems[-1]}”."


def _vector_findings(fabric: Fabric, view: ReadView) -> Iterator[str]:
    vectors, fingerprint = fabric.vectors, fabric.space.fingerprint
    if vectors.applied != view.revision:
        if not fabric.read_only:
            yield f"The vector index is at revision {vectors.applied}, the memory store at {view.revision}."
        return
    pairs = itertools.zip_longest(view.labels(fingerprint), vectors.labels())
    for position, (kept, indexed) in enumerate(pairs):
        if kept != indexed:
            yield f"The vector index holds other vectors than the memory store, from {kept or indexed} on."
            return
        if position % _SAMPLE_EVERY == 0:
            row = view.vector_by_label(fingerprint, kept)
            if row is None or vectors.similarity(row, [kept]).get(kept, 0.0) < 1.0 - 1e-3:
                yield f"Vector {kept} of the vector index is not the one of the memory store."

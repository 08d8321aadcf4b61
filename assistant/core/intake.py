"""From a document to item drafts: what is remembered of each chunk, and under which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assistant.contracts.documents import Chunk, Document, Modality, SourceAddress, SourceKind, Span
from assistant.contracts.ids import Digest, ItemId, digest_of, item_id
from assistant.core.superseding import is_superseded


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """A chunk with its names and exact place; not yet numbered. ``content`` is the digest of :func:`embedding_text`;
    equal contents share one vector."""

    id: ItemId
    content: Digest
    digest: Digest
    span: Span
    chunk: Chunk
    text: str
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A document without its text: what is remembered of it beside its items. Fields as in
    :class:`~assistant.contracts.documents.Document`."""

    encoding: str
    kind: SourceKind
    modality: Modality
    language: str | None
    title: str | None
    timestamp: datetime | None
    notes: tuple[str, ...]
    superseded: bool
    """It says that another has taken its place."""


def outline_of(document: Document) -> Outline:
    """The outline of a document."""
    return Outline(
        encoding=document.encoding,
        kind=document.kind,
        modality=document.modality,
        language=document.language,
        title=document.title,
        timestamp=document.timestamp,
        notes=document.notes,
        superseded=is_superseded(document.text),
    )


def draft_items(address: SourceAddress, document: Document, data: bytes) -> list[ItemDraft]:
    """Drafts of a document's chunks, in reading order. ``data`` are the bytes the document was read from."""
    seen: Counter[str] = Counter()
    drafts: list[ItemDraft] = []
    for chunk in document.chunks:
        text = document.text[chunk.start : chunk.end]
        span = document.offsets.span(chunk.start, chunk.end)
        content = digest_of(embedding_text(document.title, chunk.scope, chunk.header, chunk.kind, text).encode())
        drafts.append(
            ItemDraft(
                id=item_id(str(address), content, seen[content]),
                content=content,
                digest=digest_of(data[span.start_byte : span.end_byte]),
                span=span,
                chunk=chunk,
                text=text,
                scope=chunk.scope,
            )
        )
        seen[content] += 1
    return drafts


def embedding_text(title: str | None, scope: Sequence[str], header: str, kind: str, text: str) -> str:
    """What the encoder reads: title and trail first, so that a chunk is understood out of its place.

    No path is in it: a renamed file keeps its vectors. Of a code trail the first part is the module, a path too.
    """
    if kind == "code":
        title, scope = None, scope[1:]
    trail = [part for part in scope if part != title]
    head = " > ".join(([title] if title else []) + trail)
    return "\n".join(part for part in (head, header, text) if part)

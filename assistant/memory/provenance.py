"""Where items come from: the beginning of their documents and the days these give themselves, looked up when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from assistant.core.dating import OPENING_CHARS, Dated, date_of_document
from assistant.core.origins import Origin

if TYPE_CHECKING:
    from assistant.contracts.documents import SourceAddress
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import ItemRecord
    from assistant.memory.views import ReadView

_DATED_BY_THEMSELVES = frozenset({"mail", "chat", "commit"})
_NS = 1_000_000_000


def origins_in(fabric: Fabric, records: Sequence[ItemRecord]) -> Callable[[int], Origin]:
    """The origin of ``records[number]``. Each document is looked up once, when the first of its items is asked for."""

    @cache
    def beginning(address: SourceAddress) -> tuple[str, int]:
        return fabric.records.fetch(lambda view: _beginning(view, address))

    @cache
    def origin(number: int) -> Origin:
        record = records[number]
        opening, changed_s = beginning(record.address)
        opening = opening or record.text[:OPENING_CHARS]
        return Origin(
            path=str(record.address),
            title=record.title,
            line=record.line,
            opening=opening,
            dated=_dated(record, opening, changed_s),
            superseded=record.superseded,
        )

    return origin


def _beginning(view: ReadView, address: SourceAddress) -> tuple[str, int]:
    """The first characters of a document, and when the file was changed, in seconds; ("", 0) for what is not known."""
    source = view.source(address)
    if source is None:
        return "", 0
    first = view.item(source.items[0]) if source.items else None
    return (first.text[:OPENING_CHARS] if first is not None else ""), source.mtime_ns // _NS


def _dated(record: ItemRecord, opening: str, changed_s: int) -> Dated | None:
    if not record.timestamp_s:
        return None
    day = datetime.fromtimestamp(record.timestamp_s, UTC).date().isoformat()
    if record.kind in _DATED_BY_THEMSELVES:
        return Dated(day)
    return date_of_document(record.path, record.title, opening) or Dated(day, said=record.timestamp_s != changed_s)

"""From a record to the place a person can open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.contracts.items import Cite

if TYPE_CHECKING:
    from assistant.memory.layout import ItemRecord


def cite_of(record: ItemRecord) -> Cite:
    return Cite(
        path=str(record.address),
        line=record.line,
        end_line=record.end_line,
        start_byte=record.start_byte,
        end_byte=record.end_byte,
        digest=record.digest,
    )

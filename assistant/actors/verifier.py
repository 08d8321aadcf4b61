"""The verifier: reads cited sources again and lets through only what stands there, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.contracts.answers import Citation
from assistant.contracts.documents import Document, SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.contracts.ids import digest_of

if TYPE_CHECKING:
    from assistant.contracts.ports import Reader, Sources
    from assistant.core.answering import Part
    from assistant.memory.layout import ItemRecord


@dataclass(frozen=True, slots=True)
class Checked:
    """``parts`` that hold, with the number of the citation of each; ``stale`` are sources that no longer say it."""

    parts: tuple[Part, ...]
    numbers: tuple[int, ...]
    citations: tuple[Citation, ...]
    stale: tuple[SourceAddress, ...]


class Verifier:
    def __init__(self, sources: Sources, reader: Reader) -> None:
        self._sources = sources
        self._reader = reader
        self._given: dict[SourceAddress, bytes] = {}

    def give(self, address: SourceAddress, data: bytes) -> None:
        """Use these bytes for a source that lies on no disk (piped input)."""
        self._given[address] = data

    def verify(self, parts: Sequence[Part], records: Sequence[ItemRecord]) -> Checked:
        """Check each part against the present bytes of its source. One citation per place, numbered in order."""
        read: dict[SourceAddress, tuple[bytes, Document] | None] = {}
        kept: list[Part] = []
        numbers: list[int] = []
        citations: list[Citation] = []
        stale: dict[SourceAddress, None] = {}
        for part in parts:
            record = records[part.item]
            address = record.address
            if address not in read:
                read[address] = self._read(address)
            citation = self._cite(part, record, read[address], len(citations) + 1)
            if citation is None:
                stale[address] = None
                continue
            known = next((one for one in citations if _same_place(one, citation)), None)
            if known is None:
                citations.append(citation)
            kept.append(part)
            numbers.append((known or citation).n)
        return Checked(tuple(kept), tuple(numbers), tuple(citations), tuple(stale))

    def _read(self, address: SourceAddress) -> tuple[bytes, Document] | None:
        try:
            data = self._given.get(address)
            if data is None:
                data = self._sources.fetch(address)
            document = self._reader.read(address, data)
        except UnreadableSource:
            return None
        return None if document is None else (data, document)

    @staticmethod
    def _cite(part: Part, record: ItemRecord, found: tuple[bytes, Document] | None, number: int) -> Citation | None:
        if found is None:
            return None
        data, document = found
        if document.text[record.text_start : record.text_end] != record.text:
            return None
        start, end = record.text_start + part.start, record.text_start + part.end
        span = document.offsets.span(start, end)
        return Citation(
            n=number,
            path=str(record.address),
            line=span.line,
            end_line=span.end_line,
            start_byte=span.start_byte,
            end_byte=span.end_byte,
            digest=digest_of(data[span.start_byte : span.end_byte]),
            quote=document.text[start:end],
        )


def _same_place(one: Citation, other: Citation) -> bool:
    return (one.path, one.start_byte, one.end_byte) == (other.path, other.start_byte, other.end_byte)

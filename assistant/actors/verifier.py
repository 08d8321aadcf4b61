"""The verifier: reads cited sources again and lets through only what stands there, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.contracts.answers import Citation, Version
from assistant.contracts.documents import SourceAddress
from assistant.reading.desk import WantedPlaces

if TYPE_CHECKING:
    from assistant.core.parts import Part
    from assistant.memory.layout import ItemRecord
    from assistant.reading.desk import ReadingDesk
    from assistant.reading.taking import Place, Range


@dataclass(frozen=True, slots=True)
class Checked:
    """``parts`` that hold, with the number of the citation of each; ``stale`` are sources that no longer say it."""

    parts: tuple[Part, ...]
    numbers: tuple[int, ...]
    citations: tuple[Citation, ...]
    stale: tuple[SourceAddress, ...]

    @property
    def versions(self) -> tuple[Version, ...]:
        """The parts that are versions of one fact; empty unless two of them or more hold."""
        found = tuple(
            Version(date=part.holding.day, citations=(number,), current=part.holding.current)
            for part, number in zip(self.parts, self.numbers, strict=True)
            if part.holding is not None
        )
        return found if len(found) > 1 else ()


class Verifier:
    """``desk``: where sources are read."""

    def __init__(self, desk: ReadingDesk) -> None:
        self._desk = desk

    def verify(
        self, parts: Sequence[Part], records: Sequence[ItemRecord], given: Mapping[SourceAddress, bytes] | None = None
    ) -> Checked:
        """Check each part against the present bytes of its source. One citation per place, numbered in order.
        ``given``: the bytes of sources that lie on no disk (piped input)."""
        kept: list[Part] = []
        numbers: list[int] = []
        citations: list[Citation] = []
        stale: dict[SourceAddress, None] = {}
        for part, (item, cited) in zip(parts, self._look_up(parts, records, given or {}), strict=True):
            record = records[part.item]
            if item is None or cited is None or item.text != record.text:
                stale[record.address] = None
                continue
            citation = _cite(record, cited, len(citations) + 1)
            known = next((one for one in citations if _same_place(one, citation)), None)
            if known is None:
                citations.append(citation)
            kept.append(part)
            numbers.append((known or citation).n)
        return Checked(tuple(kept), tuple(numbers), tuple(citations), tuple(stale))

    def _look_up(
        self, parts: Sequence[Part], records: Sequence[ItemRecord], given: Mapping[SourceAddress, bytes]
    ) -> list[tuple[Place | None, Place | None]]:
        """For each part what stands now where its item was, and what stands where it was itself. Every source is read
        once."""
        ranges: dict[SourceAddress, list[Range]] = {}
        roots: dict[SourceAddress, str] = {}
        for part in parts:
            record = records[part.item]
            roots[record.address] = record.root
            ranges.setdefault(record.address, []).extend(
                [
                    (record.text_start, record.text_end),
                    (record.text_start + part.start, record.text_start + part.end),
                ]
            )
        wanted = [WantedPlaces(one, roots[one], ranges[one], given.get(one)) for one in ranges]
        found = {one.address: iter(places or ()) for one, places in zip(wanted, self._desk.places(wanted), strict=True)}
        return [
            (next(places, None), next(places, None)) for places in (found[records[part.item].address] for part in parts)
        ]


def _cite(record: ItemRecord, place: Place, number: int) -> Citation:
    span = place.span
    return Citation(
        n=number,
        path=str(record.address),
        line=span.line,
        end_line=span.end_line,
        start_byte=span.start_byte,
        end_byte=span.end_byte,
        digest=place.digest,
        quote=place.text,
    )


def _same_place(one: Citation, other: Citation) -> bool:
    return (one.path, one.start_byte, one.end_byte) == (other.path, other.start_byte, other.end_byte)

"""Freshness: is what we remember of a source still what the disk holds?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.contracts.ids import digest_of
from assistant.core.absence import Away, is_away
from assistant.memory.presence import away_in

if TYPE_CHECKING:
    from assistant.contracts.ports import Sources
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import SourceRecord

State = Literal["fresh", "changed", "gone", "away"]


@dataclass(frozen=True, slots=True)
class FreshnessReceipt:
    """State of each source at the moment of checking. ``fresh``: same stat, or another stat and the same bytes.
    ``away``: the folder it lies in cannot be seen now (:mod:`assistant.core.absence`)."""

    states: dict[SourceAddress, State]

    @property
    def checked(self) -> int:
        return len(self.states)

    @property
    def fresh(self) -> int:
        return sum(state == "fresh" for state in self.states.values())

    @property
    def stale(self) -> list[SourceAddress]:
        return [address for address, state in self.states.items() if state not in ("fresh", "away")]


def check_freshness(fabric: Fabric, sources: Sources, addresses: Iterable[SourceAddress]) -> FreshnessReceipt:
    """Stat every source again, and read it again when its stat has changed."""
    states: dict[SourceAddress, State] = {}
    with fabric.records.read() as view:
        records = {address: view.source(address) for address in dict.fromkeys(addresses)}
    away: dict[str, tuple[Away, ...]] = {}
    for address, record in records.items():
        stat = sources.stat(address)
        if record is None:
            states[address] = "gone"
        elif stat is None:
            states[address] = "away" if _is_away(fabric, sources, record, away) else "gone"
        elif stat == record.stat:
            states[address] = "fresh"
        else:
            try:
                same = digest_of(sources.fetch(address)) == record.digest
            except UnreadableSource:
                same = False
            states[address] = "fresh" if same else "changed"
    return FreshnessReceipt(states)


def _is_away(fabric: Fabric, sources: Sources, record: SourceRecord, known: dict[str, tuple[Away, ...]]) -> bool:
    """``known``: what is away, by root, as far as it was asked before."""
    if record.root not in known:
        with fabric.records.read() as view:
            root = view.root(record.root)
            noted = tuple(Away(one.path, one.reason) for one in root.away) if root else ()
            known[record.root] = (*noted, *(away_in(view, sources, root) if root and not noted else ()))
    return is_away(record.path, known[record.root])

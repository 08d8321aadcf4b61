"""Does the memory agree with the files? Every remembered source is looked at again, and what was read again is compared
byte for byte, down to the pieces that are cited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import Interrupted, UnreadableSource
from assistant.contracts.ids import digest_of
from assistant.contracts.reports import FilesFigures, Finding
from assistant.memory import children

if TYPE_CHECKING:
    from assistant.contracts.ports import Sources
    from assistant.memory.fabric import Fabric
    from assistant.memory.layout import SourceRecord

SAMPLE_SOURCES = 300
"""About so many of the sources that seem unchanged are read again when not all are."""
_BATCH = 256

State = Literal["same", "changed", "gone", "unreadable", "away", "secretly changed", "wrong pieces"]


@dataclass(slots=True)
class Audit:
    """What :func:`audit` found. ``stale`` sources want to be read again, ``wrong`` ones in any case: nothing that can
    be seen of them has changed."""

    figures: FilesFigures
    findings: list[Finding] = field(default_factory=list)
    stale: list[SourceAddress] = field(default_factory=list)
    wrong: list[SourceAddress] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    id: str
    start_byte: int
    end_byte: int
    digest: str


def audit(
    fabric: Fabric,
    sources: Sources,
    is_there: Callable[[str], bool],
    *,
    full: bool,
    draw: Random,
    progress: Callable[[int, int], None],
    should_stop: Callable[[], bool] = children.never,
) -> Audit:
    """Compare the memory with the files. ``is_there`` tells whether a remembered folder (by its path) can be reached:
    what lies in one that cannot (an unplugged disk) is not called gone. ``draw`` chooses the sample.

    Raises :class:`~assistant.contracts.errors.Interrupted` when it should stop, and what damage to the records raises.
    """
    with fabric.records.read() as view:
        total = view.count("sources")
        away = {root.path for root in view.roots() if not is_there(root.path)}
    share = 1.0 if full else SAMPLE_SOURCES / max(1, total)
    found = Audit(FilesFigures())
    counts = Counter[str]()
    for done, record in enumerate(_readable(fabric)):
        if should_stop():
            raise Interrupted
        if done % _BATCH == 0:
            progress(done, total)
        counts["sources"] += 1
        closely = full or draw.random() < share
        state = "away" if record.root in away else _compare(fabric, sources, record, closely, counts)
        if state not in ("same", "away") and not _is_current(fabric, record):
            state = "same"  # another process has read it meanwhile
        _take(found, record, state, counts)
    found.findings[:0] = [
        Finding(
            where="files",
            said=f"The folder {root} cannot be reached; {count} sources in it were not looked at.",
            remedy=f"plug its disk in, or: assistant forget {root}",
        )
        for root in sorted(away)
        if (count := counts[f"away:{root}"])
    ]
    names = ("sources", "same", "changed", "gone", "unreadable", "read", "read_bytes", "spans")
    found.figures = FilesFigures(full=full, **{name: counts[name] for name in names})
    return found


def _readable(fabric: Fabric) -> Iterator[SourceRecord]:
    """Sources that could be read when they were remembered, in key order, through short views."""
    after = b""
    while True:
        with fabric.records.read() as view:
            batch = list(view.sources_after(after, _BATCH))
        if not batch:
            return
        after = batch[-1][0]
        yield from (record for _, record in batch if record.problem is None)


def _compare(fabric: Fabric, sources: Sources, record: SourceRecord, closely: bool, counts: Counter[str]) -> State:
    stat = sources.stat(record.address)
    if stat is None:
        return "gone"
    seems_same = stat == record.stat
    if seems_same and not closely:
        return "same"
    try:
        data = sources.fetch(record.address)
    except UnreadableSource:
        return "unreadable" if sources.stat(record.address) is not None else "gone"
    counts["read"] += 1
    counts["read_bytes"] += len(data)
    if digest_of(data) != record.digest:
        return "secretly changed" if seems_same and sources.stat(record.address) == stat else "changed"
    pieces = _pieces(fabric, record)
    counts["spans"] += len(pieces)
    right = all(digest_of(data[piece.start_byte : piece.end_byte]) == piece.digest for piece in pieces)
    return "same" if right else "wrong pieces"


def _pieces(fabric: Fabric, record: SourceRecord) -> list[_Piece]:
    with fabric.records.read() as view:
        return [_Piece(item.id, item.start_byte, item.end_byte, item.digest) for item in view.items(record.items)]


def _is_current(fabric: Fabric, record: SourceRecord) -> bool:
    return fabric.records.fetch(lambda view: view.source(record.address)) == record


def _take(found: Audit, record: SourceRecord, state: State, counts: Counter[str]) -> None:
    address = record.address
    said = {
        "changed": f"{address} has changed since it was read.",
        "gone": f"{address} is gone.",
        "unreadable": f"{address} cannot be read any more.",
        "secretly changed": f"{address} holds other bytes than were read, though its date and size are the same.",
        "wrong pieces": f"Pieces of {address} are not what stands at their places in it.",
    }
    if state == "away":
        counts[f"away:{record.root}"] += 1
        return
    counts["changed" if state in ("secretly changed", "wrong pieces") else state] += 1
    if state == "same":
        return
    hidden = state in ("secretly changed", "wrong pieces")
    remedy = "assistant check --repair" if hidden else "assistant add"
    found.findings.append(Finding(where="files", said=said[state], remedy=remedy))
    (found.wrong if hidden else found.stale).append(address)

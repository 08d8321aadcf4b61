"""``python -m assistant.memory.scanning FOLDER``: read a whole record store; prints, as one JSON object, what is in it
and what is wrong. Run as a child, because a damaged memory map can kill the process that reads it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.memory import children
from assistant.memory.envelope import damaged

SCAN_LIMIT_S = 3600.0
_MAX_FINDINGS = 100
_SHOWN_FINDINGS = 3


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a record store holds: the number of values in all databases together and by database, and its revision."""

    values: int = 0
    revision: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def scan_in_child(records: Path, should_stop: Callable[[], bool] = children.never) -> Scanned:
    """Read every value of the store in ``records`` in a process that may die.

    Raises a DamagedStore with the first findings or when reading kills the child,
    :class:`~assistant.contracts.errors.StorageFailed` when the child cannot do its work, and
    :class:`~assistant.contracts.errors.Interrupted` when ``should_stop``.
    """
    folder = str(records.absolute())
    with children.child("assistant.memory.scanning", folder, should_stop=should_stop) as child:
        out = b"".join(child.blocks(SCAN_LIMIT_S))
        code = child.ended()
    found = json.loads(out)
    if code:
        raise damaged("; ".join(found["findings"][:_SHOWN_FINDINGS]))
    return Scanned(**found["held"])


def main(folder: str) -> int:
    """See the module."""
    from assistant.memory.records import RecordStore, scan_view

    findings: list[str] = []
    held = Scanned()

    def report(finding: str) -> None:
        if len(findings) < _MAX_FINDINGS:
            findings.append(finding)

    try:
        with RecordStore(Path(folder), read_only=True) as store, store.read() as view:
            values = scan_view(view, report)
            if not findings:
                held = Scanned(values, view.revision, {name: view.count(name) for name in view.databases})
    except DamagedStore as error:
        report(error.happened)
    except StorageFailed as error:
        return children.tell(error)
    sys.stdout.write(json.dumps({"findings": findings, "held": asdict(held)}) + "\n")
    return 1 if findings else 0


if __name__ == "__main__":
    children.bind()
    raise SystemExit(main(sys.argv[1]))

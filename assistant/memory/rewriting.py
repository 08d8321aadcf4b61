"""``python -m assistant.memory.rewriting FROM TO``: write every value of a record store into a new one.

Nothing else of the file is kept: not its pages and their inner bookkeeping, not its list of free pages (which could
name pages that are in use), no database that is unknown here. For a store that somebody handed over, and that was
looked through before. Run as a child: what was made to harm may kill the process that reads it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.memory import children, layout
from assistant.memory.envelope import damaged
from assistant.memory.views import ReadView

REWRITE_LIMIT_S = 3600.0
_BATCH = 4096


def rewrite_in_child(records: Path, fresh: Path, should_stop: Callable[[], bool] = children.never) -> None:
    """Write what the store in ``records`` holds into a new one in the folder ``fresh``, on disk when this returns.

    Raises a DamagedStore when it cannot be read or reading kills the child,
    :class:`~assistant.contracts.errors.StorageFailed` when there is no room, and
    :class:`~assistant.contracts.errors.Interrupted`; what is in ``fresh`` is then of no use.
    """
    folders = str(records.absolute()), str(fresh.absolute())
    with children.child("assistant.memory.rewriting", *folders, should_stop=should_stop) as child:
        for _ in child.blocks(REWRITE_LIMIT_S):
            pass
        child.ended()


def _values(view: ReadView) -> Iterator[tuple[str, bytes, bytes]]:
    for database in layout.DATABASES:
        for key, value in view.entries(database):
            yield database, key, value


def main(old: str, new: str) -> int:
    """See the module."""
    from assistant.memory.records import RecordStore

    try:
        with RecordStore(Path(old), read_only=True) as given, RecordStore(Path(new)) as store, given.read() as view:
            values = _values(view)
            while batch := list(islice(values, _BATCH)):
                with store.write() as fresh:
                    for database, key, value in batch:
                        fresh.put(database, key, value)
            with store.read() as written:
                counts = {name: (view.count(name), written.count(name)) for name in layout.DATABASES}
        wrong = [
            f"{name} holds {found} entries and says {said}" for name, (said, found) in counts.items() if said != found
        ]
        if wrong:
            raise damaged("; ".join(wrong))
    except (DamagedStore, StorageFailed) as error:
        return children.tell(error)
    return 0


if __name__ == "__main__":
    children.bind()
    raise SystemExit(main(*sys.argv[1:]))

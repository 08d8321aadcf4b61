"""``python -m assistant.memory.copying FOLDER``: write a consistent copy of a record store to the output: first a line
with the number of bytes to expect (more or fewer come when others write meanwhile), then the data file without its
free pages. A child, because a damaged memory map can kill the process that reads it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.memory import children
from assistant.memory.envelope import damaged

SILENT_S = 600.0
"""How long the disk may take for the next block."""
_MAX_LINE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy on its way: about how large it is going to be, and its blocks, to be taken once."""

    expected_bytes: int
    blocks: Iterator[bytes]


@contextmanager
def copying(records: Path, should_stop: Callable[[], bool] = children.never) -> Iterator[Copy]:
    """Copy a record store while others read and write it.

    Raises a DamagedStore when it cannot be read or reading kills the child,
    :class:`~assistant.contracts.errors.StorageFailed` when the child cannot do its work, and
    :class:`~assistant.contracts.errors.Interrupted`; all of them also while the blocks are taken.
    """
    with children.child("assistant.memory.copying", str(records.absolute()), should_stop=should_stop) as child:
        came = child.blocks(SILENT_S)
        head = b""
        while b"\n" not in head:
            block = next(came, b"")
            head += block
            if not block or (len(head) > _MAX_LINE_BYTES and b"\n" not in head[:_MAX_LINE_BYTES]):
                child.ended()
                raise damaged("it cannot be copied")
        line, _, rest = head.partition(b"\n")

        def blocks() -> Iterator[bytes]:
            if rest:
                yield rest
            yield from came
            child.ended()

        yield Copy(int(line), blocks())


def main(folder: str) -> int:
    """See the module."""
    from assistant.memory.records import RecordStore

    try:
        with RecordStore(Path(folder), read_only=True) as store:
            sys.stdout.write(f"{store.copy_bytes()}\n")
            sys.stdout.flush()
            store.copy_to(sys.stdout.fileno())
    except (DamagedStore, StorageFailed) as error:
        return children.tell(error)
    return 0


if __name__ == "__main__":
    children.bind()
    raise SystemExit(main(sys.argv[1]))

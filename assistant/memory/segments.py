"""Checksums of the term index's files, which its library writes but never compares.

A file of a segment ends with a footer: JSON that holds the CRC-32 of all before it, the length of that JSON (u32,
little endian) and the number 1337 (u32).
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

_TAIL = struct.Struct("<II")
_MAGIC = 1337
_BLOCK_BYTES = 1 << 20


def verify_segments(folder: Path) -> None:
    """Compare every file of the committed segments with its checksum. Raises ``ValueError`` (damage) and ``OSError``.
    A folder without a committed state has nothing to compare."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        wanted = {str(segment["segment_id"]).replace("-", "") for segment in meta["segments"]}
    except FileNotFoundError:
        return
    except (KeyError, TypeError) as error:
        raise ValueError("its list of segments makes no sense") from error
    for path in sorted(folder.iterdir()):
        if path.name.partition(".")[0] in wanted:
            _verify(path)


def _verify(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            file.seek(max(0, size - _TAIL.size))
            footer_bytes, magic = _TAIL.unpack(file.read(_TAIL.size))
            body = size - _TAIL.size - footer_bytes
            if magic != _MAGIC or body < 0:
                raise ValueError(f"{path.name} has no footer")
            file.seek(body)
            expected = json.loads(file.read(footer_bytes))["crc"]
        except (struct.error, KeyError, TypeError) as error:
            raise ValueError(f"{path.name} has no footer") from error
        file.seek(0)
        found = 0
        while body > 0:
            block = file.read(min(body, _BLOCK_BYTES))
            if not block:
                break
            found = zlib.crc32(block, found)
            body -= len(block)
    if found != expected:
        raise ValueError(f"{path.name} does not match its checksum")

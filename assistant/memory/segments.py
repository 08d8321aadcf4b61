"""Checks of the term index's files that its library does not make: it writes checksums and never compares them, and a
wrong number in its list of segments can end the process.

A file of a segment ends with a footer: JSON that holds the CRC-32 of all before it, the length of that JSON (u32,
little endian) and the number 1337 (u32). The list itself, ``meta.json``, has no checksum; its numbers are compared with
the files: one byte of length for each document and field, and one bit for each document that is left.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

from assistant.memory.durable import remove_file

_TAIL = struct.Struct("<II")
_U32 = struct.Struct("<I")
_MAGIC = 1337
_BLOCK_BYTES = 1 << 20
_SEGMENT = re.compile(r"[0-9a-f]{32}")


def verify_segments(folder: Path) -> None:
    """Compare every file of the committed segments with its checksum, and their list with them. Raises ``ValueError``
    (damage) and ``OSError``. A folder without a committed state has nothing to compare."""
    try:
        meta = json.loads((folder / "meta.json").read_bytes())
        fields = sum(_has_lengths(field) for field in meta["schema"])
        for segment in meta["segments"]:
            _verify_segment(folder, segment, fields)
    except FileNotFoundError:
        if (folder / "meta.json").exists():
            raise
    except (KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise ValueError("its list of segments makes no sense") from error


def remove_leftovers(folder: Path) -> None:
    """Delete files of segments that no commit speaks of, which a crash or a full disk left behind: the library would
    stumble over them, since it gives the next change the same names. Nobody may be writing meanwhile."""
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
    except FileNotFoundError:
        return
    deletes = {str(one["segment_id"]).replace("-", ""): one["deletes"] for one in segments}
    for path in folder.iterdir():
        name, *rest = path.name.split(".")
        if not _SEGMENT.fullmatch(name):
            continue
        committed = deletes.get(name)
        stale = path.suffix == ".del" and (committed is None or rest[0] != str(committed["opstamp"]))
        if stale or name not in deletes:
            remove_file(path)


def dead_share(folder: Path) -> float:
    """Deleted documents among all in the committed segments, 0..1; 0.0 when there is nothing."""
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
        documents = sum(int(one["max_doc"]) for one in segments)
        dead = sum(int(one["deletes"]["num_deleted_docs"]) for one in segments if one["deletes"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
    return dead / documents if documents else 0.0


def _has_lengths(field: dict[str, Any]) -> bool:
    return field["type"] == "text" and bool(field["options"]["indexing"]["fieldnorms"])


def _verify_segment(folder: Path, segment: dict[str, Any], fields: int) -> None:
    name, documents = str(segment["segment_id"]).replace("-", ""), int(segment["max_doc"])
    for path in sorted(folder.glob(f"{name}.*")):
        _verify_sum(path)
    lengths = _body(folder / f"{name}.fieldnorm")
    lengths_bytes = len(lengths) - _U32.size - _U32.unpack(lengths[-_U32.size :])[0]
    if lengths_bytes != fields * documents:
        raise ValueError(f"segment {name} does not hold {documents} documents")
    deletes = segment["deletes"]
    if deletes is not None:
        left = _body(folder / f"{name}.{deletes['opstamp']}.del")[_U32.size :]
        if int.from_bytes(left, "little").bit_count() != documents - int(deletes["num_deleted_docs"]):
            raise ValueError(f"segment {name} has another number of dropped documents")


def _body(path: Path) -> bytes:
    data = path.read_bytes()
    return data[: len(data) - _TAIL.size - _TAIL.unpack(data[-_TAIL.size :])[0]]


def _verify_sum(path: Path) -> None:
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

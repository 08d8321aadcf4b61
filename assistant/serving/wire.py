"""Frames on a stream: four bytes of length (big endian), then that many bytes of UTF-8 JSON, one object each.

Both sides begin with a hello. Then the client sends ``{"id", "do", "with"}`` and ``{"cancel": id}``; the server answers
``{"id", "reply"}`` or ``{"id", "error"}`` once per request, and before that any number of ``{"id", "event", "with"}``.
``{"refused": error}`` in place of anything else: the connection is over.

Light on purpose: a command that only asks a running process loads this and little else.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

PROTOCOL = 1
MOST_REQUEST_BYTES = 16 << 20
MOST_REPLY_BYTES = 64 << 20
MOST_HELLO_BYTES = 64 << 10
MOST_DEPTH = 32
"""Objects and lists in one another."""
MOST_ID = 2**53
HEADER = struct.Struct(">I")
NAME = "assistant"


class BadFrame(Exception):
    """What came is not what this protocol sends. The text is for a person."""


def packed(message: Mapping[str, Any], most_bytes: int) -> bytes:
    """A frame. Raises :class:`BadFrame` when it would be larger than ``most_bytes``."""
    return framed(json.dumps(message, separators=(",", ":")).encode(), most_bytes)


def framed(body: bytes, most_bytes: int) -> bytes:
    """A frame of JSON that is written already. Raises :class:`BadFrame` like :func:`packed`."""
    if len(body) > most_bytes:
        raise BadFrame(f"it has {len(body):,} bytes; {most_bytes:,} are the most")
    return HEADER.pack(len(body)) + body


def length_of(header: bytes, most_bytes: int) -> int:
    """How many bytes follow the four of the header. Raises :class:`BadFrame`."""
    (size,) = HEADER.unpack(header)
    if not 2 <= size <= most_bytes:
        raise BadFrame(f"a frame of {size:,} bytes was announced; {most_bytes:,} are the most")
    return int(size)


def unpacked(body: bytes) -> dict[str, Any]:
    """The object in a frame. Raises :class:`BadFrame`."""
    try:
        found = json.loads(body.decode())
    except RecursionError:
        raise BadFrame("it is nested too deeply") from None
    except ValueError:
        raise BadFrame("it is no JSON") from None
    if not isinstance(found, dict):
        raise BadFrame("it is no JSON object")
    _refuse_depth(found)
    return found


def _refuse_depth(found: object) -> None:
    level: list[object] = [found]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)  # type: ignore[attr-defined]
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise BadFrame("it is nested too deeply")


def hello(program: str, **more: Any) -> dict[str, Any]:
    """What both sides say first. ``program``: version of the program."""
    return {"hello": NAME, "protocol": PROTOCOL, "program": program, **more}


def misfit(theirs: Mapping[str, Any], program: str) -> str | None:
    """Why one cannot speak with whoever said this hello; ``None``: one can."""
    if theirs.get("hello") != NAME:
        return "it is not the assistant"
    if theirs.get("protocol") != PROTOCOL:
        return f"it speaks protocol {theirs.get('protocol')!r}, not {PROTOCOL}"
    if theirs.get("program") != program:
        return f"it is version {theirs.get('program')!r}, not {program}"
    return None

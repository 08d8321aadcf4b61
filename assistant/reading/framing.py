"""What goes through the pipes between us and a reader process: frames, each a length and a number in four bytes each,
and then so many bytes. JSON inside, which can hold values and nothing else: whoever takes over a reader gains no say in
what we run."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

from assistant.contracts.errors import AssistantError

_HEAD = struct.Struct(">II")
_COMPACT_ABOVE_BYTES = 1 << 20


class BrokenFrame(AssistantError):
    """The other side sent what cannot be. ``args[0]`` says what, in words that follow "the reader"."""


def frame(number: int, payload: bytes) -> bytes:
    """``payload`` with its length in front, and the number of the request it is or belongs to. Raises ``ValueError``
    above 4 GiB."""
    if len(payload) >= 1 << 32:
        raise ValueError(f"too long for a frame: {len(payload)} bytes")
    return _HEAD.pack(len(payload), number) + payload


def dump(message: list[Any]) -> bytes:
    """A message as JSON. Lone surrogates, which no text of ours holds, become question marks."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


class FrameBuffer:
    """Puts frames together from what arrives. ``most_bytes``: the longest frame that is taken."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._data = bytearray()
        self._at = 0

    def add(self, data: bytes) -> None:
        """Take in what a pipe gave."""
        self._data += data

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Number and payload of each frame that is complete. Raises :class:`BrokenFrame` for one that is announced too
        long."""
        while len(self._data) - self._at >= _HEAD.size:
            size, number = _HEAD.unpack_from(self._data, self._at)
            if size > self._most_bytes:
                raise BrokenFrame(f"answered with more than {self._most_bytes / (1 << 20):.0f} MiB")
            start = self._at + _HEAD.size
            if len(self._data) - start < size:
                break
            payload = bytes(memoryview(self._data)[start : start + size])
            self._at = start + size
            if self._at == len(self._data) or self._at > _COMPACT_ABOVE_BYTES:
                del self._data[: self._at]
                self._at = 0
            yield number, payload

    @property
    def partial(self) -> bool:
        """Whether a frame has begun and is not complete."""
        return len(self._data) > self._at

"""Sealed values: LMDB keeps no checksums, so every value carries one of its own.

A sealed value is ``b"\\x01"``, 8 bytes of BLAKE2b over key and payload, then the payload. The key is part of the sum,
so a value that turns up under another key is seen as damage too.
"""

from __future__ import annotations

import hashlib

from assistant.contracts.errors import DamagedStore

VERSION = b"\x01"
_SUM_BYTES = 8
_blake2b = hashlib.blake2b
HEAD_BYTES = 1 + _SUM_BYTES


def seal(key: bytes, payload: bytes) -> bytes:
    return VERSION + _blake2b(key + payload, digest_size=_SUM_BYTES).digest() + payload


def unseal(key: bytes, value: bytes | memoryview) -> bytes:
    """The payload. Raises :class:`DamagedStore` when version or checksum do not fit."""
    value = bytes(value)
    payload = value[HEAD_BYTES:]
    if value[:HEAD_BYTES] != VERSION + _blake2b(key + payload, digest_size=_SUM_BYTES).digest():
        raise damaged("a record does not match its checksum")
    return payload


def damaged(what: str) -> DamagedStore:
    return DamagedStore(
        f"The memory store is damaged: {what}.",
        kept="Nothing was changed; your own files are not affected.",
        remedy="Run `assistant check --repair`: it sets the damaged store aside and reads the remembered folders anew.",
    )

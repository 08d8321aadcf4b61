"""Identifiers and digests. Plain types with names, so that a signature says what it wants."""

from __future__ import annotations

import hashlib
from typing import NewType

ItemId = NewType("ItemId", str)
"""Public name of an item, ``mi_`` and 26 characters: stable while the item's words stay in the same source."""

ItemKey = NewType("ItemKey", int)
"""Number of an item in the store, 1 .. 2**62. Never used twice, so a projection can never confuse two items."""

Label = NewType("Label", int)
"""Number of a vector in one vector space, 0 .. 2**62. Never used twice."""

Digest = NewType("Digest", str)
"""SHA-256 of some bytes, 64 lower-case hexadecimal characters."""

Fingerprint = NewType("Fingerprint", str)
"""Names one encoder exactly (weights, precision, pooling, cut-off): 16 lower-case hexadecimal characters.
Vectors of different fingerprints are never compared."""

Revision = NewType("Revision", int)
"""Number of the last committed change of the memory store; 0 is an empty store."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """SHA-256 of ``data`` in hexadecimal."""
    return Digest(hashlib.sha256(data).hexdigest())


def item_id(source: str, content: Digest, occurrence: int) -> ItemId:
    """The id of the ``occurrence``-th (from 0) piece with this content in one source.

    It does not depend on the position, so text inserted above an item does not rename it.
    """
    seed = hashlib.sha256(f"{source}\x00{content}\x00{occurrence}".encode("utf-8", "surrogateescape")).digest()
    number = int.from_bytes(seed[:16], "big")
    letters = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        letters.append(_CROCKFORD[digit])
    return ItemId("mi_" + "".join(reversed(letters)))

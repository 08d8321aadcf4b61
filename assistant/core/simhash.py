"""SimHash: near-duplicates have hashes a few bits apart.

Source: M. Charikar, "Similarity estimation techniques from rounding algorithms" (STOC 2002), with word bigrams as
features, as in Manku, Jain, Das Sarma, "Detecting near-duplicates for web crawling" (WWW 2007).
"""

from __future__ import annotations

import itertools
import re
from hashlib import blake2b

import numpy as np

_WORD = re.compile(r"\w+")
_MAX_WORDS = 400


def simhash(text: str) -> int:
    """64-bit SimHash of the first 400 words; 0 for a text without words. Case and punctuation do not count."""
    words = _WORD.findall(text.lower())[:_MAX_WORDS]
    if not words:
        return 0
    features = {f"{a} {b}" for a, b in itertools.pairwise(words)} or set(words)
    hashes = b"".join(blake2b(feature.encode(), digest_size=8).digest() for feature in features)
    bits = np.unpackbits(np.frombuffer(hashes, dtype=np.uint8).reshape(-1, 8), axis=1)
    ones = bits.sum(axis=0, dtype=np.int32) * 2 > len(features)
    return int.from_bytes(np.packbits(ones).tobytes(), "big")


def distance(a: int, b: int) -> int:
    """Number of bits in which two hashes differ, 0..64."""
    return (a ^ b).bit_count()

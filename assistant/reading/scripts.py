"""Which script a text is written in, taken as a guess at its language."""

from __future__ import annotations

SAMPLE_CHARS = 4096


def natural_language(text: str) -> str | None:
    """ "ru" when most letters of the first few thousand characters are Cyrillic, "en" when most are Latin.

    A guess by script only: Bulgarian comes out as "ru" and French as "en", which serves to choose a stemmer and a
    sentence splitter. ``None`` for other scripts and for texts without letters.
    """
    sample = text[:SAMPLE_CHARS]
    letters = sum(map(str.isalpha, sample))
    if not letters:
        return None
    if sample.isascii():
        return "en"
    if _cyrillic_letters(sample) * 2 > letters:
        return "ru"
    latin = sum(char.isalpha() for char in sample if char < "\u0250")
    return "en" if latin * 2 > letters else None


def is_cyrillic(text: str) -> bool:
    """Whether most letters of the first few thousand characters are Cyrillic."""
    sample = text[:SAMPLE_CHARS]
    return not sample.isascii() and _cyrillic_letters(sample) * 2 > sum(map(str.isalpha, sample))


def _cyrillic_letters(sample: str) -> int:
    return sum("\u0400" <= char <= "\u052f" for char in sample)

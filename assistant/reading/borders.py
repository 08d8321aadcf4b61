"""Cutting a long piece of text at the best of many known borders."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from assistant.reading.packing import MAX_CHARS, SMALL_CHARS, TARGET_CHARS, Range, trim

Border = tuple[int, int]
"""A place where a text may be cut (character offset) and how bad a place it is (0 is best)."""


def cut(text: str, start: int, end: int, borders: Iterable[Border]) -> list[Range]:
    """Split ``start .. end`` into trimmed ranges of at most ``MAX_CHARS``, in order, without losing anything but
    white space.

    Each cut is the best border (the one nearest to ``TARGET_CHARS`` among equals) that leaves a piece of half of
    ``TARGET_CHARS`` or more. Where no border lies within reach: the last line end, white space, end of a word, and
    only then any place. Borders inside a word are not used. Linear in the length of the text and the borders.
    """
    known = sorted(
        {place: rank for place, rank in sorted(borders, reverse=True) if not inside_word(text, place)}.items()
    )
    places = [place for place, _ in known]
    ranges: list[Range] = []
    whole = trim(text, start, end)
    if whole is None:
        return []
    at, end = whole
    while end - at > MAX_CHARS:
        least, most = at + TARGET_CHARS // 2, min(at + MAX_CHARS, end - SMALL_CHARS)
        within = known[bisect_right(places, least) : bisect_right(places, most)]
        if within:
            wanted = at + TARGET_CHARS
            stop = min(within, key=lambda border: (border[1], abs(border[0] - wanted)))[0]
        else:
            stop = _any_place(text, least, most)
        piece = trim(text, at, stop)
        if piece is not None:
            ranges.append(piece)
        at = stop
        while text[at].isspace():  # ends at the last character of the trimmed whole at the latest
            at += 1
    ranges.append((at, end))
    return ranges


def inside_word(text: str, place: int) -> bool:
    """Whether a cut at ``place`` would part two characters of one word."""
    return 0 < place < len(text) and _in_word(text[place - 1]) and _in_word(text[place])


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M"


def _any_place(text: str, least: int, most: int) -> int:
    line = text.rfind("\n", least, most)
    if line >= 0:
        return line + 1
    for wanted in (str.isspace, lambda char: not _in_word(char)):
        for place in range(most, least, -1):
            if wanted(text[place - 1]):
                return place
    for place in range(most, least, -1):
        if unicodedata.category(text[place])[0] != "M" and text[place] != "\u200d" != text[place - 1]:
            return place
    return most

"""Cutting text into chunks of the size an encoder reads well, at natural borders, in linear time.

Ranges are pairs ``(start, end)`` of character offsets, half open.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from assistant.reading.scripts import is_cyrillic

Range = tuple[int, int]

TARGET_CHARS = 480
"""Size chunks are filled up to: about 110 tokens of a sentence encoder."""

MAX_CHARS = 900
"""No chunk is longer: about 220 tokens, below the 256 such encoders read."""

SMALL_CHARS = 120
"""A piece this short (a title, a lead-in, a last line) rather joins its neighbour than stands alone."""

_WINDOW_CHARS = 8192  # given to the sentence splitter at once
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n")
_LINE_END = re.compile(r"\n")
_CLAUSE_END = re.compile(r"[,;:)\]»”—–](?=\s)|[、，；：。！？]")
_WIDE_STOPS = "。！？、，；："
_BORDER = re.compile(rf"[\s{_WIDE_STOPS}]")  # where a cut does no harm: at white space, after these signs


def trim(text: str, start: int, end: int) -> Range | None:
    """The range without white space at its ends; ``None`` when nothing is left."""
    piece = text[start:end]
    bare = piece.lstrip()
    if not bare:
        return None
    start += len(piece) - len(bare)
    return start, start + len(bare.rstrip())


def pack(text: str, units: Iterable[Range], *, target: int = TARGET_CHARS, maximum: int = MAX_CHARS) -> list[Range]:
    """Join neighbouring units (paragraphs, list items, lines, in order, not overlapping) into chunks.

    Chunks are filled up to ``target`` characters and never exceed ``maximum``; a unit that does is split first, at
    natural borders. Results are trimmed and never empty; what lies between two joined units goes with them.
    """
    chunks: list[Range] = []
    for start, end in _fitting(text, units, target, maximum):
        if chunks:
            first, last = chunks[-1]
            joined = end - first
            if joined <= target or (joined <= maximum and last - first < SMALL_CHARS):
                chunks[-1] = (first, end)
                continue
        chunks.append((start, end))
    if len(chunks) > 1 and chunks[-1][1] - chunks[-1][0] < SMALL_CHARS and chunks[-1][1] - chunks[-2][0] <= maximum:
        _, end = chunks.pop()
        chunks[-1] = (chunks[-1][0], end)
    return chunks


def paragraphs(text: str, start: int = 0, end: int | None = None) -> Iterator[Range]:
    """Trimmed ranges between blank lines."""
    return _between(text, start, len(text) if end is None else end, _PARAGRAPH_END)


def lines(text: str, start: int = 0, end: int | None = None) -> Iterator[Range]:
    """Trimmed ranges of the lines that are not blank."""
    return _between(text, start, len(text) if end is None else end, _LINE_END)


def sentences(text: str, start: int, end: int) -> Iterator[Range]:
    """Trimmed ranges of the sentences, by the rules of the language most letters suggest (Russian or English).

    Very long texts are handed to the splitter in windows, so a sentence longer than a window may be cut at a space.
    """
    from sentencex import get_sentence_boundaries

    at = start
    while at < end:
        stop = min(at + _WINDOW_CHARS, end)
        window = text[at:stop]
        language = "ru" if is_cyrillic(window) else "en"
        cuts = [at + found["end_index"] for found in get_sentence_boundaries(language, window)]
        if stop < end:  # the last sentence goes on: leave it to the next window, or cut it at a space
            cuts = [cut for cut in cuts if cut < stop] or [
                _space_before(text, at, stop) or _cut_word(text, stop - 64, stop)
            ]
            stop = cuts[-1]
        begin = at
        for cut in cuts:
            if begin < cut < stop and not _may_cut(text, cut):
                continue
            part = trim(text, begin, cut)
            if part:
                yield part
            begin = cut
        rest = trim(text, begin, stop)
        if rest:
            yield rest
        at = stop


def _fitting(text: str, units: Iterable[Range], target: int, maximum: int) -> Iterator[Range]:
    for unit in units:
        trimmed = trim(text, *unit)
        if trimmed is None:
            continue
        start, end = trimmed
        if end - start <= maximum:
            yield trimmed
            continue
        for paragraph in paragraphs(text, start, end):
            if paragraph[1] - paragraph[0] <= maximum:
                yield paragraph
                continue
            for line in lines(text, *paragraph):
                if line[1] - line[0] <= maximum:
                    yield line
                    continue
                for sentence in sentences(text, *line):
                    if sentence[1] - sentence[0] <= maximum:
                        yield sentence
                    else:
                        yield from _clauses(text, *sentence, target, maximum)


def _between(text: str, start: int, end: int, border: re.Pattern[str]) -> Iterator[Range]:
    at = start
    while at < end:
        match = border.search(text, at, end)
        stop = match.start() if match else end
        part = trim(text, at, stop)
        if part:
            yield part
        at = match.end() if match else end


def _clauses(text: str, start: int, end: int, target: int, maximum: int) -> Iterator[Range]:
    """Cut after the last clause that ends within ``target`` characters, else at the last space there, else at the
    next space within ``maximum``, else there."""
    at = start
    while end - at > maximum:
        cut = at
        for match in _CLAUSE_END.finditer(text, at + target // 3, at + target):
            cut = match.end()
        if cut == at:
            cut = _space_before(text, at, at + target) or _cut_word(text, at + target, at + maximum)
        part = trim(text, at, cut)
        if part:
            yield part
        at = cut
    part = trim(text, at, end)
    if part:
        yield part


def _space_before(text: str, start: int, stop: int) -> int:
    """The last place in ``start + 1 .. stop`` where no word is cut; 0 when there is none."""
    if not _BORDER.search(text, start, stop + 1):
        return 0
    for cut in range(stop, start, -1):
        if _may_cut(text, cut):
            return cut
    return 0


def _cut_word(text: str, start: int, stop: int) -> int:
    """The first place in ``start .. stop`` where no word is cut; else ``stop``, or a little before it where a
    character with its combining marks begins."""
    border = _BORDER.search(text, start, stop)
    if border is not None:
        return border.start() if border[0].isspace() else border.end()
    for cut in range(stop, stop - 32, -1):
        if not _continues(text[cut]) and text[cut - 1] != "\u200d":
            return cut
    return stop


def _may_cut(text: str, cut: int) -> bool:
    return cut >= len(text) or text[cut].isspace() or text[cut - 1].isspace() or text[cut - 1] in _WIDE_STOPS


def _continues(char: str) -> bool:
    return char == "\u200d" or unicodedata.category(char).startswith("M")

"""Snippets: the part of an item that shows best why it was found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

MAX_SNIPPET_CHARS = 240


def snippet(text: str, wanted: Collection[str], analyse: Callable[[str], Sequence[str]]) -> str:
    """The run of whole lines, at most 240 characters, that holds most of the wanted stems; the earliest of equals.
    Line ends become blanks; a cut is marked with an ellipsis."""
    lines = [line.strip() for line in text.split("\n")]
    if sum(map(bool, lines)) == 1 or sum(map(len, lines)) + len(lines) <= MAX_SNIPPET_CHARS:
        hits = [0] * len(lines)  # nothing to choose from
    else:
        hits = [len(set(analyse(line)).intersection(wanted)) if line else 0 for line in lines]
    best, best_hits = 0, -1
    for start in range(len(lines)):
        size, found = 0, 0
        for line, hit in zip(lines[start:], hits[start:], strict=True):
            size += len(line) + 1
            if size > MAX_SNIPPET_CHARS:
                break
            found += hit
        if found > best_hits and lines[start]:
            best, best_hits = start, found
    joined = " ".join(" ".join(lines[best:]).split())
    cut = joined if len(joined) <= MAX_SNIPPET_CHARS else joined[:MAX_SNIPPET_CHARS].rsplit(" ", 1)[0] + " …"
    return f"… {cut}" if any(lines[:best]) else cut

"""Parts of an answer, and how they read together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.core.dating import Dated

Layout = Literal["run", "lines", "rows", "code"]
"""Running text; list items, one a line; rows of a table; an excerpt of code."""

_SENTENCE_END = re.compile(r"[.!?…:;»”\"')\]]$")
_FILE_NAME = re.compile(r"[\w-]+\.\w+(?:[:,]| \()")


@dataclass(frozen=True, slots=True)
class Holding:
    """That a part is one of several versions of a fact: the day of its source (``None``: not known), and whether it is
    what holds now (``None``: it cannot be told which does)."""

    dated: Dated | None
    current: bool | None

    @property
    def day(self) -> str | None:
        """The day its source gives itself, ISO 8601; ``None`` when only the time of the file is known, or nothing."""
        return self.dated.day if self.dated is not None and self.dated.said else None


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the answer: words to read and the characters ``start`` .. ``end`` of item ``item`` they come from.

    ``lead`` stands before the words; of neighbours with the same lead, but once. Parts that are no running text stand
    on lines of their own; those of a table have its header as the last lines of their lead."""

    item: int
    start: int
    end: int
    words: str
    layout: Layout = "run"
    lead: str = ""
    holding: Holding | None = None


def read_together(parts: Sequence[Part], numbers: Sequence[int]) -> str:
    """The answer as text: parts in order, each followed by its citation number in brackets. The number of an excerpt
    of code stands on the line above it."""
    text = ""
    before: Part | None = None
    for part, number in zip(parts, numbers, strict=True):
        goes_on = before is not None and before.layout == part.layout and before.lead == part.lead
        lead = "" if goes_on else part.lead
        if part.layout == "run":
            text += " " if before is not None and before.layout == "run" else "\n"
            words = part.words if _SENTENCE_END.search(part.words) else f"{part.words}."
            text += f"{_capital(f'{lead} {words}' if lead else words)} [{number}]"
        elif part.layout == "code":
            text += f"\n{_capital(lead) if lead else '...'} [{number}]\n{part.words}"
        else:
            text += f"\n{_capital(lead)}" if lead else ""
            text += f"\n{part.words} [{number}]"
        before = part
    return text.strip("\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """A table of aligned lines, in the notation of Markdown: the lines of its header, and one line for each row.
    Every row has a cell for each column."""
    cells = [[_cell(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return f"{lines[0]}\n{rule}", lines[1:]


def fenced(excerpt: str, language: str | None) -> str:
    return f"```{language or ''}\n{excerpt}\n```"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _capital(text: str) -> str:
    """With a capital, unless it begins with the name of a file."""
    return text if _FILE_NAME.match(text) else text[:1].upper() + text[1:]

"""Entries of a configuration: a setting means little without the entry of the list it stands in."""

from __future__ import annotations

from assistant.core.parts import Part, fenced
from assistant.core.statements import Statement
from assistant.core.weighing import Evidence

MAX_LINES = 8


def entry(number: int, item: Evidence, statement: Statement, lead: str) -> Part | None:
    """The entry of a YAML list that a setting stands in, whole; ``None`` when it stands in none, is all of it, or when
    it is longer than a few lines."""
    if item.language != "yaml" or item.chunk != "config":
        return None
    lines = item.text.split("\n")
    at = item.text.count("\n", 0, statement.start)
    first = at
    while first and not (_dash(lines[first]) and (first == at or _indent(lines[first]) < _indent(lines[at]))):
        if _indent(lines[first - 1]) < _indent(lines[at]) and not _dash(lines[first - 1]):
            return None
        first -= 1
    if not _dash(lines[first]):
        return None
    last = first + 1
    while last < len(lines) and lines[last].strip() and _indent(lines[last]) > _indent(lines[first]):
        last += 1
    if not 1 < last - first <= MAX_LINES or at >= last:
        return None
    start = sum(len(line) + 1 for line in lines[:first]) + _indent(lines[first])
    end = sum(len(line) + 1 for line in lines[:last]) - 1
    margin = _indent(lines[first])
    words = "\n".join(line[margin:] for line in lines[first:last])
    return Part(number, start, end, fenced(words, item.language), "code", f"{lead}:")


def _dash(line: str) -> bool:
    return line.lstrip().startswith("- ")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())

"""Results as plain text and as JSON. Light: loaded by the shortest of all commands."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from textwrap import indent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

_CONTROL = re.compile("[\x7f-\x9f]")
"""What JSON leaves as it is and a terminal obeys."""
_HARMLESS = frozenset("\n\t\u00ad\u200c\u200d")
"""Not printable by themselves, and part of ordinary text: soft hyphen, joiners of Persian letters and of emoji."""
NOTHING_REMEMBERED = "Nothing is remembered yet. Name a folder first: assistant add ~/notes"


def as_json_object(value: BaseModel | Mapping[str, Any], **more: Any) -> None:
    data = dict(value) if isinstance(value, Mapping) else value.model_dump(mode="json")
    text = json.dumps({**data, **more}, ensure_ascii=not _utf8())
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def _utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def safe(text: str) -> str:
    """Without control characters: what files contain must not steer the terminal."""
    return "".join(char if _shows(char) else "\ufffd" for char in text)


def _shows(char: str) -> bool:
    return char.isprintable() or char in _HARMLESS or unicodedata.category(char) == "Zs"


def place(path: str, line: int, end_line: int) -> str:
    """``path:line-line``; relative below the current folder, as terminals and editors like it."""
    here = os.getcwd()
    shown = os.path.relpath(path, here) if path.startswith(here.rstrip("/") + "/") else path
    return safe(f"{shown}:{line}-{end_line}" if end_line > line else f"{shown}:{line}")


def receipt(revision: int, fresh: int, checked: int) -> str:
    """What an answer stands on."""
    return f"index as of revision {revision}; {fresh} of {checked} sources checked now"


class Seen:
    """A reply as it came over the wire, with the attributes that its model would have."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def __getattr__(self, name: str) -> Any:
        try:
            return _seen(self._told[name])
        except KeyError:
            raise AttributeError(name) from None


def _seen(value: Any) -> Any:
    if isinstance(value, dict):
        return Seen(value)
    return tuple(map(_seen, value)) if isinstance(value, list) else value


def recalled_plainly(result: Any, roots: Any) -> None:
    """What :func:`assistant.cli.render.recalled` writes where there is no terminal."""
    lines = []
    if not result.items:
        lines.append("Nothing found." if roots else NOTHING_REMEMBERED)
    for number, hit in enumerate(result.items, 1):
        where = place(hit.cite.path, hit.cite.line, hit.cite.end_line)
        lines.append(f"{number:>2}. {hit.score:.2f}  {where}{'' if hit.fresh else '  (changed since it was read)'}")
        lines.append(indent(safe(hit.snippet), "    "))
        if hit.also:
            lines.append(indent(safe("also in " + ", ".join(hit.also)), "    "))
    lines.append(receipt(result.revision, result.sources_fresh, result.sources_checked))
    if result.pending_vectors:
        lines.append(f"{result.pending_vectors} pieces are found by their words only so far")
    sys.stdout.write("".join(f"{line}\n" for line in lines))

"""A question as far as its words tell what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Wanted = Literal["time", "person", "number", "place", "reason", "procedure", "list", "statement"]

_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")


@dataclass(frozen=True, slots=True)
class Question:
    """``terms``: content words (function words only when there is nothing else) and how often they are said.
    ``names``: identifiers, lower case. ``phrases``: quoted words. ``scripts``: share of letters by script, 0..1."""

    text: str
    terms: Mapping[str, float]
    names: tuple[str, ...]
    phrases: tuple[str, ...]
    scripts: Mapping[str, float]
    wanted: Wanted
    specific: bool = True
    """It is about a particular thing (names, numbers, quotes, something of one's own) or asks for a time, a person, a
    number, a place; others are about a topic."""
    focus: tuple[str, ...] = ()
    """Words that name what is asked for ("serial", "number" of "what is the serial number of ..."); empty when the
    question has no such words or they are as general as "day"."""

    @property
    def exact_names(self) -> tuple[str, ...]:
        """The identifiers that are more than ordinary words joined by hyphens ("on-line")."""
        return tuple(name for name in self.names if not _HYPHENATED.fullmatch(name))

    def readable_by(self, scripts: frozenset[str]) -> bool:
        """Whether most letters are of scripts an encoder was trained on (an empty set means any)."""
        if not scripts or not any(self.scripts.values()):
            return True
        return sum(self.scripts.get(script, 0.0) for script in scripts) > 0.5

"""A question as far as its words tell what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Wanted = Literal["time", "person", "number", "place", "reason", "procedure", "list", "statement"]


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
    focus: tuple[str, ...] = ()
    """Words that name what is asked for ("serial", "number" of "what is the serial number of ..."); empty when the
    question has no such words or they are as general as "day"."""

    def readable_by(self, scripts: frozenset[str]) -> bool:
        """Whether most letters are of scripts an encoder was trained on (an empty set means any)."""
        if not scripts or not any(self.scripts.values()):
            return True
        return sum(self.scripts.get(script, 0.0) for script in scripts) > 0.5

"""The words before a version of a fact: since when it holds, or when it was said. English and Russian."""

from __future__ import annotations

import re

from assistant.core.dating import in_words
from assistant.core.parts import Holding

NEWER = ("The newer file says:", "В более новом файле:")
OLDER = ("An older file says:", "В более старом файле:")
"""Before versions whose order only the times of their files tell; in English and in Russian."""
_ANY_DAY = r"[^\W\d_]* ?(?:\d{1,2} \w+ )?(?:19|20)\d\d(?: год)?|\d{1,2} \w+ (?:19|20)\d\d"
FRAME = re.compile(
    rf"\s*(?:(?:Since|As of) (?:{_ANY_DAY}):|(?:On|In) (?:{_ANY_DAY}) it said:|Now:|Before that it said:|"
    rf"Another source(?: \((?:{_ANY_DAY})\))? says:|С (?:{_ANY_DAY}):|(?:Сейчас|Раньше)(?: \((?:{_ANY_DAY})\))?:|"
    rf"Другой источник(?: \((?:{_ANY_DAY})\))?:|{'|'.join((*NEWER, *OLDER))})"
)
"""What :func:`frame` may put before a version, at the beginning of a text."""


def frame(holding: Holding, *, russian: bool, beside: bool = False) -> str:
    """The words before a version that say when it holds or held. ``beside``: it is not known which does."""
    dated = holding.dated if holding.dated is not None and holding.dated.said else None
    day = in_words(dated.day, russian=russian) if dated is not None else ""
    exact = dated is not None and len(dated.day) == len("2026-05-19")
    if holding.current is None:
        if not beside:
            return ""
        if russian:
            return f"Другой источник ({day}):" if day else "Другой источник:"
        return f"Another source ({day}) says:" if day else "Another source says:"
    holds = dated is not None and dated.holds
    if holding.current:
        if not day:
            return "Сейчас:" if russian else "Now:"
        if russian:
            return f"С {day}:" if holds and exact else f"Сейчас ({day}):"
        return f"Since {day}:" if holds else f"As of {day}:"
    if not day:
        return "Раньше:" if russian else "Before that it said:"
    if russian:
        return f"Раньше ({day}):"
    return f"{'On' if exact else 'In'} {day} it said:"

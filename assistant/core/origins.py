"""Where an item comes from, as far as that tells what holds now."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.core.dating import Dated


@dataclass(frozen=True, slots=True)
class Origin:
    """``line``: the first line of the item, from 1; 0 when unknown. ``opening``: the first characters of its document.
    ``dated``: the day of the item, ``None`` when nothing tells. ``superseded``: the document says that another took
    its place."""

    path: str = ""
    title: str | None = None
    line: int = 0
    opening: str = ""
    dated: Dated | None = None
    superseded: bool = False


def nowhere(_number: int) -> Origin:
    """The origin of items of which nothing is known."""
    return Origin()

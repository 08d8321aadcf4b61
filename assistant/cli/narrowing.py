"""What narrows a search, as typed. Light: loaded by the shortest of all commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from assistant.contracts.errors import BadPath, WrongUse
from assistant.core.filenames import to_text

if TYPE_CHECKING:
    from datetime import datetime

    from assistant.contracts.items import Filters


class Narrowing(NamedTuple):
    """Filters and hints as typed."""

    kinds: Sequence[str] = ()
    languages: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    within: Sequence[str] = ()
    symbols: Sequence[str] = ()
    file_hints: Sequence[str] = ()

    def told(self) -> dict[str, Any]:
        """The filters as JSON. Raises :class:`~assistant.contracts.errors.WrongUse`."""
        for path in self.within:
            refuse_nothing(path)
        if self.kinds:
            _refuse_unknown(self.kinds)
        return {
            "paths": [to_text(os.path.realpath(os.path.expanduser(path))) for path in self.within],
            "kinds": list(self.kinds),
            "languages": list(map(plain, self.languages)),
            "since": _written(_day(self.since)),
            "until": _written(_end_of(_day(self.until))),
        }

    def signals(self) -> dict[str, Any]:
        """The hints as JSON."""
        return {
            "code_symbols": list(map(plain, self.symbols)),
            "file_hints": list(map(to_text, self.file_hints)),
        }

    def filters(self) -> Filters:
        """The filters. Raises :class:`~assistant.contracts.errors.WrongUse`."""
        from assistant.contracts.items import Filters

        return Filters.model_validate(self.told())


def plain(text: str) -> str:
    """An argument whose bytes were not UTF-8 comes with lone surrogates; they become U+FFFD."""
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")


def refuse_nothing(path: str) -> None:
    """An empty path would mean the current folder; it comes from a variable that was not set."""
    if not path:
        raise BadPath("The path is empty.", remedy="Name a folder; the current one is a dot.")


def absolute(path: str) -> str:
    """A path as typed here, for a process that has another current folder."""
    refuse_nothing(path)
    return to_text(os.path.abspath(os.path.expanduser(path)))


def _refuse_unknown(kinds: Sequence[str]) -> None:
    from assistant.contracts.documents import SourceKind

    unknown = sorted(set(kinds) - set(get_args(SourceKind)))
    if unknown:
        raise WrongUse(f"There is no kind {', '.join(unknown)}.", remedy=f"Kinds: {', '.join(get_args(SourceKind))}.")


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    from datetime import UTC, datetime

    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise WrongUse(f"{text!r} is not a date.", remedy="Write it as 2026-03-14.") from error


def _end_of(day: datetime | None) -> datetime | None:
    if day is None:
        return None
    from datetime import timedelta

    try:
        return day + timedelta(days=1, seconds=-1)
    except OverflowError:
        return day


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

"""Dates that sources name in words: in file names, front matter, transcripts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from posixpath import basename

_IN_NAME = (
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d\d)\.(?P<m>\d\d)\.(?P<y>(?:19|20)\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)[._](?P<m>\d\d)[._](?P<d>\d\d)(?!\d)"),
)
_TIME = re.compile(r"[T ,]*(\d{1,2}):(\d\d)(?::(\d\d))?")


def date_in_name(path: str) -> datetime | None:
    """Midnight UTC of the first valid date in the file name: ``2026-03-14``, ``20260314``, ``14.03.2026`` or
    ``2026_03_14``, years 1900 to 2099; ``None`` when there is none."""
    found = _first_date(basename(path))
    return found[0] if found else None


def parse_date(words: str) -> datetime | None:
    """The moment ``words`` name: ISO 8601, or a date as in file names with an optional time after it.

    UTC when no zone is given; ``None`` when it is no date. Text around the date is passed over.
    """
    words = words.strip().strip("\"'")[:80]
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        pass
    else:
        return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)
    found = _first_date(words)
    if found is None:
        return None
    day, end = found
    time = _TIME.match(words, end)
    if time is None:
        return day
    try:
        return day.replace(hour=int(time[1]), minute=int(time[2]), second=int(time[3] or 0))
    except ValueError:
        return day


def _first_date(words: str) -> tuple[datetime, int] | None:
    for pattern in _IN_NAME:
        for match in pattern.finditer(words):
            try:
                day = datetime(int(match["y"]), int(match["m"]), int(match["d"]), tzinfo=UTC)
            except ValueError:
                continue
            return day, match.end()
    return None

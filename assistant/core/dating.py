"""From which day a document holds, as far as it says so itself: in its title, its first lines, its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from posixpath import basename

OPENING_CHARS = 600
"""How much of a document's beginning is looked at."""
_NEAR_CHARS = 40
"""How far before a date the words stand that say what it is the date of."""

_MONTHS = (
    "jan|янв", "feb|фев", "mar|мар", "apr|апр", "may|ма[йяе]", "jun|июн", "jul|июл", "aug|авг", "sep|сен", "oct|окт",
    "nov|ноя", "dec|дек",
)  # fmt: skip
_ENGLISH = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_RUSSIAN = (
    "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
    "декабря",
)  # fmt: skip
_RUSSIAN_ALONE = (
    "январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
)  # fmt: skip
_MONTH = (
    r"(?P<{0}>(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?|(?:январ|феврал|март|апрел|ма[йяе]|июн|июл|август|сентябр|октябр|"
    r"ноябр|декабр)\w{{0,2}})"
)
_YEAR = r"(?P<{0}>(?:19|20)\d\d)"
_DATE = re.compile(
    "|".join(
        (
            rf"(?<![\d.])(?<!\d-){_YEAR.format('y1')}[-_.](?P<m1>\d\d)(?:[-_.](?P<d1>\d\d))?(?![\d-])",
            rf"(?<![\d.])(?P<d2>\d{{1,2}})\.(?P<m2>\d{{1,2}})\.{_YEAR.format('y2')}(?!\d)",
            rf"(?<!\d)(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?{_MONTH.format('m3')},?\s+{_YEAR.format('y3')}(?!\d)",
            rf"\b{_MONTH.format('m4')}\s+(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,\s*{_YEAR.format('y4')}(?!\d)",
            rf"\b{_MONTH.format('m5')},?\s+{_YEAR.format('y5')}(?!\d)",
            rf"(?<!\d)(?<!\d[.,/-]){_YEAR.format('y6')}(?![\d/-]|[.,]\d)",
        )
    ),
    re.IGNORECASE,
)
_HOLDS = re.compile(
    r"\b(?:valid|effective|in force|applies|since|as of|version|edition|revision|issue|rev|"
    r"редакци\w+|верси\w+|действ\w+|вступ\w+|по состоянию|издани\w+)\b",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"\b(?:date|written|checked|updated|changed|decided|signed|final|draft|typed|printed|copied|status|accepted|"
    r"дата|написан\w*|проверен\w*|обновл\w+|составлен\w*|принят\w*|подписан\w*|изменен\w*|изменён\w*|черновик)\b",
    re.IGNORECASE,
)
_OF_ANOTHER = re.compile(
    r"\b(?:no longer|replaces?|supersedes?|superseded|replaced|instead of|until|till|last year|"
    r"больше не|заменя\w+|замен[её]н\w*|вместо|до)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n\s*\n|\n(?=\s*[-*#>])")


@dataclass(frozen=True, slots=True)
class Dated:
    """``day``: ISO 8601, as exact as it is known: ``2026-05-19``, ``2026-05`` or ``2026``. ``holds``: the document says
    that it holds, or is the version, of that day (else: was written then). ``said`` false: only the file's own time
    tells."""

    day: str
    holds: bool = False
    said: bool = True

    def before(self, other: Dated) -> bool | None:
        """Whether this day is earlier; ``None`` when that cannot be told (equal, or one lies within the other)."""
        exact = min(len(self.day), len(other.day))
        mine, theirs = self.day[:exact], other.day[:exact]
        return None if mine == theirs else mine < theirs


def dates_in(text: str) -> Iterator[tuple[str, int, int]]:
    """Dates written out in ``text``: ISO day, month or year, and the characters they stand on; in order."""
    for match in _DATE.finditer(text):
        found = {name[0]: value for name, value in match.groupdict().items() if value}
        month = found.get("m", "")
        number = int(month) if month.isdigit() else _month(month)
        try:
            day = date(int(found["y"]), number or 1, int(found.get("d", 1)))
        except ValueError:
            continue
        yield day.isoformat()[: 10 if "d" in found else 7 if number else 4], match.start(), match.end()


def date_of_document(path: str, title: str | None, opening: str) -> Dated | None:
    """The day a document gives itself; ``None`` when it gives none.

    What it says it holds from goes before when it was written, both before a date in its name; an exact day before a
    year. Dates it gives to another document ("replaces the rules of 2023") do not count.
    """
    found: list[tuple[float, int, Dated]] = []
    opening = opening[:OPENING_CHARS]
    if title and title not in opening:
        opening = f"{title}\n\n{opening}"
    heading = opening.find("\n")
    start = 0
    for sentence in _SENTENCE.split(opening):
        at = opening.index(sentence, start)
        start = at + len(sentence)
        for day, first, _ in dates_in(sentence):
            said = sentence[max(0, first - _NEAR_CHARS) : first]
            if _OF_ANOTHER.search(said):
                continue
            holds, written = bool(_HOLDS.search(said)), bool(_WRITTEN.search(said))
            in_title = heading < 0 or at < heading
            worth = 3.0 * holds + 2.0 * written + 2.0 * in_title + len(day) / 4
            if worth > 2.0 + 0.25 or len(day) == len("2026-05-19"):
                found.append((worth, -at, Dated(day, holds)))
    for day, _, _ in dates_in(basename(path)):
        found.append((1.5 + len(day) / 4, -len(opening), Dated(day)))
    return max(found, key=lambda one: one[:2])[2] if found else None


def in_words(day: str, *, russian: bool) -> str:
    """``2026-05-19`` as ``19 May 2026`` or ``19 мая 2026``; ``2026-05`` as ``May 2026``; a year as it is."""
    year, *rest = day.split("-")
    if not rest:
        return f"{year} год" if russian else year
    month = int(rest[0]) - 1
    if len(rest) == 1:
        return f"{(_RUSSIAN_ALONE if russian else _ENGLISH)[month]} {year}"
    return f"{int(rest[1])} {(_RUSSIAN if russian else _ENGLISH)[month]} {year}"


def _month(word: str) -> int:
    """1..12, or 0 for what is no month."""
    return next((number for number, names in enumerate(_MONTHS, 1) if re.match(names, word, re.IGNORECASE)), 0)

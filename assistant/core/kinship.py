"""Which documents are versions of one another, and which of two holds now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename, dirname

from assistant.core.dating import dates_in
from assistant.core.origins import Origin

_NAMES_ALIKE = 0.6
_TITLES_ALIKE = 0.6
_LEAST_WORDS = 2
_SHORTEST_NAME = 5

_MARK_WORDS = """
copy of old new draft final signed version rev extract my the a an first last re fwd fw aw
копия черновик новый новая старый старая старое редакция версия год года от выписка
"""
_MARKS = frozenset(_MARK_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+(?:-?\d+)?|\d+")
_NUMBERED = re.compile(r"^[^\W\d_]{2,8}-?\d{1,4}\b", re.IGNORECASE)
_OLD_NAME = re.compile(
    r"(?:^|[\W_])(?:old|outdated|obsolete|superseded|draft|устарел\w*|черновик|старая|старый)(?:$|[\W_])", re.I
)
_OLD_SELF = re.compile(
    r"\bOLD\b|\bOUTDATED\b|\bOBSOLETE\b|\bDRAFT\b|\b(?i:superseded by|replaced by|no longer in force|not signed|"
    r"устарел\w*|черновик|утратил\w* силу|замен[её]н\w* на)\b"
)
_REPLACES = re.compile(
    r"\b(?:replaces?|supersedes?|instead of|no longer|заменя\w+|вместо|отменя\w+|больше не)\b", re.IGNORECASE
)
_REPLACED = re.compile(
    r"\b(?:superseded by|replaced by|see|now in|moved to|замен[её]н\w*|см\.?|смотри)(?!\w)", re.IGNORECASE
)
_AMENDS = re.compile(r"\b(?:amendment|addendum|допсоглашени\w+|дополнительное соглашение)\b", re.IGNORECASE)
_HEAD_CHARS = 400
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n")


@dataclass(frozen=True, slots=True)
class Kin:
    """Two documents of one subject. ``later``: whether the first holds rather than the second; ``None``: it cannot be
    told."""

    later: bool | None


def kin_of(one: Origin, other: Origin) -> Kin | None:
    """How two documents of one subject stand to each other; ``None`` when they are strangers.

    They are of one subject when one names the other, when their names but for dates and words like "copy" are alike
    and they lie in one folder, or when their titles are. What a document says of itself or of the other decides which
    of them holds, then the days they give themselves.
    """
    if one.path == other.path:
        return None
    says, is_told = _word_on(one, other), _word_on(other, one)
    related = (
        says is not None
        or is_told is not None
        or (dirname(one.path) == dirname(other.path) and _alike(_name(one), _name(other), _NAMES_ALIKE, 1))
        or _alike(_title(one), _title(other), _TITLES_ALIKE, _LEAST_WORDS)
    )
    if not related:
        return None
    if says or is_told:
        return Kin(bool(says))
    old, other_old = calls_itself_old(one), calls_itself_old(other)
    if old != other_old:
        return Kin(other_old)
    if one.dated is None or other.dated is None or not (one.dated.said and other.dated.said):
        return Kin(None)
    before = one.dated.before(other.dated)
    return Kin(None if before is None else not before)


def calls_itself_old(one: Origin) -> bool:
    """Whether a document says that another took its place, or that it is but a draft."""
    return (
        one.superseded
        or _OLD_NAME.search(basename(one.path)) is not None
        or _OLD_SELF.search(f"{one.title or ''}\n{one.opening[:_HEAD_CHARS]}") is not None
    )


def _word_on(one: Origin, other: Origin) -> bool | None:
    """What the beginning of a document says of another one, by its file name or number: ``True``: it takes its place;
    ``False``: that took its own; ``None``: nothing."""
    names = {basename(other.path), basename(other.path).rsplit(".", 1)[0]}
    numbered = _NUMBERED.match(basename(other.path))
    if numbered and numbered[0].lower() not in basename(one.path).lower():
        names.add(numbered[0])
    names = {name.lower() for name in names if len(name) >= _SHORTEST_NAME}
    for sentence in _SENTENCE.split(one.opening):
        lower = sentence.lower()
        if not any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", lower) for name in names):
            continue
        if _REPLACES.search(lower) or _amends(one):
            return True
        if _REPLACED.search(lower) and (calls_itself_old(one) or _amends(other)):
            return False
    return None


def _amends(one: Origin) -> bool:
    return _AMENDS.search(basename(one.path).replace("-", " ")) is not None


def _name(one: Origin) -> frozenset[str]:
    return _words(basename(one.path).rsplit(".", 1)[0])


def _title(one: Origin) -> frozenset[str]:
    return _words(re.sub(r"\([^)]*\)", " ", one.title or ""))


def _words(text: str) -> frozenset[str]:
    """The words that name a subject: without dates, years and words that mark a version."""
    for _, start, end in reversed(list(dates_in(text))):
        text = f"{text[:start]} {text[end:]}"
    words = (word.lower() for word in _WORD.findall(text.replace("_", " ")))
    return frozenset(word for word in words if word not in _MARKS and not word.isdigit())


def _alike(one: frozenset[str], other: frozenset[str], share: float, least: int) -> bool:
    both = len(one & other)
    return both >= least and both >= share * max(len(one), len(other))

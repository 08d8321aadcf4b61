"""One fact in several versions: what holds now, and what was said before.

Two statements tell of one fact when their documents are of one subject and their words are alike but for numbers,
dates, names, or when they stand under the same label. They are versions when the values differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.core.dating import dates_in
from assistant.core.framing import NEWER, OLDER, frame
from assistant.core.kinship import kin_of
from assistant.core.origins import Origin
from assistant.core.parts import Holding, Part
from assistant.core.question import Question
from assistant.core.weighing import Evidence, Lexicon, Weighed, stem_weights
from assistant.core.wording import said
from assistant.core.words import FUNCTION_WORDS

MAX_VERSIONS = 3
LEAST_SHARE = 0.55
"""A version of the best statement scores at least this share of it."""
ALIKE = 0.45
"""Share of the weight of their words that two versions of a statement have in common."""
SAME = 0.8
LEAST_COMMON = 2
MAX_LABEL_CHARS = 40

_NUMBER_WORDS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|half|no|none|"
    "od[ие]н|одна|одно|дв[ае]|двух|три|тр[её]х|четыре|четыр[её]х|пять|пяти|шесть|шести|семь|семи|восемь|восьми|девять|"
    "девяти|десять|десяти|двенадцать|пятнадцать|двадцать|тридцать|не|нет"
)
_WEEKDAYS = (
    "(?:mon|tues|wednes|thurs|fri|satur|sun)days?|понедельник\\w*|вторник\\w*|сред[ауыеь]|четверг\\w*|пятниц\\w+|"
    "суббот\\w+|воскресень\\w+"
)
_VALUE = re.compile(rf"\d+(?:[.,:]\d+)*|\b(?:{_NUMBER_WORDS}|{_WEEKDAYS})\b", re.IGNORECASE)
_NAME = re.compile(r"(?<=[\w,;:(–-]\s)[A-ZА-ЯЁ][\wà-žа-яё]+")
_LABEL = re.compile(rf"^\W*([^:=|\n]{{2,{MAX_LABEL_CHARS}}}?)\s*[:=|]\s")
_ORDINAL = re.compile(r"^\s*\d{1,3}[.)]\s*")
_PAST = re.compile(
    r"\b(?:old|former\w*|previous\w*|earlier|original\w*|used to|back then|at first|very first|in the past|before that|"
    r"раньше|прежн\w+|стар\w+|прошл\w+|изначально|первоначальн\w+|сначала)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Version:
    one: Weighed
    later: bool | None
    """Whether it holds rather than the best statement."""


def other_versions(
    question: Question,
    best: Weighed,
    weighed: Sequence[Weighed],
    evidence: Sequence[Evidence],
    origin: Callable[[int], Origin],
    lexicon: Lexicon,
) -> list[Part]:
    """The best statement together with what other versions of its document say in its place: what holds now first,
    then what was said before, the latest of it first; what was asked for by its date, or as the past, before all.
    Empty when nothing disagrees."""
    found = _disagreeing(question, best, weighed, origin, lexicon)
    if not found:
        return []
    versions = [_Version(best, None), *found]
    if all(one.later is None for one in found):
        by_file = _by_file(versions[:MAX_VERSIONS], origin)
        if by_file:
            return [
                replace(
                    _part(one.one, None, n > 0, question, evidence, origin),
                    lead=(OLDER if n else NEWER)[_is_russian(question)],
                )
                for n, one in enumerate(by_file)
            ]
        return [
            _part(one.one, None, n > 0, question, evidence, origin) for n, one in enumerate(versions[:MAX_VERSIONS])
        ]
    by_day = sorted((versions[0], *(one for one in found if one.later is not None)), key=lambda one: _day(one, origin))
    current = next((one for one in by_day if one.later), versions[0])
    ranked = [current, *(one for one in by_day if one is not current)]
    asked = _asked_for(question, ranked, current, origin)
    ranked = [asked, *(one for one in ranked if one is not asked)][:MAX_VERSIONS]
    return [_part(one.one, one is current, n > 0, question, evidence, origin) for n, one in enumerate(ranked)]


def _disagreeing(
    question: Question,
    best: Weighed,
    weighed: Sequence[Weighed],
    origin: Callable[[int], Origin],
    lexicon: Lexicon,
) -> list[_Version]:
    """For each other document of the subject the statement that tells of the same fact, when it disagrees."""
    mine = origin(best.item)
    wanted = stem_weights(question, lexicon)
    candidates: dict[str, tuple[float, Weighed]] = {}
    for one in weighed:
        path = origin(one.item).path
        if path == mine.path or one.score < LEAST_SHARE * best.score or one.statement.kind in {"heading", "definition"}:
            continue
        alike = max(_alike(best, one, lexicon), _answers_alike(best, one, wanted))
        if alike >= ALIKE and alike > candidates.get(path, (0.0, one))[0]:
            candidates[path] = (alike, one)
    found: list[_Version] = []
    for alike, one in sorted(candidates.values(), key=lambda pair: -pair[0]):
        kin = kin_of(origin(one.item), mine)
        if kin is None or not _differ(best, one, alike):
            continue
        if any(not _differ(known.one, one, SAME) for known in found):
            continue
        found.append(_Version(one, kin.later))
    return found


def _alike(one: Weighed, other: Weighed, lexicon: Lexicon) -> float:
    """0..1: how much of the words of two statements is the same, their values aside; 1.0 under the same label."""
    label, theirs = _label(one.statement.words), _label(other.statement.words)
    if label and theirs:
        return 1.0 if lexicon.analyse(label) == lexicon.analyse(theirs) else 0.0
    mine, others = _plain(one, lexicon), _plain(other, lexicon)
    if not mine or not others:
        return 0.0
    weight = {stem: lexicon.weight(stem) for stem in mine | others}
    both = sum(weight[stem] for stem in mine & others)
    return both / min(sum(weight[stem] for stem in mine), sum(weight[stem] for stem in others))


def _answers_alike(one: Weighed, other: Weighed, wanted: Mapping[str, float]) -> float:
    """0..1: how much of what one statement tells of the question the other tells too; 0.0 without its weightiest word,
    with but one word in common, or where labels tell them apart."""
    mine = one.stems & wanted.keys()
    if len((one.stems & other.stems) - FUNCTION_WORDS) < LEAST_COMMON:
        return 0.0
    if not mine or max(mine, key=lambda stem: (wanted[stem], stem)) not in other.stems:
        return 0.0
    if _label(one.statement.words) or _label(other.statement.words):
        return 0.0
    return sum(wanted[stem] for stem in mine & other.stems) / sum(wanted[stem] for stem in mine)


def _plain(one: Weighed, lexicon: Lexicon) -> frozenset[str]:
    return frozenset(lexicon.analyse(_VALUE.sub(" ", one.statement.words)))


def _label(words: str) -> str:
    found = _LABEL.match(_ORDINAL.sub("", words))
    return found[1].strip().casefold() if found else ""


def _values(words: str) -> frozenset[str]:
    words = _ORDINAL.sub("", words)
    days = {day for day, _, _ in dates_in(words)}
    return frozenset(
        {value.casefold().replace(",", ".") for value in _VALUE.findall(words)}
        | {name.casefold() for name in _NAME.findall(words)}
        | days
    )


def _differ(one: Weighed, other: Weighed, alike: float) -> bool:
    """Whether two statements of one fact disagree: either has a value the other lacks. One that merely says more (all
    values of the other and further ones) disagrees only under the same label, or when few other words are the same."""
    mine, theirs = _values(one.statement.words), _values(other.statement.words)
    if mine == theirs:
        return not mine and alike < SAME
    if mine <= theirs or theirs <= mine:
        return alike == 1.0 or _shared(one, other) < 0.5
    return True


def _shared(one: Weighed, other: Weighed) -> float:
    return len(one.stems & other.stems) / max(1, min(len(one.stems), len(other.stems)))


def _by_file(versions: Sequence[_Version], origin: Callable[[int], Origin]) -> list[_Version]:
    """The version of the newest file first; empty unless only the times of the files tell, and they are of different
    days."""
    dated = [origin(one.one.item).dated for one in versions]
    days = {one.day for one in dated if one is not None and not one.said}
    if len(days) < len(versions):
        return []
    return sorted(versions, key=lambda one: _day(one, origin))


def _is_russian(question: Question) -> bool:
    return question.scripts.get("cyrillic", 0.0) > 0.5


def _day(version: _Version, origin: Callable[[int], Origin]) -> tuple[int, ...]:
    """The latest first, undated ones last."""
    dated = origin(version.one.item).dated
    if dated is None:
        return (1,)
    return (0, *(-int(number) for number in dated.day.split("-")))


def _asked_for(
    question: Question, versions: Sequence[_Version], current: _Version, origin: Callable[[int], Origin]
) -> _Version:
    """The version of the day that the question names; the latest that no longer
    holds when it asks for the past; else what holds now."""
    days = [day for day, _, _ in dates_in(question.text)]
    for one in versions:
        dated = origin(one.one.item).dated
        if dated is not None and any(dated.day.startswith(day) for day in days):
            return one
    if _PAST.search(question.text):
        return next((one for one in versions if one is not current), current)
    return current


def _part(
    one: Weighed,
    current: bool | None,
    beside: bool,
    question: Question,
    evidence: Sequence[Evidence],
    origin: Callable[[int], Origin],
) -> Part:
    """A version with the words that say when it holds. It is named by its topic only where nothing stands before."""
    holding = Holding(origin(one.item).dated, current)
    part = said(one, evidence[one.item], question, None if beside else set())
    return replace(part, lead=frame(holding, russian=_is_russian(question), beside=beside), holding=holding)

"""What a question asks for, as far as its words tell: terms, names, phrases, scripts, and the kind of answer wanted."""

from __future__ import annotations

import re
from dataclasses import replace

from assistant.contracts.items import Signals
from assistant.contracts.questions import Question as Question
from assistant.contracts.questions import Wanted
from assistant.core import words

_PHRASE = re.compile(r"[\"“«„]([^\"”»“]{2,200})[\"”»“]")
_BACKTICKS = re.compile(r"`([^`]{2,120})`")
_WANTED_WORDS: tuple[tuple[Wanted, tuple[str, ...]], ...] = (
    ("number", (r"how (much|many|long|often|far|old|big|large)", r"what (price|amount|number)", "сколько")),
    ("number", ("как (долго|часто)",)),
    ("time", ("when", r"(what|which) (time|date|day|year|month)", "когда", "какого числа", "в каком году")),
    ("person", ("who", "whom", "whose", "кто", "кого", "кому", "чей", "чья", "чьё")),
    ("place", ("where", "где", "куда", "откуда")),
    ("reason", ("why", "what for", "почему", "зачем", "отчего")),
    ("list", ("list", r"which (ones|are)", "what are", r"name (all|the)", "перечисли", "какие")),
    ("procedure", (r"how (do|does|did|to|is|are|was|were|can|should)", "как")),
)
_WANTED = tuple(
    (wanted, re.compile(r"\b(?:" + "|".join(patterns) + r")\b", re.IGNORECASE)) for wanted, patterns in _WANTED_WORDS
)


_FOCUS_OPENERS = re.compile(
    r"\b(?:what|which|how (?:much|many))\b(?:['’]s\b|\s+(?:is|are|was|were|will be|did|does|do)\b)?"
    r"(?:\s+(?:the|a|an|my|our|your|his|her|its|their)\b)?\s+|"
    r"\b(?:какой|какая|какое|какие|каком|какую|каким|каких|сколько)\s+",
    re.IGNORECASE,
)
_HOW = re.compile(r"\bhow\s+(?!(?:much|many|long|do|does|did|is|are|was|were|can|should|to)\b)(\w+)", re.IGNORECASE)
PARTICULAR = frozenset({"time", "person", "number", "place"})
_OWN = re.compile(
    r"\b(?:i|my|me|mine|we|our|ours|us|я|мне|меня|мой|моя|моё|мое|мои|моей|моего|мы|нам|нас|наш\w*)\b", re.IGNORECASE
)
_ANY_WORD = re.compile(r"[^\W_][\w'’\-]*")
_EMPTY_FOCUS_WORDS = """
time day date year month week number kind sort type thing things one ones people way place name amount much many
happens happened happen mean means did does do год день число месяц раз
"""
_EMPTY_FOCUS = frozenset(_EMPTY_FOCUS_WORDS.split())
MAX_FOCUS_WORDS = 3


def read_question(text: str, signals: Signals | None = None) -> Question:
    signals = signals or Signals()
    all_words = words.words(words.normalise(text))
    content = [word for word in all_words if words.normalise(word).lower() not in words.FUNCTION_WORDS]
    terms: dict[str, float] = {}
    for word in (content or all_words)[: words.MAX_QUESTION_WORDS]:
        terms[word] = terms.get(word, 0.0) + 1.0
    names = dict.fromkeys(words.identifiers(words.normalise(text)))
    for symbol in (*signals.code_symbols, *_BACKTICKS.findall(text)):
        names[words.normalise(symbol).lower()] = None
        for part in (*words.words(symbol), *words.humps(symbol)):
            terms.setdefault(part, 1.0)
    for part in words.humps(text):
        terms.setdefault(part, 1.0)
    wanted: Wanted = next((kind for kind, pattern in _WANTED if pattern.search(text)), "statement")
    question = Question(
        text=text,
        terms=terms,
        names=tuple(names),
        phrases=tuple(phrase.strip() for phrase in _PHRASE.findall(text)),
        scripts=words.script_share(text),
        wanted=wanted,
        focus=_focus(text),
    )
    return replace(question, specific=_is_specific(question))


def _is_specific(question: Question) -> bool:
    text = question.text
    if question.exact_names or question.phrases or question.wanted in PARTICULAR or _OWN.search(text):
        return True
    for match in _ANY_WORD.finditer(text):
        word, before = match.group(), text[: match.start()].rstrip()
        opens = not before or before[-1] in ".!?:"
        if any(char.isdigit() for char in word) or (word[0].isupper() and not word.isupper() and not opens):
            return True
    return False


def _focus(text: str) -> tuple[str, ...]:
    how = _HOW.search(text)
    if how:
        return (how[1],)
    opener = _FOCUS_OPENERS.search(text)
    if opener is None:
        return ()
    found: list[str] = []
    for word in words.words(text[opener.end() :].split("?")[0]):
        lower = words.normalise(word).lower()
        if lower in words.FUNCTION_WORDS or len(found) >= MAX_FOCUS_WORDS:
            break
        found.append(word)
    return tuple(word for word in found if words.normalise(word).lower() not in _EMPTY_FOCUS)

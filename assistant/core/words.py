"""Words as the term index sees them: normal form, identifiers kept whole and split, function words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_RUN = re.compile(r"[^\W_]+")
_COMPOUND = re.compile(r"[^\W_](?:[\w.\-/:@+#]*[\w+#])?")
_HUMP = re.compile(r"[a-z\d][A-Z]|[A-Z]{2}[a-z]")
_HUMPS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z\d]*|[a-z\d]+")
_IDENTIFIER_MARK = re.compile(r"[^\W_]_+[^\W_]|[a-z\d][A-Z]|[A-Za-z]\d|\d[A-Za-z]|[^\W_][.\-/:@][^\W_]|[+#]$")
MAX_IDENTIFIER_CHARS = 120
_NO_NAMES: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_MOST_REMEMBERED = 1 << 15
_MOST_REMEMBERED_CHARS = 48
_PLAIN: set[str] = set()
"""Pieces of text without names in them, as most are."""
MAX_QUESTION_WORDS = 256

_ENGLISH = """
a about am an and any are as at be been being but by can could did do does doing for from had has have having he her
hers him his how i if in into is it its just me my of on or our ours s she should so some such t than that the their
theirs them then there these they this those to too us very was we were what when where which while who whom whose why
will with would you your yours please tell
"""
_RUSSIAN = """
а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее если есть еще
же за здесь и из или им их к как какая какие какой каком какую ко когда кого кому кто куда ли либо мне мой моя мои
может мы на над надо нам нас наш не него нее нет ни них но ну о об однако он она они оно от откуда очень по под после
почему при про с сам свое свои свой свою себя сколько со так такие такой там те тем то тогда того тоже той только том
тот ту ты у уже чего чей чем через что чтобы чье чья эта эти это этого этой этом этот эту я мою моего моей моих скажи
"""
FUNCTION_WORDS = frozenset(_ENGLISH.split()) | frozenset(_RUSSIAN.split())
"""English and Russian words that carry no topic; dropped from questions only, never from what is indexed."""


def normalise(text: str) -> str:
    """NFC, and ``ё`` as ``е`` (both spellings are in use). Same meaning, not always the same length."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).replace("ё", "е").replace("Ё", "Е")


def words(text: str) -> list[str]:
    """Plain words in order, as written; underscores and other punctuation divide."""
    return _WORD.findall(text)


def identifiers(text: str) -> Iterator[str]:
    """Tokens that are one name though a word splitter would cut them: ``retry_backoff``, ``maxRetries``, ``E1042``,
    ``os.path``, ``10.0.0.7``, ``--no-wait`` (without the dashes), ``a@b.example``. Lower case, repeats kept."""
    return (name for piece in text.split() for name in names_in(piece)[0])


def _identifiers(piece: str) -> Iterator[str]:
    for token in _COMPOUND.findall(piece):
        if token.isalpha() and (len(token) == 1 or token[1:].islower()):
            continue  # plain words, most of all tokens
        if len(token) <= MAX_IDENTIFIER_CHARS and _IDENTIFIER_MARK.search(token):
            yield token.lower()
            if "." in token or "/" in token or ":" in token:
                for part in re.split(r"[./:]", token):
                    if len(part) > 1 and _IDENTIFIER_MARK.search(part):
                        yield part.lower()


def humps(text: str) -> Iterator[str]:
    """Parts of camel-case names: ``maxRetries`` gives ``max``, ``Retries``."""
    return (part for piece in text.split() for part in names_in(piece)[1])


def names(text: str) -> tuple[list[str], list[str]]:
    """Identifiers and humps of a text, each in order, found in one go."""
    found: list[str] = []
    parts: list[str] = []
    for piece in text.split():
        if piece in _PLAIN:
            continue
        both = names_in(piece)
        if both is _NO_NAMES:
            if len(piece) <= _MOST_REMEMBERED_CHARS:
                if len(_PLAIN) >= _MOST_REMEMBERED:
                    _PLAIN.clear()
                _PLAIN.add(piece)
        else:
            found += both[0]
            parts += both[1]
    return found, parts


def names_in(piece: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identifiers and humps of a text without white space. What was asked before is remembered: most pieces of most
    texts are the same few thousand."""
    return _names_in(piece) if len(piece) <= _MOST_REMEMBERED_CHARS else _names_in.__wrapped__(piece)


@lru_cache(_MOST_REMEMBERED)
def _names_in(piece: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = tuple(_identifiers(piece)), tuple(_humps(piece))
    return found if found != _NO_NAMES else _NO_NAMES


def _humps(piece: str) -> Iterator[str]:
    if not _HUMP.search(piece):
        return
    for token in _RUN.findall(piece):
        if not token[1:].islower() and _HUMP.search(token):
            yield from (part for part in _HUMPS.findall(token) if len(part) > 1)


def script_share(text: str) -> dict[str, float]:
    """Share of the letters that are "latin", "cyrillic" or "other"; all 0.0 for a text without letters."""
    counts = {"latin": 0, "cyrillic": 0, "other": 0}
    for char in text:
        if char.isalpha():
            if char < "\u0250":
                counts["latin"] += 1
            elif "\u0400" <= char < "\u0530":
                counts["cyrillic"] += 1
            else:
                counts["other"] += 1
    total = sum(counts.values())
    return {name: count / total if total else 0.0 for name, count in counts.items()}

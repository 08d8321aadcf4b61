"""Answering without a language model: which statements answer, whether they do, and how they read together.

Pure: similarity and word statistics are handed in. The caller verifies every chosen statement against the bytes
before it is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from assistant.contracts.documents import ChunkKind
from assistant.core.question import Question, Wanted
from assistant.core.statements import Statement, statements_of

MAX_ITEMS = 12
"""Items whose statements are weighed."""
MAX_EMBEDDED = 32
"""Statements that are compared by meaning; the others only by words."""
MAX_STATEMENTS = 4
MAX_SOURCES = 3
MAX_CODE_LINES = 14

_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?|январ\\w+|феврал\\w+|март\\w*|апрел\\w+|ма[йяе]|июн\\w+|июл\\w+|август\\w*|"
    "сентябр\\w+|октябр\\w+|ноябр\\w+|декабр\\w+"
)
_DAYS = (
    "mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|понедельник\\w*|вторник\\w*|сред[ауые]\\w*|"
    "четверг\\w*|пятниц\\w+|суббот\\w+|воскресень\\w+"
)
_EVIDENCE_OF: Mapping[Wanted, re.Pattern[str]] = {
    "time": re.compile(rf"\d{{4}}-\d\d|\d\d?[.:]\d\d|\b(?:19|20)\d\d\b|\b(?:{_MONTHS}|{_DAYS})\b|\btomorrow\b", re.I),
    "number": re.compile(
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|dozen|half|once|twice|дв[ае]|три|пять)\b", re.I
    ),
    "person": re.compile(r"(?<=[a-zа-я,:(\s])\s*\b[A-ZА-Я][a-zа-яё]+\b|@|\bI\b|\bя\b"),
    "place": re.compile(r"[/~]\w|\b(?:in|at|on|under|behind|street|room|folder|в|на|под|за|у|возле|улиц\w+)\b", re.I),
    "reason": re.compile(
        r"\b(?:because|since|so that|due to|reason|in order to|to avoid|caused|потому|так как|чтобы|из-за|причин\w+)\b",
        re.I,
    ),
}
_DANGLING = re.compile(
    r"^(?:it|its|this|that|these|those|they|he|she|then|also|but|and|so|however|otherwise|"
    r"он|она|оно|они|это|этот|эта|эти|там|тогда|также|но|затем|потом|поэтому)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…:;»”\"')\]]$")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One recalled item, as far as answering needs it. ``cosine`` is ``None`` when unknown; ``score`` is the recall
    score, 0..1, comparable within one question."""

    text: str
    chunk: ChunkKind
    path: str
    scope: tuple[str, ...]
    title: str | None
    header: str
    symbol: str | None
    language: str | None
    score: float
    cosine: float | None
    context: str
    timestamp_s: int = 0


@dataclass(slots=True)
class Weighed:
    """A statement and how well it answers, 0..1 each. ``item`` indexes the evidence."""

    item: int
    statement: Statement
    coverage: float
    own_coverage: float
    cosine: float | None
    typed: float
    score: float = 0.0
    stems: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AnswerWeights:
    """How signals add up to a statement's score, and how features add up to the probability that the memory answers
    (logistic). Fitted on questions whose answer was, and was not, in the memory; see ``docs/decisions/``."""

    coverage: float = 0.42
    cosine: float = 0.34
    typed: float = 0.08
    recall: float = 0.16
    bias: float = -5.2
    on_coverage: float = 4.6
    on_cosine: float = 5.0
    on_missing: float = -2.2
    on_typed: float = 0.6
    unread_bias: float = -3.4
    unread_coverage: float = 6.5
    threshold: float = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of the answer: words to read and the characters ``start`` .. ``end`` of item ``item`` they come from.
    ``block`` parts (code, list) stand on lines of their own."""

    item: int
    start: int
    end: int
    words: str
    block: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """``parts`` in reading order; empty when ``confidence`` is below the threshold. ``features`` explains it."""

    confidence: float
    parts: tuple[Part, ...]
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Word statistics of the memory. ``analyse`` gives stems in order, ``frequency`` the number of items that hold a
    stem, ``size`` the number of items."""

    analyse: Callable[[str], Sequence[str]]
    frequency: Callable[[str], int]
    size: int

    def weight(self, stem: str) -> float:
        """Inverse document frequency (Robertson and Spärck Jones), never negative; highest for unknown words."""
        found = self.frequency(stem)
        return math.log(1.0 + (self.size - found + 0.5) / (found + 0.5)) if self.size > found else 0.1


Similarity = Callable[[Sequence[str]], Sequence[float] | None]
"""Cosine of the question to each text, or ``None`` when the encoder cannot read the question."""


def answer(
    question: Question,
    evidence: Sequence[Evidence],
    lexicon: Lexicon,
    similarity: Similarity,
    weights: AnswerWeights,
) -> Verdict:
    """Choose what answers the question from recalled items, best first."""
    evidence = evidence[:MAX_ITEMS]
    wanted = _stem_weights(question, lexicon)
    if not evidence or not wanted:
        return Verdict(0.0, ())
    weighed = _weigh(question, evidence, lexicon, wanted, similarity, weights)
    if not weighed:
        return Verdict(0.0, ())
    best = max(weighed, key=lambda one: one.score)
    confidence, features = _confidence(best, evidence, wanted, lexicon, weights)
    if confidence < weights.threshold:
        return Verdict(confidence, (), features)
    return Verdict(confidence, tuple(_compose(question, best, weighed, evidence)), features)


def _stem_weights(question: Question, lexicon: Lexicon) -> dict[str, float]:
    stems: dict[str, float] = {}
    for word in (*question.terms, *question.names):
        for stem in lexicon.analyse(word):
            if stem not in stems:
                stems[stem] = lexicon.weight(stem)
    return stems


def _weigh(
    question: Question,
    evidence: Sequence[Evidence],
    lexicon: Lexicon,
    wanted: Mapping[str, float],
    similarity: Similarity,
    weights: AnswerWeights,
) -> list[Weighed]:
    total = sum(wanted.values())
    pattern = _EVIDENCE_OF.get(question.wanted)
    weighed: list[Weighed] = []
    for number, item in enumerate(evidence):
        context = frozenset(lexicon.analyse(item.context)) & wanted.keys()
        heading: frozenset[str] = frozenset()
        for statement in statements_of(item.text, item.chunk, item.header, item.language):
            stems = frozenset(lexicon.analyse(item.text if statement.kind == "definition" else statement.words))
            if statement.kind == "heading":
                heading = stems & wanted.keys()
                continue
            lead = frozenset(lexicon.analyse(statement.lead)) if statement.lead else frozenset()
            own = stems & wanted.keys()
            around = (context | heading | (lead & wanted.keys())) - own
            own_share = sum(wanted[stem] for stem in own) / total
            share = own_share + 0.7 * sum(wanted[stem] for stem in around) / total
            typed = 1.0 if pattern is None or pattern.search(statement.words) else 0.0
            weighed.append(Weighed(number, statement, share, own_share, None, typed, stems=stems))
    _compare(weighed, evidence, similarity, weights)
    for one in weighed:
        item = evidence[one.item]
        cosine = one.cosine if one.cosine is not None else 0.0
        scale = 1.0 if one.cosine is not None else 1.0 / (1.0 - weights.cosine)
        one.score = scale * (
            weights.coverage * one.coverage
            + weights.cosine * max(0.0, cosine)
            + weights.typed * one.typed
            + weights.recall * item.score
        )
        if one.statement.words.endswith((":", "?")):
            one.score *= 0.8
    return weighed


def _compare(
    weighed: list[Weighed], evidence: Sequence[Evidence], similarity: Similarity, weights: AnswerWeights
) -> None:
    """Fill in cosines for the statements that look best so far; drop the rest when the encoder can read at all."""
    weighed.sort(
        key=lambda one: (
            -(weights.coverage * one.coverage + weights.recall * evidence[one.item].score + 0.05 * one.typed)
        )
    )
    chosen = weighed[:MAX_EMBEDDED]
    texts = [_in_context(evidence[one.item], one.statement) for one in chosen]
    cosines = similarity(texts)
    if cosines is None:
        return
    for one, cosine in zip(chosen, cosines, strict=True):
        own = evidence[one.item].cosine
        one.cosine = cosine if own is None else max(cosine, 0.5 * (cosine + own))
    del weighed[MAX_EMBEDDED:]


def _in_context(item: Evidence, statement: Statement) -> str:
    if statement.kind == "definition":
        return "\n".join(filter(None, (" ".join(item.scope[1:]), item.text[:800])))
    head = " > ".join(dict.fromkeys(filter(None, (item.title or "", *item.scope))))
    return "\n".join(filter(None, (head[-160:], statement.lead, statement.words)))


def _confidence(
    best: Weighed,
    evidence: Sequence[Evidence],
    wanted: Mapping[str, float],
    lexicon: Lexicon,
    weights: AnswerWeights,
) -> tuple[float, dict[str, float]]:
    total = sum(wanted.values())
    item = evidence[best.item]
    held = frozenset(lexicon.analyse(f"{item.context}\n{item.text}"))
    item_coverage = sum(weight for stem, weight in wanted.items() if stem in held) / total
    missing = sum(weight for stem, weight in wanted.items() if not lexicon.frequency(stem)) / total
    coverage = 0.5 * (best.coverage + item_coverage)
    features = {"coverage": coverage, "item_coverage": item_coverage, "missing": missing, "typed": best.typed}
    if best.cosine is None:
        logit = weights.unread_bias + weights.unread_coverage * coverage + weights.on_missing * missing
    else:
        features["cosine"] = best.cosine
        logit = (
            weights.bias
            + weights.on_coverage * coverage
            + weights.on_cosine * best.cosine
            + weights.on_missing * missing
            + weights.on_typed * best.typed
        )
    return 1.0 / (1.0 + math.exp(-logit)), features


def _compose(question: Question, best: Weighed, weighed: Sequence[Weighed], evidence: Sequence[Evidence]) -> list[Part]:
    chosen = [best]
    sources = {evidence[best.item].path}
    for one in sorted(weighed, key=lambda one: -one.score):
        if len(chosen) >= MAX_STATEMENTS:
            break
        if one is best or not _adds(one, chosen, question):
            continue
        same_place = one.item == best.item and abs(one.statement.paragraph - best.statement.paragraph) <= 1
        if one.score < (0.80 if same_place else 0.93) * best.score:
            continue
        path = evidence[one.item].path
        if path not in sources and len(sources) >= MAX_SOURCES:
            continue
        sources.add(path)
        chosen.append(one)
    chosen.sort(key=lambda one: (one.item != best.item, one.item, one.statement.start))
    return [_part(one, evidence[one.item], question) for one in chosen]


def _adds(one: Weighed, chosen: Sequence[Weighed], question: Question) -> bool:
    """Whether a statement says something the chosen ones do not."""
    del question
    for other in chosen:
        if (
            one.item == other.item
            and one.statement.start < other.statement.end
            and other.statement.start < one.statement.end
        ):
            return False
        both = len(one.stems & other.stems)
        if both and both >= 0.7 * min(len(one.stems), len(other.stems)):
            return False
    return bool(one.own_coverage)


def _part(one: Weighed, item: Evidence, question: Question) -> Part:
    statement = one.statement
    if statement.kind == "definition":
        return _definition(one, item, question)
    start, end, words = statement.start, statement.end, statement.words
    if statement.kind == "sentence" and (_DANGLING.match(words) or words[:1].islower()):
        before = _sentence_before(item, statement)
        if before is not None:
            start, words = before.start, f"{before.words} {words}"
    if statement.kind == "setting":
        words = f"`{words}`"
        if statement.lead:
            words = f"{statement.lead.rstrip('.:')}: {words}"
    elif statement.lead:
        words = f"{statement.lead.rstrip(':').rstrip()}: {words}"
    topic = _topic(one, item)
    if topic and topic.lower() not in words.lower():
        words = f"{topic}: {words}"
    return Part(one.item, start, end, words)


def _topic(one: Weighed, item: Evidence) -> str:
    """The heading that says what a statement is about, when the statement alone does not."""
    if one.coverage - one.own_coverage < 0.1 and one.statement.kind in {"sentence"}:
        return ""
    trail = [part for part in item.scope if part.strip()]
    if item.chunk in {"table", "config"}:
        name = item.path.rsplit("/", 1)[-1]
        return f"{name}, {' > '.join(trail)}" if trail else name
    return trail[-1] if trail else (item.title or "")


def _sentence_before(item: Evidence, statement: Statement) -> Statement | None:
    before = None
    for other in statements_of(item.text, item.chunk, item.header, item.language):
        if other.start >= statement.start:
            break
        if other.kind == "sentence" and other.paragraph == statement.paragraph:
            before = other
    return before


def _definition(one: Weighed, item: Evidence, question: Question) -> Part:
    name = item.path.rsplit("/", 1)[-1]
    label = " > ".join(item.scope[1:]) or item.symbol or ""
    if item.symbol and item.symbol not in label:
        label = f"{label}.{item.symbol}" if label else item.symbol
    lead = f"`{label}` in {name}" if label else name
    says = one.statement.words
    described = f"{lead}: {says}" if says and not says.startswith(("def ", "class ", "fn ", "func ")) else f"{lead}:"
    start, end, excerpt = _excerpt(item, question)
    fence = f"```{item.language or ''}\n{excerpt}\n```"
    return Part(one.item, start, end, f"{described}\n{fence}", block=True)


def _excerpt(item: Evidence, question: Question) -> tuple[int, int, str]:
    """The definition whole when it is short, else its beginning; as character range and text."""
    del question
    lines = item.text.split("\n")
    if len(lines) <= MAX_CODE_LINES:
        return 0, len(item.text), item.text
    excerpt = "\n".join(lines[:MAX_CODE_LINES])
    return 0, len(excerpt.rstrip()), excerpt.rstrip()


def read_together(parts: Sequence[Part], numbers: Sequence[int]) -> str:
    """The answer as text: parts in order, each followed by its citation number in brackets."""
    pieces: list[str] = []
    for part, number in zip(parts, numbers, strict=True):
        if part.block:
            first, _, rest = part.words.partition("\n")
            pieces.append(f"\n{first} [{number}]\n{rest}\n")
        else:
            words = part.words if _SENTENCE_END.search(part.words) else f"{part.words}."
            words = words[:1].upper() + words[1:]
            pieces.append(f"{words} [{number}]")
    return "\n".join(" ".join(pieces).replace(" \n", "\n").replace("\n ", "\n").strip("\n").split("\n"))

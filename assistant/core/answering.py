"""Answering without a language model: which statements answer, whether they do, and how they read together.

Pure. The caller verifies every chosen statement against the bytes before it is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.core.question import Question
from assistant.core.statements import Statement, statements_of
from assistant.core.weighing import Asked, Evidence, Features, Lexicon, Weighed, said_already, stem_weights, weigh

MAX_ITEMS = 16
"""Items whose statements are weighed."""
MAX_STATEMENTS = 4
MAX_SOURCES = 3
MAX_CODE_LINES = 14
MAX_TOPIC_CHARS = 70
INDENT = 4
OLD_PENALTY = 0.25
"""What a statement loses when its source calls itself old (at quality 0)."""
LEAST_STEPS = 2
MAX_STEPS = 8
LEAST_SHARE = 0.8
"""A further statement scores at least this share of the best one."""
LEAST_GAIN = 0.2
"""... and tells of words of the question that were not told of yet, worth at least this share of all."""
SAME_SHARE = 0.7
"""Statements that share this much of their stems say the same."""

_DANGLING = re.compile(
    r"^(?:after that|it|its|this|that|these|those|they|he|she|then|also|but|and|so|however|otherwise|"
    r"он|она|оно|они|это|этот|эта|эти|там|тогда|также|но|затем|потом|поэтому)\b",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r":?(?:date|status|author|written|updated|version|tags|title|дата|статус|автор)\w*:\s", re.IGNORECASE
)
_ASIDE = re.compile(r"\s*\([^)]*\)|\s+[-–—]\s.*$|,\s.*$")
_SENTENCE_END = re.compile(r"[.!?…:;»”\"')\]]$")


@dataclass(frozen=True, slots=True)
class AnswerWeights:
    """How features add up: to the order of statements (``order``), and to the probability that the memory answers
    (logistic; ``bias`` and ``confidence``). Two sets: for questions the encoder reads, and for words alone. Fitted on
    questions whose answer was, and was not, in the memory; see ``docs/decisions/``."""

    order: Mapping[str, float]
    bias: float
    confidence: Mapping[str, float]
    words_order: Mapping[str, float]
    words_bias: float
    words_confidence: Mapping[str, float]
    threshold: float = 0.5


DEFAULT_WEIGHTS = AnswerWeights(
    order={
        "late": 0.53,
        "late_own": 0.38,
        "own": 0.38,
        "around": 0.95,
        "cosine": 0.34,
        "recall": 0.28,
        "typed": 0.38,
        "weakest": 0.5,
        "focus": 0.34,
        "names_here": 0.31,
    },
    bias=-3.3,
    confidence={
        "cosine": 3.65,
        "item_cosine": 2.6,
        "focus_late": 0.9,
        "names_here": 1.8,
        "missing_unknown": -1.6,
        "missing_names": -0.65,
    },
    words_order={"own": 1.2, "around": 0.2, "recall": 0.4, "typed": 0.45, "item": 0.5, "names_here": 0.2},
    words_bias=-1.2,
    words_confidence={
        "item": 1.55,
        "names_here": 0.15,
        "typed": 0.8,
        "focus": 2.1,
        "missing_unknown": -1.25,
        "missing_known": -0.3,
    },
)
"""Fitted on ``golden/home-dev.yaml`` and judged on ``golden/home.yaml``; see ``docs/decisions/0006``."""


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
    """``parts`` in reading order; empty when ``confidence`` is below the threshold."""

    confidence: float
    parts: tuple[Part, ...] = ()


def answer(
    question: Question,
    evidence: Sequence[Evidence],
    lexicon: Lexicon,
    asked: Asked | None,
    weights: AnswerWeights = DEFAULT_WEIGHTS,
) -> Verdict:
    """Choose what answers the question from recalled items, best first. ``asked`` is ``None`` when the encoder cannot
    read the question, or there is none."""
    evidence = evidence[:MAX_ITEMS]
    weighed = weigh(question, evidence, lexicon, asked)
    order = weights.words_order if asked is None else weights.order
    for one in weighed:
        trust = 1.0 - OLD_PENALTY * (1.0 - evidence[one.item].quality)
        one.score = one.features.weighted(order) * _standing(one.statement) * trust
    answering = [one for one in weighed if one.score > 0]
    if not answering:
        return Verdict(0.0)
    best = max(answering, key=lambda one: one.score)
    confidence = _confidence(best.features, asked, weights)
    if confidence < weights.threshold:
        return Verdict(confidence)
    return Verdict(confidence, tuple(_compose(question, best, answering, evidence, lexicon)))


def _standing(statement: Statement) -> float:
    """Whether a statement can stand alone: a heading cannot, a question or an opening of a list hardly."""
    if statement.kind == "heading":
        return 0.0
    if _FIELD.match(statement.words):
        return 0.6
    return 0.8 if statement.words.endswith((":", "?")) else 1.0


def _confidence(features: Features, asked: Asked | None, weights: AnswerWeights) -> float:
    if asked is None:
        logit = weights.words_bias + features.weighted(weights.words_confidence)
    else:
        logit = weights.bias + features.weighted(weights.confidence)
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _compose(
    question: Question, best: Weighed, weighed: Sequence[Weighed], evidence: Sequence[Evidence], lexicon: Lexicon
) -> list[Part]:
    """The best statement first; then those that tell what it leaves open, or go on with its list."""
    wanted = stem_weights(question, lexicon)
    total = sum(wanted.values())
    if question.wanted == "procedure":
        passage = _passage(best, evidence[best.item])
        if passage is not None:
            return [passage]
    chosen = [best]
    told = _told(best, evidence, lexicon)
    sources = {evidence[best.item].path}
    for one in sorted(weighed, key=lambda one: -one.score):
        if len(chosen) >= MAX_STATEMENTS or one.score < LEAST_SHARE * best.score:
            break
        if one is best or _overlaps(one, chosen):
            continue
        gain = sum(wanted[stem] for stem in (_told(one, evidence, lexicon) - told) & wanted.keys()) / total
        if gain < LEAST_GAIN and not (question.wanted in {"list", "procedure"} and _goes_on(one, best)):
            continue
        path = evidence[one.item].path
        if path not in sources and len(sources) >= MAX_SOURCES:
            continue
        sources.add(path)
        told |= _told(one, evidence, lexicon)
        chosen.append(one)
    rest = sorted(chosen[1:], key=lambda one: (one.item != best.item, one.item, one.statement.start))
    parts: list[Part] = []
    topics: set[str] = set()
    for one in (best, *rest):
        parts.append(_part(one, evidence[one.item], topics))
    return parts


def _passage(best: Weighed, item: Evidence) -> Part | None:
    """How something is done takes more than one statement: the steps of the list the best one stands in or opens, or
    the sentences of its paragraph. ``None`` when there is but the one."""
    if item.chunk in {"code", "config", "table"} or best.statement.kind not in {"sentence", "item"}:
        return None
    found = [one for one in statements_of(item.text, item.chunk, item.header, item.language) if one.kind != "heading"]
    at = next((i for i, one in enumerate(found) if one.start == best.statement.start), None)
    if at is None:
        return None
    steps = [one for one in found if one.kind == "item"]
    if best.statement.kind == "item" or len(steps) >= LEAST_STEPS:
        chosen = [one for one in steps if one.lead == steps[0].lead or one.start == best.statement.start]
        near = next((i for i, one in enumerate(chosen) if one.start >= best.statement.start), 0)
        first = max(0, min(near - MAX_STEPS + 1, len(chosen) - MAX_STEPS)) if near >= MAX_STEPS else 0
        chosen = chosen[first : first + MAX_STEPS]
    else:
        paragraph = [one for one in found if one.paragraph == best.statement.paragraph and one.kind == "sentence"]
        near = next(i for i, one in enumerate(paragraph) if one.start == best.statement.start)
        first = max(0, min(near - 1, len(paragraph) - MAX_STATEMENTS))
        chosen = paragraph[first : first + MAX_STATEMENTS]
    if len(chosen) < LEAST_STEPS:
        return None
    start, end = chosen[0].start, chosen[-1].end
    topic = _heading_of(item) or item.title or ""
    if chosen[0].kind == "item":
        lead = chosen[0].lead.rstrip(": ") or topic or item.path.rsplit("/", 1)[-1]
        return Part(best.item, start, end, f"{lead}:\n" + "\n".join(f"- {one.words}" for one in chosen), block=True)
    words = " ".join(one.words for one in chosen)
    return Part(best.item, start, end, words if not topic or said_already(words, topic) else f"{topic}: {words}")


def _told(one: Weighed, evidence: Sequence[Evidence], lexicon: Lexicon) -> frozenset[str]:
    """Stems of a statement and of what it is about."""
    item = evidence[one.item]
    return one.stems | frozenset(lexicon.analyse(f"{item.title or ''} {' '.join(item.scope)} {one.statement.lead}"))


def _overlaps(one: Weighed, chosen: Sequence[Weighed]) -> bool:
    """Whether a statement lies in a chosen one, or says (nearly) the same."""
    for other in chosen:
        mine, theirs = one.statement, other.statement
        if one.item == other.item and mine.start < theirs.end and theirs.start < mine.end:
            return True
        both = len(one.stems & other.stems)
        if both and both >= SAME_SHARE * min(len(one.stems), len(other.stems)):
            return True
    return False


def _goes_on(one: Weighed, best: Weighed) -> bool:
    """Whether a statement is a neighbour of the best one in its list."""
    return (
        one.item == best.item
        and one.statement.kind == best.statement.kind == "item"
        and abs(one.statement.paragraph - best.statement.paragraph) <= 1
    )


def _part(one: Weighed, item: Evidence, topics: set[str]) -> Part:
    """``topics`` already named in the answer are not named again."""
    statement = one.statement
    if statement.kind == "definition" and item.chunk == "code":
        return _definition(one, item)
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
    if topic and topic not in topics and not said_already(words, topic):
        topics.add(topic)
        words = f"{topic}: {words}"
    return Part(one.item, start, end, words)


def _topic(one: Weighed, item: Evidence) -> str:
    """The heading or file that says what a statement is about, when the statement alone does not; "" else."""
    if one.features.around < 0.1 and one.statement.kind == "sentence":
        return ""
    trail = [part for part in item.scope if part.strip()]
    if item.chunk in {"table", "config"}:
        name = item.path.rsplit("/", 1)[-1]
        return f"{name}, {trail[-1]}" if trail and trail[-1] != item.title else name
    return _heading_of(item)


def _heading_of(item: Evidence) -> str:
    """The innermost heading, or the title, without asides; "" when it is too long to be a name."""
    trail = [part for part in item.scope if part.strip()]
    topic = trail[-1] if trail else (item.title or "")
    short = _ASIDE.sub("", topic).strip(" -–—:")
    return short if len(short) <= MAX_TOPIC_CHARS else ""


def _sentence_before(item: Evidence, statement: Statement) -> Statement | None:
    before = None
    for other in statements_of(item.text, item.chunk, item.header, item.language):
        if other.start >= statement.start:
            break
        if other.kind == "sentence" and other.paragraph == statement.paragraph:
            before = other
    return before


def _definition(one: Weighed, item: Evidence) -> Part:
    name = item.path.rsplit("/", 1)[-1]
    label = " > ".join(item.scope[1:]) or item.symbol or ""
    if item.symbol and item.symbol not in label:
        label = f"{label}.{item.symbol}" if label else item.symbol
    lead = f"`{label}` ({name})" if label else name
    says = one.statement.words
    described = f"{lead}: {says}" if says and not says.startswith(("def ", "class ", "fn ", "func ")) else f"{lead}:"
    start, end, excerpt = _excerpt(item)
    fence = f"```{item.language or ''}\n{_flush_left(excerpt)}\n```"
    return Part(one.item, start, end, f"{described}\n{fence}", block=True)


def _flush_left(excerpt: str) -> str:
    """A definition that stood further in, without the indent its first line has lost already."""
    first, *rest = excerpt.split("\n")
    indents = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    spare = max(0, min(indents, default=0) - INDENT)
    return "\n".join([first, *(line[spare:] if line.strip() else "" for line in rest)])


def _excerpt(item: Evidence) -> tuple[int, int, str]:
    """The definition whole when it is short, else its beginning; as character range and text."""
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

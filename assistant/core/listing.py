"""Lists, steps and tables, kept whole where the question asks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.core.parts import Part, table
from assistant.core.question import Question
from assistant.core.statements import Statement, statements_of
from assistant.core.weighing import Evidence, Lexicon, Weighed, said_already, stem_weights
from assistant.core.wording import heading_of

LEAST_ITEMS = 2
MAX_ITEMS = 15
MAX_ROWS = 20
MAX_SENTENCES = 4
MAX_LIST_CHARS = 1500
LEAST_ABOVE = 0.5
"""Share of what the whole list tells of the question that its lead-in and heading tell."""

_LIST = re.compile(
    r"^\W*(?:(?:please\s+)?(?:list|name|show|give)\b|"
    r"what (?:are|were)\b(?!.*\b(?:called|named)\b)|which (?:\w+ ){0,2}(?:are|were)\b|"
    r"what (?:all )?(?:do|does|did|should|must|can) \w+ (?:need|bring|take|pack|buy|wear|check|do)\b|"
    r"what (?:goes|belongs|comes|is) (?:on|in|into|(?:still )?(?:left|open|missing|to do|needed))\b|"
    r"(?:which|what) (?:steps|things|items|ingredients|rules|points|people|members|tasks|parts|tools|"
    r"questions|conditions)\b|перечисли|какие|"
    r"что (?:ещё |еще )?(?:нужно|надо|осталось|взять|брать|входит|купить|принести|привезти|подготовить|сделать)|"
    r"кто (?:входит|участвует)|из чего)",
    re.IGNORECASE,
)
_ALL_ROWS = re.compile(
    r"\b(?:all|every|each|in total|altogether|total|sum|readings|entries|rows|list|все|всего|каждый|итого|записи)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^\s*\(?\d{1,3}[.)]\s")
_INDENT = re.compile(r"^\s*")


def wants_list(question: Question) -> bool:
    return question.wanted in {"list", "procedure"} or _LIST.search(question.text) is not None


def listed(
    question: Question, best: Weighed, weighed: Sequence[Weighed], evidence: Sequence[Evidence], lexicon: Lexicon
) -> list[Part]:
    """The list, steps, rows or paragraph that the best statement stands in, when the question asks for all of it;
    empty when it does not, or when there is but the one statement."""
    item = evidence[best.item]
    if best.statement.kind == "row" and _ALL_ROWS.search(question.text):
        return _rows(question, best, weighed, evidence, lexicon)
    if item.chunk in {"code", "config", "table"} or not wants_list(question):
        return []
    found = [one for one in statements_of(item.text, item.chunk, item.header, item.language) if one.kind != "heading"]
    at = next((n for n, one in enumerate(found) if one.start == best.statement.start), None)
    if at is None or best.statement.kind not in {"sentence", "item"}:
        return []
    items = _list_at(found, at)
    if len(items) >= LEAST_ITEMS and (
        question.wanted == "procedure" or _is_about(question, items, best.statement, item, lexicon)
    ):
        return _lines(best.item, item, items, items.index(found[at]) if found[at] in items else 0)
    return _paragraph(best.item, item, found, at) if question.wanted == "procedure" else []


def _list_at(found: Sequence[Statement], at: int) -> list[Statement]:
    """The items of the list that a statement stands in or opens, in order."""
    if found[at].kind != "item":
        if not found[at].words.endswith(":"):
            following = next((n for n in range(at + 1, len(found)) if found[n].kind == "item"), None)
            if following is None or any(one.kind != "item" for one in found[at + 1 : following]):
                return []
        at = next((n for n in range(at + 1, len(found)) if found[n].kind == "item"), -1)
        if at < 0:
            return []
    first = last = at
    while first and _next_in_list(found[first - 1], found[first]):
        first -= 1
    while last + 1 < len(found) and _next_in_list(found[last], found[last + 1]):
        last += 1
    return list(found[first : last + 1])


def _next_in_list(one: Statement, other: Statement) -> bool:
    return one.kind == other.kind == "item" and other.paragraph - one.paragraph <= 1 and one.lead == other.lead


def _is_about(
    question: Question, items: Sequence[Statement], best: Statement, item: Evidence, lexicon: Lexicon
) -> bool:
    """Whether it is the list that is asked for rather than one item of it: most of what the list tells of the question
    is told by what stands above it."""
    wanted = stem_weights(question, lexicon)
    above = frozenset(lexicon.analyse(f"{item.title or ''} {' '.join(item.scope)} {items[0].lead} "))
    if best.kind != "item":
        above |= frozenset(lexicon.analyse(best.words))
    held = above | frozenset(lexicon.analyse(best.words))
    told = sum(weight for stem, weight in wanted.items() if stem in held)
    return sum(weight for stem, weight in wanted.items() if stem in above) >= max(LEAST_ABOVE * told, 1e-9)


def _lines(number: int, item: Evidence, items: Sequence[Statement], near: int) -> list[Part]:
    """The list as lines, with the marks it has in its document; a long one around the item that answers."""
    first, last = _window(items, near, MAX_ITEMS)
    shown = items[first:last]
    lines = []
    for one in shown:
        start = item.text.rfind("\n", 0, one.start) + 1
        indent = item.text[start : one.start]
        mark = _NUMBERED.match(item.text[one.start : one.end])
        margin = "  " * min(2, len(_INDENT.match(indent)[0]) // 2) if _INDENT.match(indent) else ""  # type: ignore[index]
        lines.append(f"{margin}{mark[0].strip() if mark else '-'} {one.words}")
    if first:
        lines.insert(0, "...")
    if last < len(items):
        lines.append("...")
    topic = heading_of(item) or item.title or ""
    lead = items[0].lead.rstrip(": ") or topic or item.path.rsplit("/", 1)[-1]
    rest = len(items) - len(shown)
    lead = f"{lead} ({rest} more):" if rest else f"{lead}:"
    return [Part(number, shown[0].start, shown[-1].end, "\n".join(lines), "lines", lead)]


def _window(items: Sequence[Statement], near: int, most: int) -> tuple[int, int]:
    """The first items as far as there is room, or those that end with the one that answers."""
    first = max(0, near - most + 1)
    last, chars = first, 0
    while last < min(len(items), first + most):
        chars += items[last].end - items[last].start
        if chars > MAX_LIST_CHARS and last > near:
            break
        last += 1
    return first, last


def _paragraph(number: int, item: Evidence, found: Sequence[Statement], at: int) -> list[Part]:
    """How something is done takes more than one sentence: those of its paragraph, as running text."""
    paragraph = [one for one in found if one.paragraph == found[at].paragraph and one.kind == "sentence"]
    near = next((n for n, one in enumerate(paragraph) if one.start == found[at].start), None)
    if near is None or len(paragraph) < LEAST_ITEMS:
        return []
    first = max(0, min(near - 1, len(paragraph) - MAX_SENTENCES))
    chosen = paragraph[first : first + MAX_SENTENCES]
    words = " ".join(one.words for one in chosen)
    topic = heading_of(item) or item.title or ""
    named = words if not topic or said_already(words, topic) else f"{topic}: {words}"
    return [Part(number, chosen[0].start, chosen[-1].end, named)]


def _rows(
    question: Question, best: Weighed, weighed: Sequence[Weighed], evidence: Sequence[Evidence], lexicon: Lexicon
) -> list[Part]:
    """The rows of the best one's table that hold as much of the question as it does, as a table with its header; one
    part for each run of neighbours."""
    wanted = stem_weights(question, lexicon)

    def told(one: Weighed) -> float:
        return sum(wanted[stem] for stem in one.stems & wanted.keys())

    path, header = evidence[best.item].path, evidence[best.item].header
    columns = [name.strip() for name in header.split("|")] if header else []
    rows = [
        one
        for one in weighed
        if one.statement.kind == "row"
        and evidence[one.item].path == path
        and evidence[one.item].header == header
        and told(one) >= told(best) - 1e-9
        and len(one.statement.cells) == len(columns)
    ]
    rows.sort(key=lambda one: (one.item != best.item, one.item, one.statement.start))
    if len(rows) < LEAST_ITEMS or not columns:
        return []
    shown = rows[:MAX_ROWS]
    head, lines = table(columns, [one.statement.cells for one in shown])
    name = path.rsplit("/", 1)[-1]
    lead = f"{name} ({len(rows) - len(shown)} more):" if len(rows) > len(shown) else f"{name}:"
    parts: list[Part] = []
    for one, line in zip(shown, lines, strict=True):
        before = parts[-1] if parts else None
        text = evidence[one.item].text
        if before and before.item == one.item and not text[before.end : one.statement.start].strip():
            parts[-1] = Part(one.item, before.start, one.statement.end, f"{before.words}\n{line}", "rows", before.lead)
        else:
            parts.append(Part(one.item, one.statement.start, one.statement.end, line, "rows", f"{lead}\n{head}"))
    return parts

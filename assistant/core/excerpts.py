"""Code in an answer: where it stands, what it is for, and the lines that matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assistant.core.parts import Part, fenced
from assistant.core.question import Question
from assistant.core.statements import documentation
from assistant.core.weighing import Evidence, Lexicon

MAX_LINES = 14
"""A definition of so many lines is shown whole; of a longer one so many are shown at most."""
MAX_GAPS = 3
INDENT = 4

_SIGNATURE = re.compile(
    r"^\s*(?:@|(?:export|default|public|private|protected|static|final|abstract|async|pub(?:\(\w+\))?|unsafe|inline|"
    r"virtual|override)\s+)*(?:def|class|func|function|fn|struct|enum|interface|trait|impl|type|const|let|var|val|module|"
    r"CREATE)\b|^\s*[\w-]+\s*\(\)\s*\{",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:def|class|func(?:\s*\([^)]*\))?|function|fn|struct|enum|interface|trait|type|const|let|var|val|module)\s+(\w+)|"
    r"^\s*([\w-]+)\s*\(\)"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ`])")
_FILLER = re.compile(r"^[\s\W]*$")


def excerpt(number: int, item: Evidence, line: int, says: str, question: Question, lexicon: Lexicon) -> list[Part]:
    """The definition, whole when it is short; else its signature and the lines that hold most of what is asked for,
    one part for each run of lines. Of several definitions in one item, the one that holds most. ``line``: its first
    line in the file, 0 when unknown. ``says``: its first words of documentation, "" for none."""
    worth = _worth(question, lexicon)
    lines = item.text.split("\n")
    starts = [0]
    for one in lines:
        starts.append(starts[-1] + len(one) + 1)
    first, last = max(_definitions(lines), key=lambda some: (worth("\n".join(lines[some[0] : some[1]])), -some[0]))
    if (first, last) == (0, len(lines)):
        lead = _lead(item, _label(item), line, "" if says == lines[0].strip() else says)
    else:
        says = documentation("\n".join(lines[first:last]))
        says = "" if says == lines[first].strip() else says
        lead = _lead(item, _name(lines[first:last]), line and line + first, says)
    margin = _margin(lines)
    return [
        Part(
            number,
            starts[first + top],
            starts[first + end] - 1,
            fenced(_flush_left(lines[first + top : first + end], margin), item.language),
            "code",
            lead,
        )
        for top, end in _runs(lines[first:last], worth)
    ]


def _definitions(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Half-open ranges of the definitions that stand side by side, without the blank lines between; all lines when
    there is but one."""
    starts = [
        at
        for at, line in enumerate(lines)
        if line[:1].strip() and line[0] not in "})]" and (not at or not lines[at - 1].strip())
    ]
    if sum(any(_SIGNATURE.match(line) for line in lines[at : at + MAX_LINES]) for at in starts) < len(starts):
        starts = [at for at in starts if _SIGNATURE.match(_first_of_code(lines, at))]
    if len(starts) < 2:
        return [(0, len(lines))]
    return [(at, _trimmed(lines, at, end)) for at, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _first_of_code(lines: Sequence[str], at: int) -> str:
    """The first line from ``at`` on that is no comment."""
    return next((line for line in lines[at:] if not re.match(r"\s*(?:#|//|--|;|/?\*)", line)), "")


def _lead(item: Evidence, label: str, line: int, says: str) -> str:
    """What it is called, where it stands, and the first sentence of what it says of itself."""
    name = item.path.rsplit("/", 1)[-1]
    place = f"{name}:{line}" if line else name
    lead = f"`{label}` ({place})" if label else place
    first = _SENTENCE.split(says)[0] if says and not _SIGNATURE.match(says) else ""
    return f"{lead}: {first}" if first else f"{lead}:"


def _label(item: Evidence) -> str:
    label = " > ".join(item.scope[1:]) or item.symbol or ""
    if item.symbol and item.symbol not in label:
        label = f"{label}.{item.symbol}" if label else item.symbol
    return label


def _name(lines: Sequence[str]) -> str:
    """The name in a signature; "" when it has none."""
    for line in lines:
        found = _NAMED.search(line) if _SIGNATURE.match(line) else None
        if found:
            return found[1] or found[2]
    return ""


def _runs(lines: Sequence[str], worth: Callable[[str], float]) -> list[tuple[int, int]]:
    """Half-open ranges of lines to show, in order."""
    if len(lines) <= MAX_LINES:
        return [(0, len(lines))]
    last = _signature_end(lines)
    chosen = set(range(last))
    ranked = sorted(
        ((worth(line), -at) for at, line in enumerate(lines) if at >= last and not _FILLER.match(line)), reverse=True
    )
    for value, at in ranked:
        if value <= 0 or len(chosen) >= MAX_LINES - 1:
            break
        gaps = len(_ranges(chosen | {-at}))
        if gaps <= MAX_GAPS:
            chosen |= {-at, *_opening(lines, -at, last)}
    at = last
    while len(chosen) < min(MAX_LINES, len(lines)) and at < len(lines) and len(ranked) and ranked[0][0] <= 0:
        chosen.add(at)
        at += 1
    return [(first, _trimmed(lines, first, end)) for first, end in _ranges(_filled(chosen, lines))]


def _opening(lines: Sequence[str], at: int, least: int) -> list[int]:
    """The line just above, when it opens the block the line stands in or says what it does."""
    above = lines[at - 1] if at - 1 >= least else ""
    if above.rstrip().endswith(("{", ":", "(", "then", "do")) or re.match(r"\s*(?:#|//|--|;|\*)", above):
        return [at - 1]
    return []


def _filled(chosen: set[int], lines: Sequence[str]) -> set[int]:
    """Gaps of one line are closed: "..." would take as much room."""
    return chosen | {at for at in range(1, len(lines) - 1) if {at - 1, at + 1} <= chosen}


def _ranges(chosen: set[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at in sorted(chosen):
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


def _trimmed(lines: Sequence[str], first: int, last: int) -> int:
    while last - 1 > first and not lines[last - 1].strip():
        last -= 1
    return last


def _signature_end(lines: Sequence[str]) -> int:
    """How many lines the signature takes: comments and decorators before it, and the brackets it opens."""
    at = next((n for n, line in enumerate(lines[:MAX_LINES]) if _SIGNATURE.match(line) and "@" not in line[:8]), 0)
    depth = 0
    for number in range(at, min(len(lines), at + MAX_LINES // 2)):
        depth += sum(lines[number].count(char) for char in "([") - sum(lines[number].count(char) for char in ")]")
        if depth <= 0:
            return number + 1
    return at + 1


def _worth(question: Question, lexicon: Lexicon) -> Callable[[str], float]:
    """What a line tells of the words asked for."""
    wanted = {
        stem: lexicon.weight(stem) for word in (*question.terms, *question.names) for stem in lexicon.analyse(word)
    }

    def worth(line: str) -> float:
        return sum(wanted.get(stem, 0.0) for stem in set(lexicon.analyse(line)))

    return worth


def _margin(lines: Sequence[str]) -> int:
    """How far a definition stood further in than its first line, which has lost its indent, shows."""
    least = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    beside = any(
        _SIGNATURE.match(line) and line[:least].isspace() and line[least].strip() for line in lines[1:] if line
    )
    return least if beside else max(0, least - INDENT)


def _flush_left(lines: Sequence[str], margin: int) -> str:
    return "\n".join(line[margin:] if line[:margin].isspace() else line.lstrip() if margin else line for line in lines)

"""Questions that ask for several things: "when was it planned, and what caused the delay?"."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from assistant.contracts.vectors import TokenVectors
from assistant.core.question import Question, read_question
from assistant.core.weighing import Asked

MAX_PARTS = 4
_ASKS = (
    r"what|which|who|whom|whose|when|where|why|how|"
    r"как(?:ой|ая|ое|ие|ом|ую|им|их|ого)?|когда|где|куда|откуда|кто|кого|кому|чей|чья|чьё|почему|зачем|сколько|что|чем"
)
_BEFORE_ASKING = r"(?:(?:at|by|for|from|in|on|since|to|until|till|with|в|во|до|за|из|на|от|по|с|со|у|к)\s+)?"
_DOES = (
    r"(?:do|does|did|is|are|was|were|has|have|had|can|could|should|will|would)\s+"
    r"(?:he|it|she|they|we|i|you|the|there|this|that|my|our)\b"
)
_BETWEEN = re.compile(
    rf"(?:\s*[,;?]\s*(?:(?:and|but|or|и|а|но|или)\s+)?|\s+(?:and|и)\s+)"
    rf"(?=(?:if so,?\s+|if not,?\s+)?{_BEFORE_ASKING}(?:{_ASKS})\b)|"
    rf"\s*,?\s+and\s+(?={_DOES})",
    re.IGNORECASE,
)
_ASKED_FOR = re.compile(rf"\b(?:{_ASKS})\b|^\W*{_DOES}", re.IGNORECASE)


def things_asked(question: Question, asked: Asked | None) -> list[tuple[Question, Asked | None]]:
    """The questions that a question consists of, in order, each with the tokens that are its own; only the question
    itself when it asks for one thing. "The house, where is it" is one: what comes first asks for nothing."""
    text, cuts = question.text, [0]
    ends: list[int] = []
    for match in _BETWEEN.finditer(text):
        if _ASKED_FOR.search(text[cuts[-1] : match.start()]) and len(cuts) < MAX_PARTS:
            ends.append(match.start())
            cuts.append(match.end())
    ends.append(len(text))
    if len(cuts) == 1:
        return [(question, asked)]
    return [
        (read_question(text[start:end]), _tokens_inside(asked, start, end))
        for start, end in zip(cuts, ends, strict=True)
        if text[start:end].strip()
    ]


def with_subject(part: Question, whole: Question) -> Question:
    """A part of a question with the names of the whole, which it is about even where it says "it"."""
    return replace(part, names=tuple(dict.fromkeys((*part.names, *whole.names))))


def _tokens_inside(asked: Asked | None, start: int, end: int) -> Asked | None:
    """The question as the encoder reads it, between two characters only. Its vector is the mean of its tokens."""
    if asked is None:
        return None
    inside = np.flatnonzero((asked.tokens.starts >= start) & (asked.tokens.ends <= end))
    rows, weights = asked.tokens.rows[inside], asked.weights[inside]
    tokens = TokenVectors(rows, asked.tokens.starts[inside] - start, asked.tokens.ends[inside] - start)
    total = float(weights.sum())
    weights = weights / total if total > 0 else np.full(len(inside), 1.0 / max(1, len(inside)))
    mean = rows.mean(axis=0) if len(inside) else asked.vector
    length = float(np.linalg.norm(mean))
    return Asked((mean / length).astype(np.float32) if length else asked.vector, tokens, weights)

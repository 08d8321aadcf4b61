"""The rerankers that need no model of their own. See :class:`assistant.contracts.ports.Reranker`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from assistant.core.late import narrow_maxsim, token_weights
from assistant.core.spelling import spelling_match
from assistant.core.words import normalise

if TYPE_CHECKING:
    from assistant.contracts.ports import Encoder, RerankEntry, TermIndex
    from assistant.contracts.questions import Question
    from assistant.memory.fabric import Fabric

Weigh = Callable[[str], float]


class TokenReranker:
    """Late interaction of the question's tokens with the token rows kept beside the vectors."""

    kind: Literal["late"] = "late"

    def __init__(self, fabric: Fabric, encoder: Encoder, weigh: Weigh) -> None:
        """``weigh``: the weight of a word of the question."""
        self._fabric = fabric
        self._encoder = encoder
        self._weigh = weigh

    @property
    def name(self) -> str:
        return f"tokens of {self._encoder.name}"

    def reads(self, question: Question) -> bool:
        return question.readable_by(self._encoder.scripts)

    def scores(self, question: Question, entries: Sequence[RerankEntry]) -> list[float | None]:
        fingerprint = self._fabric.space.fingerprint
        with self._fabric.records.read() as view:
            basis = view.basis(fingerprint)
            rows = [view.tokens(fingerprint, entry.content) if basis is not None else None for entry in entries]
        if basis is None or all(one is None for one in rows):
            return [None] * len(entries)
        asked = self._encoder.token_vectors([question.text])
        if not asked:
            return [None] * len(entries)
        weights = token_weights(question.text, asked[0], self._weigh)
        return narrow_maxsim(asked[0].rows @ basis, weights, rows)


class LetterReranker:
    """Late interaction by letters, for any script."""

    name = "letters"
    kind: Literal["letters"] = "letters"

    def __init__(self, weigh: Weigh) -> None:
        self._weigh = weigh

    def reads(self, question: Question) -> bool:
        return bool(question.terms)

    def scores(self, question: Question, entries: Sequence[RerankEntry]) -> list[float | None]:
        wanted = {normalise(word).lower(): self._weigh(word) for word in question.terms}
        return list(spelling_match(wanted, [f"{entry.context}\n{entry.text}" for entry in entries]))


def inverse_frequency(terms: TermIndex) -> Weigh:
    """Inverse document frequency of a word (Robertson and Spärck Jones): that of its commonest stem; 0.0 for one that
    is everywhere."""

    def weigh(word: str) -> float:
        size = max(1, len(terms))
        found = min((terms.frequency(stem) for stem in terms.analyse(word)), default=size)
        return math.log(1.0 + (size - found + 0.5) / (found + 0.5)) if found < size else 0.0

    return weigh

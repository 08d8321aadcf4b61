"""A cross-encoder without a model: shared words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from assistant.core.words import normalise, words

if TYPE_CHECKING:
    from assistant.contracts.ports import RerankEntry
    from assistant.contracts.questions import Question


class OverlapReranker:
    """A fake of :class:`~assistant.contracts.ports.Reranker`: deterministic, needs no files, thread-safe.

    The score of a text is the weight of the question's content words it holds as a share of them all, 0..1.
    ``weights``: of some words (lower case), 1.0 for all others. ``scripts``: those it reads, empty for any.
    ``silent``: contents (:class:`~assistant.contracts.ports.RerankEntry`) it has nothing to say of.
    """

    def __init__(
        self,
        *,
        kind: Literal["late", "letters", "cross"] = "cross",
        weights: Mapping[str, float] | None = None,
        scripts: frozenset[str] = frozenset(),
        silent: Collection[str] = (),
    ) -> None:
        self.name = "overlap"
        self.kind: Literal["late", "letters", "cross"] = kind
        self.asked: list[int] = []
        """How many entries it was shown each time."""
        self._weights = dict(weights or {})
        self._scripts = scripts
        self._silent = frozenset(silent)

    def reads(self, question: Question) -> bool:
        return question.readable_by(self._scripts)

    def scores(self, question: Question, entries: Sequence[RerankEntry]) -> list[float | None]:
        self.asked.append(len(entries))
        wanted = {word: self._weights.get(word, 1.0) for word in _words(" ".join(question.terms))}
        whole = sum(wanted.values())
        found: list[float | None] = []
        for entry in entries:
            held = _words(f"{entry.context}\n{entry.text}")
            if not held or entry.content in self._silent:
                found.append(None)
            else:
                found.append(sum(wanted[word] for word in wanted.keys() & held) / whole if whole else 0.0)
        return found


def _words(text: str) -> set[str]:
    return {word.lower() for word in words(normalise(text))}

"""Projections that are plain dictionaries: slow, exact, and short enough to be seen to be right."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assistant.contracts.ids import ItemKey, Label
from assistant.core import words
from assistant.core.filenames import is_within
from assistant.memory.term_fields import exact_analyser, prose_analyser, title_text
from assistant.memory.terms import MAX_TERMS

if TYPE_CHECKING:
    from assistant.contracts.items import Filters
    from assistant.contracts.ports import TermEntry, Vectors

K1, B = 1.2, 0.75
"""The usual constants of BM25."""


class TransientVectors:
    """A fake of :class:`~assistant.contracts.ports.VectorIndex`."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self._rows: dict[Label, Vectors] = {}
        self.applied = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, labels: Sequence[Label], vectors: Vectors, applied: int) -> None:
        rows = np.array(vectors, dtype=np.float32)
        if rows.shape != (len(labels), self._dim):
            raise ValueError("wrong shape")
        if not np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-3):
            raise ValueError("not of unit length")
        self._rows.update(zip(labels, rows, strict=True))
        self.applied = max(self.applied, applied)

    def remove(self, labels: Sequence[Label], applied: int) -> None:
        for label in labels:
            self._rows.pop(label, None)
        self.applied = max(self.applied, applied)

    def search(self, vector: Vectors, k: int, among: Sequence[Label] | None = None) -> list[tuple[Label, float]]:
        similar = self.similarity(vector, list(self._rows) if among is None else among)
        return sorted(similar.items(), key=lambda pair: (-pair[1], pair[0]))[: max(0, k)]

    def similarity(self, vector: Vectors, labels: Sequence[Label]) -> Mapping[Label, float]:
        return {label: float(self._rows[label] @ vector) for label in labels if label in self._rows}

    def publish(self) -> None:
        """Nothing to do: there is nothing durable here."""


class _Fields:
    """What is indexed of an item: stems of text and title, identifiers."""

    def __init__(self, entry: TermEntry) -> None:
        text = words.normalise(entry.text)
        prose, exact = prose_analyser(), exact_analyser()
        names = " ".join(words.identifiers(words.normalise(f"{entry.context}\n{entry.text}")))
        self.entry = entry
        self.stems: dict[str, list[str]] = {
            "body": list(prose.analyze("\n".join((text, *words.humps(text))))),
            "title": list(prose.analyze(title_text(entry))),
            "exact": list(exact.analyze(names)),
        }
        self.counts = {field: Counter(stems) for field, stems in self.stems.items()}


class TransientTerms:
    """A fake of :class:`~assistant.contracts.ports.TermIndex`: BM25 (Robertson, Walker, 1994) over three fields, whose
    scores are added. ``documents_beside`` counts documents without words that the index it stands for keeps beside
    the items."""

    def __init__(
        self,
        *,
        title_boost: float = 0.5,
        exact_boost: float = 2.0,
        phrase_boost: float = 3.0,
        documents_beside: int = 1,
    ) -> None:
        self._boosts = (title_boost, exact_boost, phrase_boost)
        self._beside = documents_beside
        self._items: dict[ItemKey, _Fields] = {}
        self._analyser = prose_analyser()
        self.applied = 0

    def __len__(self) -> int:
        return len(self._items)

    def apply(self, put: Iterable[TermEntry], drop: Iterable[ItemKey], applied: int) -> None:
        entries = list(put)
        for key in drop:
            self._items.pop(key, None)
        self._items.update((ItemKey(entry.key), _Fields(entry)) for entry in entries)
        self.applied = applied

    def analyse(self, text: str) -> list[str]:
        return list(self._analyser.analyze(words.normalise(text)))

    def frequency(self, stem: str) -> int:
        return sum(stem in fields.counts["body"] for fields in self._items.values())

    def search(
        self,
        terms: Mapping[str, float],
        exact: Sequence[str],
        phrases: Sequence[str],
        k: int,
        filters: Filters | None = None,
        modality: Sequence[str] = (),
        among: Sequence[ItemKey] | None = None,
    ) -> list[tuple[ItemKey, float]]:
        wanted = self._wanted(terms, exact, phrases)
        scores: dict[ItemKey, float] = {}
        for key, fields in self._items.items():
            if among is not None and key not in among:
                continue
            matches = [(field, run, boost) for field, run, boost in wanted if _occurrences(fields, field, run)]
            if matches and _admits(fields.entry, filters, modality):
                scores[key] = sum(boost * self._bm25(fields, field, run) for field, run, boost in matches)
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[: max(0, k)]

    def matching(self, filters: Filters, modality: Sequence[str], limit: int) -> list[ItemKey]:
        found = [key for key, fields in self._items.items() if _admits(fields.entry, filters, modality)]
        return found[: max(0, limit)]

    def _wanted(
        self, terms: Mapping[str, float], exact: Sequence[str], phrases: Sequence[str]
    ) -> list[tuple[str, tuple[str, ...], float]]:
        """Runs of stems to find in a field, with their weights."""
        title_boost, exact_boost, phrase_boost = self._boosts
        weights: dict[str, float] = {}
        for word, weight in terms.items():
            for stem in self.analyse(word):
                weights[stem] = weights.get(stem, 0.0) + weight
        top = list(weights.items())[:MAX_TERMS]
        wanted: list[tuple[str, tuple[str, ...], float]] = [("body", (stem,), weight) for stem, weight in top]
        wanted += [("title", (stem,), weight * title_boost) for stem, weight in top]
        wanted += [("exact", (words.normalise(name).lower(),), exact_boost) for name in list(exact)[:MAX_TERMS]]
        runs = [tuple(self.analyse(phrase)[:MAX_TERMS]) for phrase in list(phrases)[:MAX_TERMS]]
        wanted += [("body", run, phrase_boost) for run in runs if run]
        return [one for one in wanted if one[2] > 0]

    def _bm25(self, fields: _Fields, field: str, run: tuple[str, ...]) -> float:
        documents = len(self._items) + self._beside
        lengths = sum(len(other.stems[field]) for other in self._items.values())
        norm = K1 * (1.0 - B + B * len(fields.stems[field]) / (lengths / documents))
        count = _occurrences(fields, field, run)
        return sum(self._idf(field, stem) for stem in run) * count * (1.0 + K1) / (count + norm)

    def _idf(self, field: str, stem: str) -> float:
        documents = len(self._items) + self._beside
        holding = sum(stem in fields.counts[field] for fields in self._items.values())
        return math.log(1.0 + (documents - holding + 0.5) / (holding + 0.5))


def _occurrences(fields: _Fields, field: str, run: tuple[str, ...]) -> int:
    if len(run) == 1:
        return fields.counts[field][run[0]]
    stems = fields.stems[field]
    return sum(tuple(stems[at : at + len(run)]) == run for at in range(len(stems) - len(run) + 1))


def _admits(entry: TermEntry, filters: Filters | None, modality: Sequence[str]) -> bool:
    if modality and entry.modality not in modality:
        return False
    if filters is None:
        return True
    inside = not filters.paths or any(is_within(entry.path, path.rstrip(os.sep) or os.sep) for path in filters.paths)
    kind = not filters.kinds or entry.kind in filters.kinds
    wanted = {language.lower() for language in filters.languages}
    language = not wanted or (entry.language or "") in wanted
    after = filters.since is None or entry.timestamp_s >= int(filters.since.timestamp())
    before = filters.until is None or entry.timestamp_s <= int(filters.until.timestamp())
    return inside and kind and language and after and before

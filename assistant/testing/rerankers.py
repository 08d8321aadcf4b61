"""What every reranker must do. A test module makes a subclass and overrides the fixture ``reranker``, and ``entries``
where the reranker must know a text beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from assistant.core.question import read_question

if TYPE_CHECKING:
    from assistant.contracts.ports import RerankEntry, Reranker

ANSWERING = "The boiler was serviced in March."
TEXTS = (
    ANSWERING,
    "The girl eats bread near the harbour.",
    "The kettle in the kitchen is red.",
    "A long text about gardens and invoices and trains. " * 12,
    "Заметки о встрече во вторник",
)
QUESTION = "when was the boiler serviced"


@dataclass(frozen=True)
class Entry:
    """An entry of one text. ``content``: its digest where it is remembered, anything else where it is not."""

    text: str
    context: str = ""
    content: str = "00" * 32


class RerankerSuite:
    """``tolerance``: how far two scores of one text may be apart when it was judged in different company. Rerankers
    with activations scaled per batch set it higher."""

    tolerance = 1e-4

    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError("override this fixture")

    @pytest.fixture
    def entries(self) -> Sequence[RerankEntry]:
        """One for each of ``TEXTS``."""
        return [Entry(text) for text in TEXTS]

    def near(self, first: Sequence[float | None], second: Sequence[float | None]) -> bool:
        """Whether these are the same scores."""
        return [one is None for one in first] == [one is None for one in second] and all(
            math.isclose(one, other, rel_tol=self.tolerance, abs_tol=self.tolerance)
            for one, other in zip(first, second, strict=True)
            if one is not None and other is not None
        )

    def survives(self, reranker: Reranker, question: str, texts: Sequence[str]) -> None:
        """Each gets a finite score or none."""
        scores = reranker.scores(read_question(question), [Entry(text) for text in texts])
        assert len(scores) == len(texts)
        assert all(one is None or math.isfinite(one) for one in scores)

    def test_says_what_it_is(self, reranker: Reranker) -> None:
        assert reranker.name
        assert reranker.kind in ("late", "letters", "cross")

    def test_says_of_any_question_whether_it_reads_it(self, reranker: Reranker) -> None:
        assert reranker.reads(read_question(QUESTION)) is True
        for question in ("когда обслужили котел", "ボイラー", "42", "???", "caf\udce9"):
            assert reranker.reads(read_question(question)) in (True, False)

    def test_no_entries_get_no_scores(self, reranker: Reranker) -> None:
        assert reranker.scores(read_question(QUESTION), []) == []

    def test_what_answers_scores_highest(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        scores = reranker.scores(read_question(QUESTION), entries)
        best, *others = [-math.inf if one is None else one for one in scores]
        assert math.isfinite(best)
        assert best > max(others)

    def test_scores_come_in_the_order_given(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        question = read_question(QUESTION)
        assert self.near(reranker.scores(question, entries[::-1])[::-1], reranker.scores(question, entries))

    def test_a_repeated_entry_gets_the_same_score(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        first, other, again = reranker.scores(read_question(QUESTION), [entries[0], entries[1], entries[0]])
        assert self.near([first], [again])
        assert first != other

    def test_another_question_gets_other_scores(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        first = reranker.scores(read_question(QUESTION), entries)
        assert not self.near(first, reranker.scores(read_question("the red kettle"), entries))
        assert self.near(first, reranker.scores(read_question(QUESTION), entries))

    def test_hostile_an_entry_with_nothing_in_it(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        scores = reranker.scores(read_question(QUESTION), [Entry(""), entries[0], Entry(" \n\t ")])
        assert scores[1] is not None
        assert all(one is None or one < scores[1] for one in (scores[0], scores[2]))
        self.survives(reranker, QUESTION, [""])

    def test_hostile_lone_surrogates_of_undecodable_bytes(self, reranker: Reranker) -> None:
        self.survives(reranker, QUESTION, ["caf\udce9 au lait", "\ud800", "\udfff" * 5000])
        self.survives(reranker, "caf\udce9 au lait", [ANSWERING])

    def test_hostile_a_huge_text(self, reranker: Reranker) -> None:
        self.survives(reranker, QUESTION, ["A" * 2_000_000, " " * 2_000_000, "boiler \x00 " * 100_000])

    def test_hostile_a_huge_question(self, reranker: Reranker) -> None:
        self.survives(reranker, "boiler serviced " * 600, [ANSWERING, ""])
        self.survives(reranker, "x" * 10_000, [ANSWERING])

    def test_hostile_very_many_entries(self, reranker: Reranker) -> None:
        self.survives(reranker, QUESTION, [f"text number {number}" for number in range(300)])

    def test_many_threads_at_once(self, reranker: Reranker, entries: Sequence[RerankEntry]) -> None:
        question = read_question(QUESTION)
        expected = reranker.scores(question, entries)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: reranker.scores(question, entries), range(16)))
        assert all(self.near(one, expected) for one in results)

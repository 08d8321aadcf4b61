"""What every vector index, term index and record store must do. A test module makes a subclass of a suite and overrides
its fixture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from assistant.contracts.ids import ItemKey, Label
from assistant.contracts.items import Filters

if TYPE_CHECKING:
    from assistant.contracts.ports import TermIndex, VectorIndex, Vectors
    from assistant.memory.records import RecordStore

DIM = 8


def unit_rows(count: int, dim: int = DIM, seed: int = 0) -> Vectors:
    """Random unit rows, float32, ``(count, dim)``; the same for the same arguments."""
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return np.ascontiguousarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def labels(*numbers: int) -> list[Label]:
    return [Label(number) for number in numbers]


def keys(*numbers: int) -> list[ItemKey]:
    return [ItemKey(number) for number in numbers]


class VectorIndexSuite:
    """The index under test is empty and ``DIM`` wide."""

    @pytest.fixture
    def index(self) -> VectorIndex:
        raise NotImplementedError("override this fixture")

    def test_an_empty_index_finds_nothing(self, index: VectorIndex) -> None:
        assert len(index) == 0
        assert index.applied == 0
        assert index.search(unit_rows(1)[0], 5) == []
        assert index.search(unit_rows(1)[0], 5, labels(1, 2)) == []
        assert dict(index.similarity(unit_rows(1)[0], labels(1))) == {}

    def test_a_vector_is_nearest_to_itself(self, index: VectorIndex) -> None:
        rows = unit_rows(20)
        index.add(labels(*range(20)), rows, 1)
        for label, row in enumerate(rows):
            (best, cosine), second = index.search(row, 2)
            assert best == label
            assert cosine == pytest.approx(1.0, abs=1e-5)
            assert second[1] < 1.0

    def test_asking_for_more_than_there_are_gives_all(self, index: VectorIndex) -> None:
        index.add(labels(4, 7, 9), unit_rows(3), 1)
        found = index.search(unit_rows(3)[0], 100)
        assert {label for label, _ in found} == {4, 7, 9}
        assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)

    def test_asking_for_none_gives_none(self, index: VectorIndex) -> None:
        index.add(labels(4), unit_rows(1), 1)
        assert index.search(unit_rows(1)[0], 0) == []
        assert index.search(unit_rows(1)[0], 0, labels(4)) == []

    def test_equal_vectors_come_in_order_of_their_labels(self, index: VectorIndex) -> None:
        row = unit_rows(1)
        index.add(labels(9, 3, 5), np.repeat(row, 3, axis=0), 1)
        assert [label for label, _ in index.search(row[0], 3)] == [3, 5, 9]

    def test_among_restricts_and_unknown_labels_are_ignored(self, index: VectorIndex) -> None:
        rows = unit_rows(10)
        index.add(labels(*range(10)), rows, 1)
        found = index.search(rows[0], 10, labels(3, 5, 99, 3))
        assert sorted(label for label, _ in found) == [3, 5]
        assert index.search(rows[0], 10, []) == []

    def test_similarity_is_the_cosine_of_each_known_label(self, index: VectorIndex) -> None:
        rows = unit_rows(3)
        index.add(labels(1, 2, 3), rows, 1)
        assert dict(index.similarity(rows[0], labels(2, 3, 77))) == pytest.approx(
            {2: float(rows[0] @ rows[1]), 3: float(rows[0] @ rows[2])}, abs=1e-5
        )

    def test_adding_a_known_label_overwrites(self, index: VectorIndex) -> None:
        rows = unit_rows(2)
        index.add(labels(1), rows[:1], 1)
        index.add(labels(1), rows[1:], 2)
        assert len(index) == 1
        assert index.similarity(rows[1], labels(1))[Label(1)] == pytest.approx(1.0, abs=1e-5)

    def test_what_was_removed_is_not_found_and_may_come_back(self, index: VectorIndex) -> None:
        rows = unit_rows(5)
        index.add(labels(*range(5)), rows, 1)
        index.remove(labels(2, 99), 2)
        index.remove(labels(2), 3)
        assert len(index) == 4
        assert 2 not in {label for label, _ in index.search(rows[2], 5)}
        assert index.search(rows[2], 5, labels(2)) == []
        index.add(labels(2), rows[2:3], 4)
        assert index.search(rows[2], 1)[0][0] == 2

    def test_everything_removed(self, index: VectorIndex) -> None:
        index.add(labels(*range(5)), unit_rows(5), 1)
        index.remove(labels(*range(5)), 2)
        assert len(index) == 0
        assert index.search(unit_rows(1)[0], 3) == []

    def test_the_watermark_follows(self, index: VectorIndex) -> None:
        index.add(labels(1), unit_rows(1), 3)
        assert index.applied == 3
        index.remove((), 8)
        assert index.applied == 8
        index.add((), unit_rows(0), 9)
        assert index.applied == 9

    def test_the_callers_array_is_not_kept(self, index: VectorIndex) -> None:
        rows = unit_rows(1)
        kept = rows[0].copy()
        index.add(labels(1), rows, 1)
        rows[:] = 0
        assert index.search(kept, 1)[0][1] == pytest.approx(1.0, abs=1e-5)

    @pytest.mark.parametrize(
        "rows",
        [
            unit_rows(1, DIM + 1),
            unit_rows(1, DIM - 1),
            unit_rows(2),
            np.full((1, DIM), np.nan, dtype=np.float32),
            np.full((1, DIM), np.inf, dtype=np.float32),
            np.zeros((1, DIM), dtype=np.float32),
            unit_rows(1) * 2,
        ],
        ids=["too wide", "too narrow", "one too many", "nan", "infinity", "zero", "not of unit length"],
    )
    def test_hostile_vectors_are_refused_whole(self, index: VectorIndex, rows: Vectors) -> None:
        with pytest.raises(ValueError, match=r"shape|length"):
            index.add(labels(1), rows, 5)
        assert len(index) == 0
        assert index.applied == 0

    def test_queries_beside_a_writer(self, index: VectorIndex) -> None:
        rows = unit_rows(1500)
        index.add(labels(*range(50)), rows[:50], 1)

        def ask(number: int) -> bool:
            return index.search(rows[number], 1)[0][0] == number

        with ThreadPoolExecutor(3) as pool:
            answers = [pool.submit(ask, number % 50) for number in range(200)]
            for at in range(50, 1500, 250):
                index.add(labels(*range(at, min(1500, at + 250))), rows[at : at + 250], at)
            assert all(answer.result() for answer in answers)
        assert len(index) == 1500


@dataclass(frozen=True, slots=True)
class Entry:
    """A plain :class:`~assistant.contracts.ports.TermEntry`."""

    key: int
    text: str
    context: str = ""
    path: str = "/home/a/notes.md"
    kind: str = "text"
    language: str | None = None
    modality: str = "text"
    timestamp_s: int = 0


class TermIndexSuite:
    """The index under test is empty."""

    @pytest.fixture
    def index(self) -> TermIndex:
        raise NotImplementedError("override this fixture")

    @staticmethod
    def found(index: TermIndex, *words: str, **more: object) -> set[int]:
        arguments = {"exact": (), "phrases": (), "k": 100} | more
        return {key for key, _ in index.search(dict.fromkeys(words, 1.0), **arguments)}  # type: ignore[arg-type]

    def test_an_empty_index_finds_nothing(self, index: TermIndex) -> None:
        assert (len(index), index.applied, index.frequency("word")) == (0, 0, 0)
        assert self.found(index, "word") == set()
        assert index.matching(Filters(), (), 10) == []

    def test_words_are_found_by_their_stems_in_two_languages(self, index: TermIndex) -> None:
        texts = ["She was running late.", "Обсудили договоры аренды.", "Le café est fermé."]
        index.apply([Entry(key, text) for key, text in enumerate(texts, 1)], (), 1)
        assert self.found(index, "runs") == {1}
        assert self.found(index, "договор") == {2}
        assert self.found(index, "cafe") == {3}
        assert self.found(index, "walking") == set()

    def test_both_spellings_of_yo_are_one(self, index: TermIndex) -> None:
        index.apply([Entry(1, "ёлка"), Entry(2, "елка")], (), 1)
        assert self.found(index, "ёлка") == self.found(index, "елка") == {1, 2}

    def test_decomposed_letters_are_found(self, index: TermIndex) -> None:
        index.apply([Entry(1, "чаи\u0306 с лимоном")], (), 1)
        assert self.found(index, "чай") == {1}

    def test_the_rarer_word_counts_for_more(self, index: TermIndex) -> None:
        index.apply([Entry(1, "common rare"), *(Entry(key, "common other") for key in range(2, 9))], (), 1)
        found = index.search({"common": 1.0, "rare": 1.0}, (), (), 10)
        assert found[0][0] == 1
        assert found[0][1] > 2 * found[1][1]

    def test_a_weight_multiplies(self, index: TermIndex) -> None:
        index.apply([Entry(1, "alpha beta gamma")], (), 1)
        ((_, once),) = index.search({"alpha": 1.0}, (), (), 1)
        ((_, thrice),) = index.search({"alpha": 3.0}, (), (), 1)
        assert thrice == pytest.approx(3 * once, rel=1e-4)

    def test_names_are_found_whole_and_in_parts(self, index: TermIndex) -> None:
        index.apply([Entry(1, "set maxRetries and retry_backoff"), Entry(2, "max of all; retry the backoff")], (), 1)
        assert self.found(index, exact=("retry_backoff",)) == {1}
        assert self.found(index, exact=("RETRY_BACKOFF",)) == {1}
        assert self.found(index, "retries") == {1, 2}
        best = index.search({"retry": 1.0, "backoff": 1.0}, ("retry_backoff",), (), 2)
        assert best[0][0] == 1

    def test_a_phrase_adds_to_the_score(self, index: TermIndex) -> None:
        index.apply([Entry(1, "green tea leaves"), Entry(2, "tea leaves green")], (), 1)
        assert self.found(index, phrases=("green tea",)) == {1}
        assert index.search({"green": 1.0, "tea": 1.0}, (), ("green tea",), 2)[0][0] == 1

    def test_titles_and_names_of_files_are_found_too(self, index: TermIndex) -> None:
        index.apply([Entry(1, "text", context="Boiler manual", path="/home/a/heating/boilerNotes.md")], (), 1)
        assert self.found(index, "manual") == self.found(index, "heating") == self.found(index, "notes") == {1}

    def test_filters(self, index: TermIndex) -> None:
        index.apply(
            [
                Entry(1, "word", path="/home/a/one.md", kind="markdown", language="en", timestamp_s=100),
                Entry(2, "word", path="/home/ab/two.py", kind="code", language="python", modality="code"),
                Entry(3, "word", path="/home/a/deep/three.md", kind="markdown", timestamp_s=300),
            ],
            (),
            1,
        )
        when = [datetime.fromtimestamp(seconds, UTC) for seconds in (100, 200)]
        for filters, expected in (
            (Filters(), {1, 2, 3}),
            (Filters(paths=("/home/a",)), {1, 3}),
            (Filters(paths=("/home/a/",)), {1, 3}),
            (Filters(paths=("/home/a/one.md", "/home/ab")), {1, 2}),
            (Filters(paths=("/",)), {1, 2, 3}),
            (Filters(kinds=("code",)), {2}),
            (Filters(languages=("Python", "EN")), {1, 2}),
            (Filters(since=when[0]), {1, 3}),
            (Filters(until=when[1]), {1, 2}),
            (Filters(since=when[0], until=when[1]), {1}),
            (Filters(since=when[1], until=when[0]), set()),
            (Filters(kinds=("markdown",), paths=("/home/ab",)), set()),
        ):
            assert self.found(index, "word", filters=filters) == expected
            assert set(index.matching(filters, (), 10)) == expected
        assert self.found(index, "word", modality=("code",)) == {2}
        assert len(index.matching(Filters(), ("text",), 1)) == 1
        assert index.matching(Filters(), (), 0) == []

    def test_filters_do_not_change_the_score(self, index: TermIndex) -> None:
        index.apply([Entry(1, "word"), Entry(2, "word and more")], (), 1)
        plain = index.search({"word": 1.0}, (), (), 5)
        narrowed = index.search({"word": 1.0}, (), (), 5, Filters(paths=("/home",)), ("text",), keys(1, 2))
        assert [score for _, score in narrowed] == pytest.approx([score for _, score in plain])

    def test_among_restricts(self, index: TermIndex) -> None:
        index.apply([Entry(key, "word") for key in range(1, 6)], (), 1)
        assert self.found(index, "word", among=keys(2, 4, 99)) == {2, 4}
        assert self.found(index, "word", among=()) == set()

    def test_k_bounds_the_result(self, index: TermIndex) -> None:
        index.apply([Entry(key, "word") for key in range(1, 6)], (), 1)
        assert len(index.search({"word": 1.0}, (), (), 2)) == 2
        assert index.search({"word": 1.0}, (), (), 0) == []

    def test_an_item_is_replaced_and_dropped(self, index: TermIndex) -> None:
        index.apply([Entry(1, "old text"), Entry(2, "other text")], (), 1)
        index.apply([Entry(1, "new text")], keys(2, 77), 2)
        assert (self.found(index, "old"), self.found(index, "new"), self.found(index, "text")) == (set(), {1}, {1})
        assert (len(index), index.applied) == (1, 2)

    def test_frequency_counts_items_that_are_still_there(self, index: TermIndex) -> None:
        index.apply([Entry(key, "word word" if key % 2 else "else") for key in range(1, 9)], (), 1)
        assert index.frequency("word") == 4
        index.apply([], keys(1, 3, 5), 2)
        assert index.frequency("word") == 1
        index.apply([], keys(7), 3)
        assert index.frequency("word") == 0

    def test_hostile_words_are_words(self, index: TermIndex) -> None:
        index.apply([Entry(1, "plain words", path="/p/q.r")], (), 1)
        bombs = ["(" * 20_000, "a OR " * 1_000, '"', "*", "[a TO z]", "body:*", "\x00", "🙂", "x" * 1_000_000, ""]
        for bomb in bombs:
            assert self.found(index, bomb, exact=(bomb,), phrases=(bomb,)) == set()

    def test_hostile_texts_are_indexed(self, index: TermIndex) -> None:
        texts = ["\x00 nul", "y" * 200_000 + " end", "🙂 emoji", "\ufeff mark", "a\u202eb bidi", " ".join("z" * 70_000)]
        index.apply([Entry(key, text) for key, text in enumerate(texts, 1)], (), 1)
        assert [self.found(index, word) for word in ("nul", "end", "emoji", "mark", "bidi")] == [
            {1},
            {2},
            {3},
            {4},
            {5},
        ]


class RecordStoreSuite:
    """The store under test is empty and may be written."""

    @pytest.fixture
    def store(self) -> RecordStore:
        raise NotImplementedError("override this fixture")

    def test_an_empty_store_is_at_revision_0(self, store: RecordStore) -> None:
        with store.read() as view:
            assert (view.revision, view.roots(), list(view.sources()), list(view.journal(0))) == (0, [], [], [])

    def test_a_change_of_items_is_one_revision(self, store: RecordStore) -> None:
        with store.write() as view:
            view.touch_item(7)
            view.touch_item(7)
            view.touch_item(5)
        assert store.revision == 1
        with store.read() as view:
            ((revision, entry),) = view.journal(0)
        assert (revision, entry.items) == (1, (7, 5))

    def test_each_further_space_is_a_revision_of_its_own(self, store: RecordStore) -> None:
        with store.write() as view:
            view.touch_item(1)
            view.touch_vector("aa" * 8, 3)
            view.touch_vector("bb" * 8, 4)
        with store.read() as view:
            entries = dict(view.journal(0))
        assert [(entry.fingerprint, entry.vectors) for entry in entries.values()] == [
            ("aa" * 8, (3,)),
            ("bb" * 8, (4,)),
        ]

    def test_a_change_of_nothing_is_no_revision(self, store: RecordStore) -> None:
        with store.write() as view:
            view.set_number("something", 4)
        assert store.revision == 0
        assert store.fetch(lambda view: view.number("something")) == 4

    def test_an_error_undoes_everything(self, store: RecordStore) -> None:
        def fail() -> None:
            with store.write() as view:
                view.set_number("something", 9)
                view.next_number("counter")
                view.touch_item(1)
                raise KeyError("in the middle")

        with pytest.raises(KeyError):
            fail()
        assert store.revision == 0
        assert store.fetch(lambda view: (view.number("something"), view.number("counter"))) == (0, 0)

    def test_a_view_does_not_see_what_came_later(self, store: RecordStore) -> None:
        with store.write() as view:
            view.set_number("something", 1)
        with store.read() as early:
            with ThreadPoolExecutor(1) as pool:  # a thread has one transaction at a time
                pool.submit(_set_number, store, 2).result()
            assert early.number("something") == 1
        assert store.fetch(lambda view: view.number("something")) == 2

    def test_the_journal_can_be_trimmed_and_numbers_go_on(self, store: RecordStore) -> None:
        for key in range(1, 6):
            with store.write() as view:
                view.touch_item(key)
        assert store.trim_journal(3) == 3
        with store.read() as view:
            assert (view.revision, view.journal_start()) == (5, 3)
            assert [revision for revision, _ in view.journal(0)] == [4, 5]
        store.trim_journal(5)
        with store.write() as view:
            view.touch_item(9)
        assert store.revision == 6


def _set_number(store: RecordStore, number: int) -> None:
    with store.write() as view:
        view.set_number("something", number)

"""The term index: Tantivy and its fake obey one contract, and agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from assistant.contracts.errors import DamagedIndex
from assistant.contracts.items import Filters
from assistant.memory.terms import TantivyTerms
from assistant.testing.stores import Entry, TermIndexSuite, keys
from assistant.testing.transient import TransientTerms


class TestTransientTerms(TermIndexSuite):
    @pytest.fixture
    def index(self) -> TransientTerms:
        return TransientTerms()


class TestTantivyTerms(TermIndexSuite):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[TantivyTerms]:
        with closing(TantivyTerms(tmp_path / "terms")) as index:
            yield index


WORDS = ["tea", "teas", "green", "дом", "дома", "maxRetries", "retry_backoff", "ёж", "E1042", "x"]
PATHS = ["/h/a/one.md", "/h/ab/two.py", "/h/a/tea/three.md"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
ENTRIES = st.lists(
    st.builds(
        Entry,
        key=st.integers(1, 12),
        text=TEXTS,
        context=st.sampled_from(["", "green house", "Дом"]),
        path=st.sampled_from(PATHS),
        kind=st.sampled_from(["text", "code"]),
        language=st.sampled_from([None, "en", "python"]),
        modality=st.sampled_from(["text", "code"]),
        timestamp_s=st.integers(0, 3),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda entry: entry.key,
)
MOMENTS = st.none() | st.integers(0, 3).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
FILTERS = st.builds(
    Filters,
    paths=st.lists(st.sampled_from(["/h", "/h/a", "/h/a/one.md", "/h/a/tea/", "/x"]), max_size=2).map(tuple),
    kinds=st.lists(st.sampled_from(["text", "code"]), max_size=2).map(tuple),
    languages=st.lists(st.sampled_from(["EN", "python"]), max_size=2).map(tuple),
    since=MOMENTS,
    until=MOMENTS,
)
QUERIES = st.fixed_dictionaries(
    {
        "terms": st.dictionaries(st.sampled_from(WORDS), st.sampled_from([0.5, 1.0, 2.0]), max_size=4),
        "exact": st.lists(st.sampled_from(["retry_backoff", "maxretries", "e1042", "tea"]), max_size=2),
        "phrases": st.lists(TEXTS, max_size=2),
        "k": st.integers(0, 15),
        "filters": st.none() | FILTERS,
        "modality": st.sampled_from([(), ("text",), ("code", "text")]),
        "among": st.none() | st.lists(st.integers(1, 14), max_size=10).map(lambda numbers: keys(*numbers)),
    }
)


@settings(max_examples=100, deadline=None)
@given(entries=ENTRIES, queries=st.lists(QUERIES, min_size=1, max_size=6))
def test_tantivy_scores_as_the_plain_index_does(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Entry], queries: list[dict[str, object]]
) -> None:
    plain = TransientTerms()
    with closing(TantivyTerms(tmp_path_factory.mktemp("terms") / "terms")) as real:
        for index in (real, plain):
            index.apply(entries, (), 1)
        for query in queries:
            everything = query | {"k": 100}
            found, expected = dict(real.search(**everything)), dict(plain.search(**everything))
            assert found == pytest.approx(expected, rel=1e-3)
            best = [score for _, score in plain.search(**query)]
            assert [score for _, score in real.search(**query)] == pytest.approx(best, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.tuples(ENTRIES, st.lists(st.integers(1, 12), max_size=6)), min_size=1, max_size=5),
    filters=FILTERS,
    reopen=st.booleans(),
)
def test_tantivy_finds_what_the_plain_index_finds_after_any_history(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[list[Entry], list[int]]],
    filters: Filters,
    reopen: bool,
) -> None:
    folder = tmp_path_factory.mktemp("terms") / "terms"
    real, plain = TantivyTerms(folder), TransientTerms()
    for number, (put, drop) in enumerate(steps, 1):
        for index in (real, plain):
            index.apply(put, keys(*drop), number)
    if reopen:
        real.close()
        real = TantivyTerms(folder)
    with closing(real):
        assert not real.damage
        assert (len(real), real.applied) == (len(plain), plain.applied)
        for word in WORDS:
            query = ({word: 1.0}, (word,), (), 100, filters)
            assert {key for key, _ in real.search(*query)} == {key for key, _ in plain.search(*query)}
            for stem in plain.analyse(word):
                assert real.frequency(stem) == plain.frequency(stem)
        assert set(real.matching(filters, (), 100)) == set(plain.matching(filters, (), 100))


def test_an_error_in_the_middle_of_a_change_leaves_nothing_of_it(tmp_path: Path) -> None:
    def entries() -> Iterator[Entry]:
        yield Entry(1, "first")
        raise KeyError("in the middle")

    with closing(TantivyTerms(tmp_path / "terms")) as index:
        with pytest.raises(KeyError):
            index.apply(entries(), (), 1)
        index.apply([Entry(2, "second")], (), 2)
        assert (len(index), index.matching(Filters(), (), 5)) == (1, [2])


def test_holding_tells_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    with closing(TantivyTerms(tmp_path / "terms")) as index:
        index.apply([Entry(1, "tea"), Entry(2, "coffee")], (), 1)
        assert index.holding([1, 2, 3]) == [1, 2]
        assert index.holding([1, 2], "tea") == [1]
        assert index.holding([]) == []


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    with closing(TantivyTerms(tmp_path / "terms")) as index:
        index.apply([Entry(1, "tea")], (), 1)
    (tmp_path / "terms" / "schema-name").write_text("terms-0")
    with closing(TantivyTerms(tmp_path / "terms")) as index:
        assert (len(index), index.applied) == (0, 0)
        assert "another version" in index.damage[0]


def test_a_reader_does_not_make_an_index(tmp_path: Path) -> None:
    with pytest.raises(DamagedIndex):
        TantivyTerms(tmp_path / "terms", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_what_was_committed_after_it_came(tmp_path: Path) -> None:
    with closing(TantivyTerms(tmp_path / "terms")) as owner:
        owner.apply([Entry(1, "tea")], (), 1)
        reader = TantivyTerms(tmp_path / "terms", read_only=True)
        owner.apply([Entry(2, "tea")], (), 2)
        reader.refresh()
        assert (reader.applied, len(reader)) == (2, 2)

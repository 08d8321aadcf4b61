"""What remembering and forgetting do to the records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.contracts.documents import FileStat, SourceAddress
from assistant.memory import writing
from assistant.memory.checking import contradictions
from assistant.memory.layout import ItemRecord
from assistant.memory.records import RecordStore
from assistant.testing.stores import unit_rows
from memory.world import ROOT, update_of

SPACE, OTHER = "aa" * 8, "bb" * 8


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    with RecordStore(tmp_path) as store:
        with store.write() as view:
            writing.add_root(view, ROOT, "2026-01-01")
            writing.open_space(view, SPACE)
        yield store
        with store.read() as view:
            assert list(contradictions(view)) == []


def remember(store: RecordStore, path: str, text: str, **more: int) -> None:
    with store.write() as view:
        writing.remember(view, update_of(path, text, **more))


def embed(store: RecordStore, space: str = SPACE, seed: int = 0) -> None:
    with store.write() as view:
        contents = [content for content, _ in view.pending(space)]
        writing.store_vectors(view, space, contents, unit_rows(len(contents), seed=seed))


def items(store: RecordStore) -> dict[str, ItemRecord]:
    with store.read() as view:
        return {f"{item.path}:{item.text}": item for item in view.all_items()}


def pending(store: RecordStore, space: str = SPACE) -> int:
    return store.fetch(lambda view: view.count_pending(space))


def drop(store: RecordStore, path: str) -> None:
    with store.write() as view:
        source = view.source(SourceAddress(path))
        assert source is not None
        writing.drop_source(view, source)


def test_lines_inserted_above_rename_nothing(store: RecordStore) -> None:
    remember(store, "/r/a", "one\ntwo")
    before = items(store)
    remember(store, "/r/a", "zero\none\ntwo")
    after = items(store)
    assert [after[name].key for name in before] == [item.key for item in before.values()]
    assert after["/r/a:two"].line == 3
    assert after["/r/a:zero"].key == 3


def test_items_that_moved_only_are_not_indexed_again(store: RecordStore) -> None:
    remember(store, "/r/a", "one\ntwo")
    revision = store.revision
    remember(store, "/r/a", "zero\none\ntwo")
    with store.read() as view:
        ((_, entry),) = view.journal(revision)
    assert entry.items == (3,)


def test_a_number_is_never_used_twice(store: RecordStore) -> None:
    remember(store, "/r/a", "one")
    drop(store, "/r/a")
    remember(store, "/r/a", "one")
    assert items(store)["/r/a:one"].key == 2


def test_equal_pieces_of_one_source_have_names_of_their_own(store: RecordStore) -> None:
    remember(store, "/r/a", "same\nsame\nsame")
    with store.read() as view:
        found = list(view.all_items())
        assert len({item.id for item in found}) == 3
        assert len({item.content for item in found}) == 1
        assert view.holders(found[0].content, 10) == [1, 2, 3]
    assert pending(store) == 1


def test_equal_contents_share_one_vector(store: RecordStore) -> None:
    remember(store, "/r/a", "same")
    embed(store)
    remember(store, "/r/b", "same")
    assert pending(store) == 0
    drop(store, "/r/a")
    with store.read() as view:
        assert view.vector(SPACE, items(store)["/r/b:same"].content) is not None
        assert list(view.labels(SPACE)) == [1]


def test_what_waits_goes_on_waiting_for_another_holder(store: RecordStore) -> None:
    remember(store, "/r/a", "same")
    remember(store, "/r/b", "same")
    drop(store, "/r/a")
    with store.read() as view:
        assert view.pending(SPACE) == [(items(store)["/r/b:same"].content, 2)]


def test_undoing_an_edit_brings_the_vector_back(store: RecordStore) -> None:
    remember(store, "/r/a", "one\ntwo")
    embed(store)
    remember(store, "/r/a", "one")
    with store.read() as view:
        assert (view.count("orphans"), len(list(view.labels(SPACE)))) == (1, 1)
    remember(store, "/r/a", "one\ntwo")
    with store.read() as view:
        assert (view.count("orphans"), list(view.labels(SPACE))) == (0, [1, 2])
    assert pending(store) == 0


def test_a_renamed_file_keeps_its_vectors(store: RecordStore) -> None:
    remember(store, "/r/a", "one\ntwo")
    embed(store)
    with store.write() as view:
        source = view.source(SourceAddress("/r/a"))
        assert source is not None
        writing.drop_source(view, source)
        writing.remember(view, update_of("/r/b", "one\ntwo"))
    assert pending(store) == 0


def test_another_title_is_another_content(store: RecordStore) -> None:
    remember(store, "/r/a", "# Garden\none")
    embed(store)
    remember(store, "/r/a", "# Cellar\none")
    assert pending(store) == 2


def test_a_problem_drops_what_was_known_of_the_source(store: RecordStore) -> None:
    remember(store, "/r/a", "one")
    with store.write() as view:
        update = writing.SourceUpdate(SourceAddress("/r/a"), ROOT, FileStat(0, 0, 0), problem="permission denied")
        writing.remember(view, update)
    with store.read() as view:
        source = view.source(SourceAddress("/r/a"))
    assert source is not None
    assert (source.problem, source.items, items(store)) == ("permission denied", (), {})


def test_a_new_stat_alone_is_no_revision(store: RecordStore) -> None:
    remember(store, "/r/a", "one")
    revision = store.revision
    with store.write() as view:
        source = view.source(SourceAddress("/r/a"))
        assert source is not None
        writing.touch_stat(view, source, FileStat(3, 99, 7))
    with store.read() as view:
        source = view.source(SourceAddress("/r/a"))
    assert source is not None
    assert (source.stat, store.revision) == (FileStat(3, 99, 7), revision)


def test_a_second_space_wants_a_vector_of_everything(store: RecordStore) -> None:
    remember(store, "/r/a", "one\ntwo")
    embed(store)
    with store.write() as view:
        writing.open_space(view, OTHER)
    assert (pending(store), pending(store, OTHER)) == (0, 2)
    embed(store, OTHER)
    remember(store, "/r/a", "one\nthree")
    assert (pending(store), pending(store, OTHER)) == (1, 1)
    with store.read() as view:
        assert list(view.labels(OTHER)) == [label for label in (1, 2) if view.vector_by_label(OTHER, label) is not None]


def test_a_vector_for_what_is_gone_is_passed_over(store: RecordStore) -> None:
    remember(store, "/r/a", "one")
    content = items(store)["/r/a:one"].content
    drop(store, "/r/a")
    with store.write() as view:
        writing.store_vectors(view, SPACE, [content], unit_rows(1))
    assert store.fetch(lambda view: view.count("vectors")) == 0


def test_a_vector_stored_again_keeps_its_label(store: RecordStore) -> None:
    remember(store, "/r/a", "one")
    content = items(store)["/r/a:one"].content
    for seed in (1, 2):
        with store.write() as view:
            writing.store_vectors(view, SPACE, [content], unit_rows(1, seed=seed))
    found = store.fetch(lambda view: view.vector(SPACE, content))
    assert found is not None
    assert found[0] == 1
    np.testing.assert_array_equal(found[1], unit_rows(1, seed=2)[0])


def test_forgetting_leaves_no_vector_behind(store: RecordStore) -> None:
    remember(store, "/r/a", "one\nboth")
    remember(store, "/r/b", "two\nboth")
    embed(store)
    remember(store, "/r/b", "both")  # leaves the vector of "two" over
    with store.write() as view:
        source = view.source(SourceAddress("/r/a"))
        assert source is not None
        assert writing.forget(view, [source], []) == 1
    with store.read() as view:
        assert (view.count("vectors"), view.count("orphans"), view.count("sources")) == (1, 0, 1)


def test_only_the_oldest_left_over_vectors_go(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MIN_ORPHANS", 2)
    for number in range(5):
        remember(store, f"/r/{number}", f"text {number}")
    embed(store)
    contents = [items(store)[f"/r/{number}:text {number}"].content for number in range(5)]
    for number in range(4):
        drop(store, f"/r/{number}")
    with store.write() as view:
        assert writing.purge_orphans(view) == 2
    with store.read() as view:
        assert [view.vector(SPACE, content) is None for content in contents] == [True, True, False, False, False]


def test_the_journal_holds_no_words(store: RecordStore) -> None:
    remember(store, "/r/a", "canary in the coal mine")
    drop(store, "/r/a")
    with store.read() as view:
        assert all(b"canary" not in value for _, value in view.entries("journal"))

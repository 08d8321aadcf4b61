"""Several threads of one process write to the memory, and none of them loses or spoils what another did."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import StorageFailed
from assistant.memory.checking import contradictions
from assistant.memory.fabric import Fabric
from assistant.memory.layout import SourceRecord
from assistant.memory.turns import Turns
from assistant.memory.writing import SourceUpdate
from assistant.testing.hashing import HashingEncoder
from memory.world import ROOT, embed_all, found_by_word, items_of, opened, remember, state_of, update_of

WAIT_S = 60.0
ROUNDS = 12


@pytest.fixture
def encoder() -> HashingEncoder:
    return HashingEncoder(32)


@pytest.fixture
def fabric(tmp_path: Path, encoder: HashingEncoder) -> Iterator[Fabric]:
    fabric = opened(tmp_path / "memory", encoder)
    fabric.add_root(ROOT, "2026-01-01")
    yield fabric
    with fabric.records.read() as view:
        assert list(contradictions(view)) == []
    fabric.close()


def together(*works: Callable[[], object]) -> None:
    """Run all of them at the same time; raises what one of them raises."""
    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(work) for work in works]:
            future.result(WAIT_S)


def record(fabric: Fabric, path: str) -> SourceRecord | None:
    return fabric.records.fetch(lambda view: view.source(SourceAddress(path)))


def seeing(fabric: Fabric, path: str, text: str, *, mtime_s: int = 1_700_000_000) -> SourceUpdate:
    """An update of someone who looks at what is remembered now."""
    return replace(update_of(path, text, mtime_s=mtime_s), seen=record(fabric, path))


def test_writers_searchers_and_an_embedder_at_once(fabric: Fabric, encoder: HashingEncoder) -> None:
    done = threading.Event()

    def write(name: str) -> Callable[[], None]:
        def work() -> None:
            for number in range(ROUNDS):
                fabric.remember([update_of(f"/r/{name}-{at}.md", f"{name} word{number} at{at}") for at in range(9)])
                fabric.project_terms()

        return work

    def embed() -> None:
        while not done.is_set():
            embed_all(fabric, encoder)
            fabric.publish()

    def search() -> None:
        while not done.is_set():
            fabric.terms.search({"word3": 1.0}, (), (), 50)
            fabric.vectors.search(encoder.encode(["word3"])[0], 5)

    def write_both() -> None:
        try:
            together(write("one"), write("two"), write("three"))
        finally:
            done.set()

    together(write_both, embed, search)
    embed_all(fabric, encoder)
    last = f"word{ROUNDS - 1}"
    assert len(found_by_word(fabric, last)) == 27
    assert found_by_word(fabric, "word3") == set()
    assert len(fabric.terms) == len(items_of(fabric)) == 27
    assert fabric.terms.applied <= fabric.records.revision
    fabric.project_vectors()
    assert len(fabric.vectors) == 27


def test_what_is_shown_at_once_is_found_while_much_else_waits(fabric: Fabric) -> None:
    remember(fabric, {"/r/first": "first"})
    for number in range(3000 // 50):
        fabric.remember([update_of(f"/r/{number}-{at}", f"waiting {number}x{at}") for at in range(50)])
    mine = fabric.remember([update_of("/r/mine", "mine indeed")])
    fabric.show(mine.items)
    assert found_by_word(fabric, "indeed") == {"mine indeed"}
    assert found_by_word(fabric, "waiting") == set()
    gone = record(fabric, "/r/mine")
    assert gone is not None
    fabric.show(fabric.remember([], (), [gone]).items)
    assert found_by_word(fabric, "indeed") == set()
    fabric.project_terms()
    assert len(fabric.terms) == len(items_of(fabric)) == 3001
    assert found_by_word(fabric, "indeed") == set()


def test_forgetting_does_not_pull_the_store_from_under_open_views(fabric: Fabric) -> None:
    remember(fabric, {f"/r/{number}": f"text {number}" for number in range(50)})
    for _ in range(3):
        with fabric.records.read() as view:
            before = list(view.sources())
            together(partial(fabric.forget, before[:5], []))
            assert list(view.sources()) == before, "a view shows one moment, also when the file was replaced"
        assert len(state_of(fabric)) == len(before) - 5
        remember(fabric, {"/r/new": "new"})


def test_readers_go_on_while_the_store_is_compacted_again_and_again(fabric: Fabric) -> None:
    remember(fabric, {f"/r/{number}": f"text {number}" for number in range(50)})
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            assert len(state_of(fabric)) == 50

    def compact() -> None:
        try:
            for _ in range(ROUNDS):
                fabric.records.compact()
        finally:
            done.set()

    together(read, read, compact)


def test_a_closed_store_says_so(tmp_path: Path, encoder: HashingEncoder) -> None:
    fabric = opened(tmp_path / "memory", encoder)
    with fabric.records.read() as view:
        fabric.records.close()
        assert list(view.sources()) == [], "what is open may go on"
    with pytest.raises(StorageFailed, match="closed"):
        fabric.records.revision  # noqa: B018
    fabric.records.close()
    opened(tmp_path / "other", encoder).close()


def test_an_older_reading_does_not_overwrite_a_newer_one(fabric: Fabric) -> None:
    remember(fabric, {"/r/a": "old"})
    late = seeing(fabric, "/r/a", "middle", mtime_s=1_700_000_001)
    fabric.remember([seeing(fabric, "/r/a", "new", mtime_s=1_700_000_002)])
    done = fabric.remember([late, seeing(fabric, "/r/b", "other")])
    assert done.left_out == (SourceAddress("/r/a"),)
    assert state_of(fabric) == {"/r/a": ["new"], "/r/b": ["other"]}


def test_a_source_that_came_back_is_not_dropped_by_who_missed_it(fabric: Fabric) -> None:
    remember(fabric, {"/r/a": "old"})
    missed = record(fabric, "/r/a")
    assert missed is not None
    fabric.remember([seeing(fabric, "/r/a", "back again", mtime_s=1_700_000_002)])
    assert fabric.remember([], (), [missed]).left_out == (SourceAddress("/r/a"),)
    assert fabric.remember([], [(missed, missed.stat)]).left_out == (SourceAddress("/r/a"),)
    assert state_of(fabric) == {"/r/a": ["back again"]}


def test_nothing_is_added_to_a_root_that_was_forgotten_meanwhile(fabric: Fabric) -> None:
    late = seeing(fabric, "/r/a", "text")
    fabric.forget([], [ROOT])
    assert fabric.remember([late]).left_out == (SourceAddress("/r/a"),)
    assert state_of(fabric) == {}


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns, order, asked = Turns(), list[int](), [threading.Event() for _ in range(5)]

    def ask(number: int) -> None:
        asked[number].set()
        with turns, turns:
            order.append(number)

    with turns:
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            assert asked[number].wait(WAIT_S)
            while len(turns._waiting) <= number:
                threading.Event().wait(0.001)
    for thread in threads:
        thread.join(WAIT_S)
    assert order == list(range(5))


class TwoReaders(RuleBasedStateMachine):
    """Two that read one file and commit what they read, each at its own pace. Whatever the order: when both have come
    to rest, the newest reading is what is remembered."""

    path = "/r/a"

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        self.fabric = opened(Path(self._folder.name) / "memory", HashingEncoder(8))
        self.fabric.add_root(ROOT, "2026-01-01")
        self.disk: tuple[int, str] | None = None
        self.version = 0
        self.held: dict[int, tuple[tuple[int, str] | None, SourceRecord | None]] = {}

    def teardown(self) -> None:
        self.fabric.close()
        self._folder.cleanup()

    @rule(text=st.sampled_from(["red", "green", "blue"]))
    def edit(self, text: str) -> None:
        self.version += 1
        self.disk = (self.version, text)

    @rule()
    def delete(self) -> None:
        self.disk = None

    @rule(who=st.sampled_from([0, 1]))
    def look(self, who: int) -> None:
        seen = record(self.fabric, self.path)
        self.held[who] = (self.disk, seen)

    @rule(who=st.sampled_from([0, 1]))
    def commit(self, who: int) -> None:
        if who not in self.held:
            return
        found, seen = self.held.pop(who)
        if found is not None:
            update = update_of(self.path, found[1], mtime_s=1_700_000_000 + found[0])
            left_out = self.fabric.remember([replace(update, seen=seen)]).left_out
        else:
            left_out = self.fabric.remember([], (), [seen] if seen else []).left_out
        if left_out:
            self.look(who)  # what one is told to do then

    @invariant()
    def the_newest_reading_stays(self) -> None:
        if self.held:
            return
        remembered = record(self.fabric, self.path)
        self.look(0)
        self.commit(0)
        after = record(self.fabric, self.path)
        if self.disk is None:
            assert after is None
        else:
            assert after is not None
            assert after.mtime_ns == (1_700_000_000 + self.disk[0]) * 10**9
        del remembered


TestTwoReaders = TwoReaders.TestCase
TestTwoReaders.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)

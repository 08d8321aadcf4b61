"""Of many notes few looks: none too late, none lost, none twice."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assistant.core import coalescing
from assistant.core.coalescing import GIT_LIMIT_S, LIMIT_S, MOST_PATHS, QUIET_S, TICK_S, Coalescer, Kind, Note, Ready
from assistant.core.filenames import is_within

ROOT = "/r"
EPSILON = 1e-6


def note(coalescer: Coalescer, path: str, kind: Kind = "changed", at_s: float = 0.0, to: str = "") -> None:
    coalescer.note(Note(ROOT, f"{ROOT}/{path}", kind, at_s, f"{ROOT}/{to}" if to else ""))


def told(ready: tuple[Ready, ...]) -> list[list[str]]:
    return [[path.removeprefix(f"{ROOT}/") for path in one.paths] for one in ready]


def run_to_the_end(coalescer: Coalescer) -> list[tuple[float, Ready]]:
    found = []
    while (due_s := coalescer.next_due_s()) is not None:
        found += [(due_s, one) for one in coalescer.ready(due_s)]
    return found


def test_nothing_noted_is_nothing_to_wake_for() -> None:
    coalescer = Coalescer()
    assert coalescer.next_due_s() is None
    note(coalescer, "a.md", at_s=1.0)
    assert coalescer.next_due_s() == pytest.approx(1.0 + QUIET_S)
    assert coalescer.ready(1.0 + QUIET_S / 2) == ()
    assert told(coalescer.ready(1.0 + QUIET_S + EPSILON)) == [["a.md"]]
    assert coalescer.next_due_s() is None
    assert coalescer.ready(9.0) == ()
    assert coalescer.kept == 0


def test_a_file_that_is_never_quiet_is_looked_at_all_the_same() -> None:
    coalescer, at_s, batches = Coalescer(), 0.0, []
    while at_s < 3.0:
        note(coalescer, "log.txt", at_s=at_s)
        batches += [at_s] * len(coalescer.ready(at_s))
        at_s += 0.05
    between = [later - earlier for earlier, later in zip([0.0, *batches], batches, strict=False)]
    assert max(between) <= LIMIT_S + 0.1 + EPSILON
    assert 3 <= len(batches) <= 4


def test_an_editor_that_writes_beside_and_renames_over() -> None:
    coalescer = Coalescer()
    note(coalescer, ".a.md.tmp1", "created", 0.0)
    note(coalescer, ".a.md.tmp1", "changed", 0.01)
    note(coalescer, ".a.md.tmp1", "gone", 0.02)
    note(coalescer, ".a.md.tmp1", "moved", 0.02, to="a.md")
    assert [told((one,)) for _, one in run_to_the_end(coalescer)] == [[["a.md"]]]


def test_a_backup_is_made_by_renaming_away() -> None:
    coalescer = Coalescer()
    note(coalescer, "a.md", "gone", 0.0)
    note(coalescer, "a.md", "moved", 0.0, to="a.md.old")
    note(coalescer, "a.md", "created", 0.01)
    note(coalescer, "a.md", "changed", 0.02)
    found = [one for _, one in run_to_the_end(coalescer)]
    assert sorted(path for one in found for path in one.paths) == [f"{ROOT}/a.md", f"{ROOT}/a.md.old"]
    assert sum(one.noted for one in found) == 5


def test_created_and_gone_is_a_look_and_nothing_else() -> None:
    coalescer = Coalescer()
    note(coalescer, "4913", "created")
    note(coalescer, "4913", "gone", 0.01)
    ((_, one),) = run_to_the_end(coalescer)
    assert told((one,)) == [["4913"]]


def test_a_folder_covers_what_lies_below() -> None:
    coalescer = Coalescer()
    note(coalescer, "sub/deep/a.md", "created", 0.0)
    note(coalescer, "sub/b.md", "created", 0.22)
    note(coalescer, "sub", "created", 0.21)
    note(coalescer, "sub/c.md", "created", 0.22)
    note(coalescer, "sub2.md", "created", 0.22)
    found = run_to_the_end(coalescer)
    assert [told((one,))[0] for _, one in found] == [["sub/deep/a.md"], ["sub", "sub2.md"]]
    assert coalescer.kept == 0


def test_a_branch_switch_is_one_batch() -> None:
    coalescer, at_s = Coalescer(), 0.0
    note(coalescer, "repo/.git/index.lock", "created", at_s)
    for number in range(300):
        at_s += 0.01
        note(coalescer, f"repo/{number}.py", "changed", at_s)
        assert coalescer.ready(at_s) == ()
    note(coalescer, "other.md", "changed", at_s)
    note(coalescer, "repo/.git/index.lock", "gone", at_s)
    note(coalescer, "repo/.git/HEAD", "changed", at_s + 0.01)
    found = run_to_the_end(coalescer)
    assert sorted(len(one.paths) for _, one in found) == [1, 301]
    assert {one.reason for _, one in found} == {"git", ""}
    assert max(due_s for due_s, _ in found) <= at_s + 0.01 + QUIET_S + TICK_S


def test_a_lock_that_is_never_released_holds_nothing_for_ever() -> None:
    coalescer = Coalescer()
    note(coalescer, "repo/.git/index.lock", "created", 0.0)
    note(coalescer, "repo/a.py", "changed", 4.0)
    ((due_s, one),) = run_to_the_end(coalescer)
    assert (due_s, one.reason) == (GIT_LIMIT_S, "git")
    note(coalescer, "repo/a.py", "changed", 6.0)
    assert [due_s for due_s, _ in run_to_the_end(coalescer)] == pytest.approx([6.0 + QUIET_S])


def test_a_burst_in_a_known_repository_waits_until_it_is_over() -> None:
    coalescer = Coalescer()
    note(coalescer, "repo/.git/HEAD", "changed", 0.0)
    run_to_the_end(coalescer)
    at_s = 10.0
    for number in range(400):
        at_s += 0.001
        note(coalescer, f"repo/{number}.py", "changed", at_s)
        coalescer.ready(at_s)
    found = run_to_the_end(coalescer)
    assert max(len(one.paths) for _, one in found) > coalescing.BURST


@pytest.mark.parametrize(("folder", "expected"), [("deep/er", f"{ROOT}/deep/er"), (".", ROOT)])
def test_too_many_paths_become_their_folder(folder: str, expected: str) -> None:
    coalescer = Coalescer()
    if folder == ".":
        note(coalescer, "elsewhere.md")
    for number in range(MOST_PATHS + 500):
        coalescer.note(Note(ROOT, f"{ROOT}/{folder}/{number}.md".replace("/./", "/"), "created", 0.0))
        assert coalescer.kept <= MOST_PATHS
    ((_, one),) = run_to_the_end(coalescer)
    assert (one.paths, one.reason) == ((expected,), "too many")


def test_who_has_lost_count_looks_at_the_whole() -> None:
    coalescer = Coalescer()
    note(coalescer, "a.md", at_s=0.0)
    coalescer.note(Note(ROOT, ROOT, "whole", 0.1))
    note(coalescer, "b.md", at_s=0.2)
    ((due_s, one),) = run_to_the_end(coalescer)
    assert (one.paths, one.reason, one.noted) == ((ROOT,), "lost count", 3)
    assert due_s <= 0.2 + QUIET_S + TICK_S
    note(coalescer, "c.md", at_s=9.0)
    coalescer.forget(ROOT)
    assert run_to_the_end(coalescer) == []


PATHS = ["a", "a/b", "a/b/c.md", "a/d.md", "e.md", ".t", "g/x.py", "g/y.py", "g/.git/HEAD", "g/.git/index.lock", "h/z"]


class Notes(RuleBasedStateMachine):
    """Against a list of every note that no batch has answered yet."""

    def __init__(self) -> None:
        super().__init__()
        self.coalescer = Coalescer()
        self.now_s = 100.0
        self.open: dict[str, list[float]] = {}
        self.fresh: set[str] = set()
        self.held_since_s: float | None = None

    @rule(path=st.sampled_from(PATHS), kind=st.sampled_from(["created", "changed", "gone"]))
    def happen(self, path: str, kind: Kind) -> None:
        note(self.coalescer, path, kind, self.now_s)
        self._open(path)

    @rule(source=st.sampled_from(["a/d.md", "e.md", ".t", "h/z"]), to=st.sampled_from(["e.md", "a/d.md", "g/x.py"]))
    def move(self, source: str, to: str) -> None:
        if source == to:
            return
        note(self.coalescer, source, "moved", self.now_s, to=to)
        self._open(to)
        if f"{ROOT}/{source}" in self.open:  # it may have been let go if it was new; a batch may still hold it
            self.fresh.add(f"{ROOT}/{source}")
        else:
            self._open(source)

    def _open(self, path: str) -> None:
        path = f"{ROOT}/{path}"
        if path.endswith("index.lock"):
            return
        if path in self.fresh:
            self.fresh.discard(path)
            del self.open[path]
        self.open.setdefault(path, []).append(self.now_s)

    @rule(step_s=st.sampled_from([0.01, 0.1, 0.3, 1.0, 6.0]))
    def wait(self, step_s: float) -> None:
        """As a good caller does: wake whenever something may be due."""
        end_s = self.now_s + step_s
        while (due_s := self.coalescer.next_due_s()) is not None and due_s <= end_s:
            assert due_s >= self.now_s - GIT_LIMIT_S
            self.now_s = max(self.now_s, due_s)
            self._answer(self.coalescer.ready(self.now_s))
        self.now_s = end_s

    def _answer(self, ready: tuple[Ready, ...]) -> None:
        for one in ready:
            assert one.paths
            assert not any(is_within(a, b) for a in one.paths for b in one.paths if a != b)
            for path in one.paths:
                covered = [known for known in self.open if is_within(known, path)]
                assert any(known == path for known in covered), "nothing is looked at that was not noted"
                for known in covered:
                    del self.open[known]
                    self.fresh.discard(known)

    @invariant()
    def nothing_is_late(self) -> None:
        for path, times in self.open.items():
            if path in self.fresh:
                continue
            limit_s = GIT_LIMIT_S if is_within(path, f"{ROOT}/g") else LIMIT_S
            assert times[0] + limit_s >= self.now_s - EPSILON, path

    @invariant()
    def little_is_kept(self) -> None:
        assert self.coalescer.kept <= len(PATHS)
        if not self.open:
            assert self.coalescer.kept == 0

    def teardown(self) -> None:
        self.wait(20.0)
        assert set(self.open) <= self.fresh
        assert self.coalescer.next_due_s() is None
        assert self.coalescer.kept == 0


TestNotes = Notes.TestCase
TestNotes.settings = settings(
    max_examples=300, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)

"""Where a change can reach."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from assistant.core.filenames import is_within
from assistant.core.looking import Glance, plan, repository_of

ROOTS = ["/r", "/r/inner", "/s"]


def glances(*paths: str) -> list[tuple[str, bool]]:
    return [(one.path, one.history) for one in plan(paths, ROOTS).glances]


def test_plain_paths_and_what_covers_them() -> None:
    assert glances("/r/a/b.md", "/r/c.md", "/r/a/b.md") == [("/r/a/b.md", False), ("/r/c.md", False)]
    assert glances("/r/a/b.md", "/r/a", "/r/a/c/d") == [("/r/a", False)]
    assert glances("/r/ab", "/r/a") == [("/r/a", False), ("/r/ab", False)]
    assert glances("/r", "/r/inner/x", "/s/y") == [("/r", False), ("/s/y", False)]


def test_what_lies_outside_is_counted() -> None:
    found = plan(["/t/a", "/", "/rr/b", "/r/c"], ROOTS)
    assert found.outside == 3
    assert found.glances == (Glance("/r", "/r/c"),)


def test_the_innermost_root_owns_a_path() -> None:
    assert plan(["/r/inner/a"], ROOTS).glances == (Glance("/r/inner", "/r/inner/a"),)


def test_rules_reach_their_folder() -> None:
    for name in (".gitignore", ".assistantignore", "pyvenv.cfg", "CACHEDIR.TAG"):
        assert glances(f"/r/a/{name}") == [("/r/a", False)]
    assert glances("/r/.gitignore") == [("/r", False)]
    assert glances("/r/a/Cargo.toml") == [("/r/a/Cargo.toml", False), ("/r/a/target", False)]


def test_own_files_of_a_repository_reach_its_history() -> None:
    assert glances("/r/p/.git/HEAD", "/r/p/.git/refs/heads/x", "/r/p/.git") == [("/r/p", True)]
    assert glances("/r/.git/HEAD") == [("/r", True)]
    assert glances("/r/p/.git/HEAD", "/r/p/a.py") == [("/r/p", True), ("/r/p/a.py", False)]
    assert glances("/r/p/.git/HEAD", "/r/p") == [("/r/p", False)]
    assert glances("/r/p/.git/HEAD", "/r/p/.gitignore") == [("/r/p", False)]
    assert repository_of("/.git/HEAD", "/") == "/"
    assert repository_of("/r/.github/x", "/r") is None


names = st.sampled_from(["a", "b", ".git", ".gitignore", "Cargo.toml", "HEAD", "inner"])
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/r/" + "/".join(parts))


@given(st.lists(paths, max_size=8))
def test_every_path_is_reached_once(asked: list[str]) -> None:
    found = plan(asked, ROOTS)
    wide = [one.path for one in found.glances if not one.history]
    assert not any(is_within(a, b) for a in wide for b in wide if a != b)
    assert len(set(found.glances)) == len(found.glances)
    for path in asked:
        repository = repository_of(path, "/r")
        reached = any(is_within(path, place) for place in wide)
        assert reached or any(one.history and one.path == repository for one in found.glances)

"""What shows nothing: empty, or away?"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from assistant.contracts.documents import RootSigns
from assistant.core.absence import (
    MANY_SOURCES,
    NOT_MOUNTED,
    Away,
    Whereabouts,
    emptied,
    is_away,
    mounts_in_use,
    unseen,
)

ROOT = "/home/anna"
STICK = f"{ROOT}/stick"
INNER = f"{STICK}/inner"


def then(device: int | None = 1, *mounts: str) -> Whereabouts:
    return Whereabouts(ROOT, device, frozenset(mounts))


def now(device: int | None = 1, *mounts: str) -> RootSigns:
    return RootSigns(None, device, frozenset(mounts))


def gone(_: str) -> bool:
    return True


def there(_: str) -> bool:
    return False


def not_asked(path: str) -> bool:
    raise AssertionError(path)


def test_a_root_that_cannot_be_looked_into_is_away() -> None:
    found = unseen(then(), RootSigns("permission denied"), not_asked)
    assert found == (Away(ROOT, "away: permission denied"),)


def test_nothing_speaks_for_absence() -> None:
    assert unseen(then(), now(), not_asked) == ()
    assert unseen(then(1, STICK), now(1, STICK, INNER), not_asked) == ()
    assert unseen(then(None), now(5), not_asked) == ()


def test_another_device_alone_is_not_absence() -> None:
    assert unseen(then(1), now(2), there) == ()
    assert unseen(then(1), now(2), gone) == (Away(ROOT, NOT_MOUNTED),)


def test_the_root_was_a_mount_point() -> None:
    assert unseen(then(1, ROOT), now(1), gone) == (Away(ROOT, NOT_MOUNTED),)
    assert unseen(then(1, ROOT), now(1), there) == ()


def test_mounts_in_a_root_are_judged_each_and_the_outermost_is_told() -> None:
    assert unseen(then(1, STICK, INNER), now(1), gone) == (Away(STICK, NOT_MOUNTED),)
    assert unseen(then(1, STICK, INNER), now(1, STICK), gone) == (Away(INNER, NOT_MOUNTED),)
    assert unseen(then(1, STICK), now(1), there) == ()


def test_emptied() -> None:
    assert emptied(ROOT, MANY_SOURCES - 1, shows_any=False) is None
    assert emptied(ROOT, MANY_SOURCES, shows_any=True) is None
    assert emptied(ROOT, MANY_SOURCES, shows_any=False, confirmed=True) is None
    found = emptied(ROOT, MANY_SOURCES, shows_any=False)
    assert found is not None
    assert ROOT in found.reason


def test_mounts_in_use() -> None:
    assert mounts_in_use({STICK, "/mnt"}, [ROOT, f"{STICK}/a", INNER]) == {STICK}
    assert mounts_in_use(set(), [ROOT]) == frozenset()


paths = st.sampled_from([ROOT, STICK, INNER, f"{ROOT}/other"])
signs = st.builds(RootSigns, st.none() | st.just("it is gone"), st.none() | st.integers(1, 2), st.frozensets(paths))


@given(st.builds(Whereabouts, st.just(ROOT), st.none() | st.integers(1, 2), st.frozensets(paths)), signs, st.booleans())
def test_what_is_away_is_told_once_and_only_with_a_reason(before: Whereabouts, seen: RootSigns, lost: bool) -> None:
    found = unseen(before, seen, lambda _: lost)
    assert len({one.path for one in found}) == len(found)
    assert not any(is_away(a.path, [b]) for a in found for b in found if a is not b)
    assert all(one.reason.startswith("away: ") for one in found)
    if seen.problem is None and not lost:
        assert found == (), "what is there is not away"

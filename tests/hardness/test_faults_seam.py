"""Every operation on a disk that refuses one of our own calls: said in words, nothing lost, and the next run continues.

What libraries do by themselves is refused in ``test_faults_system``.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.memory.durable import using
from assistant.testing.disks import REFUSED_BY, RefusingDisk, TurnedDisk
from hardness.operations import OPERATIONS, STARTS_CHILDREN, attempt, done_again, looked_at

FAULTS = {"full": errno.ENOSPC, "broken": errno.EIO, "read only": errno.EROFS, "too many files": errno.EMFILE}


@pytest.fixture(scope="module")
def calls(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """What each operation asks of a disk that is as it should be."""
    known: dict[str, list[str]] = {}

    def calls_of(name: str) -> list[str]:
        if name not in known:
            place = tmp_path_factory.mktemp("dry") / "place"
            shutil.copytree(template, place)
            disk, mark = TurnedDisk(), []
            with using(disk):
                failure = attempt(
                    name, place, lambda: mark.append(len(disk.calls)), lambda: mark.append(len(disk.calls))
                )
            assert failure == ""
            looked_at(name, place, "")
            known[name] = disk.calls[mark[0] : mark[1]]
        return known[name]

    return calls_of


def places(calls: list[str], number: int) -> int:
    """How many of these calls can be refused."""
    return sum(call in REFUSED_BY[number] for call in calls)


def refused_at(template: Path, place: Path, name: str, number: int, at: int, *, lasting: bool) -> None:
    shutil.copytree(template, place)
    disk = RefusingDisk(number, lasting=lasting)

    def ready() -> None:
        disk._at = disk.refusable + at

    def over() -> None:
        disk._at = None

    with using(disk):
        failure = attempt(name, place, ready, over)
    assert disk.refused or at > 0  # how many blocks come through a pipe is not the same each time
    if failure:
        assert os.strerror(number) in failure or "full" in failure or "earlier" in failure or "room" in failure, failure
    looked_at(name, place, failure)
    done_again(name, place)
    shutil.rmtree(place)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_refused_somewhere(
    template: Path, tmp_path: Path, calls: Callable[[str], list[str]], name: str, fault: str
) -> None:
    """At another place for each operation and fault; everywhere in the long version."""
    if name in STARTS_CHILDREN and fault in ("read only", "too many files"):
        pytest.skip("in the long version: processes to start take their time")
    number = FAULTS[fault]
    count = places(calls(name), number)
    seed = sum(map(ord, name + fault))
    refused_at(template, tmp_path / "place", name, number, seed % count, lasting=seed % 2 == 0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_refused_everywhere(
    template: Path, tmp_path: Path, calls: Callable[[str], list[str]], name: str, fault: str
) -> None:
    number = FAULTS[fault]
    for at in range(places(calls(name), number)):
        for lasting in (True, False):
            try:
                refused_at(template, tmp_path / f"{at}{lasting}", name, number, at, lasting=lasting)
            except BaseException as error:
                error.add_note(f"at {at}, {'from then on' if lasting else 'once'}")
                raise

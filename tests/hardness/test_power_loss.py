"""The power fails: what was not synced may be gone, empty, half there, or there. Each such state opens as the memory
before the operation or the one after it.

Killing a process does not test this: what it wrote lives on in the memory of the system. Here our own calls are
written down and the disk is put together again as a power cut could have left it. What LMDB and Tantivy write is
theirs to sync, and is taken as they left it.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from assistant.memory.durable import using
from assistant.testing.power import RecordingDisk, Tree, materialise
from hardness.operations import OPERATIONS, attempt, looked_at
from hardness.processes import LIMIT_S, start

SOME = 4


def look(talk: Connection) -> None:
    """See whether a wreck opens."""
    while (task := talk.recv()) is not None:
        name, place = task
        try:
            looked_at(name, place, "the power failed")
            talk.send("")
        except Exception:  # noqa: BLE001 - told to the test, which fails
            talk.send(traceback.format_exc())


@pytest.fixture(scope="module")
def looker() -> Iterator[Connection]:
    process, talk = start(look)
    yield talk
    talk.send(None)
    process.join(LIMIT_S)
    talk.close()


def library_syncs(path: Path) -> bool:
    """Whether who writes this file past us sees to it that it is on the disk."""
    return path.parent.name in ("terms", "records")


def wrecks_of(name: str, template: Path, place: Path) -> list[tuple[str, Tree]]:
    shutil.copytree(template, place)
    recorder = RecordingDisk(place, library_syncs)
    with using(recorder):
        assert attempt(name, place, recorder.forget_what_was, lambda: None) == ""
    return list(recorder.wrecks())


def opens(looker: Connection, name: str, when: str, tree: Tree, place: Path) -> None:
    materialise(tree, place)
    looker.send((name, place))
    assert looker.poll(LIMIT_S), f"{name}, {when}: it hangs"
    try:
        harm = looker.recv()
    except EOFError:
        harm = "it killed the process that opened it"
    assert harm == "", f"{name}, {when}\n{harm}"
    shutil.rmtree(place)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_power_fails(template: Path, tmp_path: Path, looker: Connection, name: str) -> None:
    wrecks = wrecks_of(name, template, tmp_path / "place")
    assert len(wrecks) > 3
    for number, (when, tree) in enumerate(wrecks[:: max(1, len(wrecks) // SOME)]):
        opens(looker, name, when, tree, tmp_path / f"wreck{number}")


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_power_fails_at_every_moment(template: Path, tmp_path: Path, looker: Connection, name: str) -> None:
    for number, (when, tree) in enumerate(wrecks_of(name, template, tmp_path / "place")):
        opens(looker, name, when, tree, tmp_path / f"wreck{number}")

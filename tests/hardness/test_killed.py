"""``kill -9`` at a system call: every one in turn (a few in the short version). The memory is the one before the
operation or the one after it, whole, and the next run continues."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from assistant.memory.durable import using
from assistant.testing.disks import EndingDisk, TurnedDisk, changes
from assistant.testing.refusals import END, PASS, Call, Watch, why_not
from hardness.operations import OPERATIONS, attempt, looked_at
from hardness.processes import LIMIT_S, run, start
from hardness.test_faults_system import cared_for, nurse

needs_watching = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be done here")


@pytest.fixture(scope="module")
def care() -> Iterator[Connection]:
    process, talk = start(nurse)
    yield talk
    talk.send(None)
    process.join(LIMIT_S)
    talk.close()


def once(talk: Connection, name: str, template: Path, place: Path) -> None:
    """One operation."""
    shutil.copytree(template, place)

    def ready() -> None:
        talk.send("ready")
        talk.recv()

    talk.send(attempt(name, place, ready, lambda: talk.send("over")))


def killed_at(name: str, template: Path, place: Path, at: int | None) -> tuple[int, str]:
    """Do an operation and kill its process (and no other) at one of its calls. Returns how many it made, and what the
    last one was."""
    armed = False
    made: list[Call] = []
    process = None

    def decide(call: Call) -> int:
        if not armed:
            return PASS
        made.append(call)
        return END if len(made) - 1 == at and process is not None and call.pid == process.pid else PASS

    with Watch(str(place), decide) as watch:
        process, talk = start(once, name, template, place, watch=watch)
        assert talk.recv() == "ready"
        armed = True
        talk.send("go on")
        said = []
        try:
            while talk.poll(LIMIT_S):
                said.append(talk.recv())
                armed = armed and said[-1] != "over"
        except EOFError:
            pass
        process.join(LIMIT_S)
        talk.close()
    assert process.exitcode in (0, -signal.SIGKILL), said
    if process.exitcode == 0:
        assert said[-1] == ""
    return len(made), f"{made[-1].kind} {made[-1].path}" if made else ""


def kill(care: Connection, name: str, template: Path, place: Path, at: int) -> None:
    _, last = killed_at(name, template, place, at)
    harm = cared_for(care, name, place, "killed")
    assert harm == "", f"{name}, killed at call {at}: {last}\n{harm}"
    shutil.rmtree(place)


@needs_watching
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_somewhere(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    count, _ = killed_at(name, template, tmp_path / "dry", None)
    kill(care, name, template, tmp_path / "place", sum(map(ord, name)) % count)


@needs_watching
@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_everywhere(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    count, _ = killed_at(name, template, tmp_path / "dry", None)
    for at in range(count):
        kill(care, name, template, tmp_path / str(at), at)


# the same at our own calls, which needs nothing of the system


def ended_at(talk: Connection, name: str, place: Path, at: int | None) -> None:
    """One operation that kills itself at one of our own calls; without ``at``, say how many there are."""
    disk = TurnedDisk() if at is None else EndingDisk(at, lambda: signal.raise_signal(signal.SIGKILL))
    begun = [0]

    def ready() -> None:
        begun[0] = changes(disk.calls)
        if isinstance(disk, EndingDisk):
            disk._at = begun[0] + (at or 0)

    if isinstance(disk, EndingDisk):
        disk._at = -1
    with using(disk):
        attempt(name, place, ready, lambda: talk.send(changes(disk.calls) - begun[0]))


def count_of(name: str, template: Path, place: Path) -> int:
    shutil.copytree(template, place)
    (count,) = run(ended_at, name, place, None).said
    return int(count)


def end(care: Connection, name: str, template: Path, place: Path, at: int) -> None:
    shutil.copytree(template, place)
    ended = run(ended_at, name, place, at)
    harm = cared_for(care, name, place, "killed")
    assert harm == "", f"{name}, killed at our call {at} ({ended.code})\n{harm}"
    shutil.rmtree(place)


@pytest.mark.parametrize("name", ["restore", "forget", "back up again", "repair"])
def test_killed_at_some_of_our_own_calls(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    count = count_of(name, template, tmp_path / "dry")
    looked_at(name, tmp_path / "dry", "")
    for at in {count // 3, count - 3}:
        end(care, name, template, tmp_path / str(at), at)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_each_of_our_own_calls(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    for at in range(count_of(name, template, tmp_path / "dry")):
        end(care, name, template, tmp_path / str(at), at)

"""Every operation while the system refuses its calls one by one, those of LMDB, Tantivy and hnswlib too: said in words,
nothing lost, still readable, and the next run continues."""

from __future__ import annotations

import errno
import os
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from memory.world import opened, remember

from assistant.contracts.errors import DataError
from assistant.testing.refusals import PASS, REFUSED_BY, Call, Watch, why_not
from hardness.operations import OPERATIONS, STARTS_CHILDREN, attempt, done_again, looked_at
from hardness.processes import LIMIT_S, start
from hardness.stored import ENCODER, FILES, furnish, holds

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be done here")

FAULTS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE)


def work(talk: Connection, template: Path) -> None:
    """Do operations on copies of ``template``, each when told to, and tell how it went."""
    while (task := talk.recv()) is not None:
        name, place = task
        shutil.copytree(template, place)

        def pause(word: str) -> None:
            talk.send(word)
            talk.recv()

        try:
            talk.send(("failure", attempt(name, place, lambda: pause("ready"), lambda: pause("over"))))
        except Exception:  # noqa: BLE001 - told to the test, which fails
            talk.send(("wrong", traceback.format_exc()))


def nurse(talk: Connection) -> None:
    """Look at places where an operation was done, and do it again."""
    while (task := talk.recv()) is not None:
        name, place, failure = task
        try:
            looked_at(name, place, failure)
            done_again(name, place)
            talk.send("")
        except Exception:  # noqa: BLE001 - as above
            talk.send(traceback.format_exc())


class Worker:
    """A process that does operations while it is watched."""

    def __init__(self, talk: Connection, watch: Watch) -> None:
        self._talk = talk
        self._watch = watch
        self.plan: tuple[int, int, bool] | None = None
        self.asked: list[Call] = []
        self.refused = 0
        self.armed = False

    def decide(self, call: Call) -> int:
        """Refuse what the plan (error number, which of the calls it refuses, whether from then on) says."""
        if not self.armed:
            return PASS
        if self.plan is None:
            self.asked.append(call)
            return PASS
        number, at, lasting = self.plan
        if call.kind not in REFUSED_BY[number]:
            return PASS
        place = len(self.asked)
        self.asked.append(call)
        if place == at or (lasting and place > at):
            self.refused += 1
            return number
        return PASS

    def do(self, name: str, place: Path, plan: tuple[int, int, bool] | None) -> str:
        """Do an operation; what it said when it failed."""
        self.plan, self.asked, self.refused = plan, [], 0
        self._talk.send((name, place))
        while True:
            assert self._talk.poll(LIMIT_S), f"{name} hangs with {plan} after {self.asked[-3:]}"
            said = self._talk.recv()
            if isinstance(said, tuple):
                self.armed = False
                assert said[0] == "failure", f"{name} with {plan} after {self.asked[-3:]}: {said[1]}"
                return str(said[1])
            self.armed = said == "ready"
            self._talk.send("go on")


@contextmanager
def worker_on(template: Path, top: Path) -> Iterator[Worker]:
    worker: Worker
    with Watch(str(top), lambda call: worker.decide(call)) as watch:
        process, talk = start(work, template, watch=watch)
        worker = Worker(talk, watch)
        try:
            yield worker
            talk.send(None)
        finally:
            process.kill()
            process.join()
            talk.close()


@pytest.fixture(scope="module")
def care() -> Iterator[Connection]:
    process, talk = start(nurse)
    yield talk
    talk.send(None)
    process.join(LIMIT_S)
    talk.close()


def cared_for(care: Connection, name: str, place: Path, failure: str) -> str:
    care.send((name, place, failure))
    assert care.poll(LIMIT_S)
    return str(care.recv())


def refuse(worker: Worker, care: Connection, name: str, top: Path, plan: tuple[int, int, bool]) -> bool:
    """One operation on such a system; whether it met the fault."""
    place = top / f"{plan[0]}-{plan[1]}-{plan[2]}"
    failure = worker.do(name, place, plan)
    met = worker.refused
    harm = cared_for(care, name, place, failure)
    assert harm == "", f"{name} with {plan}, refused {worker.asked[plan[1] : plan[1] + 1]}: {failure!r}\n{harm}"
    shutil.rmtree(place)
    return bool(met)


def counted(worker: Worker, name: str, top: Path) -> dict[int, int]:
    """How many calls each fault can refuse."""
    assert worker.do(name, top / "dry", None) == ""
    return {number: sum(call.kind in REFUSED_BY[number] for call in worker.asked) for number in FAULTS}


@pytest.mark.parametrize("name", OPERATIONS)
def test_refused_somewhere(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    """At another place for each operation and fault; everywhere in the long version."""
    with worker_on(template, tmp_path) as worker:
        counts = counted(worker, name, tmp_path)
        for number in FAULTS[:2] if name in STARTS_CHILDREN else FAULTS:  # processes to start take their time
            seed = sum(map(ord, name)) + 7 * number
            met = refuse(worker, care, name, tmp_path, (number, seed % counts[number], seed % 2 == 0))
            assert met or seed % counts[number] > counts[number] // 2


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", OPERATIONS)
def test_refused_everywhere(template: Path, tmp_path: Path, care: Connection, name: str) -> None:
    with worker_on(template, tmp_path) as worker:
        for number, count in counted(worker, name, tmp_path).items():
            met = [
                refuse(worker, care, name, tmp_path, (number, at, lasting))
                for at in range(count)
                for lasting in (True, False)
            ]
            assert sum(met) > len(met) // 2


# that this can fail


def careless(talk: Connection, path: Path) -> None:
    """Takes a sync that failed for one that worked."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"x")
    for _ in range(2):
        try:
            os.fsync(descriptor)
            talk.send("synced")
        except OSError as error:
            talk.send(error.errno)


def test_the_system_refuses_what_it_is_told_to(tmp_path: Path) -> None:
    syncs = []

    def decide(call: Call) -> int:
        if call.kind == "sync":
            syncs.append(call.path)
        return errno.EIO if call.kind == "sync" and len(syncs) == 1 else PASS

    with Watch(str(tmp_path), decide) as watch:
        process, talk = start(careless, tmp_path / "file", watch=watch)
        assert [talk.recv(), talk.recv()] == [errno.EIO, "synced"]
        process.join(LIMIT_S)
        talk.close()
    assert syncs == [str(tmp_path / "file")] * 2
    assert [call.kind for call in watch.calls] == ["open", "write", "sync", "sync"]


def spoiled(talk: Connection, store: Path) -> None:
    """Commit, be refused, and try to go on in the same process."""
    fabric = opened(store, ENCODER)
    talk.send("ready")
    talk.recv()
    for _ in range(2):
        try:
            remember(fabric, {"/r/0.md": "never acknowledged"})
            talk.send("remembered")
        except DataError as error:
            talk.send(error.happened)
    talk.send(len(fabric.records.fetch(lambda view: list(view.sources()))))
    try:
        fabric.close()
        talk.send("closed")
    except DataError as error:
        talk.send(error.happened)


@pytest.mark.parametrize("which", ["the data", "the page that counts"])
def test_a_commit_whose_sync_failed_is_the_last_one_of_its_process(tmp_path: Path, which: str) -> None:
    """The system may have dropped the pages it could not write; a second commit that seems to work proves nothing."""
    furnish(tmp_path / "memory")
    armed = [False]
    seen = []

    def decide(call: Call) -> int:
        if not armed[0] or not call.path.endswith("data.mdb") or call.kind not in ("sync", "write"):
            return PASS
        seen.append(call.kind)
        at_meta = call.kind == "write" and "sync" in seen
        if (call.kind == "sync" and which == "the data") or (at_meta and which != "the data"):
            armed[0] = False
            return errno.EIO
        return PASS

    with Watch(str(tmp_path), decide) as watch:
        process, talk = start(spoiled, tmp_path / "memory", watch=watch)
        assert talk.recv() == "ready"
        armed[0] = True
        talk.send("go")
        first, second, sources, closed = (talk.recv() for _ in range(4))
        process.join(LIMIT_S)
        talk.close()
    assert "Input/output error" in first
    assert "not written any more" in second or "MDB_PANIC" in second
    assert (sources, armed[0]) == (30, False)
    assert closed == "closed" or "not written" in closed
    holds(tmp_path / "memory", FILES)

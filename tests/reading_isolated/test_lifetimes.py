"""No reader outlives whoever started it, however that ends, and nothing is left behind by many that came and went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import Interrupted
from assistant.reading.desk import ReadingDesk, WantedPlaces
from assistant.reading.isolation import ReaderSetup
from assistant.reading.jobs import Job
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources
from tests.reading_isolated.desks import PATIENT, children, desk_of, read_all, setup_of, told, wanted, written
from tests.reading_isolated.processes import lives, until

ROOT = Path(__file__).resolve().parents[2]

PARENT = """
import signal, sys, threading, time
from pathlib import Path
from tests.reading_isolated.desks import setup_of
from assistant.reading.jobs import Job
from assistant.reading.pool import ReaderPool
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background without it
harm, path, how = sys.argv[1:]
pool = ReaderPool(setup_of(harm), 2)

def read():
    global job
    job = pool.submit(Job(["read", path, "", "", ""]))
    other = pool.submit(Job(["read", path, "", "", ""], size_bytes=1 << 20))
    more = pool.submit(Job(["read", path, "", "", ""]))
    while len(pool.pids) < 2 or not all(process.ready for process in pool._processes):
        pool.pump(0.1)

if how == "thread":  # the thread that starts the readers ends before they do
    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
else:
    read()
print(*pool.pids, flush=True)
if how == "end":
    sys.exit()
if how == "raise":
    raise SystemError("on purpose")
while True:
    pool.pump(1.0)
"""


def parent_of(harm: str, path: Path, how: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A process that reads a poisonous source with two readers, and the numbers of those."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, harm, str(path), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )
    assert parent.stdout is not None
    numbers = [int(word) for word in parent.stdout.readline().split()]
    assert len(numbers) == 2
    return parent, numbers


@pytest.fixture
def poison(tmp_path: Path) -> Path:
    path = tmp_path / "poison.py"
    path.write_text("poison = 1\n")
    return path


@pytest.mark.parametrize("harm", ["spin", "spin_in_c", "ignore_sigterm", "sleep"])
@pytest.mark.parametrize("how", ["stay", "thread"])
def test_kill_9_of_the_parent_takes_busy_readers_along(harm: str, how: str, poison: Path) -> None:
    parent, readers = parent_of(harm, poison, how)
    assert all(map(lives, readers)), "they live as long as their parent does"
    parent.kill()
    parent.communicate()
    until(lambda: not any(map(lives, readers)), "readers are gone")


def test_kill_9_of_the_parent_takes_idle_readers_along(poison: Path) -> None:
    poison.write_text("harmless = 1\n")
    parent, readers = parent_of("spin", poison, "stay")
    parent.kill()
    parent.communicate()
    until(lambda: not any(map(lives, readers)), "readers are gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_parent_ended_by_a_signal_takes_its_readers_along(number: signal.Signals, poison: Path) -> None:
    parent, readers = parent_of("spin_in_c", poison, "stay")
    parent.send_signal(number)
    parent.communicate()
    until(lambda: not any(map(lives, readers)), "readers are gone")


@pytest.mark.parametrize("how", ["end", "raise"])
def test_a_parent_that_ends_without_closing_its_pool_leaves_no_reader(how: str, poison: Path) -> None:
    parent, readers = parent_of("spin_in_c", poison, how)
    parent.communicate()
    assert not any(map(lives, readers))


def test_a_reader_stopped_by_a_signal_is_taken_along_too(poison: Path) -> None:
    parent, readers = parent_of("spin", poison, "stay")
    for number in readers:
        os.kill(number, signal.SIGSTOP)
    parent.kill()
    parent.communicate()
    until(lambda: not any(map(lives, readers)), "readers are gone")


def test_ctrl_c_does_not_reach_a_reader(poison: Path) -> None:
    parent, readers = parent_of("spin", poison, "stay")
    for number in readers:
        assert os.getpgid(number) == number != os.getpgid(parent.pid)
        os.kill(number, signal.SIGINT)
    assert all(map(lives, readers))
    parent.kill()
    parent.communicate()


def test_kill_9_of_a_reader_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    texts = [f"value_{number} = {number}\n" for number in range(200)]
    folder = written(tmp_path / "files", *texts)
    with desk_of(most=2) as (desk, pool):
        killed, found = 0, []
        for step, reading in desk.flow(FileSources().walk(str(folder)), wanted):
            assert reading is not None
            text = reading.drafts[0].text if reading.drafts else None
            found.append((Path(step.address.path).name, reading.problem, text))
            if len(found) % 40 == 1:
                for number in pool.pids:
                    os.kill(number, signal.SIGKILL)
                    killed += 1
        assert killed >= 5
        assert pool.starts > 2
    whole = [(f"{number:03}.py", None, texts[number].strip()) for number in range(200)]
    named = [(name, "the reader was killed (signal 9)", None) for name, _, _ in whole]
    assert all(one in pair for one, pair in zip(found, zip(whole, named, strict=True), strict=True))
    assert len(set(found) & set(whole)) >= 200 - killed, "only what was being read twice as it was killed is given up"


def test_a_reader_that_is_killed_every_time_is_given_up(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "poison = 1\n", "second = 2\n")
    with desk_of("kill_itself") as (desk, pool):
        assert told(read_all(desk, folder)) == ["the reader was killed (signal 9)", "second = 2"]
        assert pool.starts == 3


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_two_hundred_restarts_leak_nothing(tmp_path: Path) -> None:
    path = tmp_path / "poison.py"
    path.write_text("poison = 1\n")
    before, files, threads = children(), open_files(), threading.active_count()
    pool = ReaderPool(setup_of("leave"), 2, most_starts_a_second=1000)
    try:
        jobs = [pool.submit(Job(["read", str(path), "", "", ""])) for _ in range(200)]
        for job in jobs:
            assert pool.wait(job)
            assert job.problem == "the reader stopped (exit code 3)"
        assert pool.starts >= 200
    finally:
        pool.close()
    assert children() <= before
    assert (open_files(), threading.active_count()) == (files, threads)
    assert [one for one in psutil.Process().children() if one.status() == psutil.STATUS_ZOMBIE] == []


def test_a_folder_of_poison_is_no_storm_of_processes(tmp_path: Path) -> None:
    """Time is ours: it passes only when we say so, and without it no further process is started."""
    path = tmp_path / "poison.py"
    path.write_text("poison = 1\n")
    now_s = [100.0]
    pool = ReaderPool(setup_of("leave"), 2, most_starts_a_second=3, clock=lambda: now_s[0])
    try:
        jobs = [pool.submit(Job(["read", str(path), "", "", ""])) for _ in range(8)]
        for second in range(1, 4):
            until(lambda: pumped(pool) and not pool.pids, "all that may start have started and ended")
            for _ in range(20):
                pool.pump(0.01)
            assert pool.starts == min(8, 3 * second)
            now_s[0] += 1.5
        assert all(job.done for job in jobs)
    finally:
        pool.close()


def pumped(pool: ReaderPool) -> bool:
    pool.pump(0.1)
    return True


def test_a_stop_in_the_middle_ends_the_readers_that_are_busy(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n", "third = 3\n")
    stop = threading.Event()
    pool = ReaderPool(setup_of("spin"), 1)
    desk = ReadingDesk(FileSources(), FileReader(), pool, stop.is_set)
    before = children()
    try:
        flow = desk.flow(FileSources().walk(str(folder)), wanted)
        _, first = next(flow)
        assert first is not None
        assert first.drafts[0].text == "first = 1"
        (reader,) = pool.pids
        stop.set()
        with pytest.raises(Interrupted):
            next(flow)
        assert pool.pids == []
        assert not lives(reader)
    finally:
        pool.close()
    assert children() <= before


def test_a_stop_while_places_are_looked_up_leaves_no_question_behind(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "poison = 1\n", "poison = 2\n")
    pool = ReaderPool(setup_of("spin"))
    desk = ReadingDesk(FileSources(), FileReader(), pool, lambda: True)
    try:
        asked = [WantedPlaces(SourceAddress(str(path)), str(folder), [(0, 4)]) for path in sorted(folder.iterdir())]
        with pytest.raises(Interrupted):
            desk.places(asked)
        pool.pump()
        assert (pool.starts, pool.pids) == (1, []), "the second question is asked of a new reader"
        with pytest.raises(Interrupted):
            desk.read_given(SourceAddress("poison.py"), b"poison = 3\n")
        assert pool.pids == []
    finally:
        pool.close()


def test_a_flow_that_nobody_finishes_lets_go_of_its_readers(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n")
    with desk_of("spin") as (desk, pool):
        flow = desk.flow(FileSources().walk(str(folder)), wanted)
        next(flow)
        assert pool.pids
        flow.close()
        assert pool.pids == []


def test_what_others_wait_for_survives_a_flow_that_was_dropped(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n", "poison = 2\n")
    with desk_of("spin") as (desk, pool):
        flow = desk.flow(FileSources().walk(str(folder)), wanted)
        next(flow)
        job = pool.submit(Job(["read", str(folder / "000.py"), "", "", ""]))
        flow.close()
        assert pool.wait(job)
        assert job.problem is None
        assert job.answers[0][0] == "document"


def test_no_process_is_started_for_nothing(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first note\n", "second note\n", ending=".txt")
    with desk_of() as (desk, pool):
        assert told(read_all(desk, folder)) == ["first note", "second note"]
        assert list(desk.flow(FileSources().walk(str(folder)), lambda _: None))
        assert pool.starts == 0


def test_readers_rest_when_they_have_nothing_to_do(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", "first = 1\n")
    with desk_of(limits=PATIENT) as (desk, pool):
        read_all(desk, folder)
        assert len(pool.pids) == 1
        desk.rest()
        assert pool.pids == []
        assert told(read_all(desk, folder)) == ["first = 1"]
        assert pool.starts == 2


def test_jobs_of_a_closed_pool_fail(tmp_path: Path) -> None:
    path = tmp_path / "poison.py"
    path.write_text("poison = 1\n")
    pool = ReaderPool(setup_of("spin"))
    job = pool.submit(Job(["read", str(path), "", "", ""]))
    pool.close()
    assert job.done
    assert job.problem == "reading was stopped"


def test_two_threads_share_a_pool(tmp_path: Path) -> None:
    folder = written(tmp_path / "files", *[f"value_{number} = {number}\n" for number in range(60)])
    pool = ReaderPool(ReaderSetup(PATIENT), 2)
    found: dict[str, list[str]] = {}

    def read(name: str) -> None:
        found[name] = told(read_all(ReadingDesk(FileSources(), FileReader(), pool), folder))

    threads = [threading.Thread(target=read, args=(name,)) for name in ("one", "other")]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        pool.close()
    assert found["one"] == found["other"] == [f"value_{number} = {number}" for number in range(60)]

"""The process that stays: what it costs when nothing happens, and how it serves people while it indexes flat out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from assistant.contracts.commands import AddFolders, Ask, Recall, StopProcess, TellStatus
from assistant.contracts.items import RecallQuery
from assistant.locations import locate
from assistant.reaching import attached
from assistant.serving.calling import RemoteDoor
from benchmarks.measuring import Figures, percentile, seconds
from benchmarks.texts import Texts, write_files
from benchmarks.workbench import REPOSITORY, Workbench

FILES = 10_000
PARTS = 6
IDLE_S = 60
QUESTIONS = 40
EDITS = 40
START_S = 120
FOUND_S = 60
EVERY_S = 0.01


def run(bench: Workbench) -> Figures:
    figures = Figures("living: the running process")
    bench.encoder.encode(["Prepared before anything is timed."])
    with _running(bench, "living") as (door, process):
        door.do(AddFolders(paths=(str(bench.passages),)))
        for number in range(5):
            door.do(Ask(text=f"{_question(number)} (before anything is timed)"))
        _idle(bench, process, figures)
        idle = _asked(bench, door, seed=1)
        quiet_s = _edits(bench, door, "quiet")
        folder = bench.folder / "many"
        write_files(folder, bench.count(FILES, 40), PARTS, seed=8)
        with _added(bench, folder) as under_way:
            scan_s = _edits(bench, door, "scan", while_=lambda: door.do(TellStatus()).items < bench.count(50_000, 100))
            _until_embedding(door, under_way)
            busy = _asked(bench, door, seed=2)
            later_s = _edits(bench, door, "embedding")
            figures.add("resident_busy_mb", _resident_mb(process), "MB", "resident while it indexes")
    for name, what in (("ask", "a question answered"), ("recall", "a recall")):
        still, driven = idle[name], busy[name]
        figures.add(f"{name}_idle_ms", 1000 * percentile(still, 50), "ms", f"{what}, when nothing else happens, p50")
        figures.add(
            f"{name}_busy_ms", 1000 * percentile(driven, 50), "ms", f"{what}, while everything is embedded, p50"
        )
        ratio = percentile(driven, 50) / percentile(still, 50)
        figures.add(f"{name}_busy_to_idle", ratio, "x", f"{what}: embedding : idle (p50)")
        ratio = percentile(driven, 95) / percentile(still, 95)
        figures.add(f"{name}_busy_to_idle_p95", ratio, "x", f"{what}: embedding : idle (p95)")
    for name, times, what in (
        ("edit_idle", quiet_s, "when nothing else happens"),
        ("edit_scan", scan_s, f"while {bench.count(FILES, 40):,} files are scanned"),
        ("edit_embedding", later_s, "while they are embedded"),
    ):
        if times:
            figures.add(f"{name}_s", percentile(times, 50), "s", f"a file written: until it is found by a word, {what}")
            figures.add(f"{name}_p95_s", percentile(times, 95), "s", f"the same, p95 of {len(times)}")
    return figures


@contextmanager
def _running(bench: Workbench, home: str) -> Iterator[tuple[RemoteDoor, psutil.Process]]:
    environment = bench.environment(home)
    child = subprocess.Popen(
        [sys.executable, "-m", "assistant", "serve", "--foreground"],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + START_S
        while (door := attached(locate(environment))) is None:
            if child.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError("the process did not start")
            time.sleep(EVERY_S)
        yield door, psutil.Process(child.pid)
        door.do(StopProcess())
        door.close()
        child.wait(START_S)
    finally:
        child.kill()
        child.wait()


def _idle(bench: Workbench, process: psutil.Process, figures: Figures) -> None:
    wait_s = bench.count(IDLE_S, 2)
    time.sleep(2)
    before = _cpu_s(process)
    time.sleep(wait_s)
    share = (_cpu_s(process) - before) / wait_s
    figures.add("idle_share", 100 * share, "%", f"of one processor, over {wait_s} s in which nothing happens")
    figures.add("resident_mb", _resident_mb(process), "MB", "resident, default model loaded, nothing happens")
    figures.add("threads", process.num_threads(), "", "threads")
    figures.add("files", process.num_fds(), "", "open files")


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + sum(sum(child.cpu_times()[:2]) for child in process.children()))


def _resident_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def _question(seed: int) -> str:
    return Texts(seed).question()


def _asked(bench: Workbench, door: RemoteDoor, seed: int) -> dict[str, list[float]]:
    """Seconds for questions and recalls in turn; no question comes twice."""
    maker = Texts(1000 + seed)
    times: dict[str, list[float]] = {"ask": [], "recall": []}
    for number in range(bench.count(QUESTIONS, 4)):
        text = f"{maker.question()} {number}"
        times["ask"].append(seconds(lambda text=text: door.do(Ask(text=text))))  # type: ignore[misc]
        text = f"{maker.question()} {number}"
        times["recall"].append(seconds(lambda text=text: door.do(Recall(query=RecallQuery(text=text)))))  # type: ignore[misc]
    return times


def _edits(bench: Workbench, door: RemoteDoor, name: str, while_: Callable[[], bool] = lambda: True) -> list[float]:
    """Seconds from writing a file until a word in it is found, one after the other."""
    times = []
    for number in range(bench.count(EDITS, 3)):
        if times and not while_():
            break
        word = f"zanzibar{name}{number}"
        path = bench.passages / f"{name}.md"
        began_s = time.perf_counter()
        path.write_text(f"Remember the {word}.\n")
        while not any(word in hit.snippet for hit in door.do(Recall(query=RecallQuery(text=word, k=1))).items):
            if time.perf_counter() - began_s > FOUND_S:
                raise RuntimeError(f"{path} was never found")
            time.sleep(EVERY_S)
        times.append(time.perf_counter() - began_s)
    return times


@contextmanager
def _added(bench: Workbench, folder: Path) -> Iterator[threading.Event]:
    """Have a folder added and embedded meanwhile; the event is set when that has ended."""
    ended, stop = threading.Event(), threading.Event()
    environment = bench.environment("living")

    def add() -> None:
        door = attached(locate(environment))
        assert door is not None
        try:
            door.do(AddFolders(paths=(str(folder),)), None, stop)
        finally:
            ended.set()
            door.close()

    thread = threading.Thread(target=_quietly(add))
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


def _quietly(work: Callable[[], None]) -> Callable[[], None]:
    from assistant.contracts.errors import Interrupted

    def quiet() -> None:
        try:
            work()
        except Interrupted:
            return

    return quiet


def _until_embedding(door: RemoteDoor, ended: threading.Event) -> None:
    """Until the scan is over and vectors are being made."""
    before = None
    while not ended.is_set():
        pending = door.do(TellStatus()).pending_vectors
        if before is not None and pending < before:
            return
        before = pending
        time.sleep(0.5)

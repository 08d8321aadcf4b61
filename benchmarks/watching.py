"""Folders that are watched: from an edit until its words are found, idle and beside a scan; what watching costs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from assistant.actors.librarian import Librarian
from assistant.clock import SystemClock
from assistant.contracts.events import nobody
from assistant.memory.fabric import Fabric
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources
from benchmarks.following import Following
from benchmarks.measuring import Figures, percentile, seconds
from benchmarks.texts import write_files
from benchmarks.workbench import REPOSITORY, Workbench

HOME_FILES = 1_000
SCANNED_FILES = 10_000
PARTS = 6
EDITS = 60
LARGE_FOLDERS = 10_000
FILES_IN_EACH = 10
IDLE_S = 30.0
_LIMIT_S = 60.0
_ASK_EVERY_S = 0.005
_PAUSE_S = 0.1


def run(bench: Workbench) -> Figures:
    home, scanned = bench.folder / "watched", bench.folder / "scanned"
    write_files(home, bench.count(HOME_FILES, 10), PARTS, seed=5)
    files = bench.count(SCANNED_FILES, 30)
    write_files(scanned, files, PARTS, seed=6)
    figures = Figures("watching: edits in a watched folder, words only, everything in one process")
    edits = bench.count(EDITS, 3)
    with bench.assistant("watching", words_only=True) as assistant:
        assistant.add([str(home)], embed=False)
        fabric, sources, stop = assistant.fabric, FileSources(), threading.Event()
        librarian = Librarian(fabric, sources, FileReader(), SystemClock(), nobody, stop)
        with Following(librarian, sources) as following:
            following.noticer.watch(str(home))
            idle = [_edit(fabric, home, number) for number in range(edits)]
            idle_looks = [one.took_s for one in following.looked]
            alone_s = seconds(lambda: assistant.add([str(scanned)], embed=False))
            assistant.forget(str(scanned))
            following.looked.clear()
            busy, scan_s = _beside_a_scan(lambda: assistant.add([str(scanned)], embed=False), fabric, home, edits)
            busy_looks = [one.took_s for one in following.looked]
    _tell(figures, "idle", idle, idle_looks, "nothing else going on")
    _tell(figures, "busy", busy, busy_looks, f"while {files:,} files are scanned")
    figures.add("scan_s", alone_s, "s", f"scan of {files:,} files alone")
    figures.add("scan_beside_s", scan_s, "s", f"the same beside {len(busy)} edits and searches every few ms")
    _cost(bench, figures)
    return figures


def _edit(fabric: Fabric, home: Path, number: int) -> float:
    """Seconds from an edit until its new word is found."""
    paths = sorted(home.rglob("*.md"))
    path, word = paths[(number * 7919) % len(paths)], f"quagga{number}word"
    text = f"{path.read_text()}\n\nRemember the {word}.\n"
    started_s = time.perf_counter()
    path.write_text(text)
    while not fabric.terms.search({word: 1.0}, (), (), 1):
        if time.perf_counter() - started_s > _LIMIT_S:
            raise TimeoutError(f"{word} was not found")
        time.sleep(_ASK_EVERY_S)
    return time.perf_counter() - started_s


def _beside_a_scan(scan, fabric: Fabric, home: Path, edits: int) -> tuple[list[float], float]:  # type: ignore[no-untyped-def]
    took: list[float] = []
    thread = threading.Thread(target=lambda: took.append(seconds(scan)))
    found: list[float] = []
    thread.start()
    while thread.is_alive() and len(found) < 10 * edits:
        found.append(_edit(fabric, home, 1000 + len(found)))
        time.sleep(_PAUSE_S)
    thread.join()
    return found, took[0]


def _tell(figures: Figures, name: str, times: list[float], looks: list[float], when: str) -> None:
    figures.add(f"{name}_p50_s", percentile(times, 50), "s", f"edit to searchable, {when}, median of {len(times)}")
    figures.add(f"{name}_p95_s", percentile(times, 95), "s", f"the same, p95 (longest {max(times):.2f} s)")
    figures.add(f"{name}_look_p50_s", percentile(looks, 50), "s", "of that: the look")
    figures.add(f"{name}_look_p95_s", percentile(looks, 95), "s", "of that: the look, p95")


def _cost(bench: Workbench, figures: Figures) -> None:
    large = bench.folder / "large"
    folders = bench.count(LARGE_FOLDERS, 20)
    for number in range(folders):
        place = large / f"{number // 100:03d}" / f"{number % 100:02d}"
        place.mkdir(parents=True)
        for one in range(FILES_IN_EACH):
            (place / f"{one}.md").write_bytes(b"x\n")
    idle_s = max(0.5, IDLE_S * min(1.0, bench.scale))
    command = [sys.executable, "-m", "benchmarks.watching", str(large), str(idle_s)]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, timeout=600)
    found = json.loads(done.stdout)
    what = f"{found['folders']:,} folders with {folders * FILES_IN_EACH:,} files"
    figures.add("watch_s", found["watch_s"], "s", f"until {what} are watched")
    figures.add("watch_mb", found["watch_bytes"] / 1e6, "MB", "more resident memory than before")
    figures.add("watch_bytes", found["watch_bytes"] / found["folders"], "bytes", "that is, for each folder")
    figures.add("idle_cpu_s", found["idle_cpu_s"], "s", f"processor time in {idle_s:g} s in which nothing happens")


def _child(folder: str, idle_s: float) -> dict[str, float]:
    from assistant.reading.noticing import Noticer
    from benchmarks.resident import resident_bytes

    noticer = Noticer(FileSources(), lambda _: None)
    before, started_s = resident_bytes(), time.perf_counter()
    watched = noticer.watch(folder)
    watch_s = time.perf_counter() - started_s
    after = resident_bytes()
    cpu_s = time.process_time()
    time.sleep(idle_s)
    cpu_s = time.process_time() - cpu_s
    noticer.close()
    return {"folders": watched.folders, "watch_s": watch_s, "watch_bytes": after - before, "idle_cpu_s": cpu_s}


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1], float(sys.argv[2]))))

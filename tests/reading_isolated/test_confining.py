"""Limits that really hold, seen from inside a process that has bound itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.reading.watching import PATIENCE, Watch
from tests.reading_isolated.processes import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]

START = """
import os, sys
from assistant.reading.confining import ReadingLimits, allow_cpu, confine
confine(ReadingLimits(memory_bytes=256 << 20), int(sys.argv[1]))
"""


def confined(code: str) -> subprocess.CompletedProcess[str]:
    """What becomes of ``code`` after the process has bound itself to 256 MiB."""
    line, lifeline = os.pipe()
    try:
        return subprocess.run(
            [sys.executable, "-c", START + code, str(line)],
            pass_fds=(line,),
            process_group=0,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            cwd=ROOT,
        )
    finally:
        os.close(line)
        os.close(lifeline)


@pytest.mark.parametrize(
    "greed",
    [
        "bytearray(300 << 20)",
        "[bytearray(1 << 20) for _ in range(300)]",
        "' ' * (300 << 20)",
        "list(range(20_000_000))",
        "import zlib; zlib.decompress(zlib.compress(bytes(300 << 20)))",
        "import mmap; mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
        "import ctypes; ctypes.create_string_buffer(300 << 20)",
    ],
)
def test_memory_beyond_the_limit_is_refused(greed: str) -> None:
    done = confined(f"\ntry:\n    {greed}\nexcept (MemoryError, OSError) as error:\n    print('refused')")
    assert (done.stdout, done.returncode) == ("refused\n", 0), done.stderr


def test_memory_within_the_limit_is_given() -> None:
    assert confined("\nprint(len(bytearray(150 << 20)))").stdout == f"{150 << 20}\n"


def test_a_large_file_may_be_looked_into(tmp_path: Path) -> None:
    """Mapped files are not counted: a pack of many gigabytes is no reason to refuse its commits."""
    path = tmp_path / "pack"
    path.touch()
    os.truncate(path, 4 << 30)
    code = f"\nimport mmap\nwith open({str(path)!r}, 'rb') as f:\n"
    code += "    print(len(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)))"
    assert confined(code).stdout == f"{4 << 30}\n"


def test_processor_time_ends() -> None:
    done = confined("\nallow_cpu(0)\nwhile True: pass")
    assert done.returncode == -24  # SIGXCPU


def test_files_stay_small_and_few(tmp_path: Path) -> None:
    path = tmp_path / "file"
    caught = "\nexcept OSError as error: print(error.errno)"
    done = confined(f"\ntry:\n    open({str(path)!r}, 'wb').write(bytes(1 << 20)){caught}")
    assert done.stdout == "27\n"  # EFBIG
    assert path.stat().st_size <= 64 * 1024
    done = confined(f"\nkept = []\ntry:\n    while True: kept.append(os.open('/dev/null', 0)){caught}")
    assert done.stdout == "24\n"  # EMFILE


def test_a_process_whose_parent_is_gone_already_does_not_begin() -> None:
    line, lifeline = os.pipe()
    os.close(lifeline)
    try:
        done = subprocess.run(
            [sys.executable, "-c", START + "print('begun')", str(line)],
            pass_fds=(line,),
            process_group=0,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            cwd=ROOT,
        )
    finally:
        os.close(line)
    assert done.stdout == ""
    assert done.returncode in (0, -9)


def test_a_process_that_runs_all_the_time_has_its_limit_and_no_more() -> None:
    watch = Watch(0.0, 1.0)
    me = os.getpid()
    assert not watch.is_overdue(0.2, me)
    assert not watch.is_overdue(0.5, me)
    started_s = sum(os.times()[:2])
    while sum(os.times()[:2]) - started_s < 0.3:
        pass
    assert not watch.is_overdue(0.9, me)
    assert watch.is_overdue(1.0, me)


def test_a_process_that_is_not_let_run_has_patience_shown_to_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        watch = Watch(0.0, 100.0)
        times = [now_s for now_s in range(1000) if watch.is_overdue(float(now_s), process.pid)]
        assert times[0] == PATIENCE * 100
    finally:
        process.kill()
        process.wait()

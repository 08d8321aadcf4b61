"""Processes that look at a store for us: they outlive nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
from reading_isolated.processes import lives, until

from assistant.contracts.errors import Interrupted, StorageFailed
from assistant.memory import children
from hardness.processes import LIMIT_S, start

MODULE = "hardness.waiting_child"


@pytest.fixture(autouse=True)
def _tests_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1]))


def with_a_child(talk: Connection, thread: bool) -> None:
    """Start a child, in a thread of its own that ends when so wished, and wait to be killed."""

    def wait() -> None:
        with children.child(MODULE) as child:
            assert next(child.blocks(LIMIT_S)) == b"ready\n"
            talk.send("ready")
            talk.recv()

    if thread:
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join()
    else:
        wait()


@pytest.mark.parametrize("thread", [False, True])
def test_kill_9_of_the_parent_takes_a_child_along(thread: bool) -> None:
    process, talk = start(with_a_child, thread)
    try:
        assert talk.poll(LIMIT_S)
        assert talk.recv() == "ready"
        (child,) = psutil.Process(process.pid).children()
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        until(lambda: not lives(child.pid), "the end of the child")
    finally:
        process.kill()
        talk.close()


def test_a_stop_ends_a_child_that_says_nothing() -> None:
    stop = threading.Event()
    before = set(psutil.Process().children())
    with children.child(MODULE, should_stop=stop.is_set) as child:
        blocks = child.blocks(LIMIT_S)
        next(blocks)
        stop.set()
        with pytest.raises(Interrupted):
            next(blocks)
    assert set(psutil.Process().children()) <= before


def test_a_child_that_says_nothing_for_too_long_is_given_up() -> None:
    with children.child(MODULE) as child:
        next(child.blocks(LIMIT_S))
        with pytest.raises(StorageFailed, match="took longer"):
            next(child.blocks(0.3))


def test_a_child_that_closes_its_output_and_stays_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "END_LIMIT_S", 0.3)
    with children.child(MODULE, "close") as child:
        assert b"".join(child.blocks(LIMIT_S)) == b"ready\n"
        with pytest.raises(StorageFailed, match="took longer"):
            child.ended()


def test_a_child_whose_parent_is_gone_before_it_begins_does_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assistant.memory.mending", str(tmp_path)]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, process_group=0, timeout=LIMIT_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []

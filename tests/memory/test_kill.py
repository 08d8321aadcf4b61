"""``kill -9`` at random moments: nothing that was acknowledged is lost, and the indexes agree."""

from __future__ import annotations

import json
import os
import random
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assistant.actors.librarian import Librarian
from assistant.contracts.documents import SourceAddress
from assistant.contracts.events import nobody
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.testing.clock import FakeClock
from assistant.testing.hashing import HashingEncoder
from memory.world import LineReader, PlainFiles, opened, state_of

TESTS = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("kill_loop.py")


def killed_worker(store: Path, files: Path, draw: random.Random) -> list[dict[str, object]]:
    """Start a worker, kill it, and return what it had said. Mostly it is killed at work, sometimes while it opens."""
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
    command = [sys.executable, str(WORKER), str(store), str(files), str(draw.randrange(10**6))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as worker:
        assert worker.stdout is not None
        assert worker.stderr is not None
        said = b""
        if draw.random() < 0.85:
            said = worker.stdout.readline()
            assert said, worker.stderr.read().decode()
        with selectors.DefaultSelector() as selector:
            selector.register(worker.stdout, selectors.EVENT_READ)
            end_s = time.monotonic() + draw.uniform(0.0, 0.4)
            while (left_s := end_s - time.monotonic()) > 0:
                if selector.select(left_s):
                    said += os.read(worker.stdout.fileno(), 65536)
                assert worker.poll() is None, worker.stderr.read().decode()
        worker.kill()
        said += worker.stdout.read()
    return [json.loads(line) for line in said.split(b"\n")[:-1]]


class Expected:
    """What must be remembered of each file, as far as it was acknowledged."""

    def __init__(self) -> None:
        self.contents: dict[str, str | None] = {}
        self.unsure: set[str] = set()
        self.embedded: set[str] = set()
        self.forgetting = False

    def hear(self, said: list[dict[str, object]]) -> None:
        for line in said:
            will, done = line.get("will"), line.get("done")
            if isinstance(will, list):
                self.unsure |= set(will)
                self.embedded -= set(will)
            if isinstance(done, dict):
                self.contents |= done
                self.unsure -= set(done)
                self.forgetting = False
            if "forgetting" in line:
                self.forgetting = True
                self.embedded.clear()
            if "embedded" in line:
                self.embedded = {path for path, content in self.contents.items() if content} - self.unsure

    def compare(self, fabric: Fabric) -> None:
        state = state_of(fabric)
        if self.forgetting and not state:
            return
        for path, content in self.contents.items():
            if path not in self.unsure:
                lines = None if content is None else [line for line in content.split("\n") if line.strip()]
                assert state.get(path) == lines, path
        with fabric.records.read() as view:
            for path in self.embedded:
                source = view.source(SourceAddress(path))
                assert source is not None
                for item in view.items(source.items):
                    assert view.vector(fabric.space.fingerprint, item.content) is not None


def kill_rounds(folder: Path, rounds: int, seed: int) -> None:
    draw, encoder = random.Random(seed), HashingEncoder(16)
    store, files = folder / "store", folder / "files"
    files.mkdir()
    expected, heard = Expected(), 0
    for number in range(rounds):
        try:
            said = killed_worker(store, files, draw)
            heard += len(said)
            expected.hear(said)
            fabric = opened(store, encoder)
            assert check(fabric).findings == ()
            expected.compare(fabric)
            librarian = Librarian(fabric, PlainFiles(), LineReader(), FakeClock(), nobody, threading.Event())
            librarian.scan(str(files))
            assert check(fabric).findings == ()
            on_disk = {str(path): path.read_text() for path in files.iterdir()}
            assert state_of(fabric) == {
                path: [line for line in text.split("\n") if line.strip()] for path, text in on_disk.items()
            }
            fabric.close()
        except BaseException as error:
            error.add_note(f"seed {seed}, round {number}")
            raise
        expected.contents = dict.fromkeys(expected.contents) | on_disk
        expected.unsure.clear()
        expected.embedded.clear()
        expected.forgetting = False
    assert heard > rounds


def test_killed_at_random_moments(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 20, seed=11)


@pytest.mark.soak
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("seed", range(4))
def test_killed_a_thousand_times(tmp_path: Path, seed: int) -> None:
    kill_rounds(tmp_path, 250, seed)

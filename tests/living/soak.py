"""A soak: a process that is served, killed and started again, while its folders change as people change them.

``python -m living.soak SECONDS SEED``, in ``tests``. At the end the memory must equal one made just now from the same
files, source by source and piece by piece; and a process that lived through it must not have grown.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from assistant.app import Assistant
from assistant.contracts.commands import AddFolders, Recall, RunTask, StopProcess, TellJobs, TellStatus
from assistant.contracts.errors import AssistantError
from assistant.contracts.items import RecallQuery
from assistant.contracts.reports import Status
from assistant.locations import Locations, locate
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.reaching import attached
from assistant.serving.calling import NobodyThere, RemoteDoor
from assistant.settings import Settings
from assistant.testing.hashing import HashingEncoder

START_S = 60.0
SETTLE_S = 180.0
WORDS = ("boiler", "ferry", "invoice", "garden", "zebra", "orange", "winter", "stapler", "harbour", "лодка")
POISON = ("<div>" * 30_000, "[" * 50_000, "a,b\n" + '"' * 40_000, "def f():\n" + " " * 4 + "x = (" * 20_000)


@dataclass
class Figures:
    """What happened, and what was found wrong (empty: nothing)."""

    seconds: float = 0.0
    changes: int = 0
    asked: int = 0
    kills: int = 0
    readers_hurt: int = 0
    switches: int = 0
    touched: int = 0
    sources: int = 0
    items: int = 0
    grown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    first: tuple[int, int, int] = (0, 0, 0)
    last: tuple[int, int, int] = (0, 0, 0)

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.seconds:.0f} s, {self.changes} changes ({self.switches} of branches), {self.asked} questions",
                f"{self.kills} kills of the process, {self.readers_hurt} of readers (killed or stopped)",
                f"{self.touched} sources were given up with their reader, and read again after they were touched",
                f"{self.sources} sources, {self.items} pieces at the end",
                "resident MB, open files, threads of the last process: "
                f"{self.first[0] / 1e6:.0f}, {self.first[1]}, {self.first[2]} in the beginning, "
                f"{self.last[0] / 1e6:.0f}, {self.last[1]}, {self.last[2]} in the end",
                "wrong: " + ("; ".join(self.wrong) or "nothing"),
            )
        )


class Soak:
    """``folder``: where everything is kept; thrown away by the caller."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self._folder = folder
        self._chance = random.Random(seed)
        self._environment = {**os.environ, "ASSISTANT_HOME": str(folder / "assistant")}
        self._environment.pop("PYTEST_CURRENT_TEST", None)
        self._places = locate(self._environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._door: RemoteDoor | None = None
        self._number = 0
        self._has_git = shutil.which("git") is not None
        self.figures = Figures()

    def run(self, seconds: float, kill_every_s: float) -> Figures:
        """``kill_every_s``: between two kills, on average; the last third of the time there are none."""
        began_s = time.monotonic()
        for _ in range(30):
            self._write()
        if self._has_git:
            self._make_repository()
        door = self._start()
        door.do(AddFolders(paths=(str(self.home),), embed=False))
        next_kill_s = time.monotonic() + kill_every_s * self._chance.uniform(0.3, 1.0)
        quiet_from_s = began_s + seconds * 2 / 3
        measured = False
        while (now_s := time.monotonic()) < began_s + seconds:
            self._change()
            if self._chance.random() < 0.3:
                self._ask(door)
            if self._chance.random() < 0.05:
                self._hurt_a_reader()
            if now_s > next_kill_s and now_s < quiet_from_s:
                door = self._kill()
                next_kill_s = time.monotonic() + kill_every_s * self._chance.uniform(0.5, 1.5)
            if now_s > quiet_from_s and not measured:
                self._settled(door)
                self.figures.first, measured = self._size(), True
            time.sleep(self._chance.uniform(0, 0.05))
        self._touch_hurt(self._settled(door))
        self._settled(door)
        self.figures.last = self._size()
        if not measured:  # the time was up before it came to rest once
            self.figures.first = self.figures.last
        self.figures.seconds = time.monotonic() - began_s
        self._compare(door)
        self._judge_growth()
        return self.figures

    # what people do

    def _change(self) -> None:
        doing: list[tuple[int, Callable[[], None]]] = [
            (30, self._write),
            (25, self._edit),
            (10, self._save_beside),
            (10, self._delete),
            (8, self._rename),
            (3, self._rename_folder),
            (2, self._delete_folder),
            (2, self._ignore),
            (1, self._poison),
            (3 if self._has_git else 0, self._switch),
        ]
        chosen = self._chance.choices([one for _, one in doing], [weight for weight, _ in doing])[0]
        with suppress(FileNotFoundError):
            chosen()
        self.figures.changes += 1

    def _text(self) -> str:
        self._number += 1
        lines = [
            f"{self._chance.choice(WORDS)} {self._chance.choice(WORDS)} number {self._number} line {line}."
            for line in range(self._chance.randint(1, 12))
        ]
        return "\n\n".join(lines) + "\n"

    def _folder_of(self) -> Path:
        return self.home / self._chance.choice(["", "a", "a/b", "c", "c/d/e", "работа"])

    def _write(self) -> None:
        folder = self._folder_of()
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._chance.randint(0, 80)}.{self._chance.choice(['md', 'txt', 'py', 'csv', 'json'])}"
        (folder / name).write_text(self._text(), encoding="utf-8")

    def _any(self) -> Path:
        files = [path for path in sorted(self.home.rglob("*")) if path.is_file() and ".git" not in path.parts]
        if not files:
            raise FileNotFoundError
        return self._chance.choice(files)

    def _edit(self) -> None:
        with self._any().open("a", encoding="utf-8") as file:
            file.write(self._text())

    def _save_beside(self) -> None:
        path = self._any()
        beside = path.with_name(f".{path.name}.swp")
        beside.write_text(self._text(), encoding="utf-8")
        beside.replace(path)

    def _delete(self) -> None:
        self._any().unlink()

    def _rename(self) -> None:
        path = self._any()
        path.replace(path.with_name(f"moved-{self._chance.randint(0, 30)}{path.suffix}"))

    def _rename_folder(self) -> None:
        source, target = self.home / "c", self.home / f"c{self._chance.randint(1, 3)}"
        if source.exists() and not target.exists():
            source.rename(target)

    def _delete_folder(self) -> None:
        shutil.rmtree(self.home / self._chance.choice(["a/b", "c1", "c2", "c3"]), ignore_errors=True)

    def _ignore(self) -> None:
        rules = self._folder_of()
        rules.mkdir(parents=True, exist_ok=True)
        (rules / ".gitignore").write_text(self._chance.choice(["*.txt\n", "7*\n", "", "!*.md\n"]), encoding="utf-8")

    def _poison(self) -> None:
        kind = self._chance.randrange(len(POISON))
        name = f"poison{kind}.{('html', 'json', 'csv', 'py')[kind]}"
        (self.home / name).write_text(POISON[kind], encoding="utf-8")

    def _git(self, *arguments: str) -> None:
        settings = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(self.home / "repository"), *settings, *arguments]
        subprocess.run(
            command, check=False, capture_output=True, timeout=60, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        )

    def _make_repository(self) -> None:
        place = self.home / "repository"
        place.mkdir()
        self._git("init", "-q", "-b", "main")
        for branch in range(3):
            if branch:
                self._git("checkout", "-q", "-b", f"branch{branch}", "main")
            for number in range(20):
                (place / f"file{number}.md").write_text(self._text(), encoding="utf-8")
            self._git("add", "-A")
            self._git("commit", "-q", "-m", f"state {branch}")

    def _switch(self) -> None:
        self._git("checkout", "-q", "-f", self._chance.choice(["main", "branch1", "branch2"]))
        self.figures.switches += 1

    def _ask(self, door: RemoteDoor) -> None:
        with suppress(AssistantError, NobodyThere):
            door.do(Recall(query=RecallQuery(text=self._chance.choice(WORDS), k=5)))
            self.figures.asked += 1

    # what happens to processes

    def _start(self) -> RemoteDoor:
        if self._door is not None:
            self._door.close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "living.served"],
            cwd=Path(__file__).resolve().parents[1],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + START_S
        while True:
            with suppress(AssistantError, NobodyThere):
                door = attached(self._places)
                if door is not None and door.pid == self._process.pid:
                    self._door = door
                    return door
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise AssertionError(f"the process did not start ({self._process.returncode})")
            time.sleep(0.02)

    def _kill(self) -> RemoteDoor:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.figures.kills += 1
        return self._start()

    def _hurt_a_reader(self) -> None:
        assert self._process is not None
        with suppress(psutil.Error, IndexError):
            reader = self._chance.choice(psutil.Process(self._process.pid).children())
            if self._chance.random() < 0.5:
                reader.kill()
            else:
                reader.suspend()  # it hangs: given up after its time
            self.figures.readers_hurt += 1

    def _size(self) -> tuple[int, int, int]:
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        return process.memory_info().rss, process.num_fds(), process.num_threads()

    def _settled(self, door: RemoteDoor) -> Status:
        """Swept, everything looked at, embedded, and no job left."""
        door.do(RunTask(name="sweep"))
        deadline_s, calm = time.monotonic() + SETTLE_S, 0
        while True:
            status = door.do(TellStatus(problems=True))
            jobs = [job for job in door.do(TellJobs()) if job.state != "failed"]
            calm = calm + 1 if not jobs and not status.pending_vectors else 0
            if calm > 10:
                return status
            if time.monotonic() > deadline_s:
                raise AssertionError(f"it never settled: {jobs}, {status.pending_vectors} pieces wait")
            time.sleep(0.1)

    def _touch_hurt(self, status: Status) -> None:
        """What a reader was at when it was killed or stopped is named, and left alone until it changes: a new date is
        a change."""
        for problem in status.problems:
            if any(words in problem.reason for words in ("took longer", "the reader ")):
                with suppress(OSError):
                    os.utime(problem.path)
                self.figures.touched += 1

    # the end

    def _compare(self, door: RemoteDoor) -> None:
        figures = self.figures
        failed = door.do(TellJobs(failed=True))
        figures.wrong += [f"job given up: {job.command} {job.reason}" for job in failed]
        door.do(StopProcess())
        assert self._process is not None
        if self._process.wait(60) != 0:
            figures.wrong.append(f"it ended with {self._process.returncode}")
        lived = _remembered(self._places, None, figures.wrong)
        fresh = _remembered(Locations(*(self._folder / "fresh" / name for name in "abcd")), str(self.home), [])
        figures.sources, figures.items = len(fresh), sum(len(items) for _, items in fresh.values())
        for path in sorted(lived.keys() | fresh.keys()):
            if lived.get(path) != fresh.get(path):
                figures.wrong.append(f"{path}: {_short(lived.get(path))} is remembered, not {_short(fresh.get(path))}")

    def _judge_growth(self) -> None:
        (size, files, threads), (size_now, files_now, threads_now) = self.figures.first, self.figures.last
        if size_now > 1.3 * size + 64e6:
            self.figures.wrong.append(f"it grew from {size / 1e6:.0f} to {size_now / 1e6:.0f} MB")
        if files_now > files + 8:
            self.figures.wrong.append(f"{files_now - files} more files are open")
        if threads_now > threads + 4:
            self.figures.wrong.append(f"there are {threads_now - threads} more threads")

    def end(self) -> None:
        """Whatever still runs is ended."""
        if self._door is not None:
            self._door.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


Remembered = dict[str, tuple[str, list[tuple[str, str, int, int]]]]


def _remembered(places: Locations, root: str | None, wrong: list[str]) -> Remembered:
    """What a memory holds, by source: its problem or digest, and its pieces. ``root``: remembered first, anew."""
    assistant = Assistant(Settings(readers=2, read_timeout_s=20.0), places, encoder=HashingEncoder())
    try:
        if root is not None:
            assistant.add([root])
        wrong += [finding.said for finding in check(assistant.fabric).findings]
        return _of(assistant.fabric)
    finally:
        assistant.close()


def _of(fabric: Fabric) -> Remembered:
    with fabric.records.read() as view:
        return {
            str(source.address): (
                "unreadable" if source.problem else source.digest,
                [(item.id, item.text, item.start_byte, item.end_byte) for item in view.items(source.items)],
            )
            for source in view.sources()
            if not source.problem
        }


def _short(what: tuple[str, list[tuple[str, str, int, int]]] | None) -> str:
    return "nothing" if what is None else f"{what[0][:10]} with {len(what[1])} pieces"


def main(seconds: float, seed: int, kill_every_s: float = 20.0) -> int:
    """Run, print the figures, and say whether all was well."""
    folder = Path(tempfile.mkdtemp(prefix="assistant-soak-"))
    soak = Soak(folder, seed)
    try:
        figures = soak.run(seconds, kill_every_s)
    finally:
        soak.end()
    sys.stdout.write(f"seed {seed}\n{figures}\n")
    if figures.wrong:
        sys.stdout.write(f"kept in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(float(sys.argv[1]), int(sys.argv[2])))

"""``python -m hardness.kill_loop ROUNDS SEED [MODELS]``: kill a process that lives with a memory at random moments.

In between its files are harmed. Nothing acknowledged may be lost, and it must answer as if its indexes had been made
just now. One round in twenty is of commands, as a person would give them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from memory.world import opened, state_of

from assistant.contracts.errors import BadFile, BadPath
from assistant.memory.container import open_backup
from hardness.living import ENCODER, WORDS, live
from hardness.processes import LIMIT_S, start
from hardness.stored import restored
from hardness.vandalism import vandalise

MOST_STEPS = 8
MOST_DELAY_S = 0.15
KILLED_WHILE_LOOKING = 0.12
COMMANDS_EVERY = 20
MOST_RESTORED = 5


@dataclass
class Figures:
    """What happened in all rounds. ``lost`` and ``divergent`` must be empty."""

    rounds: int = 0
    kills: int = 0
    acknowledged: int = 0
    harmed: Counter[str] = field(default_factory=Counter)
    rebuilt: Counter[str] = field(default_factory=Counter)
    backups: int = 0
    restored: int = 0
    lost: list[str] = field(default_factory=list)
    divergent: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def __str__(self) -> str:
        def listed(counts: Counter[str]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"

        return "\n".join(
            (
                f"rounds {self.rounds}, kills {self.kills}, acknowledged steps {self.acknowledged}",
                f"harmed files {self.harmed.total()}: {listed(self.harmed)}",
                f"mended at opening {self.rebuilt.total()}: {listed(self.rebuilt)}",
                f"backups acknowledged {self.backups}, of them restored and compared {self.restored}",
                f"lost {len(self.lost)}, divergent {len(self.divergent)}, {self.took_s:.0f} s",
                *self.lost,
                *self.divergent,
            )
        )


class Expected:
    """What must be remembered of each file, as far as it was acknowledged."""

    def __init__(self) -> None:
        self.contents: dict[str, str | None] = {}
        self.unsure: set[str] = set()
        self.learnt: set[str] = set()
        self.forgetting = False

    def hear(self, line: dict[str, Any]) -> None:
        """Take note of what a process said it is doing, or has done."""
        if "will" in line:
            self.unsure |= set(line["will"])
            self.learnt -= set(line["will"])
        if "done" in line:
            self.contents |= line["done"]
            self.unsure -= set(line["done"])
            if "forgot" not in line:
                self.forgetting = False
        if "forgetting" in line:
            self.forgetting = True
            self.learnt.clear()
        if "learnt" in line and not self.forgetting:
            self.learnt = {path for path, content in self.contents.items() if content} - self.unsure

    def missing(self, found: dict[str, Any]) -> list[str]:
        """What was acknowledged and is not as it was."""
        state = found["state"]
        if self.forgetting and not state:
            return []
        lost = [
            f"{path} holds {state.get(path)}, not {lines_of(content)}"
            for path, content in self.contents.items()
            if path not in self.unsure and state.get(path) != lines_of(content)
        ]
        return lost + [f"{path} has lost vectors" for path in sorted(self.learnt - set(found["learnt"]))]

    def settle(self, on_disk: dict[str, str]) -> None:
        """The memory was compared with the files, and brought up to them."""
        self.contents = dict.fromkeys(self.contents) | on_disk
        self.unsure.clear()
        self.learnt.clear()
        self.forgetting = False


def lines_of(content: str | None) -> list[str] | None:
    """The pieces of a file, as the reader of these tests takes them; ``None``: there must be none."""
    return None if content is None else [line for line in content.split("\n") if line.strip()]


class Loop:
    """Rounds in one folder; the same for the same seed, but for the moment of each kill."""

    def __init__(self, top: Path, seed: int) -> None:
        self._draw = random.Random(seed)
        self._store, self._files, self._backups = top / "memory", top / "files", top / "backups"
        self._files.mkdir()
        self._backups.mkdir()
        self._expected = Expected()
        self._acknowledged: dict[str, dict[str, list[str]]] = {}
        self.figures = Figures()

    def run(self, rounds: int, commands: Commands | None = None) -> Figures:
        """Rounds with a kill each, one more without, and a look at the backups."""
        begun_s = time.monotonic()
        for number in range(rounds):
            try:
                if commands is not None and number % COMMANDS_EVERY == COMMANDS_EVERY // 2:
                    commands.round(self._draw, self.figures)
                else:
                    self._round()
            except BaseException as error:
                error.add_note(f"round {number}")
                raise
        self._round(look_only=True)
        self._compare_backups()
        self.figures.took_s += time.monotonic() - begun_s
        return self.figures

    def _round(self, *, look_only: bool = False) -> None:
        figures = self.figures
        figures.rounds += not look_only
        if self._store.exists():
            figures.harmed += vandalise(self._store, self._draw)
        process, talk = start(_alive, self._store, self._files, self._backups, self._draw.randrange(10**9), look_only)
        try:
            looking = not look_only and self._draw.random() < KILLED_WHILE_LOOKING
            if looking:
                self._listen(talk, self._draw.uniform(0.0, 0.3), until="nothing")
            else:
                while not self._listen(talk, LIMIT_S, until="settled"):
                    raise AssertionError("it hangs, or died while it looked")
                for _ in range(0 if look_only else self._draw.randrange(MOST_STEPS)):
                    self._listen(talk, LIMIT_S, until="")
                self._listen(talk, LIMIT_S if look_only else self._draw.uniform(0.0, MOST_DELAY_S), until="nothing")
            died = process.exitcode is not None or (not process.is_alive() and not look_only)
            assert look_only or not died, f"it died by itself: {process.exitcode}"
            if not look_only:
                process.kill()
            self._listen(talk, LIMIT_S, until="the end")
        finally:
            process.kill()
            process.join()
            talk.close()
        if not look_only:
            assert process.exitcode == -signal.SIGKILL
            figures.kills += 1

    def _listen(self, talk: Connection, limit_s: float, until: str) -> bool:
        """Hear what is said, for so long, or until the end; whether ``until`` was heard ("": anything)."""
        deadline_s = time.monotonic() + limit_s
        try:
            while talk.poll(max(0.0, deadline_s - time.monotonic())):
                line = talk.recv()
                self._hear(line)
                if not until or until in line:
                    return True
        except (EOFError, ConnectionResetError, OSError):
            pass
        return False

    def _hear(self, line: dict[str, Any]) -> None:
        figures = self.figures
        if "died" in line:
            raise AssertionError(line["died"])
        if "found" in line:
            found = line["found"]
            figures.rebuilt.update(_what(note) for note in found["notes"])
            figures.divergent += [f"round {figures.rounds}: {finding}" for finding in found["findings"]]
            figures.lost += [f"round {figures.rounds}: {lost}" for lost in self._expected.missing(found)]
        elif "settled" in line:
            settled = line["settled"]
            on_disk = {path: lines_of(text) for path, text in settled["on_disk"].items()}
            if settled["state"] != on_disk:
                figures.lost.append(f"round {figures.rounds}: not what is on disk")
            figures.divergent += [
                f"round {figures.rounds}: {one}" for one in settled["findings"] + settled["divergent"]
            ]
            self._expected.settle(settled["on_disk"])
        else:
            figures.acknowledged += not {"will", "forgetting", "backing"} & line.keys()
            self._expected.hear(line)
            if "backed" in line:
                self._acknowledged[line["backed"]] = line["state"]

    def _compare_backups(self) -> None:
        """A backup that was acknowledged is there and holds what it should; any other is whole or not there."""
        figures = self.figures
        figures.backups = len(self._acknowledged)
        for path in self._backups.glob("*.backup"):
            try:
                with open_backup(path) as backup:
                    for _ in backup.data():
                        pass
            except (BadFile, BadPath) as error:
                figures.lost.append(f"half a backup: {error}")
        for path, state in sorted(self._acknowledged.items()):
            if not Path(path).exists():
                figures.lost.append(f"backup {path}")
            elif figures.restored < MOST_RESTORED:
                with tempfile.TemporaryDirectory() as folder:
                    restored(Path(path), Path(folder) / "memory")
                    fabric = opened(Path(folder) / "memory", ENCODER)
                    if state_of(fabric) != state:
                        figures.lost.append(f"backup {path} holds something else")
                    fabric.close()
                figures.restored += 1


def _what(note: str) -> str:
    """A note of something mended, without its particulars."""
    index = "vector index" if "vector index" in note.lower() else "word index"
    return f"{index} {'was missing' if note.startswith('There is no') else 'was damaged'}"


def _alive(talk: Connection, store: Path, files: Path, backups: Path, seed: int, look_only: bool) -> None:
    try:
        live(talk, store, files, backups, seed, look_only=look_only)
    except BaseException:
        talk.send({"died": traceback.format_exc()})
        raise


class Commands:
    """A memory that is kept by commands in processes of their own. ``models``: the folder with the compiled model."""

    def __init__(self, top: Path, models: Path | None) -> None:
        self._stage = top / "stage"
        self._home = top / "home"
        self._backup = top / "commands.backup"
        self._count = 0
        self._learning = models is not None
        (self._home / "data").mkdir(parents=True)
        self._stage.mkdir()
        if models is not None:
            (self._home / "data" / "models").symlink_to(models)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "TMPDIR")}
        environment |= {"HOME": str(self._stage.parent), "LANG": "C.UTF-8", "ASSISTANT_HOME": str(self._home)}
        return subprocess.Popen(
            [sys.executable, "-m", "assistant", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

    def _done(self, *arguments: str) -> tuple[int, dict[str, Any], str]:
        process = self._start(*arguments, "--json")
        out, err = process.communicate(timeout=LIMIT_S)
        assert b"Traceback" not in err, err.decode()
        return process.returncode, json.loads(out) if out else {}, err.decode()

    def round(self, draw: random.Random, figures: Figures) -> None:
        """Change some files, give a command, kill it, harm the files of the store, and see what the next ones say."""
        figures.rounds += 1
        for _ in range(draw.randrange(1, 6)):
            self._count += 1
            words = " ".join(draw.choices(WORDS, k=20))
            (self._stage / f"{draw.randrange(30)}.md").write_text(
                f"# Note {self._count}\n\nunique{self._count} {words}\n"
            )
        command = draw.choice(self._commands())
        process = self._start(*command)
        try:
            process.communicate(timeout=draw.uniform(0.2, 2.5))
            figures.acknowledged += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            figures.kills += 1
        store = self._home / "data" / "memory"
        if store.exists():
            figures.harmed += vandalise(store, draw)
        self._look(figures, " ".join(command))

    def _commands(self) -> list[list[str]]:
        stage = str(self._stage)
        found = [["add", stage, "--no-wait"], ["forget", stage], ["check", "--repair"], ["recall", "boiler"]]
        found += [["backup", str(self._backup), "--force"]] * 2
        return found + ([["add", stage]] * 2 if self._learning else [])

    def _look(self, figures: Figures, command: str) -> None:
        code, told, err = self._done("add", str(self._stage), "--no-wait")
        count = len(list(self._stage.iterdir()))
        if code or told["folders"][0]["found"] != count:
            figures.lost.append(f"round {figures.rounds} ({command}): add said {code} {told} {err}")
        code, told, err = self._done("check", "--full")
        if code or told["sources"] != count:
            figures.divergent.append(f"round {figures.rounds} ({command}): check said {code} {told} {err}")
        newest = max(self._stage.iterdir(), key=lambda path: int(path.read_text().split("unique")[1].split()[0]))
        word = f"unique{self._count}"
        code, told, err = self._done("recall", word, "-k", "1")
        if code or told["items"][0]["cite"]["path"] != str(newest):
            figures.divergent.append(f"round {figures.rounds} ({command}): recall {word} said {code} {told} {err}")
        if self._backup.exists():
            with open_backup(self._backup) as backup:
                for _ in backup.data():
                    pass


def main(rounds: int, seed: int, models: Path | None) -> int:
    """Run, print the figures, and say whether all was well."""
    top = Path(tempfile.mkdtemp(prefix="assistant-kill-loop-"))
    figures = Loop(top, seed).run(rounds, Commands(top, models))
    sys.stdout.write(f"seed {seed}\n{figures}\n")
    shutil.rmtree(top)
    return bool(figures.lost or figures.divergent)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None))

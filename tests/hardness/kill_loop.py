"""Kill a process that lives with a memory at random moments.

In between its files are harmed. Nothing acknowledged may be lost, and it must answer as if its indexes had been made
just now. One round in twenty is of commands, as a person would give them.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from memory.world import opened, state_of

from assistant.contracts.errors import BadFile, BadPath
from assistant.memory.container import open_backup
from hardness.command_rounds import Commands
from hardness.figures import Figures
from hardness.living import ENCODER, live
from hardness.processes import LIMIT_S, start
from hardness.stored import restored
from hardness.vandalism import vandalise

MOST_STEPS = 8
MOST_DELAY_S = 0.15
KILLED_WHILE_LOOKING = 0.12
COMMANDS_EVERY = 20
MOST_RESTORED = 5


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
                    assert self._listen(talk, LIMIT_S, until=""), "it hangs, or died at work"
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

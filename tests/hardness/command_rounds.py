"""Rounds of commands, as a person would give them: one is killed, the files of the store are harmed, and the next ones
must find what was acknowledged."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assistant.contracts.errors import BadFile, BadPath
from assistant.memory.container import open_backup
from hardness.figures import Figures
from hardness.living import WORDS
from hardness.processes import LIMIT_S
from hardness.vandalism import vandalise

FILES = 30


@dataclass(frozen=True)
class Held:
    """What a memory holds at least: the text of each file as it was read, and the texts that have their vectors."""

    contents: dict[str, str] = field(default_factory=dict)
    learnt: frozenset[str] = frozenset()


def missing(candidates: list[Held], on_disk: dict[str, str], unchanged: int, pending: int) -> str:
    """What is wrong with the figures of the next ``add``, when the memory held one of ``candidates`` before it, and a
    killed command may have stored more; "" when nothing is."""
    found = [
        held
        for held in candidates
        if unchanged >= sum(held.contents.get(name) == text for name, text in on_disk.items())
        and pending <= sum(text not in held.learnt for text in on_disk.values())
    ]
    return "" if found else f"{unchanged} of {len(on_disk)} files were known, {pending} wait for vectors"


class Commands:
    """A memory that is kept by commands in processes of their own. ``models``: the folder with the compiled model;
    without it nothing is learnt."""

    def __init__(self, top: Path, models: Path | None) -> None:
        self._stage = top / "stage"
        self._home = top / "home"
        self._backup = top / "commands.backup"
        self._store = self._home / "data" / "memory"
        self._count = 0
        self._learning = models is not None
        self._held: Held | None = None
        self._saved = Held()
        self._saved_sum = ""
        self._took_s = 0.0
        (self._home / "data").mkdir(parents=True)
        self._stage.mkdir()
        if models is not None:
            (self._home / "data" / "models").symlink_to(models)

    def round(self, draw: random.Random, figures: Figures) -> None:
        """Change some files, give a command, kill it, harm the files of the store, and see what the next ones say."""
        figures.rounds += 1
        if self._held is None:
            self._write(draw)
            self._look(figures, "first", [Held()])
        self._write(draw)
        command = draw.choice(self._commands())
        code = self._give(command, draw, figures)
        candidates = self._possible(command, code, figures)
        if self._store.exists():
            figures.harmed += vandalise(self._store, draw)
        self._look(figures, command[0], candidates)

    def _write(self, draw: random.Random) -> None:
        for _ in range(draw.randrange(1, 6)):
            self._count += 1
            words = " ".join(draw.choices(WORDS, k=20))
            (self._stage / f"{draw.randrange(FILES)}.md").write_text(
                f"# Note {self._count}\n\nunique{self._count} {words}\n"
            )

    def _on_disk(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self._stage.iterdir()}

    def _commands(self) -> list[list[str]]:
        stage = str(self._stage)
        found = [["add", stage, "--no-wait"], ["forget", stage], ["check", "--repair"], ["recall", "boiler"]]
        found += [["backup", str(self._backup), "--force"]] * 2
        found += [["restore", str(self._backup)]] * 2 if self._saved_sum else []
        return found + ([["add", stage]] * 2 if self._learning else [])

    def _give(self, command: list[str], draw: random.Random, figures: Figures) -> int | None:
        """The exit code; ``None``: it was killed. The moment is drawn from all the time that the slowest command of the
        last look took, and half as much again, so that some come to their end on a busy computer too."""
        name = " ".join(part for part in command if "/" not in part)
        process = self._start(*command)
        try:
            _, err = process.communicate(timeout=draw.uniform(0.0, 1.5 * self._took_s))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            figures.kills += 1
            figures.commands[f"{name} killed"] += 1
            return None
        figures.acknowledged += 1
        figures.commands[f"{name} done"] += 1
        if process.returncode:
            figures.divergent.append(f"round {figures.rounds}: {name} ended with {process.returncode}: {err.decode()}")
        return process.returncode

    def _possible(self, command: list[str], code: int | None, figures: Figures) -> list[Held]:
        """What the memory may hold at least, after a command that ended (or was killed)."""
        assert self._held is not None
        before, done = self._held, code == 0
        if command[0] == "add" and done:
            on_disk = self._on_disk()
            return [Held(on_disk, before.learnt if "--no-wait" in command else frozenset(on_disk.values()))]
        if command[0] == "forget":
            if done and b"unique" in (self._store / "records" / "data.mdb").read_bytes():
                figures.divergent.append(f"round {figures.rounds}: forgotten text is still in the records")
            return [Held()] if done else [before, Held()]
        if command[0] == "restore":
            return [self._saved] if done else [before, self._saved]
        if command[0] == "backup":
            saved_sum = self._sum_of_backup(figures)
            if done or saved_sum != self._saved_sum:
                self._saved, self._saved_sum = before, saved_sum
        return [before]

    def _sum_of_backup(self, figures: Figures) -> str:
        """The checksum of the data in the backup, which must be whole; "" when there is none."""
        try:
            with open_backup(self._backup) as backup:
                for _ in backup.data():
                    pass
                return backup.note.sha256
        except BadPath:
            return ""
        except BadFile as error:
            figures.lost.append(f"round {figures.rounds}: half a backup: {error}")
            return ""

    def _look(self, figures: Figures, command: str, candidates: list[Held]) -> None:
        what = f"round {figures.rounds} ({command})"
        on_disk = self._on_disk()
        self._took_s = 0.0
        code, told, err = self._done("add", str(self._stage), "--no-wait")
        if code or told["folders"][0]["found"] != len(on_disk):
            figures.lost.append(f"{what}: add said {code} {told} {err}")
        elif lost := missing(candidates, on_disk, told["folders"][0]["unchanged"], told["pending_vectors"]):
            figures.lost.append(f"{what}: {lost}; {err}")
        code, told, err = self._done("check", "--full")
        if code or told["sources"] != len(on_disk) or told["items"] != len(on_disk):
            figures.divergent.append(f"{what}: check said {code} {told} {err}")
        newest = max(self._stage.iterdir(), key=lambda path: int(path.read_text().split("unique")[1].split()[0]))
        word = f"unique{self._count}"
        code, told, err = self._done("recall", word, "-k", "1")
        if code or told["items"][0]["cite"]["path"] != str(newest):
            figures.divergent.append(f"{what}: recall {word} said {code} {told} {err}")
        learnt = frozenset.intersection(*(held.learnt for held in candidates))
        self._held = replace(candidates[0], contents=on_disk, learnt=learnt & frozenset(on_disk.values()))

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
        begun_s = time.monotonic()
        process = self._start(*arguments, "--json")
        out, err = process.communicate(timeout=LIMIT_S)
        self._took_s = max(self._took_s, time.monotonic() - begun_s)
        assert b"Traceback" not in err, err.decode()
        return process.returncode, json.loads(out) if out else {}, err.decode()

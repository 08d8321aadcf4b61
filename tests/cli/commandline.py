"""The command line as a person or a program meets it: run in a process of its own, or (fast) in this one."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.main import run

PROGRAM = str(Path(sys.executable).parent / "assistant")
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
LIMIT_S = 300.0
"""No command of a test takes nearly as long: it only ends one that hangs, also on a computer that is busy."""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout; fails when there is anything else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert self.out.count("\n") == 1
        return found

    def ended(self, code: int) -> Said:
        """This, after a look at the exit code, and at stderr for what a person should never see."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err + self.out
        assert "mistake in the program" not in self.err
        return self

    def refused(self, code: int, *words: str) -> Said:
        """Ended with ``code``, nothing on stdout, and a message on stderr that holds all ``words``."""
        self.ended(code)
        assert self.out == ""
        assert "assistant: " in self.err
        for word in words:
            assert word in self.err
        return self


@dataclass
class CommandLine:
    """``home`` is the ASSISTANT_HOME of all commands; ``stage`` an empty folder for documents."""

    home: Path
    stage: Path
    capsys: pytest.CaptureFixture[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR")}
        plain |= {"HOME": str(self.stage.parent), "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"}
        return plain | {"ASSISTANT_HOME": str(self.home)} | self.environment | dict(more or {})

    def __call__(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        **how: Any,
    ) -> Said:
        """Run in a process of its own."""
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run(
            [PROGRAM, *arguments], capture_output=True, timeout=LIMIT_S, check=False, env=self.env(env), **given, **how
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def inside(self, *arguments: str | Path) -> Said:
        """Run in this process, which saves the start of Python and the imports."""
        assert self.capsys is not None
        self.capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        return Said(code, captured.out, captured.err)

    def start(self, *arguments: str | Path, **how: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, env=self.env(), **how)

    def write(self, name: str, text: str | bytes) -> Path:
        """A document on the stage."""
        path = self.stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def furnish(self) -> None:
        """A few notes on other things: words can only be told apart where there are several."""
        self.write("boiler.md", "# Boiler\n\nThe boiler pressure is 1.4 bar when the system is cold.\n")
        self.write("car.md", "# Car\n\nThe wheel bolts of the Lumo need 130 Nm.\n")
        self.write("violin.md", "# Violin\n\nThe exam of Liisa is on 14 May at the school in Tartu.\n")

    def hits(self, *arguments: str) -> list[dict[str, Any]]:
        """What ``recall --json`` finds."""
        said = self.inside("recall", *arguments, "--json")
        assert said.code in (0, 3), said.err
        return list(said.json["items"])


def without_rights() -> None:
    """For ``preexec_fn``: root, too, may from now on only read and write what the permissions of a file say."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


class Watched:
    """A command whose stderr is a terminal we read: progress tells how far it is."""

    def __init__(self, line: CommandLine, *arguments: str | Path) -> None:
        self._reader, writer = pty.openpty()
        self.process = line.start(*arguments, stderr=writer, stdout=subprocess.PIPE)
        os.close(writer)
        self.seen = ""

    def until(self, words: str) -> None:
        """Read until ``words`` have been shown; fails when the command ends or takes too long before."""
        limit_s = time.monotonic() + LIMIT_S
        while words not in self.seen:
            assert time.monotonic() < limit_s, self.seen
            try:
                self.seen += os.read(self._reader, 4096).decode(errors="replace")
            except OSError as error:  # the other end is closed
                raise AssertionError(f"ended before it said {words!r}: {self.seen}") from error

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Said:
        """Wait for the end, reading all the while."""
        assert self.process.stdout is not None
        try:
            while block := os.read(self._reader, 4096):
                self.seen += block.decode(errors="replace")
        except OSError:
            pass
        out = self.process.stdout.read().decode()
        self.process.stdout.close()
        os.close(self._reader)
        return Said(self.process.wait(LIMIT_S), out, self.seen)


def bytes_of(cite: Mapping[str, Any], given: bytes | None = None) -> bytes:
    data = Path(cite["path"]).read_bytes() if given is None else given
    return data[cite["start_byte"] : cite["end_byte"]]


def assert_stands_there(cite: Mapping[str, Any], given: bytes | None = None) -> None:
    """The cited bytes are on the disk (or in ``given``) now, with this digest, on these lines."""
    data = Path(cite["path"]).read_bytes() if given is None else given
    piece = bytes_of(cite, given)
    assert piece
    assert hashlib.sha256(piece).hexdigest() == cite["digest"]
    assert cite["line"] == data[: cite["start_byte"]].count(b"\n") + 1
    assert cite["end_line"] == cite["line"] + piece.rstrip(b"\n").count(b"\n")


def sentences(count: int) -> Sequence[str]:
    """Different short texts, so that each becomes an item with a vector of its own."""
    things = ("boiler", "bicycle", "violin", "garden", "invoice", "kettle", "ladder", "harbour", "ferry", "printer")
    return [
        f"Note {n}: the {things[n % 10]} in room {n * 7 % 97} was checked on day {n * 13 % 365} "
        f"by the {things[n // 10 % 10]} crew.\n"
        for n in range(count)
    ]

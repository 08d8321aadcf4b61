"""The other end of a child process: one library, built or asked by lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent
OURS = "ours"
LIMIT_S = 1800.0
"""The longest any one order may take."""


class LibraryFailed(Exception):
    """A process ended, or took too long, before it had answered. Says what it wrote last."""


def python_for(name: str) -> Path:
    """The interpreter that has the library: ours, or the one of the environment for the others."""
    return Path(sys.executable) if name == OURS else REPOSITORY / ".venv-bench" / "bin" / "python"


class Library:
    """``greeting`` is what the process said when it had loaded the library; ``missing`` why it could not, ``None``
    when it could."""

    def __init__(self, name: str, corpus: Path, home: Path) -> None:
        self.name = name
        self.greeting: dict[str, Any] = {}
        self.missing: str | None = None
        self._process: subprocess.Popen[str] | None = None
        python = python_for(name)
        if not python.exists():
            self.missing = "not installed: make bench-peers installs it"
            return
        self._log = home.with_name(f"{home.name}.log").open("a+", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.peers.child", name, str(corpus), str(home)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.greeting = self._answer(LIMIT_S)
        self.missing = self.greeting.get("missing")

    def tell(self, do: str, limit_s: float = LIMIT_S, **more: object) -> dict[str, Any]:
        """Give one order and wait for its answer. Raises :class:`LibraryFailed`."""
        assert self._process is not None, self.missing
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failed() from error
        return self._answer(limit_s)

    def _answer(self, limit_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        watch = threading.Timer(limit_s, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise self._failed()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failed(self) -> LibraryFailed:
        self._log.flush()
        self._log.seek(0)
        last = self._log.read().strip().splitlines()[-3:]
        return LibraryFailed(f"{self.name} gave no answer: {' / '.join(last) or 'it was ended'}")

    def end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.close()
            process.wait(60)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()
        process.stdout.close()
        self._log.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

"""Progress on stderr, silent when that is no terminal; and Ctrl-C, which first asks the work to stop in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from assistant.cli.plain import safe
from assistant.contracts.errors import EXIT_INTERRUPTED
from assistant.contracts.events import (
    EmbeddingFinished,
    EmbeddingStarted,
    Event,
    FolderScanned,
    Mended,
    ScanProgressed,
    VectorsStored,
    WorkProgressed,
)

if TYPE_CHECKING:
    from assistant.reaching import Reach

GRACE_S = 3
"""How long the second Ctrl-C waits for files to be closed and temporary ones removed."""


class Session:
    """One command at work. ``stop`` is set by the first Ctrl-C; the second ends the program at once, which the store
    survives as it survives a power cut."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._running = False
        self._before: Any = None

    def __enter__(self) -> Session:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def reaching(self) -> Iterator[Reach]:
        """Whoever carries out commands, let go of at the end."""
        from assistant.reaching import Reach

        reach = Reach(self.note)
        try:
            yield reach
        finally:
            reach.close()

    def note(self, sentence: str) -> None:
        """Say something on stderr."""
        self.pause()
        sys.stderr.write(f"{safe(sentence)}\n")

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            signal.signal(signal.SIGALRM, lambda *_: os._exit(EXIT_INTERRUPTED))
            signal.alarm(GRACE_S)
            raise KeyboardInterrupt
        self.stop.set()
        with suppress(OSError):  # not through sys.stderr: the signal may have come in the middle of its own write
            os.write(2, b"\nStopping after this step (Ctrl-C again: at once).\n")

    def pause(self) -> None:
        """Take the bar off the screen, before results are printed."""
        if self._running:
            self._progress.stop()
            self._running = False

    def listen(self, event: Event) -> None:
        match event:
            case ScanProgressed(root, found, read):
                self._show(f"Reading {safe(root)}", found, None, f"{read} new")
            case FolderScanned():
                self.pause()
            case EmbeddingStarted(pending) if pending:
                self._show("Learning meanings", 0, pending)
            case VectorsStored(done, pending):
                self._show("Learning meanings", done, pending)
            case EmbeddingFinished():
                self.pause()
            case Mended(what):
                self.note(what)
            case WorkProgressed(what, done, total):
                self.count(what, done, total)
            case _:
                pass

    def count(self, description: str, done: int, total: int) -> None:
        """Show how far something is that no event tells of."""
        self._show(safe(description), done, total)

    def _show(self, description: str, done: int, total: int | None, note: str = "") -> None:
        text = f"{description} ({note})" if note else description
        if not self._running:
            self._progress.start()
            self._running = True
        if self._task is None:
            self._task = self._progress.add_task(text)
        self._progress.update(self._task, description=text, completed=done, total=total)

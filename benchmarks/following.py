"""The smallest thing that follows folders: notices, waits for quiet, looks. What an actor does, without the actor."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from assistant.core.coalescing import Coalescer, Note
from assistant.reading.noticing import Noticer
from assistant.reading.walking import FileSources

if TYPE_CHECKING:
    from assistant.actors.librarian import Librarian
    from assistant.contracts.events import Looked


class Following:
    """Looks from a thread of its own for as long as its ``with`` block lasts. ``looked``: the looks so far."""

    def __init__(self, librarian: Librarian, sources: FileSources) -> None:
        self.looked: list[Looked] = []
        self.noticer = Noticer(sources, self._hear)
        self._librarian = librarian
        self._coalescer = Coalescer()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.noticer.close()
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def wait_idle(self, limit_s: float) -> bool:
        """Whether nothing waits to be looked at, at the end of ``limit_s`` at the latest."""
        with self._changed:
            return self._changed.wait_for(lambda: self._coalescer.next_due_s() is None, limit_s)

    def _hear(self, note: Note) -> None:
        with self._changed:
            self._coalescer.note(note)
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                with self._changed:
                    due_s = self._coalescer.next_due_s()
                    ready = self._coalescer.ready(time.monotonic())
                    if not ready:
                        self._changed.notify_all()
                        self._changed.wait(None if due_s is None else max(0.001, due_s - time.monotonic()))
                        continue
                self.looked.append(self._librarian.look([path for one in ready for path in one.paths], self._stop))
        except BaseException as failure:  # noqa: BLE001 - raised again at the end
            self._failure = failure

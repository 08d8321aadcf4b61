"""Looking again every so often, where nobody tells of changes. The thread is there only while there is something to
look at."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Poller:
    """``look`` is called with a root and a path in it, for each that was added, every ``every_s`` seconds, from a
    thread of ours; the first time after that long. Every method may be called from any thread."""

    def __init__(self, every_s: float, look: Callable[[str, str], None]) -> None:
        self._every_s = every_s
        self._look = look
        self._changed = threading.Condition()
        self._places: dict[tuple[str, str], None] = {}
        self._thread: threading.Thread | None = None

    def add(self, root: str, path: str) -> None:
        """Look at this path from now on."""
        with self._changed:
            self._places[root, path] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
                self._thread.start()

    def forget(self, root: str) -> None:
        """Look at nothing in this root any more."""
        with self._changed:
            for place in [place for place in self._places if place[0] == root]:
                del self._places[place]
            self._changed.notify_all()

    def close(self) -> None:
        """Look at nothing any more; the thread has ended on return."""
        with self._changed:
            self._places.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._places, self._every_s)
                if not self._places:
                    self._thread = None
                    return
                places = list(self._places)
            for root, path in places:
                self._look(root, path)

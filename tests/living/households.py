"""A living process in this one: the real staff, memory, files and watches; an encoder that needs no model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from assistant.app import Assistant
from assistant.clock import SystemClock
from assistant.contracts.commands import AddFolders, Command, Recall, TellStatus
from assistant.contracts.events import Event, nobody
from assistant.contracts.items import RecallQuery
from assistant.contracts.reports import Status
from assistant.locations import Locations
from assistant.settings import Settings
from assistant.staff import Staff
from assistant.testing.hashing import HashingEncoder

Reply = TypeVar("Reply")
PATIENCE_S = 60.0
"""No test waits nearly so long, unless something hangs."""


class Counting(HashingEncoder):
    """Counts the texts that are embedded."""

    encoded = 0

    def encode(self, texts: Sequence[str], **more: Any) -> Any:
        self.encoded += len(texts)
        return super().encode(texts, **more)


class Household:
    """``home``: where documents lie; ``staff``: who works."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.places = Locations(*(folder / name for name in ("config", "data", "cache", "state")))
        self.settings = Settings(readers=1, **settings)
        self.stopped = False
        self.assistant: Assistant
        self.staff: Staff
        self.encoder = Counting()

    @asynccontextmanager
    async def lived_in(self) -> AsyncIterator[Household]:
        """The process, from its start to its orderly end."""
        self.assistant = await asyncio.to_thread(self._open)
        try:
            self.staff = await asyncio.to_thread(Staff, self.assistant, SystemClock(), self._stop)
            async with self.staff:
                yield self
        finally:
            await asyncio.to_thread(self.assistant.close)

    def _open(self) -> Assistant:
        assistant = Assistant(self.settings, self.places, encoder=self.encoder)
        assistant.own()
        return assistant

    def _stop(self) -> None:
        self.stopped = True

    async def do(
        self, command: Command[Reply], tell: Callable[[Event], None] = nobody, stop: threading.Event | None = None
    ) -> Reply:
        return await self.staff.perform(command, tell, stop or threading.Event())

    async def add(self) -> Any:
        return await self.do(AddFolders(paths=(str(self.home),), embed=False))

    async def write(self, name: str, text: str) -> Path:
        path = self.home / name

        def write() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

        await asyncio.to_thread(write)
        return path

    async def finds(self, word: str) -> list[str]:
        """Paths of what holds the word (recall finds neighbours in meaning, too)."""
        found = await self.do(Recall(query=RecallQuery(text=word, k=50)))
        return sorted({hit.cite.path for hit in found.items if word in hit.snippet})

    async def until_found(self, word: str, *paths: Path) -> None:
        await self.until(lambda: self.finds(word), lambda found: found == sorted(map(str, paths)))

    async def status(self) -> Status:
        return await self.do(TellStatus(problems=True))

    async def until(self, look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
        """Ask again and again until the answer is as wanted; fails when that never comes."""
        deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
        while not is_so(found := await look()):
            if asyncio.get_running_loop().time() > deadline_s:
                raise AssertionError(f"in vain: {found}")
            await asyncio.sleep(0.02)
        return found

    async def until_settled(self) -> Status:
        """Until every piece has its vector, and no job is left."""
        return await self.until(
            self.status, lambda found: not found.pending_vectors and not found.process.vector_behind
        )

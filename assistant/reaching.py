"""Finding whoever carries out a command: a running process, or ourselves as owner of the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistant.contracts.errors import Interrupted, StoreBusy
from assistant.contracts.program import VERSION
from assistant.locations import Locations, locate
from assistant.memory.owner import owner_of
from assistant.serving.calling import NobodyThere, RemoteDoor

if TYPE_CHECKING:
    from assistant.app import Assistant
    from assistant.contracts.commands import Command
    from assistant.contracts.events import Listener
    from assistant.memory.ownership import StoreLock

Reply = TypeVar("Reply")

WRITING = frozenset({"AddFolders", "ForgetPath", "SweepFolders", "CompactMemory", "CollectGarbage"})
"""Commands that need the store for themselves."""
_LOOK_AGAIN_S = 0.05
_TRIES = 3


class LocalDoor:
    """The store, opened in this process. One call at a time; thread-safe. Read only when another process owns it and
    no ``lock`` is given."""

    def __init__(self, lock: StoreLock | None = None) -> None:
        from assistant.app import open_assistant

        self._one = threading.Lock()
        self._closed = False
        self._stack = ExitStack()
        self._assistant: Assistant = self._stack.enter_context(open_assistant(lock=lock))

    def do(self, command: Command[Reply], listener: Listener, stop: threading.Event | None = None) -> Reply:
        """Carry out a command; see :func:`assistant.performing.perform`."""
        from assistant.performing import perform

        with self._one:
            if self._closed:
                raise NobodyThere
            return perform(self._assistant, command, listener, stop or threading.Event())

    @property
    def read_only(self) -> bool:
        """Whether another process owned the store when it was opened."""
        return self._assistant.fabric.read_only

    def close(self) -> None:
        """Let go of the store."""
        with self._one:
            self._closed = True
            self._stack.close()


class Reach:
    """Carries out commands where that can be done. ``note``: told in sentences what a person should know."""

    def __init__(self, note: Callable[[str], None], locations: Locations | None = None) -> None:
        self._note = note
        self._locations = locations or locate()
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        self._remote: RemoteDoor | None = None
        self._local: LocalDoor | None = None
        self._compared = False

    def do(self, command: Command[Reply], listener: Listener, stop: threading.Event | None = None) -> Reply:
        """The reply to a command. Raises :class:`~assistant.contracts.errors.AssistantError`."""
        if type(command).__name__ in WRITING:
            self._await(stop)
        for _ in range(_TRIES):
            door = self.remote() or self.local()
            try:
                return door.do(command, listener, stop)
            except NobodyThere:  # it stopped between two requests
                self._drop(door)
            except StoreBusy:
                if not isinstance(door, LocalDoor) or not door.read_only:
                    raise
                self._await(stop)
        raise StoreBusy("The assistant process was started and stopped again and again.", remedy="Try again.")

    def say(self, name: str, fields: Mapping[str, Any]) -> Any:
        """The same for a command that is not made yet, with the reply as JSON; ``None`` when no process is running."""
        remote = self.remote()
        if remote is None:
            return None
        try:
            return remote.say(name, fields)
        except NobodyThere:
            self._drop(remote)
            return None

    def remote(self) -> RemoteDoor | None:
        """The running process; ``None`` when there is none with a door. Raises
        :class:`~assistant.contracts.errors.UserError` when it does not fit us."""
        with self._lock:
            if self._local is not None:
                return None
            if self._remote is None:
                self._remote = attached(self._locations)
                if self._remote is not None:
                    self._compare(self._remote)
            return self._remote

    def local(self) -> LocalDoor:
        """The store, opened here."""
        with self._lock:
            if self._local is None:
                self._local = LocalDoor()
            return self._local

    def close(self) -> None:
        """Let go of the process or the store."""
        for door in (self._remote, self._local):
            if door is not None:
                self._drop(door)

    def _drop(self, door: RemoteDoor | LocalDoor) -> None:
        with self._lock:
            self._remote = None if self._remote is door else self._remote
            self._local = None if self._local is door else self._local
        door.close()

    def _await(self, stop: threading.Event | None) -> None:
        """Return with a process to ask, or as the owner of the store, within the time that the settings give. Raises
        :class:`~assistant.contracts.errors.StoreBusy` and :class:`~assistant.contracts.errors.Interrupted`."""
        with self._waiting:
            if self.remote() is not None:
                return
            if (local := self._local) is not None:
                if not local.read_only:
                    return
                self._drop(local)
            lock = self._acquired(stop or threading.Event())
            if lock is not None:
                with self._lock:
                    self._local = LocalDoor(lock)

    def _acquired(self, stop: threading.Event) -> StoreLock | None:
        """The lock of the store; ``None`` when its owner has a door by now."""
        from assistant.memory.ownership import StoreLock, busy
        from assistant.settings import load_settings

        limit_s = load_settings(self._locations.settings_file, Path.cwd()).wait_for_store_s
        deadline_s, said, lock = time.monotonic() + limit_s, False, StoreLock(self._locations.store)
        while not lock.acquire():
            if self.remote() is not None:
                return None
            if time.monotonic() >= deadline_s:
                raise busy(self._locations.store)
            if not said:
                self._note(f"Another process is at work in the memory; waiting for it, {limit_s:g} s at most.")
                said = True
            if stop.wait(_LOOK_AGAIN_S):
                raise Interrupted
        return lock

    def _compare(self, remote: RemoteDoor) -> None:
        if self._compared:
            return
        self._compared = True
        theirs, defaults = remote.hello.get("settings"), remote.hello.get("defaults")
        if isinstance(theirs, Mapping) and isinstance(defaults, Mapping):
            from assistant.differing import differing

            for sentence in differing(self._locations, theirs, defaults):
                self._note(sentence)


def attached(locations: Locations) -> RemoteDoor | None:
    """The process that owns the store, through its door; ``None`` when there is none, or it has none (yet)."""
    owner = owner_of(locations.store)
    if owner is None or not owner.door:
        return None
    try:
        return RemoteDoor(Path(owner.door), VERSION)
    except NobodyThere:
        return None

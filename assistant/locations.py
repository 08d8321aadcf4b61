"""Every directory and file we touch. Nothing else builds a path to our data.

Follows XDG on Linux and the platform's custom elsewhere (platformdirs). ``ASSISTANT_HOME`` moves all of them together
under one folder: ``config``, ``data``, ``cache`` and ``state``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from assistant.contracts.errors import BadSettings
from assistant.core.filenames import to_text

APP = "assistant"
MOST_SOCKET_BYTES = 100
"""Longest name of a socket: 103 bytes on macOS, 107 on Linux."""
_DIGEST_CHARS = 24


class Locations(NamedTuple):
    """A tuple, not a dataclass: those take longer to load than the shortest command has."""

    config: Path
    data: Path
    cache: Path
    state: Path
    runtime: Path | None = None
    """The user's folder for sockets and the like; ``None`` where there is none."""

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.toml"

    @property
    def store(self) -> Path:
        """The record store and its two projections."""
        return self.data / "memory"

    @property
    def ledger(self) -> Path:
        """Jobs, tasks and the journal of the running process."""
        return self.data / "ledger"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def evaluations(self) -> Path:
        """SQLite file with the results of ``assistant eval --record``."""
        return self.state / "evaluations.db"

    @property
    def set_aside(self) -> Path:
        """Where damaged stores are moved; nothing in here is ever deleted by us."""
        return self.state / "set-aside"

    @property
    def log(self) -> Path:
        """What the process in the background says."""
        return self.state / "serve.log"

    @property
    def door(self) -> Path:
        """The socket of the process that owns the store: beside it, or, when that name is too long for a socket, in
        the runtime folder or ``/tmp``, named by a digest of the store's path."""
        beside = self.data / "door" / "socket"
        if _fits(beside):
            return beside
        import hashlib  # rarely needed, and it takes long to load

        digest = hashlib.sha256(os.fsencode(os.path.realpath(self.store))).hexdigest()[:_DIGEST_CHARS]
        short = self.runtime / APP / digest if self.runtime else None
        return short if short and _fits(short) else Path(f"/tmp/{APP}-{os.geteuid()}") / digest

    def own_folders(self) -> tuple[str, ...]:
        """Real paths that hold our own data; they are never remembered, even inside a remembered folder."""
        return tuple(sorted({os.path.realpath(path) for path in (self.config, self.data, self.cache, self.state)}))


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MOST_SOCKET_BYTES


def locate(environment: Mapping[str, str] | None = None) -> Locations:
    """Directories for this user. Touches no disk.

    Raises :class:`~assistant.contracts.errors.BadSettings` when ``ASSISTANT_HOME`` lies in the home of nobody, and
    when a directory has a name that is not UTF-8: the libraries that keep the memory cannot open it.
    """
    environment = os.environ if environment is None else environment
    home, at = environment.get("ASSISTANT_HOME"), environment.get("XDG_RUNTIME_DIR", "")
    runtime = Path(at) if os.path.isabs(at) else None
    if home:
        expanded = os.path.expanduser(home)
        if expanded.startswith("~"):
            raise BadSettings(f"ASSISTANT_HOME is {to_text(home)}, and there is no such user.", remedy="Name a folder.")
        top = Path(expanded).absolute()
        found = Locations(top / "config", top / "data", top / "cache", top / "state", runtime)
    else:
        from platformdirs import PlatformDirs

        dirs = PlatformDirs(APP, appauthor=False)
        places = (dirs.user_config_path, dirs.user_data_path, dirs.user_cache_path, dirs.user_state_path)
        found = Locations(*places, runtime)
    for path in (found.config, found.data, found.cache, found.state):
        try:
            str(path).encode()
        except UnicodeEncodeError as error:
            raise BadSettings(
                f"The memory cannot be kept in {to_text(str(path))}: this name is not UTF-8.",
                kept="Nothing was changed.",
                remedy="Choose another place with ASSISTANT_HOME.",
            ) from error
    return found

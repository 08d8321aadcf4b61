"""Sources that exist in memory only."""

from __future__ import annotations

from collections.abc import Iterator

from assistant.contracts.documents import FileStat, FoundSource, RootSigns, SkippedPath, SourceAddress
from assistant.contracts.errors import BadPath, UnreadableSource
from assistant.core.filenames import is_within


class TransientSources:
    """A fake of :class:`~assistant.contracts.ports.Sources`. ``files`` maps absolute paths to bytes; a value that is a
    string is the reason why this one cannot be read. Change files with :meth:`write` and :meth:`remove`, so that
    their stat changes as on a disk."""

    def __init__(self, files: dict[str, bytes | str] | None = None, *, first_mtime_s: int = 1_760_000_000) -> None:
        self._files: dict[str, bytes | str] = {}
        self._stats: dict[str, FileStat] = {}
        self._ticks = 0
        self._first_mtime_ns = first_mtime_s * 1_000_000_000
        for path, content in (files or {}).items():
            self.write(path, content)

    def write(self, path: str, content: bytes | str, *, mtime_s: int | None = None) -> None:
        """Make or replace a file. Without ``mtime_s`` every write is one second younger than the one before."""
        self._ticks += 1
        mtime_ns = self._first_mtime_ns + self._ticks * 1_000_000_000 if mtime_s is None else mtime_s * 1_000_000_000
        self._files[path] = content
        self._stats[path] = FileStat(len(content), mtime_ns, self._ticks)

    def remove(self, path: str) -> None:
        del self._files[path], self._stats[path]

    def walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        below = sorted(path for path in self._files if is_within(path, root))
        if not below and root not in self._files:
            raise BadPath(f"There is no folder {root}.")
        for path in below:
            content = self._files[path]
            if isinstance(content, str):
                yield SkippedPath(path, content, problem=True)
            else:
                yield FoundSource(SourceAddress(path), self._stats[path])

    def look(self, root: str, path: str) -> Iterator[FoundSource | SkippedPath]:
        for found in self.walk(root):
            if is_within(found.path if isinstance(found, SkippedPath) else found.address.path, path):
                yield found

    def history(self, root: str, folder: str) -> Iterator[FoundSource | SkippedPath]:
        """There are no commits in here."""
        return (found for found in self.look(root, folder) if isinstance(found, FoundSource) and found.address.commit)

    def observe(self, root: str) -> RootSigns:
        below = any(is_within(path, root) for path in self._files)
        return RootSigns() if below else RootSigns("it is gone")

    def stat(self, address: SourceAddress) -> FileStat | None:
        return self._stats.get(address.path)

    def fetch(self, address: SourceAddress) -> bytes:
        content = self._files.get(address.path, "it is gone")
        if isinstance(content, str):
            raise UnreadableSource(content)
        return content

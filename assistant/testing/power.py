"""What a power cut leaves: a disk that writes down all it is told, and the states in which it might be found.

After J. Bornholt and T. S. Pillai et al., "All file systems are not created equal: on the complexity of crafting
crash-consistent applications" (ALICE, OSDI 2014): what was not synced may be there or not, whatever the order was in.
Only what goes through :class:`~assistant.memory.durable.Disk` is taken apart in this way. What libraries write beside
it is taken over as it is found at the next call; it counts as synced where the library syncs by itself (``synced``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from assistant.memory.durable import Disk
from assistant.testing.disks import TurnedDisk

T = TypeVar("T")


@dataclass(eq=False)
class _Node:
    """A file (``entries`` is ``None``) or folder, as it is and as it surely is on the disk."""

    entries: dict[str, _Node] | None = None
    safe_entries: dict[str, _Node] = field(default_factory=dict)
    content: bytes = b""
    safe_content: bytes = b""


@dataclass(eq=False)
class _NameChange:
    """One change of names, which happens as a whole: folder, name, and what is there afterwards."""

    parts: list[tuple[_Node, str, _Node | None]]


Tree = dict[str, bytes | None]
"""Relative paths with contents; ``None`` for a folder."""


class RecordingDisk(TurnedDisk):
    """Works in ``root``. :meth:`wrecks` are the states a power cut could have left after each call so far."""

    def __init__(self, root: Path, synced: Callable[[Path], bool], inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._root = root
        self._synced = synced
        self._open: dict[int, tuple[Path, _Node, list[int]]] = {}
        self._top = _Node(entries={})
        self._pending: list[_NameChange] = []
        self._wrecks: dict[str, tuple[str, Tree]] = {}
        self._look_around(everything_is_safe=True)
        self._keep("before")

    def wrecks(self) -> Iterator[tuple[str, Tree]]:
        """Each different state once, with words that say when and how."""
        yield from self._wrecks.values()

    def forget_what_was(self) -> None:
        """Everything so far is on the disk; states are kept from now on."""
        self._look_around(everything_is_safe=True)
        self._pending.clear()
        _settle_all(self._top)
        self._wrecks.clear()
        self._keep("before")

    def turn(self, call: str, do: Callable[[], T]) -> T:
        del call
        self._look_around(everything_is_safe=False)
        return do()

    # what is done, in the files and in the model

    def open(self, path: Path, flags: int) -> int:
        descriptor = super().open(path, flags)
        node = self._find(path)
        if node is None and self._inside(path):
            node = _Node(entries={} if path.is_dir() else None)
            self._change([(self._folder(path), path.name, node)])
        if node is not None:
            if flags & os.O_TRUNC:
                node.content = b""
            self._open[descriptor] = (path, node, [0])
            self._keep(f"open {path.name}")
        return descriptor

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        super().close(descriptor)

    def seek(self, descriptor: int, at_byte: int) -> None:
        super().seek(descriptor, at_byte)
        if descriptor in self._open:
            self._open[descriptor][2][0] = at_byte

    def write(self, descriptor: int, data: memoryview) -> int:
        taken = super().write(descriptor, data)
        if descriptor in self._open:
            path, node, place = self._open[descriptor]
            start, end = place[0], place[0] + taken
            node.content = node.content[:start].ljust(start, b"\0") + bytes(data[:taken]) + node.content[end:]
            place[0] = end
            self._keep(f"write {path.name}")
        return taken

    def truncate(self, descriptor: int, size_bytes: int) -> None:
        super().truncate(descriptor, size_bytes)
        if descriptor in self._open:
            path, node, _ = self._open[descriptor]
            node.content = node.content[:size_bytes].ljust(size_bytes, b"\0")
            self._keep(f"truncate {path.name}")

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        if descriptor in self._open:
            path, node, _ = self._open[descriptor]
            if node.entries is None:
                node.safe_content = node.content
            else:
                self._settle(node)
            self._keep(f"sync {path.name}")

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        node = self._find(old)
        if node is not None:
            self._change([(self._folder(old), old.name, None), (self._folder(new), new.name, node)])
            self._keep(f"rename {old.name} to {new.name}")

    def link(self, old: Path, new: Path) -> None:
        super().link(old, new)
        node = self._find(old)
        if node is not None:
            self._change([(self._folder(new), new.name, node)])
            self._keep(f"link {old.name} to {new.name}")

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self._gone(path)

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self._gone(path)

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        if self._inside(path):
            self._change([(self._folder(path), path.name, _Node(entries={}))])
            self._keep(f"make {path.name}")

    def _gone(self, path: Path) -> None:
        if self._find(path) is not None:
            self._change([(self._folder(path), path.name, None)])
            self._keep(f"remove {path.name}")

    # the model

    def _inside(self, path: Path) -> bool:
        return path.is_relative_to(self._root)

    def _find(self, path: Path) -> _Node | None:
        if not self._inside(path):
            return None
        node: _Node | None = self._top
        for name in path.relative_to(self._root).parts:
            node = node.entries.get(name) if node is not None and node.entries is not None else None
        return node

    def _folder(self, path: Path) -> _Node:
        node = self._find(path.parent)
        assert node is not None, path
        return node

    def _change(self, parts: list[tuple[_Node, str, _Node | None]]) -> None:
        for folder, name, node in parts:
            assert folder.entries is not None
            _set(folder.entries, name, node)
        self._pending.append(_NameChange(parts))

    def _settle(self, folder: _Node) -> None:
        """The names of a folder are on disk: every change that has to do with it, as a whole, and those before that it
        builds on."""
        left: list[_NameChange] = []
        for change in self._pending:
            if any(one is folder for one, _, _ in change.parts):
                for one, name, node in change.parts:
                    _set(one.safe_entries, name, node)
            else:
                left.append(change)
        self._pending = left

    def _look_around(self, *, everything_is_safe: bool) -> None:
        """Take over what was written past us."""
        self._compare(self._root, self._top, everything_is_safe=everything_is_safe)

    def _compare(self, path: Path, folder: _Node, *, everything_is_safe: bool) -> None:
        assert folder.entries is not None
        with os.scandir(path) as entries:
            found = {entry.name: entry for entry in entries}
        for name in set(folder.entries) - set(found):
            folder.entries.pop(name)
            folder.safe_entries.pop(name, None)
        for name, entry in found.items():
            node = folder.entries.get(name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if node is None or (node.entries is not None) != is_folder:
                node = folder.entries[name] = folder.safe_entries[name] = _Node(entries={} if is_folder else None)
            if is_folder:
                self._compare(Path(entry.path), node, everything_is_safe=everything_is_safe)
            elif any(node is one for _, one, _ in self._open.values()):
                continue  # being written by us
            else:
                content = Path(entry.path).read_bytes()
                if content != node.content:
                    node.content = content
                    if everything_is_safe or self._synced(Path(entry.path)):
                        node.safe_content = content

    # the states

    def _keep(self, when: str) -> None:
        ways: list[tuple[str, bool, Callable[[_Node], bytes]]] = [
            ("all of it is there", False, lambda node: node.content),
            ("what was not synced is empty", False, _empty_unless_safe),
            ("what was not synced is as before", False, lambda node: node.safe_content),
            ("what was not synced is there by half", False, _half),
            ("names that were not synced are as before", True, lambda node: node.content),
            ("nothing that was not synced is there", True, lambda node: node.safe_content),
        ]
        for how, safe_names, content_of in ways:
            tree: Tree = {}
            _plant(self._top, "", safe_names, content_of, tree)
            key = hashlib.sha256(repr(sorted(tree.items())).encode()).hexdigest()
            self._wrecks.setdefault(key, (f"after {when} ({len(self.calls)}): {how}", tree))


def _settle_all(node: _Node) -> None:
    node.safe_content = node.content
    if node.entries is not None:
        node.safe_entries = dict(node.entries)
        for one in node.entries.values():
            _settle_all(one)


def _set(entries: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        entries.pop(name, None)
    else:
        entries[name] = node


def _empty_unless_safe(node: _Node) -> bytes:
    return node.content if node.content == node.safe_content else b""


def _half(node: _Node) -> bytes:
    return node.content if node.content == node.safe_content else node.content[: len(node.content) // 2]


def _plant(node: _Node, path: str, safe: bool, content_of: Callable[[_Node], bytes], tree: Tree) -> None:
    if node.entries is None:
        tree[path] = content_of(node)
        return
    if path:
        tree[path] = None
    for name, one in (node.safe_entries if safe else node.entries).items():
        _plant(one, os.path.join(path, name), safe, content_of, tree)


def materialise(tree: Tree, target: Path) -> None:
    """Make the files of a state in a folder that does not exist yet."""
    target.mkdir(parents=True)
    for path, content in sorted(tree.items()):
        if content is None:
            (target / path).mkdir()
        else:
            (target / path).write_bytes(content)

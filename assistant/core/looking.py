"""Where to look when paths may have changed: as little as possible, and never less than what the change can reach."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistant.core.filenames import is_within

RULES = frozenset((".gitignore", ".assistantignore", "pyvenv.cfg", "CACHEDIR.TAG", "HEAD", "objects", "refs"))
"""Names that say how all of their folder is taken."""
BUILDS = frozenset(("Cargo.toml", "pom.xml"))
"""Names that say how the folder ``target`` beside them is taken."""
_GIT = ".git"


@dataclass(frozen=True, slots=True)
class Glance:
    """One place to look at: a path with all below it, or the ``history`` of the repository in a folder only.
    ``root``: the remembered folder it lies in."""

    root: str
    path: str
    history: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``glances`` in order of their paths, none of them within another; ``outside`` counts the paths that lie in no
    remembered folder."""

    glances: tuple[Glance, ...]
    outside: int


def plan(paths: Iterable[str], roots: Sequence[str]) -> Plan:
    """Where to look for ``paths`` (absolute, normalised)."""
    wanted: set[Glance] = set()
    outside = 0
    for path in dict.fromkeys(paths):
        root = common_root(path, roots)
        if root is None:
            outside += 1
        else:
            wanted.update(_reach(root, path))
    wide = {glance.path for glance in wanted if not glance.history}
    return Plan(
        tuple(
            sorted(
                (glance for glance in wanted if not _is_covered(glance, wide)),
                key=lambda glance: (glance.path, glance.history),
            )
        ),
        outside,
    )


def common_root(path: str, roots: Sequence[str]) -> str | None:
    """The longest remembered root that holds ``path``; ``None`` when none does."""
    holding = [root for root in roots if is_within(path, root)]
    return max(holding, key=len, default=None)


def repository_of(path: str, root: str) -> str | None:
    """The folder of the repository that ``path`` is among the own files of; ``None`` for any other path below
    ``root``."""
    parts = path[len(root.rstrip("/")) :].split("/")
    if _GIT not in parts:
        return None
    return root.rstrip("/") + "/".join(parts[: parts.index(_GIT)]) or "/"


def _reach(root: str, path: str) -> list[Glance]:
    repository = repository_of(path, root)
    if repository is not None:
        return [Glance(root, repository, history=True)]
    if path == root:
        return [Glance(root, root)]
    folder, name = posixpath.split(path)
    if name in RULES:
        return [Glance(root, folder)]
    if name in BUILDS:
        return [Glance(root, path), Glance(root, posixpath.join(folder, "target"))]
    return [Glance(root, path)]


def _is_covered(glance: Glance, wide: set[str]) -> bool:
    """Whether another of ``wide`` holds it."""
    at = glance.path
    if glance.history and at in wide:
        return True
    while at not in ("/", ""):
        at = posixpath.dirname(at)
        if at in wide:
            return True
    return False

"""Which of our code decides what is remembered of a file: what remembers, and all modules it imports.

A memory made by other such code is not the memory that this program would make. What runs only when a question is
asked (ranking, answering, their parameters) is not among it, so that these can be tried on one memory.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from assistant.contracts.ids import digest_of

TOP = Path(__file__).resolve().parents[1]
REMEMBERING = (
    *("actors.embedder", "actors.librarian", "evaluation.corpus", "inference.encoding", "memory.fabric"),
    *("reading.reader", "reading.walking"),
)
ASKING = frozenset({"memory.recall"})
"""Imported for one function that only passes on to ``core.intake``; not followed."""


def code_digest() -> str:
    """SHA-256 over the names and the bytes of these modules."""
    parts = [f"{name} {digest_of(_file(name).read_bytes())}" for name in sorted(modules())]
    return digest_of("\n".join(parts).encode())


def modules() -> set[str]:
    """Names below ``assistant``, dots between; imports inside functions count, those for type checkers only do not."""
    found: set[str] = set()
    waiting = list(REMEMBERING)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in ASKING:
            found.add(name)
            waiting.extend(_imported(ast.parse(_file(name).read_bytes())))
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith("assistant."):
            package = node.module.removeprefix("assistant").removeprefix(".")
            for alias in node.names:
                name = f"{package}.{alias.name}".removeprefix(".")
                yield name if _file(name).is_file() else package
        else:
            yield from _imported(node)


def _file(name: str) -> Path:
    """Of a module, or of a package's own."""
    path = TOP.joinpath(*name.split(".")) if name else TOP
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

"""Maps the kind of a job to the function that does it."""

from __future__ import annotations

import importlib
from typing import Any, Callable

from .errors import UnknownKind

Task = Callable[[dict[str, Any], "Any"], None]


class Registry:
    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def task(self, kind: str) -> Callable[[Task], Task]:
        """Decorator: @registry.task("mail.send")"""

        def add(function: Task) -> Task:
            if kind in self._tasks:
                raise ValueError(f"two tasks for {kind}")
            self._tasks[kind] = function
            return function

        return add

    def get(self, kind: str) -> Task:
        try:
            return self._tasks[kind]
        except KeyError:
            raise UnknownKind(kind) from None

    def kinds(self) -> list[str]:
        return sorted(self._tasks)


def load(module_name: str) -> Registry:
    """Imports a module and returns its object called `registry`."""
    module = importlib.import_module(module_name)
    registry = getattr(module, "registry", None)
    if not isinstance(registry, Registry):
        raise UnknownKind(f"{module_name} has no registry")
    return registry

"""A private assistant for the files on one laptop: it remembers folders and answers with verified citations.

Importing this package reads no file, socket, argument or environment variable; the public names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assistant.contracts import program

if TYPE_CHECKING:
    from assistant.app import Assistant, open_assistant
    from assistant.client import AsyncClient, Client, connect, connect_async
    from assistant.contracts.answers import Answer, Citation
    from assistant.contracts.items import MemoryItem, RecallQuery, RecallResult

__version__ = program.VERSION

_HOMES = {
    "Answer": "assistant.contracts.answers",
    "Assistant": "assistant.app",
    "AsyncClient": "assistant.client",
    "Citation": "assistant.contracts.answers",
    "Client": "assistant.client",
    "MemoryItem": "assistant.contracts.items",
    "RecallQuery": "assistant.contracts.items",
    "RecallResult": "assistant.contracts.items",
    "connect": "assistant.client",
    "connect_async": "assistant.client",
    "open_assistant": "assistant.app",
}

__all__ = [
    "Answer",
    "Assistant",
    "AsyncClient",
    "Citation",
    "Client",
    "MemoryItem",
    "RecallQuery",
    "RecallResult",
    "__version__",
    "connect",
    "connect_async",
    "open_assistant",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value

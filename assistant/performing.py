"""Carrying out commands on an :class:`~assistant.app.Assistant`, one after the other, in the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from assistant.contracts import commands
from assistant.contracts.commands import Command
from assistant.contracts.errors import BadPath, WrongUse
from assistant.contracts.events import FolderForgotten, GarbageCollected, MemoryCompacted, WorkProgressed
from assistant.contracts.items import RecallQuery
from assistant.contracts.reports import Added, Forgotten, Housekeeping

if TYPE_CHECKING:
    from assistant.app import Assistant
    from assistant.contracts.answers import Answer
    from assistant.contracts.events import EmbeddingFinished, Listener
    from assistant.contracts.items import MemoryItem, RecallResult
    from assistant.contracts.reports import CheckReport, Status

Reply = TypeVar("Reply")


def perform(assistant: Assistant, command: Command[Reply], tell: Listener, stop: threading.Event) -> Reply:
    """The command's reply. ``tell`` is told of what happens meanwhile, on whatever thread it happens; ``stop``, when
    set, ends the work early. Safe to call from several threads.

    Raises :class:`~assistant.contracts.errors.AssistantError`; :class:`~assistant.contracts.errors.WrongUse` for a
    command that only a living process can carry out.
    """
    carry_out = _HOW.get(type(command))
    if carry_out is None:
        raise nobody_runs()
    with assistant.heard_by(tell, stop):
        return cast("Reply", carry_out(assistant, command, tell))


def nobody_runs() -> WrongUse:
    """What to say to a command that only a living process can carry out."""
    return WrongUse("No assistant process is running.", remedy="Start one: assistant serve")


def _ask(assistant: Assistant, command: commands.Ask, _: Listener) -> Answer:
    return assistant.ask(command.text, within=command.within, filters=command.filters, extra=command.extra)


def _recall(assistant: Assistant, command: commands.Recall, _: Listener) -> RecallResult:
    return assistant.recall(command.query, explain=command.explain)


def _show(assistant: Assistant, command: commands.ShowItem, _: Listener) -> MemoryItem:
    return assistant.item(command.item_id)


def _status(assistant: Assistant, command: commands.TellStatus, _: Listener) -> Status:
    return assistant.status(problems=command.problems)


def _roots(assistant: Assistant, _command: commands.TellRoots, _: Listener) -> tuple[str, ...]:
    return tuple(assistant.roots())


def _add(assistant: Assistant, command: commands.AddFolders, _: Listener) -> Added:
    scans, embedding = assistant.add(command.paths, embed=command.embed)
    pending = embedding.pending - embedding.done if embedding else assistant.status().pending_vectors
    return Added(scans=tuple(scans), embedding=embedding, pending=pending)


def _sweep(assistant: Assistant, _: commands.SweepFolders, tell: Listener) -> Added:
    return _add(assistant, commands.AddFolders(embed=False), tell)


def _forget(assistant: Assistant, command: commands.ForgetPath, tell: Listener) -> Forgotten:
    if not command.path.startswith("/"):
        raise BadPath(f"The path {command.path} is not absolute.")
    done = assistant.forget(command.path)
    tell(FolderForgotten(command.path))
    return done


def _check(assistant: Assistant, command: commands.CheckStore, tell: Listener) -> CheckReport:
    def progress(what: str, done: int, total: int) -> None:
        tell(WorkProgressed(what, done, total))

    return assistant.check(full=command.full, repair=command.repair, progress=progress)


def _embed(assistant: Assistant, _command: commands.EmbedPending, _: Listener) -> EmbeddingFinished | None:
    return assistant.embed()


def _look(assistant: Assistant, command: commands.LookAt, tell: Listener) -> int:
    changed = 0
    if command.paths:
        looked = assistant.look(command.paths)
        tell(looked)
        changed += looked.read + looked.gone
    for root in command.roots:
        scan = assistant.scan(root)
        changed += scan.read + scan.gone
    return changed


def _compact(assistant: Assistant, command: commands.CompactMemory, tell: Listener) -> Housekeeping:
    from assistant.memory.tidying import compact

    store = assistant.locations.store
    found = compact(assistant.own(), store, whole=command.whole, should_stop=assistant.stop.is_set)
    done = (*found.done, *found.left)
    tell(MemoryCompacted(done, found.freed_bytes))
    return Housekeeping(done=done, freed_bytes=found.freed_bytes, alarm=bool(found.left))


def _collect(assistant: Assistant, _command: commands.CollectGarbage, tell: Listener) -> Housekeeping:
    from assistant.memory.tidying import collect

    done = tuple(collect(assistant.own()).done)
    tell(GarbageCollected(done))
    return Housekeeping(done=done)


def _warm_up(assistant: Assistant, _command: commands.WarmUp, _: Listener) -> Housekeeping:
    if not len(assistant.fabric.vectors):
        return Housekeeping(skipped="Nothing can be searched by meaning yet.")
    assistant.recall(RecallQuery(text="warm up", k=1))
    return Housekeeping(done=("The model and both indexes are at hand.",))


_HOW: dict[type[Command[Any]], Callable[[Assistant, Any, Listener], object]] = {
    commands.Ask: _ask,
    commands.Recall: _recall,
    commands.ShowItem: _show,
    commands.TellStatus: _status,
    commands.TellRoots: _roots,
    commands.AddFolders: _add,
    commands.SweepFolders: _sweep,
    commands.ForgetPath: _forget,
    commands.CheckStore: _check,
    commands.EmbedPending: _embed,
    commands.LookAt: _look,
    commands.CompactMemory: _compact,
    commands.CollectGarbage: _collect,
    commands.WarmUp: _warm_up,
}

"""What the running process says of itself, for a person or a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from assistant.cli.plain import as_json_object, safe
from assistant.cli.render import console

if TYPE_CHECKING:
    from assistant.contracts.process import Job, ProcessStatus, Story, StoryLine, Task
    from assistant.contracts.reports import Housekeeping


def jobs(found: Sequence[Job], *, failed: bool, as_json: bool) -> None:
    """A list of jobs."""
    if as_json:
        as_json_object({"jobs": [job.model_dump() for job in found]})
        return
    out = console()
    if not found:
        out.print(Text("No job was given up." if failed else "Nothing is waiting, running or given up."))
        return
    table = _table("job", "state", "tries", "what", "why it failed")
    for job in found:
        what = f"{job.command} {job.about}".strip()
        table.add_row(str(job.id), job.state, str(job.attempts), Text(safe(what)), Text(safe(job.reason)))
    out.print(table)


def tasks(found: Sequence[Task], *, as_json: bool) -> None:
    """The timetable."""
    if as_json:
        as_json_object({"tasks": [task.model_dump() for task in found]})
        return
    table = _table("task", "does", "when", "last", "next", "how it went")
    for task in found:
        last = _moment(task.last_at) + (f" ({task.took_s:.1f} s)" if task.took_s is not None else "")
        following = "running" if task.state == "running" else _moment(task.next_at)
        table.add_row(task.name, task.does, task.when, last, following, Text(safe(task.outcome)))
    console().print(table)


def story(found: Story, *, as_json: bool) -> None:
    """A turn as a tree: below each message what it caused."""
    if as_json:
        as_json_object(found)
        return
    out = console()
    if not found.lines:
        out.print(Text(f"Nothing is known of turn {found.turn_id}: it never was, or is too long ago."))
        return
    out.print(Text(f"turn {found.turn_id}"))
    known = {line.number for line in found.lines}
    for line in (line for line in found.lines if line.cause not in known):
        for depth, one in _tree(line, found.lines, 1):
            took = "" if one.took_s is None else f"  {one.took_s * 1000:.0f} ms"
            text = Text(f"{'  ' * depth}{one.message} {safe(one.about)}{took}", style="" if not one.failed else "red")
            if one.failed:
                text.append(f"  {safe(one.failed)}")
            out.print(text)


def _tree(line: StoryLine, lines: Sequence[StoryLine], depth: int) -> list[tuple[int, StoryLine]]:
    found = [(depth, line)]
    for one in lines:
        if one.cause == line.number:
            found += _tree(one, lines, depth + 1)
    return found


def kept(found: Housekeeping, *, as_json: bool) -> None:
    """What was tidied."""
    if as_json:
        as_json_object(found)
        return
    out = console()
    for sentence in found.done or (found.skipped or "Nothing to do.",):
        out.print(Text(safe(sentence)))
    if found.freed_bytes:
        out.print(Text(f"{found.freed_bytes / 1e6:.1f} MB were given back."))


def process(found: ProcessStatus) -> list[Text]:
    """Lines about the running process, for ``assistant status``."""
    embedding = found.embedding
    lines = [Text(f"process {found.pid} since {_moment(found.started_at)}, {_count(found.clients, 'client')}")]
    if found.lexical_behind or found.vector_behind:
        behind = f"{found.lexical_behind} pieces are just being indexed by words, {found.vector_behind} by meaning"
        lines.append(Text(behind))
    if embedding.pending:
        speed = "" if embedding.per_s is None else f", {embedding.per_s:.0f} a second"
        left = "" if embedding.left_s is None else f", about {_duration(embedding.left_s)} left"
        slow = f" ({embedding.held_back})" if embedding.held_back else ""
        lines.append(Text(f"{embedding.pending} pieces wait for a vector{speed}{left}{slow}"))
    by_how = [one for one in found.watching if one.how != "events"]
    if found.watching:
        lines.append(Text(f"watching {_count(len(found.watching) - len(by_how), 'folder')} as things happen"))
    for one in by_how:
        every = f" every {one.interval_s:.0f} s" if one.interval_s else ""
        lines.append(Text(safe(f"  {one.path}: {one.how}{every}, {one.reason}"), style="yellow"))
    waiting = sum(actor.queue.waiting for actor in found.actors)
    if waiting:
        lines.append(Text(f"{_count(waiting, 'message')} waiting"))
    for actor in (actor for actor in found.actors if actor.state != "running"):
        lines.append(Text(safe(f"  {actor.name} is {actor.state}: {actor.reason}"), style="yellow"))
    lines += [Text(safe(alarm), style="red") for alarm in found.alarms]
    return lines


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _moment(at: str | None) -> str:
    """A time as people say it here: local, to the minute."""
    from datetime import datetime

    if at is None:
        return "never"
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

"""What can be asked of the assistant: verbs, frozen, each with exactly one handler and one kind of reply.

The same commands travel over the bus inside the process and over the socket into it; ``Command.reply_type`` is what
the reply is checked against on the other side. Only those in :data:`AT_THE_DOOR` are taken from outside.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from assistant.contracts.answers import Answer
from assistant.contracts.events import EmbeddingFinished
from assistant.contracts.items import Contract, Filters, MemoryItem, RecallQuery, RecallResult
from assistant.contracts.limits import MAX_QUESTION_CHARS
from assistant.contracts.process import Job, Metrics, Story, Task
from assistant.contracts.reports import Added, CheckReport, Forgotten, Housekeeping, Status, Stopped

Reply = TypeVar("Reply")
Path = Annotated[str, Field(min_length=1, max_length=16_384)]
MOST_PATHS = 10_000
Paths = Annotated[tuple[Path, ...], Field(max_length=MOST_PATHS)]


class Command(Contract, Generic[Reply]):
    """Something to do, and (in the brackets) what comes back."""

    @classmethod
    def reply_type(cls) -> Any:
        """The type in the brackets."""
        for parent in cls.__mro__:
            arguments = getattr(parent, "__pydantic_generic_metadata__", {}).get("args")
            if arguments:
                return arguments[0]
        raise TypeError(f"{cls.__name__} does not say what it gives back")


# what people ask for


class Ask(Command[Answer]):
    """Answer a question; see :meth:`assistant.app.Assistant.ask`. ``within``: absolute."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    text: Annotated[str, Field(max_length=MAX_QUESTION_CHARS + 1)]
    within: Paths = ()
    filters: Filters = Filters()
    extra: bytes = b""
    """Further context, as piped in."""


class Recall(Command[RecallResult]):
    """Find remembered pieces, best first. ``explain``: say how each score came about."""

    query: RecallQuery
    explain: bool = False


class ShowItem(Command[MemoryItem]):
    """One remembered piece."""

    item_id: Annotated[str, Field(max_length=200)]


class TellStatus(Command[Status]):
    """``problems``: name each, not only their number."""

    problems: bool = False


class TellRoots(Command[tuple[str, ...]]):
    """The remembered folders, absolute."""


class AddFolders(Command[Added]):
    """Remember folders (absolute), or bring them up to date; none: all that are remembered. ``embed``: the reply comes
    when their vectors are there too."""

    paths: Paths = ()
    embed: bool = True


class ForgetPath(Command[Forgotten]):
    """Forget everything at or below ``path`` (absolute)."""

    path: Path


class CheckStore(Command[CheckReport]):
    """See :meth:`assistant.app.Assistant.check`."""

    full: bool = False
    repair: bool = False


# what keeps the process going


class LookAt(Command[int]):
    """Bring these paths up to date: something may have changed there. Gives how many sources were read or dropped.
    ``roots``: folders to be walked as a whole."""

    paths: Paths = ()
    roots: Paths = ()


class SweepFolders(Command[Added]):
    """Walk every remembered folder for what was missed."""


class EmbedPending(Command[EmbeddingFinished | None]):
    """Give pending items their vectors; ``None``: there is no model to do it with."""


class CompactMemory(Command[Housekeeping]):
    """Give space back: rebuild a vector index full of removed vectors, tidy the word index, copy LMDB without free
    pages, drop old generations. ``whole``: whether or not it pays."""

    whole: bool = False


class CollectGarbage(Command[Housekeeping]):
    """Drop what nothing refers to any more, trim what is kept for a time only."""


class WarmUp(Command[Housekeeping]):
    """Have everything in memory that the first question would otherwise wait for."""


class EvaluateGolden(Command[Housekeeping]):
    """Measure recall on the golden set named in the settings; compared with the time before."""


class TellTasks(Command[tuple[Task, ...]]):
    """The timetable: what ran, what is next, why something was skipped."""


class RunTask(Command[Task]):
    """Carry out a line of the timetable now."""

    name: Annotated[str, Field(max_length=40)]


class TellJobs(Command[tuple[Job, ...]]):
    """Work that is waiting, running or (``failed``: only) given up."""

    failed: bool = False


class RetryJob(Command[Job]):
    """Try again what was given up."""

    job_id: int


class DropJob(Command[Job]):
    """Strike what was given up off the list."""

    job_id: int


class TellStory(Command[Story]):
    """What caused what in one turn; ``None``: the last one."""

    turn_id: int | None = None


class FollowEvents(Command[int]):
    """Hear every event of the process from now on, until the caller stops it. Gives how many there were; a caller who
    is too slow misses some."""


class TellMetrics(Command[Metrics]):
    """Figures in Prometheus' text format."""


class StopProcess(Command[Stopped]):
    """Stop in order; the reply comes before."""


AT_THE_DOOR: dict[str, type[Command[Any]]] = {
    one.__name__: one
    for one in (
        *(Ask, Recall, ShowItem, TellStatus, TellRoots, AddFolders, ForgetPath, CheckStore, SweepFolders),
        *(
            CompactMemory,
            CollectGarbage,
            FollowEvents,
            TellTasks,
            RunTask,
            TellJobs,
            RetryJob,
            DropJob,
            TellStory,
            TellMetrics,
        ),
        *(StopProcess,),
    )
}
"""Commands that are taken from outside, by name."""

"""The error tree.

::

    AssistantError
    ├── UserError                 shown without a traceback; says what happened, what was kept, what to do
    │   ├── WrongUse              exit 2   the request cannot be carried out as asked
    │   │   ├── BadQuestion               empty, or too long
    │   │   ├── BadPath                   missing, unreadable, not a folder
    │   │   ├── BadSettings               a settings file or variable that cannot be read
    │   │   ├── UnknownItem               no remembered piece goes by this id
    │   │   └── UnknownModel              no manifest, no such fastembed model
    │   ├── ConsentNeeded         exit 4   a yes is missing (a download, say)
    │   ├── PolicyDenied          exit 5   a rule forbids it
    │   └── DataError             exit 6   bad or damaged data, or a disk that refuses
    │       ├── DamagedStore              the record store fails its checks
    │       ├── DamagedModel              a wrong hash, a missing file, a wrong dimension
    │       ├── DamagedIndex              a projection that must be rebuilt (handled inside)
    │       ├── BadFile                   a file we were told to read makes no sense (a golden file)
    │       ├── StoreBusy                 another process holds the store
    │       ├── StorageFailed             disk full, read-only, input/output error
    │       └── ProcessFailed             the running process cannot do it
    │           ├── TooBusy                     a queue is full
    │           ├── TookTooLong                 its time limit has passed
    │           └── Resting                     it failed again and again, and is left alone for a while
    ├── UnreadableSource          one source cannot be read; it is listed under problems, the rest goes on
    └── Interrupted               exit 130 stopped on request; what was committed stays
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_WRONG_USE = 2
EXIT_NOTHING_FOUND = 3
EXIT_CONSENT_NEEDED = 4
EXIT_DENIED = 5
EXIT_BAD_DATA = 6
EXIT_INTERRUPTED = 130


class AssistantError(Exception):
    """Root of all errors this program raises on purpose."""


class UserError(AssistantError):
    """A failure a person can understand and mend.

    ``happened`` is one sentence; ``kept`` says what is safe ("" when nothing was at stake);
    ``remedy`` says what to do next ("" when there is nothing to do).
    """

    exit_code = 1

    def __init__(self, happened: str, *, kept: str = "", remedy: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.kept = kept
        self.remedy = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.happened, self.kept, self.remedy) if part)


class WrongUse(UserError):
    exit_code = EXIT_WRONG_USE


class BadQuestion(WrongUse):
    """The question is empty or too long."""


class BadPath(WrongUse):
    """A path is missing, unreadable, or not of the kind that is needed."""


class BadSettings(WrongUse):
    """A settings file, variable or flag cannot be used."""


class UnknownItem(WrongUse):
    """No remembered piece goes by this id."""


class UnknownModel(WrongUse):
    """No model goes by this name."""


class ConsentNeeded(UserError):
    """The action needs a yes that was not given."""

    exit_code = EXIT_CONSENT_NEEDED


class PolicyDenied(UserError):
    """A rule forbids the action."""

    exit_code = EXIT_DENIED


class DataError(UserError):
    exit_code = EXIT_BAD_DATA


class DamagedStore(DataError):
    """The record store fails its checks; nothing was changed."""


class DamagedModel(DataError):
    """A model file is missing, has another hash, or does not fit its manifest."""


class DamagedIndex(DataError):
    """A projection (term or vector index) does not match its manifest; it is rebuilt from the records."""


class BadFile(DataError):
    """A file that was named on the command line does not hold what it should."""


class StoreBusy(DataError):
    """Another process holds the store for writing."""


class StorageFailed(DataError):
    """The disk refused a read or a write (full, read-only, input/output error)."""


class ProcessFailed(DataError):
    """The running process cannot do what it was asked; what was stored stays."""


class TooBusy(ProcessFailed):
    """A queue is full: nothing was begun."""


class TookTooLong(ProcessFailed):
    """The time limit of a command has passed; it was told to stop."""


class Resting(ProcessFailed):
    """What would do it failed again and again, and is not tried for a while."""


MOST_REASON_CHARS = 500


class UnreadableSource(AssistantError):
    """One source cannot be read. ``reason`` is a short phrase for the problem list; a longer one, from a library that
    repeats what it was given, is cut."""

    def __init__(self, reason: str) -> None:
        reason = reason if len(reason) <= MOST_REASON_CHARS else reason[: MOST_REASON_CHARS - 1] + "…"
        super().__init__(reason)
        self.reason = reason


class Interrupted(AssistantError):
    """Stopped on request between two units of work; everything committed before stays."""

"""What each command does: call the application, print what it says, return the exit code."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

from assistant.app import question
from assistant.cli import render
from assistant.cli.progress import Session
from assistant.contracts.commands import (
    AddFolders,
    Ask,
    CheckStore,
    ForgetPath,
    Recall,
    ShowItem,
    TellRoots,
    TellStatus,
)
from assistant.contracts.documents import SourceKind
from assistant.contracts.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_FOUND,
    BadPath,
    BadQuestion,
    DamagedStore,
    WrongUse,
)
from assistant.contracts.items import Filters, Signals
from assistant.contracts.reports import CheckReport
from assistant.core.filenames import to_text
from assistant.serving.calling import NobodyThere

MAX_PIPED_BYTES = 8 << 20
FIRST_BYTE_S = 1.0
LAST_BYTE_S = 30.0
_MOST_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Filters and hints as typed."""

    kinds: Sequence[str] = ()
    languages: Sequence[str] = ()
    since: str | None = None
    until: str | None = None
    within: Sequence[str] = ()
    symbols: Sequence[str] = ()
    file_hints: Sequence[str] = ()

    def filters(self) -> Filters:
        for path in self.within:
            _refuse_nothing(path)
        unknown = sorted(set(self.kinds) - set(get_args(SourceKind)))
        if unknown:
            raise WrongUse(
                f"There is no kind {', '.join(unknown)}.", remedy=f"Kinds: {', '.join(get_args(SourceKind))}."
            )
        until = _day(self.until)
        return Filters(
            paths=tuple(to_text(os.path.realpath(os.path.expanduser(path))) for path in self.within),
            kinds=tuple(self.kinds),  # type: ignore[arg-type]  # checked above
            languages=tuple(map(plain, self.languages)),
            since=_day(self.since),
            until=until + timedelta(days=1, seconds=-1) if until else None,
        )


def plain(text: str) -> str:
    """An argument whose bytes were not UTF-8 comes with lone surrogates; they become U+FFFD."""
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")


def _refuse_nothing(path: str) -> None:
    """An empty path would mean the current folder; it comes from a variable that was not set."""
    if not path:
        raise BadPath("The path is empty.", remedy="Name a folder; the current one is a dot.")


def absolute(path: str) -> str:
    """A path as typed here, for a process that has another current folder."""
    _refuse_nothing(path)
    return to_text(os.path.abspath(os.path.expanduser(path)))


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise WrongUse(f"{text!r} is not a date.", remedy="Write it as 2026-03-14.") from error


def add(paths: Sequence[str], *, embed: bool, as_json: bool) -> int:
    command = AddFolders(paths=tuple(map(absolute, paths)), embed=embed)
    with Session() as session, session.reaching() as reach:
        done = reach.do(command, session.listen, session.stop)
        session.pause()
        if not done.scans:
            raise WrongUse("Nothing is remembered yet.", remedy="Name a folder, as in: assistant add ~/notes")
        render.added(done.scans, done.embedding, done.pending, as_json=as_json)
    return EXIT_INTERRUPTED if session.stop.is_set() else EXIT_DONE


def ask(text: str, within: Sequence[str], narrowed: Narrowing, *, as_json: bool) -> int:
    folders = tuple(map(absolute, within))
    text, filters = plain(text), narrowed.filters()
    question(text, k=1, filters=filters)
    command = Ask(text=text, within=folders, filters=filters, extra=_piped())
    with Session() as session, session.reaching() as reach:
        answer = reach.do(command, session.listen, session.stop)
        roots = () if answer.answered else reach.do(TellRoots(), session.listen, session.stop)
        session.pause()
        render.answered(answer, roots, as_json=as_json)
    return EXIT_DONE if answer.answered else EXIT_NOTHING_FOUND


def recall(text: str, k: int, narrowed: Narrowing, *, explain: bool, as_json: bool) -> int:
    query = question(plain(text), k=k, filters=narrowed.filters())
    signals = Signals(
        code_symbols=tuple(map(plain, narrowed.symbols)), file_hints=tuple(map(to_text, narrowed.file_hints))
    )
    command = Recall(query=query.model_copy(update={"signals": signals}), explain=explain)
    with Session() as session, session.reaching() as reach:
        result = reach.do(command, session.listen, session.stop)
        roots = () if result.items else reach.do(TellRoots(), session.listen, session.stop)
        session.pause()
        render.recalled(result, roots, as_json=as_json)
    return EXIT_DONE if result.items else EXIT_NOTHING_FOUND


def show(item: str, *, as_json: bool) -> int:
    with Session() as session, session.reaching() as reach:
        found = reach.do(ShowItem(item_id=plain(item)[:_MOST_ID_CHARS]), session.listen, session.stop)
        session.pause()
        render.shown(found, as_json=as_json)
    return EXIT_DONE


def status(*, problems: bool, as_json: bool) -> int:
    with Session() as session, session.reaching() as reach:
        found = reach.do(TellStatus(problems=problems), session.listen, session.stop)
        session.pause()
        render.told_status(found, as_json=as_json)
    return EXIT_DONE


def forget(path: str, *, as_json: bool) -> int:
    command = ForgetPath(path=absolute(path))
    with Session() as session, session.reaching() as reach:
        done = reach.do(command, session.listen, session.stop)
        session.pause()
        render.forgotten(done, as_json=as_json)
    return EXIT_DONE


def checked(session: Session, *, full: bool, repair: bool) -> CheckReport:
    """What a check finds: by the process that is running, or here, where damaged records can be mended, too."""
    with session.reaching() as reach:
        remote = reach.remote()
        if remote is not None:
            try:
                return remote.do(CheckStore(full=full, repair=repair), session.listen, session.stop)
            except DamagedStore as error:
                raise DamagedStore(
                    error.happened,
                    kept=error.kept,
                    remedy=f"The process {remote.pid} owns the memory. Stop it with `assistant serve --stop`, then "
                    "mend it with `assistant check --repair`.",
                ) from error
            except NobodyThere:
                pass
    from assistant.upkeep import check_store

    return check_store(full=full, repair=repair, progress=session.count, listener=session.listen, stop=session.stop)


def _piped() -> bytes:
    """What was piped in; ``b""`` when nothing is: a terminal, no input, or a silent pipe nobody writes to."""
    if sys.stdin is None:
        return b""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return b""
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return b""
    data = bytearray()
    deadline_s = time.monotonic() + LAST_BYTE_S
    wait_s = FIRST_BYTE_S
    while len(data) <= MAX_PIPED_BYTES:
        if not select.select([sys.stdin.fileno()], [], [], wait_s)[0]:
            if not data:
                return b""
            raise BadQuestion(
                "The piped input did not end in time.", remedy="Save it to a file and ask with --in FILE."
            )
        block = os.read(sys.stdin.fileno(), 1 << 16)
        if not block:
            return bytes(data)
        data += block
        wait_s = max(0.0, deadline_s - time.monotonic())
    raise BadQuestion(
        f"The piped input is larger than {MAX_PIPED_BYTES >> 20} MiB.",
        remedy="Save it to a file and ask with --in FILE.",
    )

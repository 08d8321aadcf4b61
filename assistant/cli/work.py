"""What each command does: call the application, print what it says, return the exit code."""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from assistant.cli import render
from assistant.cli.narrowing import Narrowing, absolute, plain
from assistant.cli.progress import Session
from assistant.cli.quick import recall_told
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
from assistant.contracts.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_NOTHING_FOUND,
    BadQuestion,
    DamagedStore,
    WrongUse,
)
from assistant.core.typed import typed
from assistant.serving.calling import NobodyThere

if TYPE_CHECKING:
    from assistant.contracts.commands import Command
    from assistant.contracts.reports import CheckReport

MAX_PIPED_BYTES = 8 << 20
FIRST_BYTE_S = 1.0
LAST_BYTE_S = 30.0
_MOST_ID_CHARS = 200


Reply = TypeVar("Reply")


def done_by(command: Command[Reply]) -> Reply:
    """The reply to a command, with progress shown meanwhile."""
    with Session() as session, session.reaching() as reach:
        return reach.do(command, session.listen, session.stop)


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
    text, filters = typed(plain(text)), narrowed.filters()
    command = Ask(text=text, within=folders, filters=filters, extra=_piped())
    with Session() as session, session.reaching() as reach:
        answer = reach.do(command, session.listen, session.stop)
        roots = () if answer.answered else reach.do(TellRoots(), session.listen, session.stop)
        session.pause()
        render.answered(answer, roots, as_json=as_json)
    return EXIT_DONE if answer.answered else EXIT_NOTHING_FOUND


def recall(text: str, k: int, narrowed: Narrowing, *, explain: bool, as_json: bool) -> int:
    command = Recall.model_validate(recall_told(text, k, narrowed, explain=explain))
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

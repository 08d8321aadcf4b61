"""What processes of the tests do. Apart from the tests, so that a child need not load what only tests need."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import traceback
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

from memory.world import opened, remember, state_of, update_of

from assistant.contracts.errors import BadPath, DataError
from assistant.memory.durable import using
from assistant.memory.records import RecordStore
from assistant.memory.terms import TantivyTerms
from assistant.testing.disks import EndingDisk, TurnedDisk, changes
from hardness.operations import attempt, done_again, looked_at
from hardness.stored import ENCODER, backed_up

NOBODY = 65534


def work(talk: Connection, template: Path) -> None:
    """Do operations on copies of ``template``, each when told to, and tell how it went. Before an operation begins
    (``ready``) and when it has ended (``over``), wait to be told to go on."""
    while (task := talk.recv()) is not None:
        name, place = task
        if not place.exists():
            shutil.copytree(template, place)

        def pause(word: str) -> None:
            talk.send(word)
            talk.recv()

        try:
            talk.send(("failure", attempt(name, place, lambda: pause("ready"), lambda: pause("over"))))
        except Exception:  # noqa: BLE001 - told to the test, which fails
            talk.send(("wrong", traceback.format_exc()))


def nurse(talk: Connection) -> None:
    """Look at places where an operation was done (and failed with these words), and unless told not to, do it again.
    Tells what was wrong, or ""."""
    while (task := talk.recv()) is not None:
        name, place, failure, again = task
        try:
            looked_at(name, place, failure)
            if again:
                done_again(name, place)
            talk.send("")
        except Exception:  # noqa: BLE001 - told to the test, which fails
            talk.send(traceback.format_exc())


def look(talk: Connection, store: Path) -> None:
    """Open a memory and tell what is in it."""
    try:
        fabric = opened(store, ENCODER)
        talk.send(len(state_of(fabric)))
        fabric.close()
        talk.send("closed")
    except DataError as error:
        talk.send(str(error))


def refused(talk: Connection, name: str, place: Path) -> None:
    """Tell the words with which an operation is refused."""
    try:
        talk.send(attempt(name, place, lambda: None, lambda: None))
    except DataError as error:
        talk.send(str(error))


def as_nobody(talk: Connection, act: Callable[[Connection, Path], None], path: Path) -> None:
    """Do something without any rights."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    act(talk, path)


def add_to(talk: Connection, place: Path) -> None:
    """Try to remember something."""
    refused(talk, "add", place)


def back_up_from(talk: Connection, place: Path) -> None:
    """Try to back up, and tell how many pieces, or why not."""
    try:
        talk.send(backed_up(place / "memory", place / "new").items)
    except (DataError, BadPath) as error:
        talk.send(str(error))


def limited(talk: Connection, name: str, place: Path, what: int, most: int) -> None:
    """An operation under a limit of the system (``resource.RLIMIT_...``). ``most`` open files are counted beyond those
    there are."""
    soft, hard = resource.getrlimit(what)
    if what == resource.RLIMIT_NOFILE:
        most += len(os.listdir("/proc/self/fd"))

    def ready() -> None:
        resource.setrlimit(what, (most, hard))

    def over() -> None:
        resource.setrlimit(what, (soft, hard))

    if name != "open at all":
        talk.send(attempt(name, place, ready, over))
        return
    ready()
    try:
        opened(place / "memory", ENCODER).close()
        talk.send("")
    except DataError as error:
        talk.send(str(error))
    finally:
        over()


def once(talk: Connection, name: str, template: Path, place: Path) -> None:
    """One operation; waits when it is ready, says when it is over, and how it went."""
    shutil.copytree(template, place)

    def ready() -> None:
        talk.send("ready")
        talk.recv()

    talk.send(attempt(name, place, ready, lambda: talk.send("over")))


def ended_at(talk: Connection, name: str, place: Path, at: int | None) -> None:
    """One operation that kills itself at one of our own calls; without ``at``, say how many there are."""
    disk = TurnedDisk() if at is None else EndingDisk(-1, lambda: signal.raise_signal(signal.SIGKILL))
    begun = [0]

    def ready() -> None:
        begun[0] = changes(disk.calls)
        if isinstance(disk, EndingDisk):
            disk.at = begun[0] + (at or 0)

    with using(disk):
        attempt(name, place, ready, lambda: talk.send(changes(disk.calls) - begun[0]))


def careless(talk: Connection, path: Path) -> None:
    """Takes a sync that failed for one that worked."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"x")
    for _ in range(2):
        try:
            os.fsync(descriptor)
            talk.send("synced")
        except OSError as error:
            talk.send(error.errno)


def commit_twice(talk: Connection, store: Path) -> None:
    """Commit, be refused, and try to go on in the same process."""
    fabric = opened(store, ENCODER)
    talk.send("ready")
    talk.recv()
    for _ in range(2):
        try:
            remember(fabric, {"/r/0.md": "never acknowledged"})
            talk.send("remembered")
        except DataError as error:
            talk.send(error.happened)
    talk.send(len(state_of(fabric)))
    try:
        fabric.close()
        talk.send("closed")
    except DataError as error:
        talk.send(error.happened)


def read_and_die(talk: Connection, store: Path, count: int) -> None:
    """Take places in the table of readers, and be killed with all of them."""
    with RecordStore(store / "records", read_only=True) as records:
        taken = [records._env.begin() for _ in range(count)]
        talk.send(len(taken))
        os.kill(os.getpid(), signal.SIGKILL)


def read_when_told(talk: Connection, store: Path) -> None:
    """Keep one view of a store open, and tell the number of sources and the revision it sees, when asked."""
    with RecordStore(store / "records", read_only=True) as records, records.read() as view:
        while talk.recv():
            talk.send((sum(1 for _ in view.sources()), view.revision))


class _Tea:
    key, text, context, path, kind, language, modality, timestamp_s = 1, "tea", "", "/t.md", "text", None, "text", 0


def hold_the_writer(talk: Connection, folder: Path) -> None:
    """Be the one who writes to a word index, until told to end."""
    with closing(TantivyTerms(folder)) as index:
        index.apply([_Tea()], (), 1)
        talk.send("holding")
        talk.recv()


def write_until_told(talk: Connection, store: Path) -> None:
    """Own a memory and write to it, again and again, until told to end."""
    fabric = opened(store, ENCODER)
    talk.send("writing")
    number = 0
    while not talk.poll():
        number += 1
        fabric.remember([update_of(f"/r/{number % 40}.md", f"number {number}\n" + f"line {number} " * (number % 50))])
    fabric.catch_up()
    fabric.close()

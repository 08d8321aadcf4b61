"""The ledger on LMDB: jobs, how tasks went, and a bounded journal; beside the memory, and never part of it.

It has a file of its own, so that noting a message neither waits for a commit of the memory nor makes a revision. What
is in it can be lost without harm to the memory: a damaged ledger is set aside, and a new one begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.contracts.process import Job, StoryLine, TaskRun
from assistant.memory import swapping
from assistant.memory.durable import make_folder, move, reserve, write_synced
from assistant.memory.envelope import seal, unseal
from assistant.memory.layout import pack_u64, unpack_u64

MOST_LINES = 20_000
_SPARE_LINES = 1_000
"""Lines beyond that are dropped so many at a time."""
MAP_SIZE_BYTES = 256 << 20
LOCK_NAME, LOCK_BYTES = "lock.mdb", 1 << 16
DATABASES = ("journal", "turns", "jobs", "runs")


class LmdbLedger:
    """See :class:`assistant.contracts.ports.Ledger`. ``note`` is told when a damaged ledger was moved to
    ``set_aside``."""

    def __init__(self, folder: Path, set_aside: Path, note: Callable[[str], None] = lambda _: None) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        with _refusals():
            try:
                self._open()
                self.last_numbers()
                self.jobs()
                self.runs()
            except (lmdb.Error, DamagedStore, ValueError) as error:
                self.close()
                make_folder(set_aside)
                target = _free(set_aside)
                move(folder, target)
                note(
                    f"The list of jobs and tasks was damaged ({error}); it was moved to {target}, and a new one begun."
                )
                self._open()

    def _open(self) -> None:
        swapping.recover(self._folder)
        make_folder(self._folder)
        reserve(self._folder / LOCK_NAME, LOCK_BYTES)
        self._connect(_environment(self._folder))

    def _connect(self, env: Any) -> None:
        self._env = env
        self._db = {name: env.open_db(name.encode()) for name in DATABASES}

    def close(self) -> None:
        env = getattr(self, "_env", None)
        if env is not None:
            env.close()

    # the journal

    def last_numbers(self) -> tuple[int, int]:
        with self._reading() as txn:
            return _last(txn, self._db["journal"]), _last(txn, self._db["turns"])

    def write_lines(self, lines: Sequence[tuple[int, StoryLine]]) -> None:
        if not lines:
            return
        with self._writing() as txn:
            for turn_id, line in lines:
                key = pack_u64(line.number)
                payload = pack_u64(turn_id) + line.model_dump_json().encode()
                txn.put(key, seal(key, payload), db=self._db["journal"])
                txn.put(pack_u64(turn_id) + key, b"", db=self._db["turns"])
            if txn.stat(self._db["journal"])["entries"] > MOST_LINES + _SPARE_LINES:
                self._drop_oldest(txn, MOST_LINES)

    def _drop_oldest(self, txn: Any, keep: int) -> int:
        excess = txn.stat(self._db["journal"])["entries"] - keep
        doomed: list[tuple[bytes, bytes]] = []
        with txn.cursor(self._db["journal"]) as cursor:
            for key, value in cursor:
                if len(doomed) >= excess:
                    break
                doomed.append((bytes(key), _turn_of(bytes(key), value)))
        for key, turn in doomed:
            self._drop_line(txn, key, turn)
        return len(doomed)

    def _drop_line(self, txn: Any, key: bytes, turn: bytes) -> None:
        txn.delete(key, db=self._db["journal"])
        txn.delete(turn + key, db=self._db["turns"])

    def story(self, turn_id: int | None) -> tuple[int, list[StoryLine]]:
        with self._reading() as txn:
            turn_id = _last(txn, self._db["turns"]) if turn_id is None else turn_id
            prefix = pack_u64(turn_id)
            lines = []
            with txn.cursor(self._db["turns"]) as cursor:
                found = cursor.set_range(prefix)
                while found and bytes(cursor.key())[:8] == prefix:
                    key = bytes(cursor.key())[8:]
                    value = txn.get(key, db=self._db["journal"])
                    if value is not None:
                        lines.append(StoryLine.model_validate_json(unseal(key, value)[8:]))
                    found = cursor.next()
        return turn_id, lines

    # jobs and tasks

    def put_job(self, job: Job, command: str) -> None:
        key, text = pack_u64(job.id), job.model_dump_json().encode()
        payload = pack_u64(len(text)) + text + command.encode()
        with self._writing() as txn:
            txn.put(key, seal(key, payload), db=self._db["jobs"])

    def jobs(self) -> list[tuple[Job, str]]:
        found = []
        for key, value in self._entries("jobs"):
            payload = unseal(key, value)
            end = 8 + unpack_u64(payload[:8])
            found.append((Job.model_validate_json(payload[8:end]), payload[end:].decode()))
        return found

    def drop_job(self, job_id: int) -> None:
        with self._writing() as txn:
            txn.delete(pack_u64(job_id), db=self._db["jobs"])

    def put_run(self, run: TaskRun) -> None:
        key = run.name.encode()
        with self._writing() as txn:
            txn.put(key, seal(key, run.model_dump_json().encode()), db=self._db["runs"])

    def runs(self) -> dict[str, TaskRun]:
        runs = [TaskRun.model_validate_json(unseal(key, value)) for key, value in self._entries("runs")]
        return {run.name: run for run in runs}

    # keeping it small

    def forget(self, text: str) -> int:
        wanted, dropped = text.encode(), 0
        as_json = StoryLine.model_construct(about=text).model_dump_json(include={"about"})
        written = as_json.removeprefix('{"about":"').removesuffix('"}').encode()
        with self._writing() as txn:
            for name in ("journal", "jobs", "runs"):
                doomed = [
                    (bytes(key), bytes(value))
                    for key, value in txn.cursor(self._db[name])
                    if wanted in bytes(value) or written in bytes(value)
                ]
                for key, value in doomed:
                    if name == "journal":
                        self._drop_line(txn, key, _turn_of(key, value))
                    else:
                        txn.delete(key, db=self._db[name])
                dropped += len(doomed)
        self._compact()
        return dropped

    def trim(self) -> int:
        with self._writing() as txn:
            return self._drop_oldest(txn, MOST_LINES) if txn.stat(self._db["journal"])["entries"] > MOST_LINES else 0

    def _compact(self) -> None:
        """Leave no deleted bytes in free pages."""
        with _refusals(), self._lock:
            try:
                building = swapping.start(self._folder)
                self._env.copy(str(building), compact=True)
                write_synced(building / "data.mdb", None)
                reserve(building / LOCK_NAME, LOCK_BYTES)
                fresh = _environment(building)
            except BaseException:
                swapping.give_up(self._folder)
                raise
            swapping.finish(self._folder)
            self._env.close()
            self._connect(fresh)

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with _refusals(), self._lock, self._env.begin(buffers=True) as txn:
            yield txn

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with _refusals(), self._lock, self._env.begin(write=True, buffers=True) as txn:
            yield txn

    def _entries(self, name: str) -> list[tuple[bytes, bytes]]:
        with self._reading() as txn:
            return [(bytes(key), bytes(value)) for key, value in txn.cursor(self._db[name])]


def _environment(folder: Path) -> Any:
    return lmdb.open(str(folder), map_size=MAP_SIZE_BYTES, max_dbs=len(DATABASES), readahead=False)


def _last(txn: Any, database: Any) -> int:
    """The number the last key begins with; 0 when there is none."""
    with txn.cursor(database) as cursor:
        return unpack_u64(bytes(cursor.key())[:8]) if cursor.last() else 0


def _turn_of(key: bytes, value: Any) -> bytes:
    """The packed turn a line belongs to, as it stands in it."""
    return unseal(key, value)[:8]


def _free(folder: Path) -> Path:
    """A name in ``folder`` that is not taken."""
    number = 1
    while (folder / f"ledger-{number}").exists():
        number += 1
    return folder / f"ledger-{number}"


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (lmdb.DiskError, lmdb.MapFullError, lmdb.ReadonlyError, OSError) as error:
        raise StorageFailed(
            f"The list of jobs and tasks could not be read or written: {error}.",
            kept="The memory is not affected.",
            remedy="Check free space and permissions of the data folder.",
        ) from error

"""The record store on LMDB: the one truth that the term and vector indexes are made from.

Only this module imports ``lmdb``. One process writes at a time (the fabric's lock sees to it), one thread at a time
(a lock in here); any number of threads and processes read. Read transactions are short: nothing handed out refers to
the memory map. Default sync flags, so a commit that returned survives a crash and a power cut.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.contracts.ids import Revision
from assistant.memory import layout, swapping
from assistant.memory.checking import contradictions
from assistant.memory.durable import cut_file, make_folder, reserve, write_synced
from assistant.memory.envelope import damaged, unseal
from assistant.memory.layout import unpack_u64
from assistant.memory.scanning import scan_in_child
from assistant.memory.views import ReadView, WriteView

MAP_SIZE_BYTES = 64 << 30
"""Room in the address space, not on disk: the file grows as needed."""
_SMALL_MAP_SIZE_BYTES = 2 << 30
LOCK_NAME, LOCK_BYTES = "lock.mdb", 1 << 16
"""LMDB's table of readers, which it writes through a memory map."""
_SWAP_WAIT_S = 2.0
"""How long a reader waits for a folder that is being replaced at this moment."""

_DAMAGE = (
    *(lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError, lmdb.NotFoundError),
    *(lmdb.IncompatibleError, lmdb.ProblemError, lmdb.CursorFullError, lmdb.PageFullError),
)

T = TypeVar("T")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Translate what LMDB and the disk say into our error tree, once."""
    try:
        yield
    except _DAMAGE as error:
        raise damaged(str(error)) from error
    except lmdb.MapFullError as error:
        raise StorageFailed(
            "The memory store has reached its size limit.",
            kept="Everything stored before is safe; this step was not stored.",
            remedy="Remember fewer folders: assistant forget PATH.",
        ) from error
    except (lmdb.Error, OSError) as error:
        raise StorageFailed(
            f"The memory store could not be read or written: {error}.",
            kept="Everything stored before is safe; this step was not stored.",
            remedy="Check free space and permissions of the data folder, then run the command again.",
        ) from error


class RecordStore:
    """See the module. Close it when done; also a context manager."""

    def __init__(self, folder: Path, *, read_only: bool = False, roots_only: bool = False) -> None:
        """Open the store in ``folder``; makes it when missing, unless ``read_only``. ``roots_only``: of whatever
        version it is, only the remembered folders are wanted.

        Raises :class:`~assistant.contracts.errors.DamagedStore` and
        :class:`~assistant.contracts.errors.StorageFailed`. A cut-off file is seen here, before a read beyond its
        end could kill the process; not so when ``read_only``: then its owner has looked.
        """
        self._folder = folder
        self._write_lock = threading.RLock()
        self._read_only = read_only
        self._roots_only = roots_only
        self._spoiled = False
        with storage_errors():
            if read_only:
                self._connect_as_reader()
            else:
                swapping.recover(folder)
                make_folder(folder)
                self._connect(self._open_env())

    def _connect_as_reader(self) -> None:
        """Connect, and make sure that data and lock file belong together: their folder may be replaced meanwhile."""
        deadline_s = time.monotonic() + _SWAP_WAIT_S
        while True:
            before = self._folder.stat().st_ino if self._folder.exists() else None
            if before is not None:
                self._connect(self._open_env())
                if self._folder.exists() and self._folder.stat().st_ino == before:
                    return
                self._env.close()
            elif not swapping.is_under_way(self._folder) or time.monotonic() > deadline_s:
                self._connect(self._open_env())  # says that there is none
                return
            time.sleep(0.01)

    def _connect(self, env: Any) -> None:
        self._env = env
        try:
            if not self._read_only:
                self._refuse_cut_off_file()
            self._open_databases(("meta", "roots"))
            if self._roots_only:
                return
            if not self._read_only:
                self._env.reader_check()
                self._start()
            self._check_schema()  # before databases are made that another version does not know
            self._open_databases(layout.DATABASES)
        except BaseException:
            self._env.close()
            raise

    def _open_databases(self, names: Sequence[str]) -> None:
        self._db = {
            name: self._env.open_db(name.encode(), create=not self._read_only, dupsort=name == "holders")
            for name in names
        }

    def _open_env(self, folder: Path | None = None) -> Any:
        folder = folder or self._folder
        self._refuse_empty_file(folder)
        if not self._read_only:
            reserve(folder / LOCK_NAME, LOCK_BYTES)
        for size in (MAP_SIZE_BYTES, _SMALL_MAP_SIZE_BYTES):
            try:
                return lmdb.open(
                    str(folder),
                    map_size=size,
                    max_dbs=len(layout.DATABASES),
                    max_readers=256,
                    readonly=self._read_only,
                    create=not self._read_only,
                    readahead=True,
                    mode=0o600,
                )
            except lmdb.MemoryError:  # an address-space limit; the smaller map still holds a large memory
                if size == _SMALL_MAP_SIZE_BYTES:
                    raise
        raise AssertionError("unreachable")

    @staticmethod
    def _refuse_empty_file(folder: Path) -> None:
        # LMDB opens a file of no bytes as a fresh, empty store, without a word
        data = folder / "data.mdb"
        if data.exists() and data.stat().st_size == 0:
            raise damaged("its data file is empty")

    def _refuse_cut_off_file(self) -> None:
        # LMDB leaves the last pages of a transaction unwritten when it freed them again, so a short file may be a
        # healthy one: only reading it tells. The missing end is then made up, for the next time.
        needed = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        data = self._folder / "data.mdb"
        if data.stat().st_size < needed:
            scan_in_child(self._folder)
            cut_file(data, needed)

    def _start(self) -> None:
        with self._write_lock, self._env.begin(write=True) as txn:
            view = WriteView(txn, self._db)
            if view.number("schema") == 0:
                view.set_number("schema", layout.SCHEMA_VERSION)

    def _check_schema(self) -> None:
        version = self.fetch(lambda view: view.number("schema"))
        if version != layout.SCHEMA_VERSION:
            raise damaged(f"its schema version is {version}, this program knows {layout.SCHEMA_VERSION}")

    @contextmanager
    def read(self) -> Iterator[ReadView]:
        with storage_errors(), self._begin_reading() as txn:
            yield ReadView(txn, self._db)

    def _begin_reading(self) -> Any:
        try:
            return self._env.begin(buffers=True)
        except lmdb.ReadersFullError:  # places of readers that were killed
            self._env.reader_check()
            return self._env.begin(buffers=True)
        except lmdb.PanicError:  # after a commit that failed at its last step; what was committed before is sound
            with self._write_lock:
                self._env.close()
                self._read_only = self._spoiled = True
                self._connect(self._open_env())
            return self._env.begin(buffers=True)

    @contextmanager
    def write(self) -> Iterator[WriteView]:
        """One atomic change. An exception inside undoes all of it. On return it is on disk.

        Once the disk has refused a commit nothing more is written in this process: the system may have thrown away
        what it could not write, and the next commit would not tell.
        """
        with storage_errors(), self._write_lock:
            if self._spoiled:
                raise StorageFailed(
                    "The memory store could not be written before, and is not written any more.",
                    kept="Everything stored before that is safe, and can be read.",
                    remedy="Check the disk, then run the command again.",
                )
            txn = self._env.begin(write=True)
            try:
                view = WriteView(txn, self._db)
                yield view
                view.finish()
            except BaseException:
                txn.abort()
                raise
            try:
                txn.commit()
            except (lmdb.Error, OSError) as error:
                self._spoiled = not isinstance(error, lmdb.MapFullError)
                raise

    def fetch(self, question: Callable[[ReadView], T]) -> T:
        """Ask one question in a view of its own."""
        with self.read() as view:
            return question(view)

    @property
    def revision(self) -> Revision:
        return self.fetch(lambda view: view.revision)

    def trim_journal(self, upto: int) -> int:
        """Drop journal entries up to and including ``upto``, which every projection holds durably. Returns how
        many."""
        with self.write() as view:
            doomed = [key for key, _ in view.entries("journal") if unpack_u64(key) <= upto]
            doomed = doomed[:-1] if doomed and unpack_u64(doomed[-1]) == view.revision else doomed
            for key in doomed:
                view.drop("journal", key)
            if doomed:
                view.set_number("trimmed", unpack_u64(doomed[-1]))
            return len(doomed)

    def compact(self) -> None:
        """Replace the data file by a copy without free pages: LMDB leaves deleted bytes in them. Processes that read
        meanwhile go on with the old one.

        No view of this store may be open. Raises :class:`~assistant.contracts.errors.StorageFailed`; the data is
        then the same and can be read, the deleted bytes may still be there.
        """
        with storage_errors(), self._write_lock:
            try:
                building = swapping.start(self._folder)
                self._env.copy(str(building), compact=True)
                write_synced(building / "data.mdb", None)
                fresh = self._open_env(building)  # before any reader can: who opens first makes the lock file
            except BaseException:
                swapping.give_up(self._folder)
                raise
            try:
                swapping.finish(self._folder)
            except BaseException:  # which of the two is in place now is for the next opening to find out
                fresh.close()
                self._spoiled = True
                raise
            self._env.close()
            self._connect(fresh)

    def copy_to(self, descriptor: int) -> None:
        """Write a consistent copy of the data file, without free pages, into an open file or pipe. Others may read
        and write meanwhile. Raises :class:`~assistant.contracts.errors.StorageFailed`."""
        with storage_errors():
            self._env.copyfd(descriptor, compact=True)

    def copy_bytes(self) -> int:
        """How large :meth:`copy_to` makes it at this moment."""
        with self.read() as view:
            return view.used_bytes() + 2 * int(self._env.stat()["psize"])

    def size_bytes(self) -> int:
        return (self._folder / "data.mdb").stat().st_size

    def close(self) -> None:
        self._env.close()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def scan_view(view: ReadView, report: Callable[[str], None]) -> int:
    """Unseal every value of a store, compare the records with each other, and return how many values there are; calls
    ``report`` with what is wrong.

    May kill the process when pages point beyond the file: done in a child (``assistant.memory.scanning``).
    """
    values = findings = 0
    for database in layout.DATABASES:
        for key, value in view.entries(database):
            values += 1
            if database in layout.SEALED:
                try:
                    unseal(key, value)
                except DamagedStore as error:
                    findings += 1
                    report(f"{database}: {error.happened}")
    if not findings:  # what follows reads through the same checksums, and would stop at the first that is wrong
        for finding in contradictions(view):
            report(finding)
    return values

"""The record store on LMDB: the one truth that the term and vector indexes are made from.

Only this module imports ``lmdb``. One process writes at a time (the fabric's lock sees to it), one thread at a time
(a lock in here, taken in the order of asking); any number of threads and processes read. Read transactions are short:
nothing handed out refers to the memory map. Default sync flags, so a commit that returned survives a crash and a power
cut.
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
from assistant.memory.turns import Turns
from assistant.memory.views import ReadView, WriteView

MAP_SIZE_BYTES = 64 << 30
"""Room in the address space, not on disk: the file grows as needed."""
_SMALL_MAP_SIZE_BYTES = 2 << 30
LOCK_NAME, LOCK_BYTES = "lock.mdb", 1 << 16
"""LMDB's table of readers, which it writes through a memory map."""
_SWAP_WAIT_S = 2.0
"""How long a reader waits for a folder that is being replaced at this moment."""
_VIEWS_WAIT_S = 10.0
"""How long the views of other threads are waited for before an environment is opened anew in the same place."""

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


class _Opened:
    """An LMDB environment, and how many views of it are open: it must not be closed under one."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.databases: dict[str, Any] = {}
        self._guard = threading.Condition()
        self._views = 0
        self._retired = False

    def enter(self) -> bool:
        """Begin a view; ``False``: no more of them."""
        with self._guard:
            if self._retired:
                return False
            self._views += 1
            return True

    def leave(self) -> None:
        """End a view; the last one of a retired environment closes it."""
        with self._guard:
            self._views -= 1
            if self._retired and not self._views:
                self.env.close()
            self._guard.notify_all()

    def retire(self, wait_s: float = 0.0) -> bool:
        """Let no more views begin, and close as soon as the last one has ended; whether that is now."""
        with self._guard:
            if not self._retired:
                self._retired = True
                if not self._views:
                    self.env.close()
            return self._guard.wait_for(lambda: not self._views, wait_s)


class RecordStore:
    """See the module. Close it when done; also a context manager. Safe to use from several threads."""

    def __init__(self, folder: Path, *, read_only: bool = False, roots_only: bool = False) -> None:
        """Open the store in ``folder``; makes it when missing, unless ``read_only``. ``roots_only``: of whatever
        version it is, only the remembered folders are wanted.

        Raises :class:`~assistant.contracts.errors.DamagedStore` and
        :class:`~assistant.contracts.errors.StorageFailed`. A cut-off file is seen here, before a read beyond its
        end could kill the process; not so when ``read_only``: then its owner has looked.
        """
        self._folder = folder
        self._write_lock = Turns()
        self._read_only = read_only
        self._roots_only = roots_only
        self._spoiled = False
        self._replaced: _Opened | None = None
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
                self._opened.retire()
            elif not swapping.is_under_way(self._folder) or time.monotonic() > deadline_s:
                self._connect(self._open_env())  # says that there is none
                return
            time.sleep(0.01)

    def _connect(self, env: Any) -> None:
        opened = _Opened(env)
        try:
            if not self._read_only:
                self._refuse_cut_off_file(env)
            self._open_databases(opened, ("meta", "roots"))
            if not self._roots_only:
                if not self._read_only:
                    env.reader_check()
                    self._start(opened)
                self._check_schema(opened)  # before databases are made that another version does not know
                self._open_databases(opened, layout.DATABASES)
        except BaseException:
            env.close()
            raise
        self._opened = opened

    @property
    def _env(self) -> Any:
        return self._opened.env

    def _open_databases(self, opened: _Opened, names: Sequence[str]) -> None:
        opened.databases = {
            name: opened.env.open_db(name.encode(), create=not self._read_only, dupsort=name == "holders")
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

    def _refuse_cut_off_file(self, env: Any) -> None:
        # LMDB leaves the last pages of a transaction unwritten when it freed them again, so a short file may be a
        # healthy one: only reading it tells. The missing end is then made up, for the next time.
        needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        data = self._folder / "data.mdb"
        if data.stat().st_size < needed:
            scan_in_child(self._folder)
            cut_file(data, needed)

    def _start(self, opened: _Opened) -> None:
        """Note which version of the layout this is; bring an older one up to it."""
        with self._write_lock, opened.env.begin(write=True) as txn:
            view = WriteView(txn, opened.databases)
            if view.number("schema") in (0, *layout.OLDER_SCHEMAS):
                view.set_number("schema", layout.SCHEMA_VERSION)

    @staticmethod
    def _check_schema(opened: _Opened) -> None:
        with opened.env.begin(buffers=True) as txn:
            version = ReadView(txn, opened.databases).number("schema")
        if version not in (layout.SCHEMA_VERSION, *layout.OLDER_SCHEMAS):
            raise damaged(f"its schema version is {version}, this program knows {layout.SCHEMA_VERSION}")

    @contextmanager
    def read(self) -> Iterator[ReadView]:
        with storage_errors():
            opened, txn = self._begin_reading()
            try:
                with txn:
                    yield ReadView(txn, opened.databases)
            finally:
                opened.leave()

    def _begin_reading(self) -> tuple[_Opened, Any]:
        """An environment that is entered, and a transaction of it."""
        while True:
            opened = self._opened
            if not opened.enter():
                if opened is self._opened:
                    raise StorageFailed("The memory store is closed.", kept="Everything stored before is safe.")
                continue  # it was replaced just now
            try:
                return opened, self._begin(opened)
            except lmdb.PanicError:  # after a commit that failed at its last step; what was committed before is sound
                opened.leave()
                self._open_again(opened)
            except BaseException:
                opened.leave()
                raise

    @staticmethod
    def _begin(opened: _Opened) -> Any:
        try:
            return opened.env.begin(buffers=True)
        except lmdb.ReadersFullError:  # places of readers that were killed
            opened.env.reader_check()
            return opened.env.begin(buffers=True)

    def _open_again(self, opened: _Opened) -> None:
        with self._write_lock:
            if self._opened is opened:
                if not opened.retire(_VIEWS_WAIT_S):  # one file must not be open twice in one process
                    raise StorageFailed("The memory store could not be opened again.", kept="Everything in it is safe.")
                self._read_only = self._spoiled = True
                self._connect(self._open_env())

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
            opened = self._opened
            txn = opened.env.begin(write=True)
            try:
                view = WriteView(txn, opened.databases)
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
        """Replace the data file by a copy without free pages: LMDB leaves deleted bytes in them. Views that are open
        meanwhile, here or in other processes, go on with the old one, and its bytes leave the disk with the last of
        them. The next time waits for them.

        Raises :class:`~assistant.contracts.errors.StorageFailed`; the data is
        then the same and can be read, the deleted bytes may still be there.
        """
        with storage_errors(), self._write_lock:
            if self._replaced is not None and not self._replaced.retire(_VIEWS_WAIT_S):
                raise StorageFailed(
                    "The memory store is still being read as it was before it was compacted the last time.",
                    kept="Everything in it is safe; what was deleted may still be on disk.",
                    remedy="Run the command again.",
                )
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
            self._replaced = self._opened
            self._connect(fresh)
            self._replaced.retire()

    def copy_to(self, descriptor: int) -> None:
        """Write a consistent copy of the data file, without free pages, into an open file or pipe. Others may read
        and write meanwhile. Raises :class:`~assistant.contracts.errors.StorageFailed`."""
        with storage_errors():
            opened, txn = self._begin_reading()
            try:
                txn.abort()
                opened.env.copyfd(descriptor, compact=True)
            finally:
                opened.leave()

    def copy_bytes(self) -> int:
        """How large :meth:`copy_to` makes it at this moment."""
        with self.read() as view:
            return view.used_bytes() + 2 * int(self._env.stat()["psize"])

    def size_bytes(self) -> int:
        return (self._folder / "data.mdb").stat().st_size

    def close(self) -> None:
        """No view begins any more; the last one that is open closes the file."""
        self._opened.retire()

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

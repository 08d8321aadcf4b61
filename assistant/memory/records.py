"""The record store on LMDB: the one truth that the term and vector indexes are made from.

Only this module imports ``lmdb``. One process writes at a time (the fabric's lock sees to it), one thread at a time
(a lock in here); any number of threads and processes read. Read transactions are short: nothing handed out refers to
the memory map. Default sync flags, so a commit that returned survives a crash and a power cut.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import lmdb

from assistant.contracts.errors import DamagedStore, StorageFailed
from assistant.contracts.ids import Revision
from assistant.memory import layout
from assistant.memory.checking import contradictions
from assistant.memory.durable import sync_folder, write_synced
from assistant.memory.envelope import damaged, unseal
from assistant.memory.layout import unpack_u64
from assistant.memory.ownership import scan_in_child
from assistant.memory.views import ReadView, WriteView

MAP_SIZE_BYTES = 64 << 30
"""Room in the address space, not on disk: the file grows as needed."""
_SMALL_MAP_SIZE_BYTES = 2 << 30

T = TypeVar("T")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Translate what LMDB and the disk say into our error tree, once."""
    try:
        yield
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError) as error:
        raise damaged(str(error)) from error
    except lmdb.MapFullError as error:
        raise StorageFailed(
            "The memory store has reached its size limit.", kept="Everything stored before is safe.", remedy=""
        ) from error
    except (lmdb.Error, OSError) as error:
        raise StorageFailed(
            f"The memory store could not be read or written: {error}.",
            kept="Everything stored before is safe; this step was not stored.",
            remedy="Check free space and permissions of the data folder, then run the command again.",
        ) from error


class RecordStore:
    """See the module. Close it when done; also a context manager."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the store in ``folder``; makes it when missing, unless ``read_only``.

        Raises :class:`~assistant.contracts.errors.DamagedStore` and
        :class:`~assistant.contracts.errors.StorageFailed`. A cut-off file is seen here, before a read beyond its
        end could kill the process; not so when ``read_only``: then its owner has looked.
        """
        self._folder = folder
        self._write_lock = threading.RLock()
        self._read_only = read_only
        with storage_errors():
            if not read_only:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connect()

    def _connect(self) -> None:
        self._refuse_empty_file()
        self._env = self._open_env()
        try:
            if not self._read_only:
                self._refuse_cut_off_file()
            self._db = {
                name: self._env.open_db(name.encode(), create=not self._read_only, dupsort=name == "holders")
                for name in layout.DATABASES
            }
            if not self._read_only:
                self._env.reader_check()
                self._start()
            self._check_schema()
        except BaseException:
            self._env.close()
            raise

    def _open_env(self) -> Any:
        for size in (MAP_SIZE_BYTES, _SMALL_MAP_SIZE_BYTES):
            try:
                return lmdb.open(
                    str(self._folder),
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

    def _refuse_empty_file(self) -> None:
        # LMDB opens a file of no bytes as a fresh, empty store, without a word
        data = self._folder / "data.mdb"
        if data.exists() and data.stat().st_size == 0:
            raise damaged("its data file is empty")

    def _refuse_cut_off_file(self) -> None:
        # LMDB leaves the last pages of a transaction unwritten when it freed them again, so a short file may be a
        # healthy one: only reading it tells. The missing end is then made up, for the next time.
        needed = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        data = self._folder / "data.mdb"
        if data.stat().st_size < needed:
            scan_in_child(self._folder)
            os.truncate(data, needed)

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
        with storage_errors(), self._env.begin(buffers=True) as txn:
            yield ReadView(txn, self._db)

    @contextmanager
    def write(self) -> Iterator[WriteView]:
        """One atomic change. An exception inside undoes all of it. On return it is on disk."""
        with storage_errors(), self._write_lock, self._env.begin(write=True) as txn:
            view = WriteView(txn, self._db)
            yield view
            view.finish()

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
        """Replace the data file by a copy without free pages: LMDB leaves deleted bytes in them.

        No view of this store may be open. Raises :class:`~assistant.contracts.errors.StorageFailed`; the data file
        is then the one before.
        """
        copy = self._folder.with_name(f"{self._folder.name}.compact")
        with storage_errors(), self._write_lock:
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(mode=0o700)
            try:
                self._env.copy(str(copy), compact=True)
                write_synced(copy / "data.mdb", None)
                self._env.close()
                (copy / "data.mdb").replace(self._folder / "data.mdb")
                sync_folder(self._folder)
            finally:
                shutil.rmtree(copy, ignore_errors=True)
                self._env.close()
                self._connect()

    def size_bytes(self) -> int:
        return (self._folder / "data.mdb").stat().st_size

    def close(self) -> None:
        self._env.close()

    def __enter__(self) -> RecordStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def scan(folder: Path, report: Callable[[str], None]) -> int:
    """Unseal every value of a store, compare the records with each other, and return how many values there are; calls
    ``report`` with what is wrong.

    May kill the process when pages point beyond the file: run it in a child (``assistant.memory.scanning``).
    """
    values = findings = 0
    with RecordStore(folder, read_only=True) as store, store.read() as view:
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

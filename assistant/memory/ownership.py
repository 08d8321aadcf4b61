"""Who owns the store, and was it left in order: a lock and a small note beside the data."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path

from assistant.contracts.errors import StorageFailed, StoreBusy
from assistant.memory import swapping
from assistant.memory.durable import make_folder, read_file, replace_synced
from assistant.memory.envelope import damaged
from assistant.memory.owner import LOCK, NOTE_BYTES, Owner, note_of, owner_of, this_process
from assistant.memory.scanning import scan_in_child

_ATTEMPTS = 10


class StoreLock:
    """The right to write: an exclusive ``flock`` that ends with the process, so no stale lock can be left behind. What
    is written into the file is for messages, and for those who look for the owner's door; it decides nothing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Whether we own the store now; never waits. Raises :class:`StorageFailed` when the folder is not writable."""
        for _ in range(_ATTEMPTS):
            try:
                found = self._try()
            except OSError as error:
                raise StorageFailed(
                    f"The data folder {self._path.parent} cannot be written: {error.strerror}.",
                    remedy="Check its permissions and free space, or choose another place with ASSISTANT_HOME.",
                ) from error
            if found is not None:
                return found
        raise StorageFailed(
            f"The lock {self._path} is replaced again and again.", remedy="See which program does that and stop it."
        )

    def _try(self) -> bool | None:
        """Whether we own the lock now; ``None``: what was locked is no longer the file of that name."""
        make_folder(self._path.parent)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_in_place(descriptor):
                os.close(descriptor)
                return None
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self.announce(this_process())
        return True

    def announce(self, owner: Owner) -> None:
        """Say who holds the lock, and where its door is."""
        if self._descriptor is None:
            raise AssertionError("only the owner says who it is")
        with suppress(OSError):  # on a full disk the name of the owner is missing, not the lock
            note = note_of(owner)
            os.pwrite(self._descriptor, note, 0)
            os.ftruncate(self._descriptor, len(note))

    def _is_in_place(self, descriptor: int) -> bool:
        held = os.fstat(descriptor)
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)

    def owner(self) -> str:
        """Process number of whoever holds (or last held) the lock; for messages only."""
        found = owner_of(self._path.parent)
        return str(found.pid) if found else "unknown"

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class OrderNote:
    """Notes whether the last writer closed the store in order. LMDB itself survives a crash; damage done by others
    (a cut-off copy, a bad disk) is looked for only after a stop that was not orderly."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "order.json"
        self._dirty = False

    def check(self, records: Path) -> None:
        """Raise a DamagedStore when the records are gone, or when a scan after an unclean stop finds damage, and a
        StorageFailed when what a swap left cannot be put in order."""
        try:
            swapping.recover(records)
        except OSError as error:
            raise _unwritable(error) from error
        try:
            note = json.loads(read_file(self._path, NOTE_BYTES))
            clean = bool(note["clean"])
        except FileNotFoundError:
            if not (records / "data.mdb").exists():
                return
            clean = False  # a store without its note: copied here, or meddled with
        except (OSError, ValueError, KeyError, TypeError):
            clean = False
        refuse_missing(records)
        if not clean:
            scan_in_child(records)

    def dirty(self) -> None:
        """Call before the first write."""
        if not self._dirty:
            self._write(clean=False)
            self._dirty = True

    def clean(self) -> None:
        """Call after the last one."""
        if self._dirty:
            self._write(clean=True)
            self._dirty = False

    def settle(self) -> None:
        """Say that the store is in order, whatever was said before."""
        self._write(clean=True)
        self._dirty = False

    def _write(self, *, clean: bool) -> None:
        try:
            replace_synced(self._path, json.dumps({"clean": clean}).encode())
        except OSError as error:
            raise _unwritable(error) from error


def refuse_missing(records: Path) -> None:
    """Raise a DamagedStore when there should be records in this folder, and are none."""
    if not (records / "data.mdb").exists():
        raise damaged("its data file is missing")


def busy(folder: Path, doing: str = "is writing to the memory store") -> StoreBusy:
    """What to say when another process owns the store. ``doing``: what it does there, as far as we know."""
    owner = owner_of(folder)
    if owner is not None and owner.door and owner.alive():
        return StoreBusy(
            f"Another process is in the way: the assistant process {owner.pid} (version {owner.program}) owns the "
            "memory store.",
            kept="Nothing was changed.",
            remedy="Stop it with `assistant serve --stop` and try again.",
        )
    number = f" (number {owner.pid}; an `assistant add`, perhaps)" if owner is not None and owner.alive() else ""
    return StoreBusy(
        f"Another process {doing}{number}.",
        kept="Nothing was changed. Asking and recalling work meanwhile.",
        remedy="Wait until it is done, or stop it, and try again.",
    )


def _unwritable(error: OSError) -> StorageFailed:
    return StorageFailed(
        f"The data folder cannot be written: {error.strerror}.",
        kept="Everything stored before is safe.",
        remedy="Check free space and permissions of the data folder.",
    )

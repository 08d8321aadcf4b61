"""Where the socket lies: a folder nobody else can look into, and nothing in the way. Who is on the other side."""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path

from assistant.contracts.errors import BadPath, StorageFailed, StoreBusy

_BACKLOG = 64
_SEEN_S = 1.0


def listening(path: Path) -> tuple[socket.socket, tuple[int, int]]:
    """A socket (mode 0600) at ``path``, listening, and the device and number of its file. The folder is made, for us
    alone. What a dead process has left there is replaced: call this only as the owner of the store.

    Raises :class:`~assistant.contracts.errors.BadPath` (something else is there, or the folder is not ours alone),
    :class:`~assistant.contracts.errors.StoreBusy` (somebody answers there),
    :class:`~assistant.contracts.errors.StorageFailed`.
    """
    try:
        make_private(path.parent)
        _clear(path)
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            door.bind(os.fspath(path))  # nobody else can reach it yet, whatever the umask: the folder is closed to them
            os.chmod(path, 0o600)
            made = os.lstat(path)
            door.listen(_BACKLOG)
        except BaseException:
            door.close()
            raise
    except OSError as error:
        raise StorageFailed(
            f"The socket {path} cannot be made: {error.strerror or error}.",
            remedy="Check permissions and free space there.",
        ) from error
    return door, (made.st_dev, made.st_ino)


def make_private(folder: Path) -> None:
    """A folder of ours, mode 0700, and not a link to one. Raises :class:`~assistant.contracts.errors.BadPath` when
    something else goes by this name, and ``OSError``."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    refuse_foreign(folder)
    if stat.S_IMODE(os.lstat(folder).st_mode) != 0o700:
        os.chmod(folder, 0o700)


def refuse_foreign(folder: Path) -> None:
    """Raise :class:`~assistant.contracts.errors.BadPath` unless this is a folder of ours."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        raise BadPath(f"{folder} should be a folder for the socket and is something else.", remedy="Remove it.")
    if found.st_uid != os.geteuid():
        raise BadPath(
            f"The folder {folder}, meant for the socket, belongs to another user.",
            kept="Nothing was put there.",
            remedy="Remove it, or choose a shorter data folder with ASSISTANT_HOME.",
        )


def _clear(path: Path) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BadPath(
            f"{path} is in the way: the socket belongs there.",
            kept="It was not touched.",
            remedy="Move it away and try again.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_SEEN_S)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        else:
            raise StoreBusy(f"Another process answers at {path}.", remedy="Stop it and try again.")
    with suppress(FileNotFoundError):
        os.unlink(path)


def remove_own(path: Path, made: tuple[int, int]) -> None:
    """Remove our socket, if what lies there still is ours."""
    with suppress(OSError):
        found = os.lstat(path)
        if (found.st_dev, found.st_ino) == made:
            os.unlink(path)


def peer_uid(connection: socket.socket) -> int:
    """Number of the user on the other side, as the kernel knows it. Raises ``OSError``."""
    if sys.platform == "darwin":
        found = connection.getsockopt(0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED: struct xucred
        return int(struct.unpack_from("=II", found)[1])
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", found)[1])

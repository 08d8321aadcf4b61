"""Files that are no backups, or were made to harm: refused with words, before anything is touched."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import socket
import stat
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest
from memory.world import opened, remember

from assistant.contracts.errors import BadFile, BadPath, DataError, StorageFailed, UserError
from assistant.memory import container
from assistant.memory.backup import verify
from assistant.memory.container import NOTE_NAME, open_backup
from assistant.memory.durable import using
from assistant.memory.records import RecordStore
from assistant.testing.disks import RefusingDisk, no_descriptors_left
from hardness.stored import ENCODER, FILES, backed_up, furnish, holds, restored, unseen

HEADER = 512
NOTE_AT, DATA_HEAD_AT = HEADER, HEADER + 16_384
DATA_AT = DATA_HEAD_AT + HEADER


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup."""
    top = tmp_path_factory.mktemp("sound")
    furnish(top / "memory")
    backed_up(top / "memory", top / "backup")
    return (top / "backup").read_bytes()


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory that nothing may happen to."""
    store = tmp_path_factory.mktemp("memory") / "memory"
    furnish(store)
    return store


def refused(file: Path, memory: Path, kind: type[UserError] = BadFile) -> str:
    """See that a file is refused and nothing has changed; returns what was said."""
    before = {path: path.read_bytes() for path in memory.parent.rglob("*") if path.is_file() and path.name != "lock"}
    with no_descriptors_left(), pytest.raises(kind) as refusal:
        restored(file, memory)
    after = {path: path.read_bytes() for path in memory.parent.rglob("*") if path.is_file() and path.name != "lock"}
    assert after == before
    assert str(file) in refusal.value.happened
    assert refusal.value.remedy
    return refusal.value.happened


def note_of(sound: bytes, **changes: object) -> bytes:
    """The backup with another note, whose checksum is right."""
    body = json.loads(sound[NOTE_AT:DATA_HEAD_AT])
    body.pop("sum")
    for name, value in changes.items():
        body[name] = value
    text = json.dumps({**body, "sum": container._sum(body)}).encode()
    return sound[:NOTE_AT] + text.ljust(16_384) + sound[DATA_HEAD_AT:]


def member(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    one = tarfile.TarInfo(name)
    one.size, one.type, one.linkname, one.mode = size, kind, link, 0o600
    return one.tobuf(tarfile.GNU_FORMAT)


def first_member(sound: bytes, header: bytes) -> bytes:
    return header + sound[HEADER:]


def second_member(sound: bytes, header: bytes) -> bytes:
    return sound[:DATA_HEAD_AT] + header + sound[DATA_AT:]


SIZE = -1
"""Stands for the true size of the data."""

HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda sound: b"",
    "one byte": lambda sound: b"\0",
    "zeros": lambda sound: bytes(len(sound)),
    "garbage": lambda sound: random.Random(1).randbytes(len(sound)),
    "text": lambda sound: b"Dear diary,\n" * 3000,
    "an archive of something else": lambda sound: other_archive(),
    "a compressed archive": lambda sound: compressed(sound),
    "cut off in the head": lambda sound: sound[:300],
    "cut off in the note": lambda sound: sound[:5000],
    "cut off in the data": lambda sound: sound[:-9000],
    "cut off by one byte": lambda sound: sound[:-1],
    "something behind its end": lambda sound: sound + b"x",
    "a second archive behind it": lambda sound: sound + sound,
    "a flipped bit in the note": lambda sound: flipped(sound, NOTE_AT + 40),
    "a flipped bit in the data": lambda sound: flipped(sound, DATA_AT + 9000),
    "a flipped bit in a header": lambda sound: flipped(sound, 3),
    "a wrong digest": lambda sound: note_of(sound, sha256="0" * 64),
    "a digest that is none": lambda sound: note_of(sound, sha256="../../etc"),
    "counts that are wrong": lambda sound: note_of(sound, counts={"items": 10**9}),
    "counts that are missing": lambda sound: note_of(sound, counts={}),
    "another revision": lambda sound: note_of(sound, revision=77),
    "a negative revision": lambda sound: note_of(sound, revision=-1),
    "a size of nothing": lambda sound: note_of(sound, size_bytes=0),
    "a size like a bomb": lambda sound: note_of(sound, size_bytes=1 << 39),
    "a field too many": lambda sound: note_of(sound, run="rm -rf ~"),
    "a field of another kind": lambda sound: note_of(sound, made_at=["never"]),
    "a note that is a list": lambda sound: sound[:NOTE_AT] + b"[1]".ljust(16_384) + sound[DATA_HEAD_AT:],
    "a note that nests without end": lambda sound: sound[:NOTE_AT] + b"[" * 16_384 + sound[DATA_HEAD_AT:],
    "a note with a huge number": lambda sound: sound[:NOTE_AT] + b"9" * 16_384 + sound[DATA_HEAD_AT:],
    "a member by an absolute name": lambda sound: first_member(sound, member("/etc/passwd", 16_384)),
    "a member that climbs out": lambda sound: first_member(sound, member(f"../../{NOTE_NAME}", 16_384)),
    "data that climbs out": lambda sound: second_member(sound, member("../records.mdb", data_bytes(sound))),
    "data by an absolute name": lambda sound: second_member(sound, member("/tmp/records.mdb", data_bytes(sound))),
    "a symbolic link": lambda sound: second_member(sound, member("records.mdb", 0, tarfile.SYMTYPE, "/etc/passwd")),
    "a link with a size": lambda sound: second_member(
        sound, member("records.mdb", data_bytes(sound), tarfile.SYMTYPE, "/etc/passwd")
    ),
    "a hard link": lambda sound: second_member(sound, member("records.mdb", 0, tarfile.LNKTYPE, NOTE_NAME)),
    "a plain file that names a link": lambda sound: second_member(
        sound, member("records.mdb", data_bytes(sound), tarfile.REGTYPE, "/etc/passwd")
    ),
    "a device": lambda sound: second_member(sound, member("records.mdb", 0, tarfile.CHRTYPE)),
    "a pipe": lambda sound: second_member(sound, member("records.mdb", 0, tarfile.FIFOTYPE)),
    "a folder": lambda sound: second_member(sound, member("records.mdb", 0, tarfile.DIRTYPE)),
    "a sparse file": lambda sound: second_member(
        sound, member("records.mdb", data_bytes(sound), tarfile.GNUTYPE_SPARSE)
    ),
    "an extended header": lambda sound: second_member(sound, member("records.mdb", data_bytes(sound), tarfile.XHDTYPE)),
    "a long name": lambda sound: second_member(sound, member("././@LongLink", 100, tarfile.GNUTYPE_LONGNAME)),
    "a bomb": lambda sound: second_member(sound, member("records.mdb", 8 << 60)),
    "a negative size": lambda sound: second_member(sound, negative(data_bytes(sound))),
    "a smaller size than there is": lambda sound: second_member(sound, member("records.mdb", 512)),
    "a member twice": lambda sound: sound[:DATA_HEAD_AT] + sound[:DATA_HEAD_AT] + sound[DATA_HEAD_AT:],
    "the data twice": lambda sound: sound[:-1024] + sound[DATA_HEAD_AT:],
    "the members the other way round": lambda sound: sound[DATA_HEAD_AT:-1024] + sound[:DATA_HEAD_AT] + bytes(1024),
    "no data": lambda sound: sound[:DATA_HEAD_AT] + bytes(1024),
    "a damaged store in a sound frame": lambda sound: reframed(sound, data_of(sound).replace(b"number 7", b"number 8")),
    "a cut off store in a sound frame": lambda sound: reframed(sound, sound[DATA_AT : DATA_AT + 4 * 4096]),
    "an empty store in a sound frame": lambda sound: reframed(sound, bytes(8192)),
    "something else in a sound frame": lambda sound: reframed(sound, b"SQLite format 3\0" * 1000),
}


def data_bytes(sound: bytes) -> int:
    return int(json.loads(sound[NOTE_AT:DATA_HEAD_AT])["size_bytes"])


def data_of(sound: bytes) -> bytes:
    return sound[DATA_AT : DATA_AT + data_bytes(sound)]


def flipped(data: bytes, at: int) -> bytes:
    found = bytearray(data)
    found[at] ^= 0x10
    return bytes(found)


def other_archive() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        one = tarfile.TarInfo("holiday.jpg")
        one.size = 20_000
        archive.addfile(one, io.BytesIO(bytes(20_000)))
    return out.getvalue()


def compressed(sound: bytes) -> bytes:
    import gzip

    return gzip.compress(sound)


def negative(size: int) -> bytes:
    header = bytearray(member("records.mdb", 0))
    header[124:136] = (-size).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def reframed(sound: bytes, data: bytes) -> bytes:
    """Other data, whose size and digest are right."""
    import hashlib

    whole = note_of(sound, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    return whole[:DATA_HEAD_AT] + member("records.mdb", len(data)) + data + container.tail(len(data))


META_PAGES, FREE_PAGES_AT, PAGE_SIZE_BYTES, DATABASE_BYTES = (0, 4096), 40, 6, 48
"""Where LMDB keeps the root of its list of free pages (``struct MDB_meta`` in lmdb.c), behind the size of a page and
flags that stay."""


def with_free_pages(sound: bytes, folder: Path, *told: int) -> bytes:
    """The backup with a list of free pages of our own: first how many it says there are, then their numbers."""
    folder.mkdir()
    (folder / "data.mdb").write_bytes(data_of(sound))
    with lmdb.open(str(folder), max_dbs=40, map_size=1 << 28) as env:
        listed = env.open_db(b"listed", integerkey=True)
        with env.begin(write=True) as txn:
            txn.put(struct.pack("<Q", 1), struct.pack(f"<{len(told)}Q", *told), db=listed)
        with env.begin() as txn:
            root = bytes(txn.get(b"listed"))
    data = bytearray((folder / "data.mdb").read_bytes())
    for page in META_PAGES:
        data[page + FREE_PAGES_AT + PAGE_SIZE_BYTES : page + FREE_PAGES_AT + DATABASE_BYTES] = root[PAGE_SIZE_BYTES:]
    return reframed(sound, bytes(data))


@pytest.mark.parametrize("told", [(30, *range(30, 0, -1)), (1 << 40, 5, 4, 3)], ids=["in use", "without end"])
def test_a_list_of_free_pages_that_lies_is_not_taken_over(sound: bytes, tmp_path: Path, told: tuple[int, ...]) -> None:
    """All values are sound, so the backup may be restored; but the first change would be written over them."""
    (tmp_path / "file").write_bytes(with_free_pages(sound, tmp_path / "made", *told))
    restored(tmp_path / "file", tmp_path / "memory")
    fabric = opened(tmp_path / "memory", ENCODER)
    for number in range(20):
        remember(fabric, {f"/r/new{number}.md": f"number new {number}"})
    fabric.close()
    holds(tmp_path / "memory", {**FILES, **{f"/r/new{number}.md": f"number new {number}" for number in range(20)}})


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_backup(sound: bytes, memory: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(HOSTILE[name](sound))
    refused(tmp_path / "file", memory)


def test_the_frame_of_these_tests_is_sound(sound: bytes, tmp_path: Path) -> None:
    """What is refused above is refused for what was changed in it."""
    (tmp_path / "file").write_bytes(reframed(sound, data_of(sound)))
    restored(tmp_path / "file", tmp_path / "memory")
    holds(tmp_path / "memory", FILES)


def test_every_flipped_byte_is_seen(sound: bytes, tmp_path: Path) -> None:
    """Of the head each, of the data some: either it does not matter (padding of a header), or it is refused."""
    draw = random.Random(3)
    places = [*range(0, HEADER, 7), *range(NOTE_AT, NOTE_AT + 900, 3), *range(DATA_HEAD_AT, DATA_AT, 7)]
    places += [draw.randrange(DATA_AT, len(sound) - 1024) for _ in range(60)]
    harmless = 0
    for at in places:
        (tmp_path / "file").write_bytes(flipped(sound, at))
        try:
            with open_backup(tmp_path / "file") as backup:
                for _ in backup.data():
                    pass
                harmless += 1
                assert at < NOTE_AT or DATA_HEAD_AT <= at < DATA_AT or at >= NOTE_AT + 700, at
        except BadFile:
            pass
    assert harmless < 60


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 0}, "older version"),
        ({"format": 2}, "newer version"),
        ({"schema_version": 1}, "older version"),
        ({"schema_version": 99}, "newer version"),
        ({"format": 9, "what": "unknown", "fields": []}, "newer version"),
        ({"format": "1"}, "makes no sense"),
    ],
)
def test_another_version_is_named(
    sound: bytes, memory: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    (tmp_path / "file").write_bytes(note_of(sound, **changes))
    assert words in refused(tmp_path / "file", memory)


def test_a_store_of_another_schema_in_a_sound_frame(sound: bytes, memory: Path, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "data.mdb").write_bytes(sound[DATA_AT : DATA_AT + data_bytes(sound)])
    with RecordStore(tmp_path / "records") as store, store.write() as view:
        view.set_number("schema", 99)
    (tmp_path / "file").write_bytes(reframed(sound, (tmp_path / "records" / "data.mdb").read_bytes()))
    refused(tmp_path / "file", memory)


def test_what_is_no_file(sound: bytes, memory: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600) if os.geteuid() == 0 else None
    for name in ("folder", "pipe", "dangling", "round", "none", "none/none", "x" * 300, "socket"):
        refused(tmp_path / name, memory, BadPath)
    for device in ("/dev/null", "/dev/zero", "/dev/tty"):
        with pytest.raises(BadPath):
            restored(Path(device), memory)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        refused(tmp_path / "s", memory, BadPath)


def test_a_link_to_a_backup_is_followed(sound: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(sound)
    (tmp_path / "link").symlink_to("file")
    restored(tmp_path / "link", tmp_path / "memory")
    holds(tmp_path / "memory", FILES)


def test_a_file_of_which_nearly_all_is_a_hole(memory: Path, tmp_path: Path) -> None:
    """Eight terabytes that take no room: the head is looked at, and nothing of that size is read or kept."""
    with (tmp_path / "file").open("wb") as file:
        try:
            file.truncate(8 << 40)
        except OSError:
            file.truncate(1 << 40)
    refused(tmp_path / "file", memory)


def test_a_bomb_that_is_really_there_does_not_fit(sound: bytes, memory: Path, tmp_path: Path) -> None:
    """A hole of half a terabyte in a sound frame: the room is looked at before a byte is unpacked."""
    size = 1 << 39
    whole = note_of(sound, size_bytes=size)
    with (tmp_path / "file").open("wb") as file:
        file.write(whole[:DATA_HEAD_AT] + member("records.mdb", size))
        file.truncate(DATA_AT + size + 1024)
    with no_descriptors_left(), pytest.raises(StorageFailed, match="too little room"):
        restored(tmp_path / "file", memory)


def test_a_file_that_changes_while_it_is_read(sound: bytes, memory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(sound)

    def progress(what: str, done: int, total: int) -> None:
        (tmp_path / "file").write_bytes(flipped(sound, DATA_AT + 5000))

    with open_backup(tmp_path / "file") as backup:
        (tmp_path / "file").write_bytes(sound[: DATA_AT + 1000])
        with pytest.raises(BadFile, match="ends too early"):
            verify(backup, tmp_path / "out", unseen, lambda: False)
    refusals = refused(tmp_path / "file", memory)
    assert "not as long as it says" in refusals


@pytest.mark.parametrize("at", range(1, 3))
def test_a_file_on_a_disk_that_cannot_be_read(sound: bytes, memory: Path, tmp_path: Path, at: int) -> None:
    (tmp_path / "file").write_bytes(sound)
    with using(RefusingDisk(errno.EIO, at=at)), pytest.raises(DataError):
        restored(tmp_path / "file", memory)
    assert holds(memory, FILES) == []

"""Real disks and limits of the system: full, read only, not ours, and too few files to open."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from memory.world import opened, state_of

from assistant.contracts.errors import BadPath, DataError, StorageFailed
from hardness.operations import OPERATIONS, STARTS_CHILDREN, attempt, done_again, looked_at
from hardness.processes import LIMIT_S, run, start
from hardness.stored import ENCODER, FILES, backed_up, furnish, holds

DISK_MB = 24
NOBODY = 65534


def work(talk: Connection) -> None:
    """Do operations when told to; see afterwards, when told to, what became of them."""
    while (task := talk.recv()) is not None:
        name, place, failure = task

        def pause(word: str) -> None:
            talk.send(word)
            talk.recv()

        try:
            if failure is None:
                talk.send(("failure", attempt(name, place, lambda: pause("ready"), lambda: pause("over"))))
            else:
                looked_at(name, place, failure)
                done_again(name, place)
                talk.send(("fine", ""))
        except Exception:  # noqa: BLE001 - told to the test, which fails
            talk.send(("wrong", traceback.format_exc()))


def do(
    talk: Connection, task: tuple[str, Path, str | None], ready: Callable[[], None], over: Callable[[], None]
) -> str:
    """One task, with ``ready`` and ``over`` called when the operation begins and when it has ended."""
    talk.send(task)
    while True:
        assert talk.poll(LIMIT_S), f"{task[0]} hangs"
        said = talk.recv()
        if isinstance(said, tuple):
            assert said[0] != "wrong", said[1]
            return str(said[1])
        ready() if said == "ready" else over()
        talk.send("go on")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    if subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def disk(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of its own with a place on it."""
    folder = tmp_path_factory.mktemp("disk")
    with mounted(folder, "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs"):
        shutil.copytree(template, folder / "template")
        yield folder


@pytest.fixture
def talk() -> Iterator[Connection]:
    process, talk = start(work)
    yield talk
    with suppress(BrokenPipeError):
        talk.send(None)
    process.join(LIMIT_S)
    talk.close()


def fill(disk: Path, left_bytes: int) -> None:
    """Leave so much room on a file system."""
    found = os.statvfs(disk)
    with (disk / "filler").open("wb", buffering=0) as filler:
        with suppress(OSError):
            os.posix_fallocate(filler.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left_bytes))
        if not left_bytes:
            with suppress(OSError):
                while True:
                    filler.write(bytes(1 << 16))


def on_a_full_disk(disk: Path, talk: Connection, name: str, left_bytes: int) -> None:
    place = disk / "place"
    shutil.copytree(disk / "template", place)
    failure = do(talk, (name, place, None), lambda: fill(disk, left_bytes), (disk / "filler").unlink)
    if failure:
        assert "No space" in failure or "full" in failure or "room" in failure or "wrote" in failure, failure
    do(talk, (name, place, failure), lambda: None, lambda: None)
    shutil.rmtree(place)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_full_disk(disk: Path, talk: Connection, name: str) -> None:
    on_a_full_disk(disk, talk, name, 0)
    if name not in STARTS_CHILDREN:
        on_a_full_disk(disk, talk, name, 30_000 + 20_000 * (sum(map(ord, name)) % 7))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_disk_that_fills_up_at_every_moment(disk: Path, talk: Connection, name: str) -> None:
    for left_bytes in range(0, 1_500_000, 40_960):
        on_a_full_disk(disk, talk, name, left_bytes)


def look(talk: Connection, store: Path) -> None:
    """Open a memory and tell what is in it."""
    try:
        fabric = opened(store, ENCODER)
        talk.send(len(state_of(fabric)))
        fabric.close()
        talk.send("closed")
    except DataError as error:
        talk.send(str(error))


def test_a_full_disk_can_be_asked(disk: Path) -> None:
    """Nothing at all is free, and there is no table of readers yet: writing one through its memory map would end the
    process."""
    place = disk / "place"
    shutil.copytree(disk / "template" / "memory", place)
    try:
        fill(disk, 0)
        assert run(look, place).said == [30, "closed"]
        (place / "records" / "lock.mdb").unlink()
        fill(disk, 0)
        ended = run(look, place)
        assert ended.code == 0
        assert "No space left" in ended.said[0] or ended.said == [30, "closed"]
    finally:
        (disk / "filler").unlink()
    holds(place, FILES)
    shutil.rmtree(place)


# read only


def start_and_refuse(talk: Connection, name: str, place: Path) -> None:
    """Tell the words with which an operation is refused."""
    try:
        talk.send(attempt(name, place, lambda: None, lambda: None))
    except DataError as error:
        talk.send(str(error))


@pytest.mark.parametrize("name", ["open", "restore", "repair", "add"])
def test_a_read_only_disk(template: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    shutil.copytree(template, place)
    if name == "open":  # it would remove the indexes first, to see them made anew
        name = "add"
    with mounted(place, "--bind", str(place)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        (said,) = run(start_and_refuse, name, place).said
    assert "Read-only file system" in said
    holds(place / "memory", FILES)


def test_a_memory_on_a_read_only_disk_can_be_rescued(tmp_path: Path) -> None:
    store = tmp_path / "disk" / "memory"
    furnish(store)
    with mounted(store.parent, "--bind", str(store.parent)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(store.parent)], check=True)
        assert backed_up(store, tmp_path / "rescued").items == 90
        with pytest.raises(StorageFailed, match="Read-only"):
            backed_up(store, store.parent / "backup")


# not ours


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that everybody may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="assistant-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(talk: Connection, act: Callable[[Connection, Path], None], path: Path) -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    act(talk, path)


def add_to(talk: Connection, place: Path) -> None:
    start_and_refuse(talk, "add", place)


def back_up_from(talk: Connection, place: Path) -> None:
    try:
        talk.send(backed_up(place / "memory", place / "new").items)
    except (DataError, BadPath) as error:
        talk.send(str(error))


def give(path: Path, owner: int) -> None:
    for one in (path, *path.rglob("*")):
        os.chown(one, owner, owner)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("whose", "mode", "words"),
    [
        ("somebody else's", 0o700, "Permission denied"),
        ("somebody else's, readable", 0o755, "Permission denied"),
        ("ours, read only", 0o500, "Permission denied"),
    ],
)
def test_a_memory_that_may_not_be_written(template: Path, elsewhere: Path, whose: str, mode: int, words: str) -> None:
    place = elsewhere / "place"
    shutil.copytree(template, place)
    give(place, NOBODY if whose.startswith("ours") else 0)
    for folder in (place, place / "memory", place / "memory" / "records"):
        folder.chmod(mode)
    (said,) = run(as_nobody, add_to, place).said
    assert words in said
    (said,) = run(as_nobody, back_up_from, place).said
    assert "Permission denied" in str(said) or "cannot be" in str(said) or "Nothing is remembered" in str(said)
    give(place, 0)
    for folder in (place, place / "memory", place / "memory" / "records"):
        folder.chmod(0o700)
    holds(place / "memory", FILES)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_data_file_that_may_not_be_written(template: Path, elsewhere: Path) -> None:
    place = elsewhere / "place"
    shutil.copytree(template, place)
    give(place, NOBODY)
    (place / "memory" / "records" / "data.mdb").chmod(0o400)
    (said,) = run(as_nobody, add_to, place).said
    assert "Permission denied" in said
    give(place, 0)
    holds(place / "memory", FILES)


# limits of the process


def with_few_files(talk: Connection, name: str, place: Path, few: int) -> None:
    """An operation with room for ``few`` more open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))

    def ready() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + few, hard))

    def over() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    if name == "open at all":
        ready()
        try:
            opened(place / "memory", ENCODER).close()
            talk.send("")
        except DataError as error:
            talk.send(str(error))
        over()
    else:
        talk.send(attempt(name, place, ready, over))


@pytest.mark.parametrize("name", ["open at all", "add", "forget", "compact", "back up", "restore"])
def test_too_few_files_to_open(template: Path, tmp_path: Path, name: str) -> None:
    """Somewhere between none and enough each operation fails, in words, and is done the next time."""
    said = []
    for few in (0, 2, 5, 9) if name not in STARTS_CHILDREN else (1, 6):
        place = tmp_path / str(few)
        shutil.copytree(template, place)
        ended = run(with_few_files, name, place, few)
        assert ended.code == 0, few
        said.append(ended.said[0])
        known = name if name in OPERATIONS else "publish"
        looked_at(known, place, ended.said[0] if name in OPERATIONS else "failed")
    assert any("Too many open files" in words or "too many" in words.lower() for words in said), said


def with_small_files(talk: Connection, name: str, place: Path, most_bytes: int) -> None:
    """An operation while no file may grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    talk.send(
        attempt(
            name,
            place,
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard)),
            lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard)),
        )
    )


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("read again", "back up again")])
def test_no_file_may_grow(template: Path, tmp_path: Path, name: str) -> None:
    for most_bytes in (3_000, 70_000) if name not in STARTS_CHILDREN else (70_000,):
        place = tmp_path / str(most_bytes)
        shutil.copytree(template, place)
        ended = run(with_small_files, name, place, most_bytes)
        assert ended.code == 0, ended
        looked_at(name, place, ended.said[0])
        if most_bytes == 3_000:
            assert ended.said[0]


def test_a_device_that_is_always_full(tmp_path: Path) -> None:
    furnish(tmp_path / "memory")
    with pytest.raises(BadPath, match="not a plain file"):
        backed_up(tmp_path / "memory", Path("/dev/full"), replace=True)
    (tmp_path / "link").symlink_to("/dev/full")
    with pytest.raises(BadPath):
        backed_up(tmp_path / "memory", tmp_path / "link", replace=True)

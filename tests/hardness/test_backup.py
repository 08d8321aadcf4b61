"""Backup and restore: one file, whole or not there; the memory of then, or the memory of before."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from threading import Event, Thread

import pytest
from memory.world import embed_all, opened, remember

from assistant.contracts.errors import BadPath, DamagedStore, Interrupted, StorageFailed, StoreBusy, WrongUse
from assistant.contracts.items import RecallQuery
from assistant.core.parameters import DEFAULT
from assistant.memory import backup as backing
from assistant.memory import restoring
from assistant.memory.backup import back_up
from assistant.memory.container import open_backup
from assistant.memory.durable import using
from assistant.memory.ownership import StoreLock
from assistant.memory.recall import Recall
from assistant.memory.records import RecordStore
from assistant.testing.clock import FakeClock
from assistant.testing.disks import RefusingDisk, SlowDisk, TurnedDisk
from hardness.stored import ENCODER, FILES, NOW, backed_up, furnish, holds, restored, unseen

CHANGED = {**FILES, "/r/0.md": "changed", "/r/new.md": "number new"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``memory`` and ``backup`` of it."""
    top = tmp_path_factory.mktemp("template")
    furnish(top / "memory")
    backed_up(top / "memory", top / "backup")
    return top


@pytest.fixture
def top(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "top"))


def change(store: Path) -> None:
    fabric = opened(store, ENCODER)
    remember(fabric, {path: text for path, text in CHANGED.items() if FILES.get(path) != text})
    embed_all(fabric, ENCODER)
    fabric.close()


def recalled(store: Path) -> list[tuple[str, str, float]]:
    fabric = opened(store, ENCODER)
    try:
        recall = Recall(fabric, ENCODER, FakeClock(), DEFAULT)
        return [
            (item.record.path, item.record.text, round(item.score, 5))
            for text in ("number 7", "common words", "число 12")
            for item in recall.rank(RecallQuery(text=text, k=10)).items
        ]
    finally:
        fabric.close()


def test_a_restored_memory_recalls_the_same(top: Path) -> None:
    store = top / "memory"
    before = recalled(store)
    change(store)
    assert recalled(store) != before
    done = restored(top / "backup", store)
    assert (done.sources, done.items, done.vectors, done.pending) == (30, 90, 61, 0)
    after = recalled(store)
    assert [hit[:2] for hit in after] == [hit[:2] for hit in before]
    # An index counts the documents it has dropped until it tidies up: by so much BM25 is not the same.
    assert [hit[2] for hit in after] == pytest.approx([hit[2] for hit in before], abs=0.01)
    assert holds(store, FILES) == []


def test_the_memory_of_before_is_kept_and_is_whole(top: Path) -> None:
    change(top / "memory")
    done = restored(top / "backup", top / "memory")
    kept = Path(done.kept)
    assert kept.parent == top
    assert kept.name.startswith("memory.before-restore-")
    assert holds(kept, CHANGED) == []  # with its own indexes: put back by a rename
    assert len(holds(top / "memory", FILES)) == 2


def test_two_restores_in_one_second_keep_both(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "stamp", lambda: "20260301T120000")
    change(top / "memory")
    first, second = (Path(restored(top / "backup", top / "memory").kept) for _ in range(2))
    assert [path.name for path in (first, second)] == [
        "memory.before-restore-20260301T120000",
        "memory.before-restore-20260301T120000-2",
    ]
    holds(first, CHANGED)
    holds(second, FILES)


def test_restoring_where_there_was_nothing(top: Path, tmp_path: Path) -> None:
    done = restored(top / "backup", tmp_path / "elsewhere" / "memory")
    assert done.kept == ""
    holds(tmp_path / "elsewhere" / "memory", FILES)


@pytest.mark.parametrize("name", ["records", "records/data.mdb"])
def test_restoring_over_a_store_whose_data_is_gone(top: Path, name: str) -> None:
    gone = top / "memory" / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    restored(top / "backup", top / "memory")
    holds(top / "memory", FILES)


def test_restoring_over_a_damaged_store_keeps_it_byte_for_byte(top: Path) -> None:
    data = top / "memory" / "records" / "data.mdb"
    os.truncate(data, data.stat().st_size // 2)
    damaged = data.read_bytes()
    done = restored(top / "backup", top / "memory")
    assert (Path(done.kept) / "records" / "data.mdb").read_bytes() == damaged
    holds(top / "memory", FILES)


def test_indexes_of_another_memory_at_the_same_revision_are_not_taken_for_its_own(top: Path, tmp_path: Path) -> None:
    """Both memories stand at revision 2; only their texts tell them apart."""
    other = tmp_path / "other"
    files = {path: text.replace("number", "figure") for path, text in FILES.items()}
    furnish(other, files)
    restored(top / "backup", other)
    holds(other, FILES)


# the file


def test_any_tar_can_show_what_is_in_it(top: Path) -> None:
    with tarfile.open(top / "backup") as archive:
        names = archive.getnames()
        note = json.load(archive.extractfile("assistant-backup.json"))  # type: ignore[arg-type]
    assert names == ["assistant-backup.json", "records.mdb"]
    assert (note["format"], note["revision"], note["counts"]["items"]) == (1, 2, 90)
    assert note["made_at"] == "2026-03-01T12:00:00Z"


def test_it_is_for_its_owner_alone(top: Path) -> None:
    assert stat.S_IMODE((top / "backup").stat().st_mode) == 0o600


def test_it_holds_no_text_that_was_deleted(top: Path) -> None:
    fabric = opened(top / "memory", ENCODER)
    remember(fabric, {"/r/secret.md": "canary in the coal mine " * 400})
    remember(fabric, {"/r/secret.md": "nothing"})
    fabric.close()
    assert b"canary in the coal" in (top / "memory" / "records" / "data.mdb").read_bytes()
    backed_up(top / "memory", top / "later")
    assert b"canary" not in (top / "later").read_bytes()


def test_the_same_memory_backed_up_twice_is_the_same_file(top: Path) -> None:
    backed_up(top / "memory", top / "again")
    assert (top / "again").read_bytes() == (top / "backup").read_bytes()


def test_nothing_is_left_but_the_file(top: Path) -> None:
    before = {path.name for path in top.rglob("*")}
    backed_up(top / "memory", top / "again")
    assert {path.name for path in top.rglob("*")} - before == {"again"}


# where it may go


def test_a_file_that_is_there_is_kept_unless_told_otherwise(top: Path) -> None:
    (top / "taken").write_text("precious")
    with pytest.raises(BadPath, match="--force"):
        backed_up(top / "memory", top / "taken")
    assert (top / "taken").read_text() == "precious"
    backed_up(top / "memory", top / "taken", replace=True)
    with open_backup(top / "taken") as found:
        assert found.note.revision == 2


def test_a_file_that_comes_while_we_write_is_kept(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def progress(what: str, done: int, total: int) -> None:
        (top / "new").write_text("precious")

    with pytest.raises(BadPath, match="there already"):
        back_up(top / "memory", top / "new", replace=False, made_at=NOW, program="0", progress=progress)
    assert (top / "new").read_text() == "precious"
    assert not list(top.glob(".new*"))


def test_places_that_cannot_be(top: Path) -> None:
    os.mkfifo(top / "pipe")
    (top / "link").symlink_to("/dev/full")
    store = top / "memory"
    for place in (top, top / "pipe", top / "link", top / "none" / "file", store / "file", store / "records" / "x"):
        with pytest.raises(BadPath):
            backed_up(store, place, replace=True)
    assert stat.S_ISFIFO((top / "pipe").stat().st_mode)


def test_an_empty_memory_is_not_backed_up(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="Nothing is remembered"):
        backed_up(tmp_path / "memory", tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


class Crowded(TurnedDisk):
    """Has room for ``room_bytes``."""

    def __init__(self, room_bytes: int) -> None:
        super().__init__()
        self._room_bytes = room_bytes

    def free_bytes(self, path: Path) -> int:
        return self._room_bytes


def test_too_little_room_is_said_before_anything_is_written(top: Path) -> None:
    disk = Crowded(100_000)
    with using(disk), pytest.raises(StorageFailed, match="too little room"):
        backed_up(top / "memory", top / "new")
    assert "create" not in disk.calls
    change(top / "memory")
    disk = Crowded(100_000)
    with using(disk), pytest.raises(StorageFailed, match="too little room"):
        restored(top / "backup", top / "memory")
    assert "create" not in disk.calls
    holds(top / "memory", CHANGED)


def test_a_store_on_a_full_disk_is_backed_up_to_another_one(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == top.stat().st_dev:
        pytest.skip("there is no second file system here")
    target = other / f"assistant-test-{os.getpid()}"
    try:
        backed_up(top / "memory", target)
        with open_backup(target) as found:
            assert found.note.counts["items"] == 90
    finally:
        target.unlink(missing_ok=True)


# beside others


def test_a_backup_while_another_process_writes(top: Path) -> None:
    """Every backup is some revision, whole."""
    store, stop, revisions = top / "memory", Event(), []
    fabric = opened(store, ENCODER)

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            remember(fabric, {f"/r/{number % 40}.md": f"number {number}\n" + f"line {number} " * (number % 50)})
            embed_all(fabric, ENCODER)

    writer = Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            revisions.append(backed_up(store, top / f"b{number}").revision)
    finally:
        stop.set()
        writer.join()
        fabric.close()
    assert revisions == sorted(revisions)
    assert revisions[0] > 2
    for number in range(3):
        restored(top / f"b{number}", top / f"m{number}")
        copy = opened(top / f"m{number}", ENCODER)
        assert copy.records.revision == revisions[number]
        copy.close()


def test_a_restore_while_another_process_owns_the_memory_is_refused(top: Path) -> None:
    lock = StoreLock(top / "memory")
    assert lock.acquire()
    with pytest.raises(StoreBusy, match=f"number {os.getpid()}"):
        restored(top / "backup", top / "memory")
    lock.release()
    holds(top / "memory", FILES)


def test_two_backups_to_one_file_at_once(top: Path) -> None:
    outcomes: list[str] = []

    def run() -> None:
        try:
            outcomes.append(backed_up(top / "memory", top / "same").path)
        except (BadPath, StorageFailed) as error:
            outcomes.append(type(error).__name__)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(top / "same") in outcomes
    with open_backup(top / "same") as found:
        assert found.note.counts["items"] == 90
    assert not list(top.glob(".same*"))


def test_a_reader_goes_on_with_the_old_memory_while_another_is_restored(top: Path) -> None:
    change(top / "memory")
    code = (
        "import sys; from pathlib import Path; from assistant.memory.records import RecordStore\n"
        "with RecordStore(Path(sys.argv[1]), read_only=True) as store:\n"
        "    for line in sys.stdin: print(store.fetch(lambda view: view.count('sources')), flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(top / "memory" / "records")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        counts = []
        for _ in range(2):
            reader.stdin.write("\n")
            reader.stdin.flush()
            counts.append(int(reader.stdout.readline()))
            if len(counts) == 1:
                restored(top / "backup", top / "memory")
                fabric = opened(top / "memory", ENCODER)
                remember(fabric, {"/r/more.md": "number more"})
                fabric.close()
        reader.stdin.close()
    assert counts == [31, 31]
    holds(top / "memory", {**FILES, "/r/more.md": "number more"})


# stopped and damaged


@pytest.mark.parametrize("step", ["Copying", "Reading back", "Looking through it"])
def test_a_backup_that_is_stopped_leaves_nothing(top: Path, step: str) -> None:
    stop = Event()

    def progress(what: str, done: int, total: int) -> None:
        if what == step:
            stop.set()

    with pytest.raises(Interrupted):
        back_up(
            top / "memory",
            top / "new",
            replace=False,
            made_at=NOW,
            program="0",
            progress=progress,
            should_stop=stop.is_set,
        )
    assert not list(top.glob("*new*"))


@pytest.mark.parametrize("step", ["Reading back", "Looking through it"])
def test_a_restore_that_is_stopped_changes_nothing(top: Path, step: str) -> None:
    change(top / "memory")
    stop = Event()

    def progress(what: str, done: int, total: int) -> None:
        if what == step:
            stop.set()

    with pytest.raises(Interrupted):
        restoring.restore(top / "backup", top / "memory", progress=progress, should_stop=stop.is_set)
    assert holds(top / "memory", CHANGED) == []
    assert not list(top.glob("memory.before*"))


@pytest.mark.parametrize("act", ["backup", "restore"])
def test_a_disk_that_takes_its_time_can_be_stopped_and_loses_nothing(top: Path, act: str) -> None:
    change(top / "memory")
    stop, disk, outcome = Event(), SlowDisk(at=2), []

    def run() -> None:
        try:
            if act == "backup":
                back_up(
                    top / "memory",
                    top / "new",
                    replace=False,
                    made_at=NOW,
                    program="0",
                    progress=unseen,
                    should_stop=stop.is_set,
                )
            else:
                restoring.restore(top / "backup", top / "memory", progress=unseen, should_stop=stop.is_set)
        except Interrupted:
            outcome.append("stopped")

    with using(disk):
        worker = Thread(target=run)
        worker.start()
        assert disk.arrived.wait(60)
        stop.set()
        disk.go_on()
        worker.join(60)
    assert outcome == ["stopped"]
    assert not list(top.glob("*new*"))
    assert holds(top / "memory", CHANGED) == []


def test_a_damaged_memory_is_not_backed_up(top: Path) -> None:
    data = top / "memory" / "records" / "data.mdb"
    content = data.read_bytes()
    data.write_bytes(content.replace("число 7".encode(), "число 8".encode()))
    with pytest.raises(DamagedStore, match="checksum"):
        backed_up(top / "memory", top / "new")
    data.write_bytes(content)
    os.truncate(data, len(content) // 2)
    with pytest.raises(DamagedStore):
        backed_up(top / "memory", top / "new")
    assert not list(top.glob("*new*"))


class Forgetful(TurnedDisk):
    """Gives back other bytes than it took."""

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        found = bytearray(super().read(descriptor, size_bytes))
        if len(found) > 50_000:
            found[40_000] ^= 1
        return bytes(found)


def test_a_disk_that_gives_back_something_else_is_found_out(top: Path) -> None:
    with using(Forgetful()), pytest.raises(StorageFailed, match="does not give back"):
        backed_up(top / "memory", top / "new")
    assert not list(top.glob("*new*"))


def test_a_memory_that_was_left_in_the_middle_of_a_swap_is_backed_up(top: Path) -> None:
    records = top / "memory" / "records"
    records.rename(top / "memory" / "records.old")
    shutil.copytree(top / "memory" / "records.old", top / "memory" / "records.new")
    assert backed_up(top / "memory", top / "new").items == 90
    holds(top / "memory", FILES)


def test_a_swap_that_cannot_be_finished_is_not_called_a_backup_that_cannot_be_written(top: Path) -> None:
    (top / "memory" / "records").rename(top / "memory" / "records.new")
    with using(RefusingDisk(errno.EROFS, 0)), pytest.raises(StorageFailed, match="left half done") as refusal:
        backed_up(top / "memory", top / "new")
    assert "Read-only" in str(refusal.value)
    assert "Nothing is lost" in refusal.value.kept
    assert not (top / "new").exists()
    holds(top / "memory", FILES)


def test_the_order_of_what_is_written(top: Path) -> None:
    """The name is given last, after the content is on disk and was read back."""
    disk = TurnedDisk()
    with using(disk):
        backed_up(top / "memory", top / "new")
    last = len(disk.calls) - 1 - disk.calls[::-1].index("link")
    assert "sync" in disk.calls[:last]
    assert "write" not in disk.calls[last:]
    assert disk.calls[last:].count("sync") == 1
    assert backing.container.FORMAT == 1


def test_the_records_are_open_while_they_take_their_place(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens a store first makes its lock file; a reader that has met the old data must not be the one."""
    held: list[bool] = []
    original = restoring.swapping.finish

    def watched(folder: Path, keep_at: Path | None = None) -> None:
        held.append((folder.with_name("records.tmp") / "lock.mdb").exists())
        original(folder, keep_at)

    monkeypatch.setattr(restoring.swapping, "finish", watched)
    restored(top / "backup", top / "memory")
    assert held == [True]
    with RecordStore(top / "memory" / "records") as store:
        assert store.revision == 2


def test_what_only_looks_like_a_draft_of_ours_is_left_alone(top: Path) -> None:
    backed_up(top / "memory", top / "f.backup")
    own = [top / ".f.backup.draft-of a novel", top / ".f.backup.draft-", top / ".f.backup.scratch-pad"]
    for path in own[:2]:
        path.write_text("mine")
    own[2].mkdir()
    (own[2] / "idea").write_text("mine")
    left = top / ".f.backup.draft-4194399", top / ".f.backup.scratch-4194399"
    left[0].write_text("of a process that was killed")
    left[1].mkdir()
    backed_up(top / "memory", top / "f.backup", replace=True)
    assert all(path.exists() for path in own)
    assert (own[2] / "idea").read_text() == "mine"
    assert not any(path.exists() for path in left)

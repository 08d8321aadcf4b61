"""Every disk, the real one and those of the tests, does what the port says; and the faulty ones are faulty."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Thread

import pytest

from assistant.memory import durable
from assistant.memory.durable import SystemDisk, replace_synced, using, write_synced
from assistant.testing.disk_suite import DiskSuite
from assistant.testing.disks import EndingDisk, RefusingDisk, SlowDisk, TurnedDisk
from assistant.testing.power import RecordingDisk, materialise


class TestSystemDisk(DiskSuite):
    @pytest.fixture
    def disk(self) -> SystemDisk:
        return SystemDisk()


class TestTurnedDisk(DiskSuite):
    @pytest.fixture
    def disk(self) -> TurnedDisk:
        return TurnedDisk()


class TestRefusingDiskThatDoesNotRefuse(DiskSuite):
    @pytest.fixture
    def disk(self) -> RefusingDisk:
        return RefusingDisk(errno.EIO)


class TestSlowDiskThatIsFast(DiskSuite):
    @pytest.fixture
    def disk(self) -> SlowDisk:
        return SlowDisk(at=1000)


class TestEndingDiskThatGoesOn(DiskSuite):
    @pytest.fixture
    def disk(self) -> EndingDisk:
        return EndingDisk(at=1000, end=lambda: pytest.fail("ended"))


class TestRecordingDisk(DiskSuite):
    @pytest.fixture
    def disk(self, tmp_path: Path) -> RecordingDisk:
        return RecordingDisk(tmp_path, synced=lambda _: True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_disk_that_refuses_refuses_from_then_on(tmp_path: Path, number: int) -> None:
    disk = RefusingDisk(number, at=0)
    with using(disk):
        for _ in range(2):
            with pytest.raises(OSError, match=os.strerror(number)) as refusal:
                write_synced(tmp_path / "file", b"content")
            assert refusal.value.errno == number
    assert disk.refused >= 2


def test_a_disk_that_fills_up_takes_a_part_first(tmp_path: Path) -> None:
    with using(RefusingDisk(errno.ENOSPC, at=1)), pytest.raises(OSError, match="No space"):
        write_synced(tmp_path / "file", b"abcdef")
    assert (tmp_path / "file").read_bytes() == b"abc"


def test_a_disk_that_refuses_once_goes_on(tmp_path: Path) -> None:
    with using(RefusingDisk(errno.EIO, at=0, lasting=False)):
        with pytest.raises(OSError, match="Input/output"):
            write_synced(tmp_path / "file", b"x")
        write_synced(tmp_path / "file", b"x")


def test_a_slow_disk_waits_until_it_is_let_go(tmp_path: Path) -> None:
    disk = SlowDisk(at=1)
    with using(disk):
        writer = Thread(target=write_synced, args=(tmp_path / "file", b"x"))
        writer.start()
        assert disk.arrived.wait(60)
        assert (tmp_path / "file").read_bytes() == b""
        disk.go_on()
        writer.join(60)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_the_disk_is_the_real_one_again_afterwards(tmp_path: Path) -> None:
    before = durable.current()
    with pytest.raises(KeyError), using(RefusingDisk(errno.EIO, at=0)):
        raise KeyError
    assert durable.current() is before


# the recorder must be able to find what it is for


def wrecks_of(root: Path, tmp_path: Path, act: object) -> dict[str, bytes | None]:
    disk = RecordingDisk(root, synced=lambda _: False)
    with using(disk):
        act()  # type: ignore[operator]
    found = {}
    for number, (when, tree) in enumerate(disk.wrecks()):
        materialise(tree, tmp_path / f"wreck{number}")
        found[when] = tree.get("note")
    return found


def test_the_recorder_finds_a_file_that_was_replaced_without_being_synced(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "note").write_bytes(b"old")

    def careless() -> None:
        disk = durable.current()
        descriptor = disk.open(root / "new", os.O_RDWR | os.O_CREAT)
        disk.write(descriptor, memoryview(b"newer"))
        disk.close(descriptor)
        disk.rename(root / "new", root / "note")

    found = set(wrecks_of(root, tmp_path, careless).values())
    assert {b"old", b"newer", b"", b"ne"} == found


def test_the_recorder_finds_a_file_that_was_overwritten_in_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "note").write_bytes(b"old")
    found = set(wrecks_of(root, tmp_path, lambda: write_synced(root / "note", b"newer")).values())
    assert b"" in found


def test_a_file_that_is_replaced_properly_is_always_old_or_new(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "note").write_bytes(b"old")
    found = wrecks_of(root, tmp_path, lambda: replace_synced(root / "note", b"newer"))
    assert set(found.values()) == {b"old", b"newer"}
    assert len(found) > 4

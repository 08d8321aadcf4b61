"""What every :class:`~assistant.memory.durable.Disk` must do. A test module makes a subclass and overrides the
fixture ``disk``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from assistant.memory.durable import Disk

NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class DiskSuite:
    """The disk under test works in ``tmp_path``."""

    @pytest.fixture
    def disk(self) -> Disk:
        raise NotImplementedError("override this fixture")

    @staticmethod
    def put(disk: Disk, path: Path, data: bytes) -> None:
        descriptor = disk.open(path, NEW)
        view = memoryview(data)
        while view:
            view = view[disk.write(descriptor, view) :]
        disk.close(descriptor)

    def test_what_was_written_is_read(self, disk: Disk, tmp_path: Path) -> None:
        self.put(disk, tmp_path / "file", b"abcdef")
        descriptor = disk.open(tmp_path / "file", os.O_RDONLY)
        assert [disk.read(descriptor, 4), disk.read(descriptor, 4), disk.read(descriptor, 4)] == [b"abcd", b"ef", b""]
        disk.seek(descriptor, 3)
        assert disk.read(descriptor, 9) == b"def"
        disk.close(descriptor)

    def test_a_new_file_is_for_its_user_alone_and_closed_at_exec(self, disk: Disk, tmp_path: Path) -> None:
        descriptor = disk.open(tmp_path / "file", NEW)
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
        assert not os.get_inheritable(descriptor)
        disk.close(descriptor)

    def test_writing_goes_on_where_it_was_told(self, disk: Disk, tmp_path: Path) -> None:
        self.put(disk, tmp_path / "file", b"abcdef")
        descriptor = disk.open(tmp_path / "file", os.O_RDWR)
        disk.seek(descriptor, 2)
        disk.write(descriptor, memoryview(b"XY"))
        disk.truncate(descriptor, 5)
        disk.allocate(descriptor, 5)
        disk.sync(descriptor)
        disk.close(descriptor)
        assert (tmp_path / "file").read_bytes() == b"abXYe"

    def test_a_name_that_is_taken_is_not_taken_again(self, disk: Disk, tmp_path: Path) -> None:
        for name in ("one", "two"):
            self.put(disk, tmp_path / name, name.encode())
        disk.make_folder(tmp_path / "folder")
        with pytest.raises(FileExistsError):
            disk.open(tmp_path / "one", NEW)
        with pytest.raises(FileExistsError):
            disk.link(tmp_path / "one", tmp_path / "two")
        with pytest.raises(FileExistsError):
            disk.make_folder(tmp_path / "folder")
        assert (tmp_path / "two").read_bytes() == b"two"

    def test_renaming_replaces_and_linking_gives_a_second_name(self, disk: Disk, tmp_path: Path) -> None:
        for name in ("one", "two"):
            self.put(disk, tmp_path / name, name.encode())
        disk.rename(tmp_path / "one", tmp_path / "two")
        disk.link(tmp_path / "two", tmp_path / "three")
        disk.unlink(tmp_path / "two")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"three": b"one"}

    def test_folders_are_made_synced_moved_and_removed(self, disk: Disk, tmp_path: Path) -> None:
        disk.make_folder(tmp_path / "a")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
        self.put(disk, tmp_path / "a" / "file", b"x")
        descriptor = disk.open(tmp_path / "a", os.O_RDONLY | os.O_DIRECTORY)
        disk.sync(descriptor)
        disk.close(descriptor)
        disk.rename(tmp_path / "a", tmp_path / "b")
        with pytest.raises(OSError, match="not empty"):
            disk.remove_folder(tmp_path / "b")
        disk.unlink(tmp_path / "b" / "file")
        disk.remove_folder(tmp_path / "b")
        assert list(tmp_path.iterdir()) == []

    def test_what_is_not_there(self, disk: Disk, tmp_path: Path) -> None:
        for call in (disk.unlink, disk.remove_folder, lambda path: disk.open(path, os.O_RDONLY)):
            with pytest.raises(FileNotFoundError):
                call(tmp_path / "none")
        for both in (disk.rename, disk.link):
            with pytest.raises(FileNotFoundError):
                both(tmp_path / "none", tmp_path / "other")

    def test_there_is_some_room(self, disk: Disk, tmp_path: Path) -> None:
        assert disk.free_bytes(tmp_path) > 0

"""All file operations of our own in the memory go through one seam, and what it promises holds."""

from __future__ import annotations

import ast
import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from assistant.memory import durable, swapping
from assistant.memory.drafts import Draft, ScratchFolder
from assistant.memory.durable import (
    cut_file,
    make_folder,
    move,
    read_file,
    remove_tree,
    replace_synced,
    sync_folder,
    using,
    write_synced,
)
from assistant.testing.disks import RefusingDisk, TurnedDisk, no_descriptors_left

MEMORY = Path(durable.__file__).parent
CHANGES = {
    *("write_text", "write_bytes", "rename", "replace", "unlink", "rmdir", "mkdir", "touch", "symlink_to", "truncate"),
    *("hardlink_to", "makedirs", "removedirs", "rmtree", "copytree", "copyfile", "link", "symlink", "fsync"),
    *("ftruncate", "pwrite", "remove"),
}
ALLOWED = {
    "durable.py": CHANGES,
    "ownership.py": {"ftruncate", "pwrite"},  # the name of the owner in its lock file: for messages only
    "projecting.py": {"remove"},  # of a vector index
    "turns.py": {"remove"},  # of a row of those who wait
}


def _calls(path: Path) -> set[str]:
    """Names of methods and functions that are called on something that may be a path or a module of the system."""
    return {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not _is_disk(node.func.value)
    }


def _is_disk(value: ast.expr) -> bool:
    """``current()``, the disk in use; or a string, whose ``replace`` is no file operation."""
    called = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in {"current", "str"}
    return called or isinstance(value, ast.Constant)


@pytest.mark.parametrize("path", sorted(MEMORY.glob("*.py")), ids=lambda path: path.name)
def test_no_file_is_changed_past_the_seam(path: Path) -> None:
    assert _calls(path) & CHANGES <= ALLOWED.get(path.name, set())


def test_the_test_above_can_fail(tmp_path: Path) -> None:
    (tmp_path / "careless.py").write_text("import os\nos.rename('a', 'b')\npath.unlink()\n")
    assert _calls(tmp_path / "careless.py") & CHANGES == {"rename", "unlink"}


# fsync


def test_a_sync_that_failed_is_never_taken_for_one_that_worked(tmp_path: Path) -> None:
    """The next fsync of the same file returns 0: the system has thrown away what it could not write, and told once."""
    disk = RefusingDisk(errno.EIO, at=None)
    with using(disk):
        replace_synced(tmp_path / "note", b"old")
        disk._at, disk._lasting = disk.refusable + 2, False  # create, write, sync
        with pytest.raises(OSError, match="Input/output"):
            replace_synced(tmp_path / "note", b"new")
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"note": b"old"}
        replace_synced(tmp_path / "note", b"newest")  # a new file, written and synced anew
    assert (tmp_path / "note").read_bytes() == b"newest"


def test_a_folder_whose_sync_failed_is_not_trusted_again_in_this_process(tmp_path: Path) -> None:
    disk = RefusingDisk(errno.EIO, at=0, lasting=False)
    with using(disk):
        disk._at = 1  # open, sync
        with pytest.raises(OSError, match="Input/output"):
            sync_folder(tmp_path)
        for _ in range(2):  # the disk would do it now
            with pytest.raises(OSError, match="earlier"):
                sync_folder(tmp_path)
        with pytest.raises(OSError, match="earlier"):
            replace_synced(tmp_path / "note", b"x")
    sync_folder(tmp_path)


class NoFolders(TurnedDisk):
    """A file system that cannot sync folders."""

    def sync(self, descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        super().sync(descriptor)


def test_a_file_system_that_cannot_sync_folders_is_taken_at_its_word(tmp_path: Path) -> None:
    with using(NoFolders()):
        for content in (b"one", b"two"):
            replace_synced(tmp_path / "note", content)
    assert (tmp_path / "note").read_bytes() == b"two"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
def test_a_small_file_is_old_or_new_wherever_the_disk_refuses(tmp_path: Path, number: int) -> None:
    write_synced(tmp_path / "note", b"old")
    for at in range(20):
        disk = RefusingDisk(number, at=at)
        with no_descriptors_left(), using(disk), suppress(OSError):
            replace_synced(tmp_path / "note", b"new")
        assert (tmp_path / "note").read_bytes() in (b"old", b"new")
        if not disk.refused:
            break
        for left in tmp_path.glob(".note*"):  # only a disk that refuses to unlink, too, leaves something
            assert number in (errno.EIO, errno.EROFS)
            left.unlink()
        write_synced(tmp_path / "note", b"old")
    else:
        pytest.fail("it never worked")
    assert at >= 1


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "note").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "note", 100) == b"x" * 100
    with pytest.raises(OSError, match="too large"):
        read_file(tmp_path / "note", 99)


def test_folders_are_made_with_all_above_them_and_for_their_user_alone(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    make_folder(tmp_path / "a" / "b" / "c")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")


def test_removing_a_tree_removes_links_and_never_follows_them(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    tree = tmp_path / "tree"
    (tree / "deep" / "deeper").mkdir(parents=True)
    (tree / "deep" / "file").write_text("x")
    (tree / "folder").symlink_to(tmp_path / "mine")
    (tree / "dangling").symlink_to(tmp_path / "nowhere")
    remove_tree(tree)
    remove_tree(tree)
    remove_tree(tmp_path / "dangling")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    remove_tree(tmp_path / "link")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "precious"]


def test_moving_and_cutting(tmp_path: Path) -> None:
    make_folder(tmp_path / "there")
    write_synced(tmp_path / "file", b"abcdef")
    cut_file(tmp_path / "file", 4)
    move(tmp_path / "file", tmp_path / "there" / "file")
    assert (tmp_path / "there" / "file").read_bytes() == b"abcd"


# drafts


def test_a_draft_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    with no_descriptors_left(), Draft(tmp_path / "target") as draft:
        draft.write(b"half")
        assert [path.name for path in tmp_path.iterdir()] == [draft.path.name]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["target", "a*b?[c]", "ü ъ", "-x"])
def test_a_draft_is_there_once_published(tmp_path: Path, name: str) -> None:
    with no_descriptors_left(), Draft(tmp_path / name) as draft:
        draft.write(b"whole")
        draft.seek(0)
        draft.write(b"W")
        draft.sync()
        draft.publish(replace=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"Whole"}
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with Draft(tmp_path / "target") as draft:
        (tmp_path / "target").write_bytes(b"somebody's")
        with pytest.raises(FileExistsError):
            draft.publish(replace=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"target": b"somebody's"}


class NoLinks(TurnedDisk):
    """A file system without second names, as on many a memory stick."""

    def link(self, old: Path, new: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(old))


def test_drafts_on_a_file_system_without_second_names(tmp_path: Path) -> None:
    with using(NoLinks()):
        with Draft(tmp_path / "target") as draft:
            draft.publish(replace=False)
        with Draft(tmp_path / "target") as draft, pytest.raises(FileExistsError):
            draft.publish(replace=False)
        with Draft(tmp_path / "target") as draft:
            draft.write(b"x")
            draft.publish(replace=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"target": b"x"}


def test_what_a_killed_process_left_is_cleaned_away_and_what_another_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".target.draft-999999").write_bytes(b"left behind")
    (tmp_path / ".target.scratch-999999").mkdir()
    (tmp_path / ".target.scratch-999999" / "data").write_bytes(b"left behind")
    with Draft(tmp_path / "target") as busy, ScratchFolder(tmp_path, "target") as folder:
        busy.path.rename(tmp_path / ".target.draft-1")  # as another process would have named it
        folder.path.rename(tmp_path / ".target.scratch-1")
        with Draft(tmp_path / "target"), ScratchFolder(tmp_path, "target") as own:
            found = {path.name for path in tmp_path.iterdir()}
            assert found == {".target.draft-1", ".target.scratch-1", f".target.draft-{os.getpid()}", own.path.name}


# swapping


def furnish(folder: Path, content: str) -> None:
    folder.mkdir(parents=True)
    (folder / "data").write_text(content)


def prepared(top: Path) -> Path:
    folder = top / "folder"
    furnish(folder, "old")
    (swapping.start(folder) / "data").write_text("new")
    return folder


def test_a_swap_replaces_and_removes_or_keeps_the_old_one(tmp_path: Path) -> None:
    folder = prepared(tmp_path)
    swapping.finish(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}
    (swapping.start(folder) / "data").write_text("newer")
    swapping.finish(folder, keep_at=tmp_path / "kept" / "one")
    assert [path.read_text() for path in (folder / "data", tmp_path / "kept" / "one" / "data")] == ["newer", "new"]
    (swapping.start(folder) / "data").write_text("newest")
    with pytest.raises(FileExistsError):
        swapping.finish(folder, keep_at=tmp_path / "kept" / "one")
    assert (folder / "data").read_text() == "newer"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("lasting", [True, False])
def test_a_swap_is_whole_wherever_the_disk_refuses(tmp_path: Path, number: int, kept: bool, lasting: bool) -> None:
    for at in range(40):
        top = tmp_path / str(at)
        folder = prepared(top)
        disk = RefusingDisk(number, at=at, lasting=lasting)
        failed = False
        with no_descriptors_left(), using(disk):
            try:
                swapping.finish(folder, keep_at=top / "kept" / "one" if kept else None)
            except OSError:
                failed = True
        assert failed == bool(disk.refused)
        swapping.recover(folder)
        assert (folder / "data").read_text() in ({"old", "new"} if failed else {"new"})
        if kept and (folder / "data").read_text() == "new":
            assert (top / "kept" / "one" / "data").read_text() == "old"
        assert {path.name for path in top.iterdir()} <= {"folder", "kept"}
        if not disk.refused:
            return
    pytest.fail("it never worked")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"folder": "old", "folder.tmp": "half"}, "old"),
        ({"folder": "old", "folder.new": "new"}, "old"),
        ({"folder.new": "new", "folder.old": "old"}, "new"),
        ({"folder.new": "new"}, "new"),
        ({"folder.old": "old"}, "old"),
        ({"folder": "new", "folder.old": "old"}, "new"),
        ({"folder.tmp": "half"}, None),
        ({}, None),
    ],
)
def test_what_a_swap_that_was_cut_short_left(tmp_path: Path, there: dict[str, str], expected: str | None) -> None:
    for name, content in there.items():
        furnish(tmp_path / name, content)
    swapping.recover(tmp_path / "folder")
    assert {path.name for path in tmp_path.iterdir()} == ({"folder"} if expected else set())
    if expected:
        assert (tmp_path / "folder" / "data").read_text() == expected

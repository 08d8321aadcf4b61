"""What happens in watched folders is told: real folders, the real kernel."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dulwich import porcelain

from assistant.core.coalescing import Note
from assistant.reading.mounts import kind_of, mounts, mounts_below
from assistant.reading.noticing import Noticer
from assistant.reading.walking import FileSources

from .sources import write_tree

WAIT_S = 30.0
WHO = b"A <a@b>"


class Heard:
    """Notes as they come."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._changed = threading.Condition()

    def __call__(self, note: Note) -> None:
        with self._changed:
            self.notes.append(note)
            self._changed.notify_all()

    def wait(self, wanted: Callable[[list[Note]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: wanted(self.notes), WAIT_S), self.notes

    def path(self, path: Path, kind: str = "") -> None:
        """Wait until something was told of this path."""
        self.wait(lambda notes: any(one.path == str(path) and kind in ("", one.kind) for one in notes))

    @property
    def paths(self) -> set[str]:
        return {path for note in list(self.notes) for path in (note.path, note.moved_to) if path}


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def noticer(heard: Heard) -> Iterator[Noticer]:
    noticer = Noticer(FileSources(), heard)
    yield noticer
    noticer.close()
    assert not [thread for thread in threading.enumerate() if thread.name in ("noticer", "poller")]


def settle(root: Path, heard: Heard) -> None:
    """Wait until all that happened before now has been told: the kernel keeps the order."""
    mark = root / f"mark-{len(heard.notes)}.md"
    mark.write_text("x")
    heard.path(mark)


def test_files_written_made_moved_and_deleted(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    write_tree(tmp_path, dict.fromkeys(["a.md", "sub/b.md", "sub/deep/c.md"], "x"))
    assert noticer.watch(str(tmp_path)).folders == 3
    (tmp_path / "sub/deep/c.md").write_text("y")
    heard.path(tmp_path / "sub/deep/c.md", "changed")
    (tmp_path / "new.md").write_text("y")
    heard.path(tmp_path / "new.md", "created")
    (tmp_path / "a.md").unlink()
    heard.path(tmp_path / "a.md", "gone")
    (tmp_path / "sub/b.md").rename(tmp_path / "sub/e.md")
    heard.path(tmp_path / "sub/b.md", "moved")
    assert heard.notes[-1].moved_to == str(tmp_path / "sub/e.md")
    os.link(tmp_path / "new.md", tmp_path / "linked.md")
    heard.path(tmp_path / "linked.md", "created")
    (tmp_path / "new.md").chmod(0o600)
    settle(tmp_path, heard)
    assert {note.root for note in heard.notes} == {str(tmp_path)}
    assert all(earlier.at_s <= later.at_s for earlier, later in zip(heard.notes, heard.notes[1:], strict=False))


def test_reading_files_is_not_told(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    """Or our own scans would keep us busy for ever."""
    write_tree(tmp_path, {"a.md": "x"})
    noticer.watch(str(tmp_path))
    for _ in range(3):
        list(FileSources().walk(str(tmp_path)))
        (tmp_path / "a.md").read_text()
    settle(tmp_path, heard)
    assert heard.paths == {str(tmp_path / "mark-0.md")}


def test_left_out_folders_and_files_cost_nothing(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    tree = ["node_modules/x/y.js", ".hidden/z.md", "env/pyvenv.cfg", "env/lib/x.py", "gone/g.md", "src/a.py"]
    write_tree(tmp_path, dict.fromkeys(tree, "x") | {".gitignore": "gone/\n"})
    porcelain.init(str(tmp_path))
    assert noticer.watch(str(tmp_path)).folders == 6, "root, src, env itself, .git, .git/refs, .git/refs/heads"
    for name in ("node_modules/x/y.js", ".hidden/z.md", "gone/g.md", ".git/objects/x", ".git/config", "a.md.swp", "b~"):
        (tmp_path / name).write_text("y")
    settle(tmp_path, heard)
    assert heard.paths == {str(tmp_path / "mark-0.md")}
    (tmp_path / ".gitignore").write_text("src/\n")
    heard.path(tmp_path / ".gitignore")
    settle(tmp_path, heard)
    (tmp_path / "gone/g.md").write_text("z")
    heard.path(tmp_path / "gone/g.md")
    (tmp_path / "src/a.py").write_text("z")
    settle(tmp_path, heard)
    assert str(tmp_path / "src/a.py") not in heard.paths


def test_commits_and_branches(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    write_tree(tmp_path, {"repo/a.py": "x", "late/b.py": "x"})
    porcelain.init(str(tmp_path / "repo"))
    noticer.watch(str(tmp_path))
    porcelain.init(str(tmp_path / "late"))
    heard.path(tmp_path / "late/.git")
    for name in ("repo", "late"):
        repository = str(tmp_path / name)
        porcelain.add(repository, [str(next((tmp_path / name).glob("*.py")))])
        heard.path(tmp_path / name / ".git/index.lock")
        porcelain.commit(repository, message=b"one", author=WHO, committer=WHO)
        heard.wait(lambda notes, name=name: any(f"/{name}/.git/refs/heads/" in note.path for note in notes))  # type: ignore[misc]
        porcelain.branch_create(repository, "deep/er")
        heard.wait(lambda notes, name=name: any(f"/{name}/.git/refs/heads/deep" in note.path for note in notes))  # type: ignore[misc]


def test_a_bare_repository_is_told_of_as_its_folder(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    porcelain.init(str(tmp_path / "store"), bare=True)
    noticer.watch(str(tmp_path))
    (tmp_path / "store/refs/heads/main").write_text("0" * 40)
    heard.path(tmp_path / "store", "changed")
    assert heard.paths == {str(tmp_path / "store")}


def test_files_made_in_a_folder_before_it_is_watched_are_not_lost(
    tmp_path: Path, noticer: Noticer, heard: Heard
) -> None:
    """A tree is made as fast as it goes: for each file there is a note of it, or one of a folder above it that came
    when it was there."""
    noticer.watch(str(tmp_path))
    made: dict[str, float] = {}
    for number in range(200):
        folder = tmp_path / f"f{number}" / "deep" / "er"
        folder.mkdir(parents=True)
        path = folder / "file.md"
        made[str(path)] = time.monotonic()
        path.write_text("x")
    settle(tmp_path, heard)
    told: dict[str, float] = {}
    for note in heard.notes:
        told[note.path] = note.at_s

    def is_covered(path: str) -> bool:
        at = path
        while at != str(tmp_path):
            if at in told and (at == path or told[at] >= made[path]):
                return True
            at = os.path.dirname(at)
        return False

    assert [path for path in made if not is_covered(path)] == []
    assert noticer.statistics().roots[0].folders == 601


def test_a_folder_that_is_moved_is_watched_where_it_is_now(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    write_tree(tmp_path, {"root/a/b/c.md": "x", "root/d.md": "x"})
    root = tmp_path / "root"
    noticer.watch(str(root))
    (root / "a").rename(root / "z")
    heard.path(root / "a", "gone")
    heard.path(root / "z", "created")
    (root / "z/b/c.md").write_text("y")
    heard.path(root / "z/b/c.md")
    (root / "z").rename(tmp_path / "out")
    heard.path(root / "z", "gone")
    assert noticer.statistics().roots[0].folders == 1
    (tmp_path / "out/b/c.md").write_text("z")
    (tmp_path / "out").rename(root / "back")
    heard.path(root / "back", "created")
    (root / "back/b/c.md").write_text("z")
    heard.path(root / "back/b/c.md")


def test_a_root_that_goes_and_comes_back(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    root = tmp_path / "root"
    write_tree(root, {"a/b.md": "x"})
    noticer.watch(str(root))
    assert noticer.reconcile() == ()
    root.rename(tmp_path / "elsewhere")
    heard.path(root, "whole")
    assert noticer.statistics().roots[0].how == "away"
    assert noticer.told() == [f"{root} is not watched: it is not there."]
    (tmp_path / "elsewhere/a/b.md").write_text("y")
    assert noticer.reconcile() == ()
    (tmp_path / "elsewhere").rename(root)
    assert noticer.reconcile() == (str(root),)
    (root / "a/b.md").write_text("z")
    heard.path(root / "a/b.md")
    shutil.rmtree(root)
    heard.wait(lambda notes: sum(one.kind == "whole" for one in notes) == 3)
    assert noticer.watch(str(tmp_path / "never")).how == "away"
    assert not any("elsewhere" in path for path in heard.paths)


def test_a_disk_that_is_mounted_over_a_folder(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    for name in ("root", "root/inner"):
        target = tmp_path / name
        target.mkdir(exist_ok=True)
    root = tmp_path / "root"
    noticer.watch(str(root))
    for target in (root / "inner", root):
        done = subprocess.run(["mount", "-t", "tmpfs", "none", str(target)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is refused here: {done.stderr.decode().strip()}")
        try:
            assert str(target) in mounts_below(str(root))
            assert kind_of(str(target / "x")) == "tmpfs"
            assert noticer.reconcile() == (str(root),)
            heard.notes.clear()
            (target / "a.md").write_text("x")
            heard.path(target / "a.md")
        finally:
            subprocess.run(["umount", "-l", str(target)], check=True)
        noticer.reconcile()
    assert mounts()


def test_too_many_folders_are_polled_and_that_is_said(tmp_path: Path, heard: Heard) -> None:
    write_tree(tmp_path, {f"many/{number}/a.md": "x" for number in range(20)} | {"few/a.md": "x"})
    noticer = Noticer(FileSources(), heard, most_folders=10, poll_every_s=0.05)
    try:
        assert noticer.watch(str(tmp_path / "few")).how == "inotify"
        watched = noticer.watch(str(tmp_path / "many"))
        assert (watched.how, watched.folders) == ("polling", 0)
        heard.path(tmp_path / "many", "whole")
        assert noticer.told() == [
            f"{tmp_path}/many is looked through every 0.05 s: more than 10 folders are not watched."
        ]
        for number in range(20):
            (tmp_path / f"few/{number}").mkdir()
        heard.path(tmp_path / "few", "whole")
        noticer.unwatch(str(tmp_path / "few"))
        noticer.unwatch(str(tmp_path / "many"))
        assert noticer.statistics().roots == ()
    finally:
        noticer.close()


CHILD = """
import sys
from assistant.reading.noticing import Noticer
from assistant.reading.walking import FileSources
noticer = Noticer(FileSources(), lambda note: None)
watched = noticer.watch(sys.argv[1])
print(watched.how, watched.folders, watched.reason)
noticer.close()
"""


def test_the_limit_of_the_system_is_met(tmp_path: Path) -> None:
    """In a user namespace of its own, whose limit can be set without troubling anybody."""
    write_tree(tmp_path, {f"{number}/a.md": "x" for number in range(20)})
    limit = "/proc/sys/user/max_inotify_watches"
    script = f'echo 7 > {limit} || exit 77; exec "$0" -c "$1" "$2"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, sys.executable, CHILD, str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode:
        pytest.skip(f"no user namespace of our own here: {done.stderr.strip()[-200:]}")
    assert done.stdout.startswith("polling 0 the system's limit of watched folders"), os.strerror(errno.ENOSPC)


def test_lost_events_lead_to_a_look_at_the_whole(tmp_path: Path, heard: Heard) -> None:
    """Our thread is kept busy while more happens than the kernel keeps."""
    with open("/proc/sys/fs/inotify/max_queued_events") as limit:
        most = int(limit.read())
    if most > 70_000:
        pytest.skip(f"the kernel keeps {most} events here")
    busy, seen = threading.Event(), threading.Event()

    def tell(note: Note) -> None:
        heard(note)
        if not seen.is_set():
            seen.set()
            assert busy.wait(WAIT_S)

    noticer = Noticer(FileSources(), tell)
    try:
        noticer.watch(str(tmp_path))
        first, second = tmp_path / "a.md", tmp_path / "b.md"
        first.write_text("x")
        assert seen.wait(WAIT_S)
        for number in range(most // 2 + 1000):  # each is three events, none like the one before
            first.touch()
            os.rename(first, second)
            first, second = second, first
            del number
        (tmp_path / "late").mkdir()
        busy.set()
        heard.path(tmp_path, "whole")
        assert noticer.statistics().overflows == 1
        (tmp_path / "late/c.md").write_text("x")
        heard.path(tmp_path / "late/c.md")
    finally:
        busy.set()
        noticer.close()


def test_names_that_are_no_text_and_links(tmp_path: Path, noticer: Noticer, heard: Heard) -> None:
    """As a walk spells them, so that they can be looked at; what a link leads to is not followed."""
    (tmp_path / "outside").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    noticer.watch(str(root))
    with open(os.fsencode(root) + b"/\xff.md", "w") as file:
        file.write("x")
    heard.path(root / "\uefff.md")
    (root / "link").symlink_to(tmp_path / "outside")
    heard.path(root / "link")
    (tmp_path / "outside/a.md").write_text("x")
    settle(root, heard)
    assert noticer.statistics().roots[0].folders == 1
    assert not [path for path in heard.paths if path.startswith(f"{root}/link/")]

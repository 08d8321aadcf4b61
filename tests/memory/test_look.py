"""Looking at single places: what changed, appeared, vanished, was renamed; rules that change; folders that are away."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dulwich import porcelain

from assistant.actors.embedder import Embedder
from assistant.actors.librarian import Librarian
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import BadPath, Interrupted
from assistant.contracts.events import Looked, nobody
from assistant.core.absence import MANY_SOURCES, NOT_MOUNTED
from assistant.memory.checking import contradictions
from assistant.memory.fabric import Fabric
from assistant.memory.freshness import check_freshness
from assistant.memory.layout import RootRecord
from assistant.reading.desk import ReadingDesk
from assistant.reading.jobs import Job
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources
from assistant.testing.clock import FakeClock
from assistant.testing.memory_sources import TransientSources
from memory.world import CountingEncoder, found_by_word, opened, state_of

WAIT_S = 60.0
WHO = b"A <a@b>"


class World:
    """A folder, the memory of it, and those who write there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.folder = folder
        self.encoder = CountingEncoder()
        self.fabric: Fabric = opened(folder / "memory", self.encoder)
        self.sources = FileSources()
        self.stop = threading.Event()
        self.clock = FakeClock()
        self.librarian = Librarian(self.fabric, self.sources, FileReader(), self.clock, nobody, self.stop)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            self.put(f"{name}.md", text)

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def look(self, *names: str) -> Looked:
        return self.librarian.look([os.path.join(self.root, name) for name in names])

    def embed(self) -> list[str]:
        """Embed what is pending; returns what had to be encoded."""
        self.encoder.texts.clear()
        Embedder(self.fabric, self.encoder, self.clock, nobody, self.stop).run()
        return sorted(self.encoder.texts)

    @property
    def files(self) -> dict[str, list[str]]:
        return {os.path.relpath(path, self.root): texts for path, texts in state_of(self.fabric).items()}

    def away(self) -> list[tuple[str, str]]:
        with self.fabric.records.read() as view:
            return [(one.path, one.reason) for root in view.roots() for one in root.away]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    with world.fabric.records.read() as view:
        assert list(contradictions(view)) == []
    world.fabric.close()


def scan_agrees(world: World) -> None:
    """A scan finds nothing left to do."""
    before = state_of(world.fabric)
    scanned = world.librarian.scan(str(world.root))
    assert (scanned.read, scanned.gone) == (0, 0)
    assert state_of(world.fabric) == before


def test_changed_new_vanished_and_renamed_files(world: World) -> None:
    world.write(a="apple", b="banana", c="cherry")
    world.librarian.scan(str(world.root))
    revision = world.fabric.records.revision
    world.write(a="apricot", d="damson")
    (world.root / "b.md").unlink()
    (world.root / "c.md").rename(world.root / "e.md")
    looked = world.look("a.md", "b.md", "c.md", "d.md", "e.md", "never.md")
    assert (looked.read, looked.gone, looked.places) == (3, 2, 6)
    assert looked.revision == revision + 1, "all of it is one revision"
    assert world.files == {"a.md": ["apricot"], "d.md": ["damson"], "e.md": ["cherry"]}
    assert found_by_word(world.fabric, "apricot") == {"apricot"}
    assert found_by_word(world.fabric, "banana") == set()
    assert world.look("a.md").unchanged == 1
    scan_agrees(world)


def test_paths_outside_are_counted_and_left_alone(world: World) -> None:
    world.write(a="apple")
    world.librarian.scan(str(world.root))
    looked = world.librarian.look(["/etc/hostname", str(world.root) + "x/a.md", f"{world.root}/../root/a.md"])
    assert (looked.outside, looked.places, looked.found) == (2, 1, 1)
    assert set(world.files) == {"a.md"}


def test_a_folder_that_is_renamed_embeds_nothing_again(world: World) -> None:
    for number in range(6):
        world.put(f"old/sub/{number}.md", f"# Title {number}\n\nabout {number}")
        world.put(f"old/{number}.py", f"def function_{number}():\n    return {number}\n")
    world.librarian.scan(str(world.root))
    assert len(world.embed()) == 12
    (world.root / "old").rename(world.root / "new")
    looked = world.look("old", "new")
    assert (looked.read, looked.gone) == (12, 12)
    assert {os.path.dirname(path) for path in world.files} == {"new", "new/sub"}
    assert world.embed() == []
    assert len(world.fabric.vectors) == 12
    with world.fabric.records.read() as view:
        assert view.count("orphans") == 0
        assert {item.path.rpartition("/")[0] for item in view.all_items()} == {
            f"{world.root}/new",
            f"{world.root}/new/sub",
        }
    scan_agrees(world)


def test_a_rename_in_two_looks_takes_up_the_orphans(world: World) -> None:
    world.write(a="apple pie")
    world.librarian.scan(str(world.root))
    world.embed()
    (world.root / "a.md").rename(world.root / "b.md")
    assert world.look("a.md").gone == 1
    assert world.fabric.records.fetch(lambda view: view.count("orphans")) == 1
    assert len(world.fabric.vectors) == 0
    world.look("b.md")
    assert (world.embed(), len(world.fabric.vectors)) == ([], 1)


def test_a_folder_that_becomes_a_file_and_back(world: World) -> None:
    world.put("a/b.md", "inside")
    world.librarian.scan(str(world.root))
    shutil.rmtree(world.root / "a")
    (world.root / "a").write_text("a file now")
    world.look("a")
    assert world.files == {"a": ["a file now"]}
    (world.root / "a").unlink()
    world.put("a/b.md", "inside again")
    world.look("a")
    assert world.files == {"a/b.md": ["inside again"]}
    scan_agrees(world)


@pytest.mark.parametrize("name", [".gitignore", ".assistantignore"])
def test_a_changed_ignore_file_leads_to_a_look_at_its_folder(world: World, name: str) -> None:
    world.put("sub/a.md", "apple")
    world.put("sub/deep/b.md", "banana")
    world.put("c.md", "cherry")
    world.librarian.scan(str(world.root))
    world.put(f"sub/{name}", "deep/\na.md\n")
    assert world.look(f"sub/{name}").gone == 2
    assert "c.md" in world.files
    assert "sub/a.md" not in world.files
    (world.root / "sub" / name).unlink()
    world.look(f"sub/{name}")
    assert set(world.files) == {"sub/a.md", "sub/deep/b.md", "c.md"}
    scan_agrees(world)


def test_marks_of_caches_environments_and_builds(world: World) -> None:
    world.put("one/a.md", "apple")
    world.put("two/target/b.md", "banana")
    world.librarian.scan(str(world.root))
    world.put("one/pyvenv.cfg", "home = /usr")
    world.put("two/Cargo.toml", "[package]")
    world.look("one/pyvenv.cfg", "two/Cargo.toml")
    assert set(world.files) == {"two/Cargo.toml"}
    scan_agrees(world)


def test_a_commit_leads_to_the_history_of_its_repository_only(world: World) -> None:
    for name in ("one", "two"):
        porcelain.init(str(world.root / name))
        world.put(f"{name}/a.md", name)
        porcelain.add(str(world.root / name), [str(world.root / name / "a.md")])
        porcelain.commit(str(world.root / name), message=b"first of " + name.encode(), author=WHO, committer=WHO)
    world.librarian.scan(str(world.root))
    world.put("one/a.md", "changed")
    porcelain.add(str(world.root / "one"), [str(world.root / "one/a.md")])
    porcelain.commit(str(world.root / "one"), message=b"second of one", author=WHO, committer=WHO)
    looked = world.look("one/.git/HEAD", "one/.git/refs/heads/master", "one/.git/logs/HEAD")
    assert (looked.places, looked.read) == (1, 1)
    assert found_by_word(world.fabric, "second") == {"second of one"}
    assert world.look("one/a.md").read == 1
    shutil.rmtree(world.root / "one/.git")
    assert world.look("one/.git").gone == 2
    assert found_by_word(world.fabric, "first") == {"first of two"}
    scan_agrees(world)


def test_a_look_that_is_overtaken_looks_again(world: World) -> None:
    """Two look at one file at the same time, again and again: in the end the memory holds what the disk holds."""
    world.write(a="start")
    world.librarian.scan(str(world.root))

    def look(number: int) -> None:
        for turn in range(12):
            world.put("a.md", f"writer{number} turn{turn}")
            world.look("a.md")

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(look, number) for number in range(3)]:
            future.result(WAIT_S)
    world.look("a.md")
    assert world.files["a.md"] == [(world.root / "a.md").read_text()]
    scan_agrees(world)


def test_a_scan_that_read_before_does_not_overwrite_a_look_after(world: World) -> None:
    """The scan reads a file, somebody edits it and a look commits that; only then the scan commits."""
    reading, edited = threading.Event(), threading.Event()

    class Slow(FileReader):
        def read(self, address: SourceAddress, data: bytes):  # type: ignore[no-untyped-def]
            document = super().read(address, data)
            if data == b"old" and threading.current_thread().name == "slow":
                reading.set()
                assert edited.wait(WAIT_S)
            return document

    world.write(a="old")
    slow = Librarian(world.fabric, world.sources, Slow(), world.clock, nobody, world.stop)
    world.fabric.add_root(str(world.root), "2026-01-01")
    thread = threading.Thread(target=slow.scan, args=(str(world.root),), name="slow")
    thread.start()
    assert reading.wait(WAIT_S)
    world.write(a="newer and longer", b="came meanwhile")
    world.look("a.md", "b.md")
    edited.set()
    thread.join(WAIT_S)
    assert world.files == {"a.md": ["newer and longer"], "b.md": ["came meanwhile"]}
    scan_agrees(world)


@pytest.mark.parametrize("wide", [False, True])
def test_a_file_that_goes_while_a_look_is_overtaken_is_dropped(world: World, wide: bool) -> None:
    reading, edited = threading.Event(), threading.Event()

    class Slow(FileReader):
        def read(self, address: SourceAddress, data: bytes):  # type: ignore[no-untyped-def]
            if data == b"second":
                reading.set()
                assert edited.wait(WAIT_S)
            return super().read(address, data)

    world.write(a="first")
    world.librarian.scan(str(world.root))
    world.write(a="second one" if wide else "second")
    world.put("a.md", "second")
    slow = Librarian(world.fabric, world.sources, Slow(), world.clock, nobody, world.stop)
    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(slow.look, [str(world.root) if wide else f"{world.root}/a.md"])
        assert reading.wait(WAIT_S)
        world.write(a="third, which is longer")
        world.look("a.md")
        (world.root / "a.md").unlink()
        edited.set()
        assert looking.result(WAIT_S).unsettled == 0
    assert world.files == {}


def test_each_call_has_a_stop_of_its_own(world: World) -> None:
    world.write(a="apple", b="banana")
    mine, other = threading.Event(), threading.Event()
    mine.set()
    with pytest.raises(Interrupted):
        world.librarian.scan(str(world.root), mine)
    assert world.librarian.scan(str(world.root), other).found == 2
    with pytest.raises(Interrupted):
        world.librarian.look([str(world.root)], mine)
    world.stop.set()
    with pytest.raises(Interrupted):
        world.look("a.md")
    assert world.librarian.look([f"{world.root}/a.md"], other).unchanged == 1
    embedder = Embedder(world.fabric, world.encoder, world.clock, nobody, world.stop)
    assert embedder.run().done == 0
    assert embedder.run(other).done == 2
    world.stop.clear()


def test_two_flows_over_one_pool_while_a_third_lets_it_rest(world: World) -> None:
    pool = ReaderPool(most=2)
    desk = ReadingDesk(world.sources, FileReader(), pool)
    librarian = Librarian(world.fabric, world.sources, FileReader(), world.clock, nobody, world.stop, desk)
    done = threading.Event()
    for number in range(60):
        world.put(f"{number % 2}/{number}.html", f"<p>page{number} of many</p>")
    (world.folder / "other").mkdir()

    def rest() -> None:
        while not done.wait(0.01):
            desk.rest()

    resting = threading.Thread(target=rest)
    resting.start()
    world.fabric.add_root(str(world.root), "2026-01-01")
    try:
        with ThreadPoolExecutor(2) as threads:
            looks = [threads.submit(librarian.look, [f"{world.root}/{half}"]) for half in (0, 1)]
            assert [look.result(WAIT_S).read for look in looks] == [30, 30]
    finally:
        done.set()
        resting.join(WAIT_S)
        pool.close()
    assert len(world.files) == 60
    assert all(len(texts) == 1 for texts in world.files.values())


def test_a_look_does_not_wait_behind_what_a_scan_wants_to_read(world: World) -> None:
    pool = ReaderPool(most=1)

    def job(name: str) -> Job:
        return Job(["read", str(world.put(name, f"<p>{name}</p>")), "", str(world.root), ""])

    try:
        waiting = [pool.submit(job(f"{number}.html")) for number in range(200)]
        mine = pool.submit(job("mine.html"), urgent=True)
        assert pool.wait(mine)
        assert not waiting[-1].done
        assert pool.wait(waiting[-1])
        assert all(one.done and one.problem is None for one in waiting)
        dropped = pool.submit(job("dropped.html"), urgent=True)
        pool.drop([dropped])
    finally:
        pool.close()


# folders that are away


def many(world: World, folder: str = ".", count: int = MANY_SOURCES + 2) -> None:
    for number in range(count):
        world.put(f"{folder}/{number}.md", f"number {number}")


def test_a_root_that_is_not_there_forgets_nothing(world: World) -> None:
    many(world)
    root, elsewhere = str(world.root), world.folder / "elsewhere"
    world.librarian.scan(root)
    before = state_of(world.fabric)
    world.root.rename(elsewhere)
    for looked in (world.look("1.md", "2.md"), world.librarian.look([root]), world.librarian.scan(root)):
        assert looked.gone == 0
        assert looked.away == ((root, "away: it is gone"),)
    assert state_of(world.fabric) == before
    assert world.away() == [(root, "away: it is gone")]
    some = [SourceAddress(f"{root}/{number}.md") for number in range(3)]
    assert set(check_freshness(world.fabric, world.sources, some).states.values()) == {"away"}
    assert world.librarian.refresh(some) == 0
    with pytest.raises(BadPath):
        world.librarian.scan(root, confirmed=True)
    assert state_of(world.fabric) == before
    elsewhere.rename(world.root)
    back = world.librarian.look([root])
    assert (back.read, back.unchanged, world.away()) == (0, len(before), [])
    scan_agrees(world)


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_scan_notes_where_the_root_lies(world: World, confirmed: bool) -> None:
    world.write(a="apple")
    world.librarian.scan(str(world.root), confirmed=confirmed)
    with world.fabric.records.read() as view:
        assert [root.device for root in view.roots()] == [os.stat(world.root).st_dev]


def test_a_folder_that_never_was_is_not_remembered(world: World) -> None:
    for confirmed in (False, True):
        with pytest.raises(BadPath):
            world.librarian.scan(f"{world.root}/never", confirmed=confirmed)
    with world.fabric.records.read() as view:
        assert view.roots() == []


def test_a_root_that_shows_nothing_waits_for_a_person(world: World) -> None:
    many(world)
    root = str(world.root)
    world.librarian.scan(root)
    before = state_of(world.fabric)
    for path in world.root.iterdir():
        path.unlink()
    looked = world.look(*(f"{number}.md" for number in range(len(before))))
    assert looked.gone == 0
    assert "shows none" in looked.away[0][1]
    assert world.librarian.scan(root).gone == 0
    some = SourceAddress(f"{root}/1.md")
    assert check_freshness(world.fabric, world.sources, [some]).states == {some: "away"}
    assert world.librarian.refresh([some]) == 1, "one by one it is not all at once"
    assert world.librarian.scan(root, confirmed=True).gone == len(before) - 1
    assert (state_of(world.fabric), world.away()) == ({}, [])


def test_a_few_sources_or_a_sub_folder_are_dropped_at_once(world: World) -> None:
    many(world, "sub")
    world.put("a.md", "apple")
    world.librarian.scan(str(world.root))
    shutil.rmtree(world.root / "sub")
    assert world.look("sub").gone == MANY_SOURCES + 2
    (world.root / "a.md").unlink()
    assert world.look("a.md").gone == 1
    assert (world.files, world.away()) == ({}, [])


def test_everything_ignored_by_a_new_rule_is_not_absence(world: World) -> None:
    many(world)
    world.librarian.scan(str(world.root))
    world.put(".assistantignore", "*\n")
    assert world.look(".assistantignore").gone == MANY_SOURCES + 2


def test_what_lies_below_a_folder_the_disk_refuses_stays(world: World) -> None:
    sources = TransientSources({"/r/sub/a.md": b"apple", "/r/b.md": b"banana"})
    librarian = Librarian(world.fabric, sources, FileReader(), world.clock, nobody, world.stop)
    librarian.scan("/r")
    sources.remove("/r/sub/a.md")
    sources.write("/r/sub", "input/output error")
    for gone in (librarian.scan("/r").gone, librarian.look(["/r/sub"]).gone, librarian.look(["/r"]).gone):
        assert gone == 0
    assert set(state_of(world.fabric)) == {"/r/b.md", "/r/sub", "/r/sub/a.md"}
    sources.remove("/r/sub")
    assert librarian.look(["/r/sub"]).gone == 2


def mount(target: Path) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(target)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is refused here: {done.stderr.decode().strip()}")


def unmount(target: Path) -> None:
    subprocess.run(["umount", "-l", str(target)], capture_output=True, check=False)


@pytest.mark.parametrize("inside", [False, True])
def test_a_stick_that_is_pulled_out_forgets_nothing(world: World, inside: bool) -> None:
    """Of three files only: too few for the stop that counts."""
    stick = world.root / "stick" if inside else world.root
    stick.mkdir(exist_ok=True)
    mount(stick)
    try:
        for number in range(3):
            (stick / f"{number}.md").write_text(f"number {number}")
        if inside:
            world.put("home.md", "at home")
        world.librarian.scan(str(world.root))
        before = state_of(world.fabric)
        unmount(stick)
        for looked in (world.librarian.look([str(stick)]), world.librarian.scan(str(world.root))):
            assert looked.gone == 0
            assert looked.away == ((str(stick), NOT_MOUNTED),)
        if inside:
            stick.rmdir()
            assert world.look("stick").gone == 0
            stick.mkdir()
        assert state_of(world.fabric) == before
        assert world.librarian.scan(str(world.root), confirmed=True).gone == 0, (
            "naming it does not bring the stick back"
        )
        some = SourceAddress(str(stick / "1.md"))
        assert check_freshness(world.fabric, world.sources, [some]).states == {some: "away"}
        if inside:
            (world.root / "home.md").unlink()
            assert world.look("home.md").gone == 1
            world.put("home.md", "at home")
        mount(stick)
        for number in range(3):
            (stick / f"{number}.md").write_text(f"number {number}")
        world.librarian.scan(str(world.root))
        assert (state_of(world.fabric), world.away()) == (before, [])
        (stick / "1.md").unlink()
        assert world.librarian.look([str(stick / "1.md")]).gone == 1
    finally:
        unmount(stick)


def test_the_root_record_of_an_older_store_opens(world: World) -> None:
    world.write(a="apple")
    world.librarian.scan(str(world.root))
    with world.fabric.records.write() as view:
        view.set_number("schema", 3)
        old = RootRecord(path=str(world.root), added_at="2026-01-01")
    world.fabric.settle_root(old)
    world.fabric.close()
    world.fabric = opened(world.folder / "memory", world.encoder)
    with world.fabric.records.read() as view:
        assert view.number("schema") == 4
        assert view.roots() == [old]
    Librarian(world.fabric, world.sources, FileReader(), world.clock, nobody, world.stop).scan(str(world.root))
    with world.fabric.records.read() as view:
        assert view.roots()[0].device == os.stat(world.root).st_dev

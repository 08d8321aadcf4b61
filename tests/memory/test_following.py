"""From the edit to the memory, all the way: the kernel, the noticer, the coalescer, the librarian."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich import porcelain

from benchmarks.following import Following
from memory.test_look import World
from memory.world import found_by_word, state_of

WAIT_S = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.fabric.close()


@pytest.fixture
def following(world: World) -> Iterator[Following]:
    world.librarian.scan(str(world.root))
    with Following(world.librarian, world.sources) as following:
        following.noticer.watch(str(world.root))
        yield following


def until(condition: object, what: str = "") -> None:
    """Wait until ``condition()`` holds: what is waited for is told by nobody."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s, what
        threading.Event().wait(0.01)


def agrees(world: World) -> bool:
    """Whether the memory holds what a walk finds, byte for byte."""
    from assistant.contracts.documents import FoundSource

    found = {one.address: one.stat for one in world.sources.walk(str(world.root)) if isinstance(one, FoundSource)}
    with world.fabric.records.read() as view:
        return {one.address: one.stat for one in view.sources()} == found


def test_an_edit_is_found_without_a_scan(world: World, following: Following) -> None:
    world.put("sub/deep/a.md", "something about walruses")
    until(lambda: found_by_word(world.fabric, "walruses"))
    world.put("sub/deep/a.md", "something about herons")
    until(lambda: found_by_word(world.fabric, "herons"))
    assert not found_by_word(world.fabric, "walruses")
    temporary = world.put("sub/deep/.a.md.new", "something about ostriches")
    temporary.replace(world.root / "sub/deep/a.md")
    until(lambda: found_by_word(world.fabric, "ostriches"))
    shutil.rmtree(world.root / "sub")
    until(lambda: not world.files)
    until(lambda: agrees(world))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_to_files_the_memory_follows(world: World, following: Following, seed: int) -> None:
    """Random changes as fast as they go, and a scan beside them; afterwards no scan is needed."""
    chance = random.Random(seed)
    names = ["a", "b", "sub", "sub/c", "sub/deep", "sub/deep/d", "other", "other/e"]
    scanning = threading.Event()

    def scan() -> None:
        while not scanning.is_set():
            world.librarian.scan(str(world.root), confirmed=True)

    thread = threading.Thread(target=scan)
    thread.start()
    try:
        for number in range(150):
            path = world.root / chance.choice(names)
            action = chance.choice(["write", "write", "write", "delete", "move", "ignore"])
            if action == "write":
                world.put(f"{path.relative_to(world.root)}/{chance.choice('xyz')}.md", f"number {number}")
            elif action == "delete" and path.exists():
                shutil.rmtree(path)
            elif action == "move" and path.exists():
                target = world.root / chance.choice(names)
                if not target.exists() and target.parent.exists() and path not in target.parents:
                    path.rename(target)
            elif action == "ignore" and path.exists():
                (path / ".gitignore").write_text(chance.choice(["x.md\n", "deep/\n", "", "*\n!y.md\n"]))
            if chance.random() < 0.1:
                threading.Event().wait(chance.random() / 4)
    finally:
        scanning.set()
        thread.join(WAIT_S)
    assert not thread.is_alive()
    until(lambda: following.wait_idle(WAIT_S) and agrees(world), "the memory is behind")
    remembered = state_of(world.fabric)
    scanned = world.librarian.scan(str(world.root), confirmed=True)
    assert (scanned.read, scanned.gone) == (0, 0)
    assert state_of(world.fabric) == remembered


def test_a_branch_that_is_switched(world: World, following: Following) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    repository = world.root / "repo"
    porcelain.init(str(repository))
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}

    def git(*words: str) -> None:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@b", *words]
        subprocess.run(command, cwd=repository, check=True, capture_output=True, env=quiet)

    for number in range(40):
        world.put(f"repo/{number}.md", f"first number{number}")
    git("add", ".")
    git("commit", "-m", "commit of the first")
    git("checkout", "-b", "second")
    for number in range(40):
        world.put(f"repo/{number}.md", f"second number{number}")
    git("commit", "-am", "commit of the second")
    until(lambda: following.wait_idle(WAIT_S) and agrees(world))
    assert "commit of the second" in found_by_word(world.fabric, "commit")
    world.embed()
    following.looked.clear()
    git("checkout", "-")
    until(lambda: following.wait_idle(WAIT_S) and agrees(world))
    assert found_by_word(world.fabric, "commit") == {"commit of the first"}
    assert len(found_by_word(world.fabric, "first")) == 41
    git("checkout", "second")
    until(lambda: following.wait_idle(WAIT_S) and agrees(world))
    assert world.embed() == [], "what was embedded before is taken up again"

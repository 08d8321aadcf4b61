"""Disks that are full and files that are damaged: said clearly, nothing made up, everything mended from the folders."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.commandline import CommandLine, sentences
from cli.conftest import fresh_home

Damage = Callable[[Path], object]


@pytest.fixture(scope="session")
def _template(models: Path, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    base = tmp_path_factory.mktemp("stored")
    line = CommandLine(fresh_home(base / "home", models), base / "stage")
    line.furnish()
    for number, text in enumerate(sentences(60)):
        line.write(f"notes/{number}.md", text)
    line("add", line.stage).ended(0)
    return line


@pytest.fixture
def stored(_template: CommandLine, line: CommandLine) -> CommandLine:
    """Some documents remembered, words and meanings, and closed in order. The store is this test's own."""
    shutil.rmtree(line.home)
    shutil.copytree(_template.home, line.home, symlinks=True)
    line.stage = _template.stage
    return line


def still_answers(line: CommandLine) -> None:
    assert "1.4 bar" in line.inside("ask", "What is the boiler pressure when the system is cold?").ended(0).out
    line.inside("check").ended(0)


def put(path: Path, data: bytes) -> None:
    """A new file of the same name: the old one may still be mapped into this process."""
    path.unlink()
    path.write_bytes(data)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    put(path, bytes(data))


def cut(path: Path) -> None:
    put(path, path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    put(path, b"")


def overwrite(path: Path) -> None:
    put(path, b"garbage\n" * (path.stat().st_size // 8 + 1))


def remove(path: Path) -> None:
    path.unlink()


INDEX_FILES = (
    "terms/*.idx",
    "terms/*.term",
    "terms/*.store",
    "terms/meta.json",
    "vectors/**/index.bin",
    "vectors/**/*.json",
)


@pytest.mark.parametrize("damage", [flip, cut, empty, overwrite, remove], ids=lambda function: function.__name__)
def test_damaged_index_files_are_mended_without_a_word_lost(stored: CommandLine, damage: Damage) -> None:
    memory = stored.home / "data" / "memory"
    for pattern in INDEX_FILES:
        damage(max(memory.glob(pattern), key=lambda path: path.stat().st_size))
        said = stored.inside("recall", "boiler pressure", "--json").ended(0)
        assert said.json["items"][0]["cite"]["path"] == str(stored.stage / "boiler.md"), pattern
        assert "made from" in said.err or "rebuilt" in said.err, pattern
    still_answers(stored)
    assert stored.inside("status", "--json").json["searchable_by_meaning"] == 63


@pytest.mark.parametrize("part", ["terms", "vectors"])
def test_an_index_that_is_gone_is_made_again(stored: CommandLine, part: str) -> None:
    shutil.rmtree(stored.home / "data" / "memory" / part)
    said = stored.inside("status").ended(0)
    assert "made from the memory store" in said.err
    still_answers(stored)


def zero_the_head(path: Path) -> None:
    put(path, bytes(8192) + path.read_bytes()[8192:])


def overwrite_the_middle(path: Path) -> None:
    data = path.read_bytes()
    put(path, data[:8192] + b"garbage\n" * ((len(data) - 8192) // 8))


@pytest.mark.parametrize(
    "damage",
    [cut, empty, overwrite, remove, zero_the_head, overwrite_the_middle],
    ids=lambda function: function.__name__,
)
def test_a_damaged_store_is_said_set_aside_and_read_anew(stored: CommandLine, damage: Damage) -> None:
    data = stored.home / "data" / "memory" / "records" / "data.mdb"
    damage(data)
    left = data.read_bytes() if data.exists() else None
    stored("check").refused(6, "is damaged", "assistant check --repair", "your own files are not affected")
    stored("recall", "boiler").refused(6, "assistant check --repair")
    assert (data.read_bytes() if data.exists() else None) == left
    said = stored("check", "--repair").ended(0)
    assert "set aside in" in said.out
    (kept,) = (stored.home / "state" / "set-aside").iterdir()
    if left is not None:
        assert (kept / "records" / "data.mdb").read_bytes() == left
    if not stored.inside("status", "--json").json["roots"]:  # nothing could be read from it, not even the folders
        assert damage not in (cut,)
        stored.inside("add", stored.stage).ended(0)
    assert stored.inside("status", "--json").json["items"] == 63
    still_answers(stored)


@pytest.mark.parametrize("text", ["", "{", '{"clean": 7}', "null", "\0" * 40])
def test_a_damaged_note_of_order_only_means_a_closer_look(stored: CommandLine, text: str) -> None:
    (stored.home / "data" / "memory" / "order.json").write_text(text)
    still_answers(stored)


def test_a_store_of_another_version(stored: CommandLine) -> None:
    (stored.home / "data" / "memory" / "terms" / "schema-name").write_text("terms-0")
    still_answers(stored)


def test_a_damaged_model_is_said_with_its_remedy(stored: CommandLine) -> None:
    link = stored.home / "data" / "models"
    original = link.resolve()
    link.unlink()
    shutil.copytree(original, link)
    (graph,) = link.glob("*/model.onnx")
    cut(graph)
    stored("recall", "boiler").refused(6, "assistant models install")
    assert stored("models", "install", "--json").ended(0).json["prepared_now"] is True
    still_answers(stored)


def write_much(line: CommandLine) -> None:
    """Some megabytes of words that are all different."""
    for number in range(25):
        words = " ".join(f"word{number}x{n}" for n in range(8000))
        line.write(f"much/{number}.txt", words)


@pytest.fixture
def small_disk(line: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    """A home on a file system of three megabytes."""
    home = tmp_path / "disk"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    (home / "data").mkdir()
    (home / "data" / "models").symlink_to((line.home / "data" / "models").resolve())
    yield CommandLine(home, line.stage)
    subprocess.run(["umount", str(home)], check=True)


def test_a_full_disk(small_disk: CommandLine) -> None:
    line = small_disk
    line.write("first/tea.md", "The kettle is red.\n")
    line("add", line.stage / "first", "--no-wait").ended(0)
    write_much(line)
    line("add", line.stage, "--no-wait").refused(6, "safe")
    line("recall", "kettle").ended(0)
    subprocess.run(["mount", "-o", "remount,size=200m", str(line.home)], check=True)
    found = line("add", line.stage, "--no-wait", "--json").ended(0).json["folders"][0]
    assert (found["found"], found["problems"]) == (26, 0)
    line("check").ended(0)
    assert line("recall", "word7x77", "--json").ended(0).json["items"]


def test_a_disk_without_room_for_the_model(small_disk: CommandLine) -> None:
    (small_disk.home / "data" / "models").unlink()
    small_disk.write("tea.md", "The kettle is red.\n")
    small_disk("models", "install").refused(6, "could not be installed", "Free some space")
    small_disk("recall", "kettle").ended(3)


def test_no_file_may_grow(line: CommandLine) -> None:
    line.write("first/tea.md", "The kettle is red.\n")
    line("add", line.stage / "first", "--no-wait").ended(0)
    write_much(line)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    line("add", line.stage, "--no-wait", preexec_fn=limit).refused(6, "safe")
    line("check").ended(0)
    line("add", line.stage, "--no-wait").ended(0)
    assert line.inside("recall", "word7x77", "--json").ended(0).json["items"]

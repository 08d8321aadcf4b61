"""Vandalism: whatever is done to the files, the memory is right again or says that it is not."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.contracts.errors import DamagedIndex, DamagedStore, StorageFailed
from assistant.core.parameters import DEFAULT
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.memory.terms import TantivyTerms
from assistant.memory.vectors import HnswVectors
from assistant.testing.hashing import HashingEncoder
from assistant.testing.stores import labels, unit_rows
from memory.world import embed_all, found_by_word, items_of, opened, remember, state_of

ENCODER = HashingEncoder(16)
FILES = {f"/r/{number}.md": f"number {number}\nчисло {number}\ncommon words" for number in range(30)}
TESTS = Path(__file__).resolve().parents[1]


def child(task: str, *arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(__file__).with_name("open_child.py")), task, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment, **more)


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What a child said; it must have lived to its end."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store closed in order, with two generations of vectors."""
    folder = tmp_path_factory.mktemp("template") / "store"
    fabric = opened(folder, ENCODER)
    remember(fabric, FILES)
    embed_all(fabric, ENCODER, 20)
    fabric.publish()
    embed_all(fabric, ENCODER)
    fabric.close()
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "store"))


def right_again(folder: Path) -> list[str]:
    """Open a store, see that it is right in every way, and return what was told meanwhile."""
    notes: list[str] = []
    fabric = opened(folder, ENCODER, notes)
    everything_is_there(fabric)
    fabric.close()
    assert sorted(path.name for path in folder.rglob(".tmp*")) == []
    return notes


def everything_is_there(fabric: Fabric) -> None:
    assert check(fabric).findings == ()
    assert state_of(fabric) == {path: text.split("\n") for path, text in FILES.items()}
    assert found_by_word(fabric, "number") == {f"number {number}" for number in range(30)}
    (best,) = fabric.vectors.search(ENCODER.encode_query("number 7"), 1)
    assert best[1] == pytest.approx(1.0, abs=1e-3)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(3).randbytes(5000))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [truncate, empty, zero, flip, garbage, become_a_folder, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", ["index.bin", "manifest.json"])
def test_a_damaged_vector_index_is_replaced(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    newest = max(folder.glob("vectors/*/gen-*"))
    damage(newest / name)
    assert any("Vector index" in note or "vector index" in note for note in right_again(folder))
    assert right_again(folder) == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_all_generations_damaged(folder: Path, damage: Callable[[Path], None]) -> None:
    for path in folder.glob("vectors/*/gen-*/index.bin"):
        damage(path)
    assert len(right_again(folder)) == 2
    assert right_again(folder) == []


def test_every_changed_byte_of_a_manifest_is_seen(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, 8, DEFAULT)
    index.add(labels(1, 2), unit_rows(2), 7)
    index.publish()
    (manifest,) = tmp_path.rglob("manifest.json")
    whole = manifest.read_bytes()
    for at in range(len(whole)):
        for change in (1, 2, 4):
            data = bytearray(whole)
            data[at] ^= change
            manifest.write_bytes(data)
            reader = HnswVectors(tmp_path, 8, DEFAULT, read_only=True)
            assert len(reader.damage) == 1 or (reader.applied, len(reader)) == (7, 2), (at, change)


def test_a_vector_index_of_another_width_is_replaced(tmp_path: Path) -> None:
    index = HnswVectors(tmp_path, 8, DEFAULT)
    index.add(labels(1), unit_rows(1), 1)
    index.publish()
    assert "8 dimensions, not 4" in HnswVectors(tmp_path, 4, DEFAULT).damage[0]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", ["meta.json", "*.term", "*.idx", "*.pos", "*.fast", "*.fieldnorm", "*.store"])
def test_a_damaged_word_index_is_replaced(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(next((folder / "terms").glob(name)))
    assert any("word index" in note or "term index" in note for note in right_again(folder))
    assert right_again(folder) == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", [".managed.json", "schema-name"])
def test_damaged_files_beside_the_word_index(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(folder / "terms" / name)
    right_again(folder)
    assert right_again(folder) == []


def test_changed_numbers_in_the_list_of_segments(folder: Path, tmp_path: Path) -> None:
    kept = shutil.copytree(folder / "terms", tmp_path / "kept")
    whole = (kept / "meta.json").read_text()
    segments = whole[: whole.index('"schema"')]
    for at in [at for at, char in enumerate(segments) if char.isdigit()]:
        shutil.rmtree(folder / "terms")
        shutil.copytree(kept, folder / "terms")
        (folder / "terms" / "meta.json").write_text(f"{whole[:at]}{(int(whole[at]) + 3) % 10}{whole[at + 1 :]}")
        right_again(folder)


@pytest.mark.parametrize("part", ["terms", "vectors"])
@pytest.mark.parametrize("how", ["deleted", "a file"])
def test_a_projection_that_is_gone(folder: Path, part: str, how: str) -> None:
    shutil.rmtree(folder / part)
    if how == "a file" and part == "terms":
        (folder / part).write_bytes(b"not a folder")
    assert len(right_again(folder)) == 1
    assert right_again(folder) == []


def test_the_word_index_can_be_made_anew_while_the_store_is_open(folder: Path) -> None:
    notes: list[str] = []
    fabric = opened(folder, ENCODER, notes)
    fabric.rebuild_terms()
    everything_is_there(fabric)
    fabric.close()
    assert len(notes) == 1


def test_files_of_a_commit_that_was_not_finished(folder: Path, tmp_path: Path) -> None:
    """Killed between the files of a commit and its list, the library meets its own files again, and refuses them."""
    kept = shutil.copytree(folder, tmp_path / "kept")
    before = set(os.listdir(folder / "terms"))
    changes = {f"/r/{number}.md": "changed" for number in range(0, 30, 2)}
    fabric = opened(folder, ENCODER)
    remember(fabric, changes)
    left = set(os.listdir(folder / "terms")) - before
    for name in left:
        shutil.copy(folder / "terms" / name, kept / "terms" / name)
    fabric.close()
    assert any(name.endswith(".del") for name in left)
    fabric = opened(kept, ENCODER)
    remember(fabric, changes)
    assert check(fabric).findings == ()
    fabric.close()


def test_leftovers_of_a_crash_are_cleaned_away(folder: Path) -> None:
    (leftover,) = folder.glob("vectors/*")
    (leftover / ".tmp-1-1").mkdir()
    (leftover / ".tmp-1-1" / "index.bin").write_bytes(b"half of it")
    assert right_again(folder) == []


def test_a_restored_backup_of_the_records(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "records", tmp_path / "backup")
    fabric = opened(folder, ENCODER)
    remember(fabric, {"/r/late.md": "number too late", "/r/0.md": "changed"})
    embed_all(fabric, ENCODER)
    fabric.close()
    shutil.rmtree(folder / "records")
    shutil.copytree(tmp_path / "backup", folder / "records")
    notes = right_again(folder)
    assert [note.split(" does not follow")[0] for note in notes] == ["The word index", "The vector index"]


# the record store


@pytest.mark.parametrize(
    ("name", "damage"),
    [("missing", Path.unlink), ("empty", empty), ("halved", truncate), ("zeroed", zero), ("garbage", garbage)],
)
@pytest.mark.parametrize("clean", [True, False])
def test_a_damaged_record_store_is_refused(
    folder: Path, name: str, damage: Callable[[Path], None], clean: bool
) -> None:
    if not clean:
        (folder / "order.json").write_text('{"clean": false}')
    damage(folder / "records" / "data.mdb")
    ((answer),) = told(child("look", folder))
    assert (answer["error"], answer["exit_code"]) == ("DamagedStore", 6)


def test_cut_off_by_one_page_with_live_data(folder: Path) -> None:
    """Whatever is cut off, the memory is either all there or refused."""
    data = folder / "records" / "data.mdb"
    for _ in range(4):
        os.truncate(data, data.stat().st_size - 4096)
        (answer,) = told(child("look", folder))
        assert answer.get("error") == "DamagedStore" or answer["state"] == {
            path: text.split("\n") for path, text in FILES.items()
        }


def test_changed_bytes_after_an_unclean_stop(folder: Path) -> None:
    """LMDB has no checksums. Old states may come back (its two first pages take turns), never wrong ones."""
    (folder / "order.json").write_text('{"clean": false}')
    answers = told(child("flip", folder, 16))
    assert len(answers) == 16
    refused = [answer for answer in answers if "error" in answer]
    assert all((answer["error"], answer["exit_code"]) == ("DamagedStore", 6) for answer in refused)
    assert len(refused) >= 3
    for answer in answers:
        if "error" not in answer:
            assert answer["findings"] == []
            assert answer["state"] == {path: text.split("\n") for path, text in FILES.items()}
            assert answer["found"] == sorted(f"number {number}" for number in range(30))


def test_one_flipped_byte_in_a_text_is_seen_even_after_a_clean_stop(folder: Path) -> None:
    data = folder / "records" / "data.mdb"
    data.write_bytes(data.read_bytes().replace("число 7".encode(), "число 8".encode()))
    fabric = opened(folder, ENCODER)
    with pytest.raises(DamagedStore, match="checksum"):
        check(fabric)
    with pytest.raises(DamagedStore, match="checksum"):
        items_of(fabric)
    fabric.close()


def test_an_unreadable_order_note_means_looking_closely(folder: Path) -> None:
    (folder / "order.json").write_bytes(b"\xff{")
    assert right_again(folder) == []


def test_the_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StorageFailed):
        opened(tmp_path / "store", ENCODER)


def test_a_failed_opening_can_be_tried_again_in_the_same_process(folder: Path) -> None:
    fabric = opened(folder, ENCODER)
    remember(fabric, {"/r/0.md": "changed"})
    fabric.close()
    become_a_folder(folder / "terms" / ".tantivy-writer.lock")
    fabric = opened(folder, ENCODER)
    with pytest.raises(StorageFailed):
        remember(fabric, {"/r/0.md": FILES["/r/0.md"]})
    fabric.close()
    notes: list[str] = []
    opened(folder, ENCODER, notes).close()  # what is there can be asked
    assert any("cannot be found by its words yet" in note for note in notes)
    (folder / "terms" / ".tantivy-writer.lock").rmdir()
    embedded = opened(folder, ENCODER)
    embed_all(embedded, ENCODER)
    everything_is_there(embedded)
    embedded.close()


def test_another_process_owns_the_store(folder: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("open_child.py")), "hold", str(folder)]
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        assert json.loads(owner.stdout.readline()) == {"holding": True}
        fabric = opened(folder, ENCODER)
        assert fabric.read_only
        everything_is_there(fabric)
        with pytest.raises(StorageFailed):
            remember(fabric, {"/r/new": "new"})
        fabric.close()
        owner.stdin.close()
        assert owner.wait(60) == 0
    assert not opened_read_only(folder)


def opened_read_only(folder: Path) -> bool:
    fabric = opened(folder, ENCODER)
    try:
        return fabric.read_only
    finally:
        fabric.close()


def test_a_reader_refuses_a_damaged_word_index(folder: Path) -> None:
    empty(folder / "terms" / "meta.json")
    with pytest.raises(DamagedIndex):
        TantivyTerms(folder / "terms", read_only=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_read_only_disk(folder: Path) -> None:
    mounted = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        (answer,) = told(child("look", folder))
    finally:
        subprocess.run(["umount", folder], check=True)
    assert (answer["error"], answer["exit_code"]) == ("StorageFailed", 6)
    assert "Read-only" in answer["happened"]
    assert right_again(folder) == []

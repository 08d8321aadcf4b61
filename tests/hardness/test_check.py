"""Does the memory agree with the files? And what is mended when it does not."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from random import Random

import pytest
from memory.world import LineReader, PlainFiles, embed_all, opened, remember, state_of

from assistant.actors.librarian import Librarian
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import DamagedStore, Interrupted
from assistant.contracts.events import nobody
from assistant.contracts.reports import CheckReport
from assistant.memory import layout
from assistant.memory.auditing import Audit
from assistant.memory.checking import check
from assistant.memory.fabric import Fabric
from assistant.memory.repairing import inspect, mend_derived, mend_or_set_aside, mend_records
from assistant.testing.clock import FakeClock
from hardness.stored import ENCODER, FILES, furnish, holds, unseen

Memory = tuple[Fabric, Librarian, Path]


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A folder with ten files, remembered, with their vectors."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"number {number}\nsecond line of {number}")
    fabric = opened(tmp_path / "memory", ENCODER)
    librarian = Librarian(fabric, PlainFiles(), LineReader(), FakeClock(), nobody, threading.Event())
    librarian.scan(str(folder))
    embed_all(fabric, ENCODER)
    return fabric, librarian, folder


def looked(fabric: Fabric, *, full: bool = True, seed: int = 1) -> tuple[CheckReport, Audit]:
    return inspect(fabric, PlainFiles(), full=full, draw=Random(seed), progress=unseen)


def said(report: CheckReport) -> list[str]:
    return [finding.said for finding in report.findings]


def rewrite(path: Path, content: bytes) -> None:
    """Other bytes, the same size and date, the same file."""
    stat = path.stat()
    assert len(content) == stat.st_size
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_memory_that_agrees_with_its_files(memory: Memory) -> None:
    report, _ = looked(memory[0])
    assert (report.findings, report.more, report.mended, report.set_aside) == ((), 0, (), "")
    assert report.files is not None
    assert report.files.model_dump() == {
        "sources": 10,
        "same": 10,
        "changed": 0,
        "gone": 0,
        "unreadable": 0,
        "read": 10,
        "spans": 20,
        "read_bytes": sum(path.stat().st_size for path in memory[2].iterdir()),
        "full": True,
    }
    memory[0].close()


def test_without_being_told_so_only_a_sample_is_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.memory.auditing.SAMPLE_SOURCES", 3)
    counts = []
    for seed in range(20):
        report, _ = looked(memory[0], full=False, seed=seed)
        assert report.files is not None
        assert (report.files.sources, report.files.same, report.files.full) == (10, 10, False)
        counts.append(report.files.read)
    assert 0 < sum(counts) / len(counts) < 6
    memory[0].close()


def test_files_that_changed_went_or_cannot_be_read_are_named(memory: Memory) -> None:
    fabric, _, folder = memory
    (folder / "1.txt").write_text("other")
    (folder / "2.txt").unlink()
    (folder / "3.txt").unlink()
    (folder / "3.txt").mkdir()
    os.utime(folder / "4.txt", (1, 1))  # another date, the same bytes
    report, found = looked(fabric, full=False)
    assert report.files is not None
    assert (report.files.same, report.files.changed, report.files.gone) == (7, 1, 2)
    assert sorted(said(report)) == [
        f"{folder}/1.txt has changed since it was read.",
        f"{folder}/2.txt is gone.",
        f"{folder}/3.txt is gone.",
    ]
    assert {finding.remedy for finding in report.findings} == {"assistant add"}
    assert len(found.stale) == 3
    fabric.close()


def test_a_file_that_was_changed_behind_its_date_is_found(memory: Memory) -> None:
    fabric, librarian, folder = memory
    rewrite(folder / "5.txt", b"NUMBER 5\nsecond line of 5")
    report, found = looked(fabric)
    assert said(report) == [f"{folder}/5.txt holds other bytes than were read, though its date and size are the same."]
    assert report.findings[0].remedy == "assistant check --repair"
    librarian.scan(str(folder))
    assert said(looked(fabric)[0]) == said(report)  # adding does not see it
    assert mend_derived(fabric, report, found, librarian.refresh) == [
        "1 sources were read again, or dropped because they are gone."
    ]
    assert looked(fabric)[0].findings == ()
    assert state_of(fabric)[f"{folder}/5.txt"] == ["NUMBER 5", "second line of 5"]
    fabric.close()


def test_pieces_that_are_not_what_stands_at_their_places(memory: Memory) -> None:
    """The file is as it was read, and the memory cites other bytes of it."""
    fabric, librarian, folder = memory
    with fabric._writing() as view:
        source = view.source(SourceAddress(f"{folder}/6.txt"))
        assert source is not None
        item = view.item(source.items[1])
        assert item is not None
        view.put_record("items", layout.pack_u64(item.key), item.model_copy(update={"start_byte": 3}))
    report, found = looked(fabric)
    assert said(report) == [f"Pieces of {folder}/6.txt are not what stands at their places in it."]
    mend_derived(fabric, report, found, librarian.refresh)
    assert looked(fabric)[0].findings == ()
    fabric.close()


def test_what_is_stale_is_read_again_and_what_is_gone_dropped(memory: Memory) -> None:
    fabric, librarian, folder = memory
    (folder / "1.txt").write_text("other")
    (folder / "2.txt").unlink()
    report, found = looked(fabric)
    mend_derived(fabric, report, found, librarian.refresh)
    embed_all(fabric, ENCODER)
    assert looked(fabric)[0].findings == ()
    assert state_of(fabric)[f"{folder}/1.txt"] == ["other"]
    assert f"{folder}/2.txt" not in state_of(fabric)
    fabric.close()


def test_a_disk_that_is_not_plugged_in_is_not_taken_for_files_that_are_gone(memory: Memory) -> None:
    fabric, librarian, folder = memory
    folder.rename(folder.with_name("unplugged"))
    report, found = looked(fabric)
    assert said(report) == [f"The folder {folder} cannot be reached; 10 sources in it were not looked at."]
    assert "forget" in report.findings[0].remedy
    mend_derived(fabric, report, found, librarian.refresh)
    assert len(state_of(fabric)) == 10
    folder.with_name("unplugged").rename(folder)
    assert looked(fabric)[0].findings == ()
    fabric.close()


def test_what_another_process_read_meanwhile_is_no_finding(memory: Memory) -> None:
    fabric, librarian, folder = memory

    class Busy(PlainFiles):
        def fetch(self, address: SourceAddress) -> bytes:
            if address.path.endswith("7.txt"):
                (folder / "7.txt").write_text("changed while we look")
                librarian.refresh([address])
            return super().fetch(address)

    report, _ = inspect(fabric, Busy(), full=True, draw=Random(1), progress=unseen)
    assert report.findings == ()
    fabric.close()


def test_a_thousand_disagreements_are_counted_and_a_hundred_told(memory: Memory) -> None:
    fabric, _, folder = memory
    remember(fabric, {f"/r/{number}.md": f"number {number}" for number in range(250)})
    for path in folder.iterdir():
        path.unlink()
    report, _ = looked(fabric)
    assert (len(report.findings), report.more) == (11, 0)  # ten gone, one folder that is not there
    (folder / "many").mkdir()
    for number in range(150):
        (folder / "many" / f"{number}.txt").write_text(f"number {number}")
    memory[1].scan(str(folder))
    for path in (folder / "many").iterdir():
        path.write_text("all different now")
    report, _ = looked(fabric)
    assert (len(report.findings), report.more) == (100, 51)
    fabric.close()


def test_a_check_can_be_stopped(memory: Memory) -> None:
    with pytest.raises(Interrupted):
        inspect(memory[0], PlainFiles(), full=True, draw=Random(1), progress=unseen, should_stop=lambda: True)
    memory[0].close()


# the indexes


def test_wrong_indexes_are_made_anew(memory: Memory) -> None:
    fabric, librarian, _ = memory
    fabric.terms.apply((), [1, 2], fabric.terms.applied)
    fabric.vectors.remove([3], fabric.vectors.applied)
    report, found = looked(fabric)
    assert {finding.where for finding in report.findings} == {"words", "vectors"}
    assert mend_derived(fabric, report, found, librarian.refresh) == [
        "The word index was made anew.",
        "The vector index was made anew.",
    ]
    assert looked(fabric)[0].findings == ()
    fabric.close()


# the records


@pytest.fixture
def store(tmp_path: Path) -> Path:
    furnish(tmp_path / "memory")
    return tmp_path / "memory"


def spoil(store: Path, old: bytes, new: bytes) -> None:
    data = store / "records" / "data.mdb"
    content = data.read_bytes()
    assert content.count(old) >= 1
    data.write_bytes(content.replace(old, new))


def mended(store: Path) -> list[str]:
    kept, done = mend_records(store, store.parent / "shelf", progress=unseen)
    assert kept is not None
    assert kept.parent == store.parent / "shelf"
    assert (kept / "records" / "data.mdb").exists()
    return done


def test_one_damaged_text_costs_that_text_only(store: Path) -> None:
    spoil(store, b"number 7", b"number 8")
    fabric = opened(store, ENCODER)
    with pytest.raises(DamagedStore):
        check(fabric)
    fabric.close()
    assert mended(store) == ["1 dropped items", "1 to be read again"]
    fabric = opened(store, ENCODER)
    assert check(fabric).findings == ()
    assert state_of(fabric)["/r/7.md"] == ["число 7", "common words"]
    assert fabric.records.fetch(lambda view: view.count("vectors")) == 61  # nothing must be learnt anew
    with fabric.records.read() as view:
        source = view.source(SourceAddress("/r/7.md"))
    assert source is not None
    assert source.digest == ""  # whatever its date says, it is read again
    remember(fabric, {"/r/7.md": FILES["/r/7.md"]})
    embed_all(fabric, ENCODER)
    fabric.close()
    assert holds(store, FILES) == []


def test_an_item_with_the_card_of_another_is_read_again(store: Path) -> None:
    fabric = opened(store, ENCODER)
    with fabric._writing() as view:
        entries = list(view.entries("items"))[:2]
        records = [layout.load(layout.ItemRecord, key, value) for key, value in entries]
        first, value = entries[0]
        card = layout.seal(first, layout.pack_card(records[1]))
        body = layout.unseal(first, value)[len(card) :]
        view.put("items", first, layout.seal(first, card + body))
    report = check(fabric)
    assert [finding.said for finding in report.findings] == [
        f"Item {records[0].id} is ranked by what does not belong to it."
    ]
    fabric.close()
    assert sorted(mended(store)) == ["1 dropped items", "1 to be read again"]
    fabric = opened(store, ENCODER)
    assert check(fabric).findings == ()
    fabric.close()


def test_a_damaged_source_is_read_again_and_its_folder_found(store: Path) -> None:
    fabric = opened(store, ENCODER)
    with fabric._writing() as view:
        for database in ("sources", "roots"):
            key, value = next(iter(view.entries(database)))
            view.put(database, key, value[:-1] + b"!")
    fabric.close()
    done = mended(store)
    assert "1 dropped roots" in done
    assert "1 dropped sources" in done
    assert "1 folders found again" in done
    assert "3 dropped items" in done
    fabric = opened(store, ENCODER)
    assert check(fabric).findings == ()
    assert len(state_of(fabric)) == 29
    fabric.close()


def test_damaged_vectors_wait_to_be_learnt_again(store: Path) -> None:
    fabric = opened(store, ENCODER)
    with fabric._writing() as view:
        entries = list(view.entries("vectors"))
        view.put("vectors", entries[0][0], entries[0][1][:-1] + b"!")
        view.put("vectors", entries[1][0], entries[2][1])  # that of another text
    fabric.close()
    assert mended(store) == ["2 dropped vectors"]
    fabric = opened(store, ENCODER)
    report = check(fabric)
    assert (report.findings, report.vectors, report.pending) == ((), 59, 2)
    embed_all(fabric, ENCODER)
    fabric.close()
    holds(store, FILES)


def test_derived_records_that_contradict_are_made_anew(store: Path) -> None:
    fabric = opened(store, ENCODER)
    with fabric._writing() as view:
        for database in ("names", "holders", "labels"):
            key, value = next(iter(view.entries(database)))
            view.drop(database, key, value if database == "holders" else b"")
        key, _ = next(iter(view.entries("vectors")))
        view.put("pending", key, layout.pack_u64(1))
        view.put("orphans", key, layout.pack_u64(1))
        view.put("journal", layout.pack_u64(50), layout.dump(layout.pack_u64(50), layout.JournalRecord()))
    fabric.catch_up()
    report = check(fabric)
    fabric.close()
    assert "records" in {finding.where for finding in report.findings}
    assert mended(store) == []
    holds(store, FILES)


def test_what_cannot_be_mended_is_set_aside_whole(store: Path) -> None:
    os.truncate(store / "records" / "data.mdb", 3 * 4096)
    mending = mend_or_set_aside(store, store.parent / "shelf", progress=unseen)
    assert mending.kept.startswith(str(store.parent / "shelf"))
    assert not store.exists()
    assert mending.done
    assert mending.roots == []
    assert list((store.parent / "shelf").iterdir()) == [Path(mending.kept)]


def test_mending_a_store_that_is_right_changes_nothing_in_it(store: Path) -> None:
    assert mended(store) == []
    holds(store, FILES)

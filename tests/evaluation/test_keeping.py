"""Memories kept between evaluations: reused when they are of the same, made anew when not, never anybody else's."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from assistant.contracts.errors import BadPath, StorageFailed, StoreBusy
from assistant.contracts.events import Event, VectorsStored
from assistant.core.parameters import DEFAULT
from assistant.evaluation import made_by
from assistant.evaluation.findings import ExternalReport
from assistant.evaluation.keeping import MARK, kept_folder

from .sets import DOCUMENTS, run, write_set


class Watch:
    """Counts what is embedded."""

    def __init__(self) -> None:
        self.embedded = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, VectorsStored):
            self.embedded = event.done

    def run(self, folder: Path, keep: Path, **wanted: object) -> ExternalReport:
        self.embedded = 0
        (report,) = run(folder, listener=self, keep=str(keep), **wanted).external  # type: ignore[arg-type]
        return report


def test_the_second_time_nothing_is_embedded_and_the_figures_are_the_same(tmp_path: Path) -> None:
    watch, folder = Watch(), write_set(tmp_path / "set")
    first = watch.run(folder, tmp_path / "kept")
    assert (watch.embedded, first.indexed.reused) == (10, False)
    second = watch.run(folder, tmp_path / "kept")
    assert (watch.embedded, second.indexed.reused) == (0, True)
    assert second.indexed.kept == first.indexed.kept
    assert (second.indexed.files_per_s, second.indexed.items_per_s) == (None, None)
    assert second.total == first.total
    assert [row.ndcg_at_10 for row in second.queries] == [row.ndcg_at_10 for row in first.queries]
    assert second.indexed.items == 10


def test_other_queries_and_judgements_reuse_the_memory(tmp_path: Path) -> None:
    watch = Watch()
    watch.run(write_set(tmp_path / "set"), tmp_path / "kept")
    other = write_set(tmp_path / "other", queries=[{"id": "q", "text": "boiler"}], grades=[("q", "d/boiler", 1)])
    assert watch.run(other, tmp_path / "kept").indexed.reused


def test_other_documents_get_a_memory_of_their_own(tmp_path: Path) -> None:
    watch = Watch()
    first = watch.run(write_set(tmp_path / "set"), tmp_path / "kept")
    changed = write_set(tmp_path / "set", [*DOCUMENTS[:-1], {**DOCUMENTS[-1], "text": "Something else entirely."}])
    second = watch.run(changed, tmp_path / "kept")
    assert (watch.embedded, second.indexed.reused) == (10, False)
    assert second.indexed.kept != first.indexed.kept
    assert watch.run(write_set(tmp_path / "set"), tmp_path / "kept").indexed.reused


@pytest.mark.parametrize("what", ["code", "fingerprint", "hnsw"])
def test_a_memory_made_in_another_way_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    watch, folder = Watch(), write_set(tmp_path / "set")
    note = Path(watch.run(folder, tmp_path / "kept").indexed.kept or "") / "made-by.json"
    made_by = json.loads(note.read_text())
    note.write_text(json.dumps({**made_by, what: "another"}))
    report = watch.run(folder, tmp_path / "kept")
    assert (watch.embedded, report.indexed.reused) == (10, False)
    assert json.loads(note.read_text()) == made_by


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_a_damaged_note_means_made_anew(tmp_path: Path, text: str) -> None:
    watch, folder = Watch(), write_set(tmp_path / "set")
    note = Path(watch.run(folder, tmp_path / "kept").indexed.kept or "") / "made-by.json"
    note.write_text(text)
    assert not watch.run(folder, tmp_path / "kept").indexed.reused


def test_kept_files_that_somebody_changed_are_put_right(tmp_path: Path) -> None:
    watch, folder = Watch(), write_set(tmp_path / "set")
    first = watch.run(folder, tmp_path / "kept")
    changed, gone = sorted((Path(first.indexed.kept or "") / "corpus").rglob("*.txt"))[:2]
    changed.write_text("Something else entirely.")
    gone.unlink()
    second = watch.run(folder, tmp_path / "kept")
    assert (second.total, second.indexed.items, watch.embedded) == (first.total, 10, 0)
    assert "Something" not in changed.read_text()
    assert gone.exists()


def test_a_folder_that_holds_something_else_is_not_touched(tmp_path: Path) -> None:
    precious = tmp_path / "kept" / "corpus" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    with pytest.raises(BadPath, match="something else"):
        run(write_set(tmp_path / "set"), keep=str(tmp_path / "kept"))
    assert [path.name for path in (tmp_path / "kept").rglob("*")] == ["corpus", "precious.txt"]


def test_a_file_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(BadPath):
        run(write_set(tmp_path / "set"), keep=str(tmp_path / "kept"))


def test_a_link_in_place_of_a_memory_is_not_followed_when_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with kept_folder(folder, "a", "f", DEFAULT) as place:
        pass
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    (place / "corpus").symlink_to(precious)
    with kept_folder(folder, "a", "other", DEFAULT):
        pass
    assert (precious / "file").read_text() == "mine"


def test_two_evaluations_do_not_share_a_memory_at_once(tmp_path: Path) -> None:
    with (
        kept_folder(tmp_path / "kept", "a", "f", DEFAULT),
        kept_folder(tmp_path / "kept", "b", "f", DEFAULT),
        pytest.raises(StoreBusy),
        kept_folder(tmp_path / "kept", "a", "f", DEFAULT),
    ):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((StorageFailed, BadPath)), kept_folder(tmp_path / "file" / "kept", "a", "f", DEFAULT):
        pass


def test_the_mark_says_what_the_folder_is(tmp_path: Path) -> None:
    with kept_folder(tmp_path / "kept", "a", "f", DEFAULT):
        assert "may be deleted" in (tmp_path / "kept" / MARK).read_text()


def test_what_decides_what_is_remembered_is_found() -> None:
    found = made_by.modules()
    for name in ("core.intake", "core.words", "memory.layout", "reading.chat", "reading.syntax", "evaluation.codelike"):
        assert name in found, name
    for name in ("core.fusion", "core.parameters", "core.answering", "memory.recall", "actors.respondent", "app"):
        assert name not in found, name


def test_what_is_not_followed_is_used_for_one_function_only() -> None:
    tree = ast.parse((made_by.TOP / "actors" / "embedder.py").read_text())
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "assistant.memory.recall"
        for alias in node.names
    }
    assert taken <= {"embedded_text"}


def test_changed_code_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = made_by.code_digest()
    shutil.copytree(made_by.TOP, tmp_path / "code", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(made_by, "TOP", tmp_path / "code")
    assert made_by.code_digest() == before
    for name, changes in (("core/fusion.py", False), ("core/words.py", True)):
        with (tmp_path / "code" / name).open("a") as file:
            file.write("# another\n")
        assert (made_by.code_digest() != before) is changes

"""Ten thousand small files: how soon their words can be searched, and what keeping up costs."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
from functools import partial
from pathlib import Path

from assistant.app import Assistant, question
from assistant.contracts.items import Filters
from benchmarks.measuring import Figures, StepClocks, percentile, seconds, take_turns
from benchmarks.peers.making import pieces_of
from benchmarks.texts import write_files
from benchmarks.workbench import Workbench

FILES = 10_000
PARTS = 6
"""Paragraphs or functions a file: some 3 KB."""
ROUNDS = 5
EDITS = 20
HEAP_BYTES = 64_000_000


def run(bench: Workbench) -> Figures:
    files = bench.count(FILES, 20)
    folder = bench.folder / "files"
    size_bytes = write_files(folder, files, PARTS, seed=4)
    figures = Figures(f"lexical: {files:,} files of {size_bytes / files / 1000:.1f} KB, words only")
    bare_s = [seconds(lambda: _index_bare(folder, bench.folder / "bare"))]
    with bench.assistant("lexical", words_only=True) as assistant:
        fabric, clocks = assistant.fabric, StepClocks()
        steps = {"store": (fabric, "remember"), "index": (fabric, "project_terms")}
        with clocks.on(steps):
            first_s = seconds(lambda: assistant.add([str(folder)], embed=False))
        bare_s.append(seconds(lambda: _index_bare(folder, bench.folder / "bare")))
        read_s = seconds(lambda: sum(1 for _ in pieces_of(folder)))
        items = assistant.status().items
        figures.add("searchable_s", first_s, "s", f"until all are searchable by words, {items:,} pieces")
        figures.add("files_per_s", files / first_s, "files/s", "that is")
        figures.add("read_s", read_s, "s", "parse and cut them into pieces, in one process and nothing else")
        figures.add("store_s", clocks.total_s["store"], "s", "of that: store in LMDB")
        figures.add("index_s", clocks.total_s["index"], "s", "of that: take the words and index them in Tantivy")
        bare = statistics.mean(bare_s)
        figures.add(
            "bare_s", bare, "s", "the same files read, hashed and indexed whole by Tantivy alone (before and after)"
        )
        figures.add("searchable_to_bare", first_s / bare, "x", "until searchable : Tantivy alone (times)")
        _unchanged(bench, assistant, folder, figures)
        _edited(bench, assistant, folder, figures)
    return figures


def _unchanged(bench: Workbench, assistant: Assistant, folder: Path, figures: Figures) -> None:
    times = take_turns(
        {"again": lambda: assistant.add([str(folder)], embed=False), "stat": lambda: _stat_all(folder)},
        bench.count(ROUNDS, 2),
    )
    figures.median("unchanged_s", times["again"], "s", "scan again, nothing changed")
    figures.median("stat_s", times["stat"], "s", "list the folders and stat every file, nothing else")
    figures.ratio("unchanged_to_stat", times["again"], times["stat"], "scan again : stat alone (times)")


def _edited(bench: Workbench, assistant: Assistant, folder: Path, figures: Figures) -> None:
    edited_s, unchanged_s = [], []
    paths = sorted(folder.rglob("*.md"))
    for number in range(bench.count(EDITS, 2)):
        path, word = paths[(number * 7919) % len(paths)], f"zanzibarword{number}"
        path.write_text(path.read_text() + f"\n\nRemember the {word}.\n")
        edited_s.append(seconds(partial(_find_edited, assistant, folder, word)))
        unchanged_s.append(seconds(lambda: assistant.add([str(folder)], embed=False)))
    figures.median("edited_s", edited_s, "s", "one file edited: until its new word is found")
    figures.add("edited_p95_s", percentile(edited_s, 95), "s", f"the same, p95 of {len(edited_s)} edits")
    figures.ratio("edited_to_unchanged", edited_s, unchanged_s, "one file edited : nothing changed (times)")


def _find_edited(assistant: Assistant, folder: Path, word: str) -> None:
    assistant.add([str(folder)], embed=False)
    found = assistant.recall(question(word, k=1, filters=Filters()))
    assert word in found.items[0].snippet


def _index_bare(folder: Path, index_folder: Path) -> None:
    import tantivy

    shutil.rmtree(index_folder, ignore_errors=True)
    index_folder.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("path", stored=True, tokenizer_name="raw")
    builder.add_text_field("body")
    index = tantivy.Index(builder.build(), path=str(index_folder))
    writer = index.writer(HEAP_BYTES, 1)
    for path in _files(folder):
        data = Path(path).read_bytes()
        hashlib.sha256(data).hexdigest()
        writer.add_document(tantivy.Document(path=path, body=data.decode()))
    writer.commit()
    writer.wait_merging_threads()


def _stat_all(folder: Path) -> None:
    for path in _files(folder):
        os.lstat(path)


def _files(folder: Path) -> list[str]:
    return [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]

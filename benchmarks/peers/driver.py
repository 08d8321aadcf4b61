"""This program and other libraries, given the same pieces and vectors, asked the same questions in turn."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import Figures, percentile
from benchmarks.peers.corpus import MODES, Corpus
from benchmarks.peers.library import OURS, Library, LibraryFailed
from benchmarks.peers.making import make_corpus
from benchmarks.tables import table
from benchmarks.workbench import Workbench

QUESTIONS = 200
WARM = 20
BLOCK = 20
"""Questions one library is asked before it is the next one's turn; :data:`WARM` is a number of blocks."""
OPENINGS = 3


@dataclass(slots=True)
class Measured:
    """Of one library. ``times_s`` and ``ids`` by mode, in the order of the questions."""

    title: str
    built_s: float = 0.0
    peak_bytes: int = 0
    disk_bytes: int = 0
    opened_s: list[float] = field(default_factory=list)
    empty_bytes: int = 0
    resident_bytes: int = 0
    network_closed: bool = False
    times_s: dict[str, list[float]] = field(default_factory=dict)
    ids: dict[str, list[list[str]]] = field(default_factory=dict)


def run(bench: Workbench) -> Figures:
    figures = Figures("peers: the same pieces and vectors in other libraries, all without network", tabled=True)
    for size in bench.peer_sizes:
        pieces = bench.count(size, 200)
        corpus = make_corpus(bench, pieces)
        found = _compare(bench, corpus, figures)
        _tell(figures, size, corpus, found)
        shutil.rmtree(corpus.folder)
    return figures


def _compare(bench: Workbench, corpus: Corpus, figures: Figures) -> dict[str, Measured]:
    """Builds one after the other, opens and asks in turn. What cannot be measured is said in the notes."""
    homes = {name: bench.folder / f"peer-{name}" for name in bench.peers}
    found: dict[str, Measured] = {}
    for name in bench.peers:
        try:
            with Library(name, corpus.folder, homes[name]) as library:
                if library.missing is not None:
                    figures.note(f"{name}: {library.missing}")
                    continue
                measured = Measured(library.greeting["title"], network_closed=library.greeting["network_closed"])
                library.tell("load")
                answer = library.tell("build")
            measured.built_s, measured.peak_bytes = answer["took_s"], answer["peak"]
            measured.disk_bytes = _disk_bytes(homes[name])
            found[name] = measured
        except LibraryFailed as error:
            figures.note(f"{name}: {error}")
    try:
        for reason in _ask_all(bench, corpus, homes, found):
            figures.note(reason)
    finally:
        for home in homes.values():
            shutil.rmtree(home, ignore_errors=True)
    return found


def _ask_all(bench: Workbench, corpus: Corpus, homes: Mapping[str, Path], found: dict[str, Measured]) -> list[str]:
    """Opens all, some times, then asks them in turn. One that fails is taken out of ``found``; returns why."""
    failed: list[str] = []
    with ExitStack() as stack:
        libraries: dict[str, Library] = {}

        def drop(name: str, error: LibraryFailed) -> None:
            failed.append(f"{name}: {error}")
            found.pop(name)
            libraries.pop(name, None)

        for number in range(OPENINGS):
            for name in list(found)[:: -1 if number % 2 else 1]:
                try:
                    library = stack.enter_context(Library(name, corpus.folder, homes[name]))
                    found[name].empty_bytes = library.greeting["resident"]
                    found[name].opened_s.append(library.tell("open")["took_s"])
                except LibraryFailed as error:
                    drop(name, error)
                    continue
                if number < OPENINGS - 1:
                    library.end()
                else:
                    libraries[name] = library
        last = WARM + bench.count(QUESTIONS, 4)
        for number, start in enumerate(range(0, last, BLOCK)):
            for mode in MODES:
                for name in list(libraries)[:: -1 if number % 2 else 1]:
                    try:
                        _ask(libraries[name], found[name], mode, start, min(start + BLOCK, last))
                    except LibraryFailed as error:
                        drop(name, error)
        for name, library in libraries.items():
            found[name].resident_bytes = library.tell("resident")["resident"]
            library.tell("close")
    return failed


def _ask(library: Library, measured: Measured, mode: str, start: int, stop: int) -> None:
    """One block of questions; the first :data:`WARM` do not count."""
    if mode not in library.greeting["modes"]:
        return
    answer = library.tell("ask", mode=mode, start=start, stop=stop)
    if start >= WARM:
        measured.times_s.setdefault(mode, []).extend(answer["times_s"])
        measured.ids.setdefault(mode, []).extend(answer["ids"])


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _tell(figures: Figures, size: int, corpus: Corpus, found: Mapping[str, Measured]) -> None:
    """``size`` names the figures, which keep their names when fewer pieces are tried."""
    count = len(corpus.pieces)
    values = {name: {**_values(one, count), **_recalls(corpus, one)} for name, one in found.items()}
    ratios = {name: ratios_of(values[OURS], theirs) for name, theirs in values.items() if OURS in values}
    for name, measured in found.items():
        for key, (value, unit, what) in values[name].items():
            figures.add(f"{size}_{name}_{key}", value, unit, f"{name}, {count:,} pieces: {what}")
            if name != OURS and key in ratios.get(name, {}):
                words = f"ours : {name}, {count:,} pieces: {what}"
                figures.add(f"{size}_{name}_{key}_ratio", ratios[name][key], "x", words)
        if not measured.network_closed:
            figures.note(f"{name}: its process could not be kept from the network here")
    rows = [
        [what, *(_cell(values[name], key, {} if name == OURS else ratios.get(name, {})) for name in found)]
        for key, what in ROWS.items()
    ]
    figures.note(
        "\n".join([table([f"{count:,} pieces", *found], rows), *(f"{a}: {b.title}" for a, b in found.items())])
    )


ROWS = {
    "index_s": "store and index, s",
    "open_ms": "reopen, ms",
    "disk_mib": "on disk, MiB",
    "resident_mib": "resident, MiB",
    **{
        f"{mode}_p{percent}_ms": f"{mode.replace('_', ' + ')} p{percent}, ms"
        for mode in MODES
        for percent in (50, 95, 99)
    },
    **{f"{mode}_recall": f"{mode.replace('_', ' + ')} recall@20" for mode in MODES if mode.startswith("dense")},
}
"""Of the table; in parentheses stands ours : theirs."""

Value = tuple[float, str, str]


def _values(measured: Measured, count: int) -> dict[str, Value]:
    mib = 2**20
    opened_ms = percentile(measured.opened_s, 50) * 1000
    values: dict[str, Value] = {
        "index_s": (measured.built_s, "s", "store and index all, durable"),
        "index_per_s": (count / measured.built_s, "pieces/s", "that is"),
        "peak_mib": (measured.peak_bytes / mib, "MiB", "most memory while doing so (with the corpus, in all alike)"),
        "disk_mib": (measured.disk_bytes / mib, "MiB", "on disk"),
        "open_ms": (opened_ms, "ms", "open in a new process until the first answer, libraries loaded"),
        "empty_mib": (measured.empty_bytes / mib, "MiB", "resident with the library loaded"),
        "resident_mib": (measured.resident_bytes / mib, "MiB", "resident after all questions"),
    }
    for mode, times_s in measured.times_s.items():
        for percent in (50, 95, 99):
            value = percentile(times_s, percent) * 1000
            values[f"{mode}_p{percent}_ms"] = (value, "ms", f"{mode.replace('_', ' + ')} top 20, p{percent}")
    for mode, ids in measured.ids.items():
        values[f"{mode}_hits"] = (sum(map(len, ids)) / len(ids), "hits", f"{mode.replace('_', ' + ')}, of 20 wanted")
    return values


def _recalls(corpus: Corpus, measured: Measured) -> dict[str, Value]:
    """Share of the true nearest that was found, of the modes that only look at vectors."""
    values: dict[str, Value] = {}
    for mode, ids in measured.ids.items():
        if not mode.startswith("dense"):
            continue
        exact = corpus.exact(mode)[WARM : WARM + len(ids)]
        shares = [len(true.intersection(got)) / len(true) for true, got in zip(exact, ids, strict=True) if true]
        values[f"{mode}_recall"] = (sum(shares) / len(shares), "of 1", f"{mode.replace('_', ' + ')}, recall@20")
    return values


def ratios_of(ours: Mapping[str, Value], theirs: Mapping[str, Value]) -> dict[str, float]:
    """Ours by theirs, of what is the better the smaller it is; a narrowed search of theirs that only looks at vectors
    is compared with our hybrid one."""
    found = {}
    for key, (value, unit, _) in theirs.items():
        other = ours.get(key) or ours.get(key.replace("dense", "hybrid"))
        if unit in ("s", "ms", "MiB") and other is not None and value > 0:
            found[key] = other[0] / value
    return found


def _cell(values: Mapping[str, Value], key: str, ratios: Mapping[str, float]) -> str:
    if key not in values:
        return "-"
    value = values[key][0]
    text = f"{value:.3f}" if key.endswith("recall") else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    return f"{text} ({ratios[key]:.2f})" if key in ratios else text

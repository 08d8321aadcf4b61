"""The same as ``query`` with a million pieces. Takes about an hour and 20 GB of disk: only run when named.

Most of the hour makes the memory. In a folder that is kept (``--keep``) that is done once: ``million-store`` does
nothing else, ``million`` measures what is there, or makes it first.
"""

from __future__ import annotations

from benchmarks.growing import grow
from benchmarks.measuring import Figures
from benchmarks.memory import measure_store
from benchmarks.query import measure_recall, tell_growth
from benchmarks.startup import cold_recall
from benchmarks.workbench import Workbench

PIECES = 1_000_000


def run(bench: Workbench) -> Figures:
    figures = Figures("million: recall among a million pieces, vectors drawn")
    _grow(bench, figures)
    measure_recall(bench, "million", figures, "million")
    cold_recall(bench, "million", figures, "million")
    measure_store(bench, "million", figures, "million")
    return figures


def run_store(bench: Workbench) -> Figures:
    """Only make the memory, for a folder that is kept."""
    figures = Figures("million-store: a memory of a million pieces, vectors drawn")
    _grow(bench, figures)
    return figures


def _grow(bench: Workbench, figures: Figures) -> None:
    tell_growth(figures, "million", grow(bench, "million", bench.count(PIECES, 500)))

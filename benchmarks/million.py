"""The same as ``query`` with a million pieces. Takes about an hour and 20 GB of disk: only run when named."""

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
    grown = grow(bench, "million", bench.count(PIECES, 500))
    tell_growth(figures, "million", grown)
    measure_recall(bench, "million", figures, "million")
    cold_recall(bench, "million", figures, "million")
    measure_store(bench, "million", figures, "million")
    return figures

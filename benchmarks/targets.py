"""What ``docs/design.md`` promises under *Speed*, line by line, and whether this run kept it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from benchmarks.measuring import Figures, plain
from benchmarks.tables import table

MB_PER_GB = 1000.0


@dataclass(frozen=True, slots=True)
class Target:
    """``figure``: name of a benchmark and of one of its figures. ``share``: that figure's unit in the unit of
    ``limit``. ``least``: the figure must reach the limit, not stay below it. ``not_yet``: why nothing can be measured
    so far; then ``figure`` is empty."""

    line: str
    limit: float
    unit: str
    figure: tuple[str, str] | None = None
    share: float = 1.0
    least: bool = False
    not_yet: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """``measured`` and ``ratio`` (measured : target) are ``None`` unless the verdict is *met* or *missed*."""

    line: str
    target: str
    measured: float | None
    unit: str
    ratio: float | None
    verdict: Literal["met", "missed", "not run", "not yet"]
    why: str = ""


TARGETS = (
    Target("query, 100k items, default rerank, p95", 30, "ms", ("query", "large_p95_ms")),
    Target("query, 100k items, no rerank, p95", 10, "ms", ("query", "large_plain_p95_ms")),
    Target("query, 1M items, default rerank, p95 (3 x)", 90, "ms", ("million", "million_p95_ms")),
    Target("query, 1M items, no rerank, p95 (3 x)", 30, "ms", ("million", "million_plain_p95_ms")),
    Target("10,000 text files searchable by words", 10, "s", ("lexical", "searchable_s")),
    Target("unchanged re-scan of 10,000 files", 1, "s", ("lexical", "unchanged_s")),
    Target("edit to searchable, p95", 1, "s", ("lexical", "edited_p95_s")),
    Target("embedding pipeline : bare ONNX Runtime", 0.9, "x", ("embedding", "pipeline_to_bare"), least=True),
    Target("assistant --help", 150, "ms", ("startup", "help_s"), share=1000),
    Target("one-shot recall, against a running process", 120, "ms", ("startup", "attached_s"), share=1000),
    Target("cold one-shot recall", 1, "s", ("startup", "recall_s")),
    Target("cold one-shot recall, 100k items", 1, "s", ("query", "large_recall_s")),
    Target("resident, default model loaded", 350, "MB", ("memory", "recall_mb")),
    Target("vectors in hnswlib, a million of 384", 2.2, "GB", ("memory", "bytes_per_vector"), share=1 / MB_PER_GB),
    Target("idle process, share of a processor", 0.1, "%", ("living", "idle_share")),
    Target("idle process, resident, model loaded", 350, "MB", ("living", "resident_mb")),
    Target("question while embedding : idle, p50", 2, "x", ("living", "ask_busy_to_idle")),
    Target("edit to searchable, 10,000 files being scanned, p95", 1, "s", ("living", "edit_scan_p95_s")),
    Target("a key press in the TUI while indexing", 50, "ms", not_yet="there is no TUI yet"),
)


def judge(found: Mapping[str, Figures]) -> list[Judged]:
    """Every target, with what the benchmarks that were run say of it."""
    return [_judge(target, found) for target in TARGETS]


def _judge(target: Target, found: Mapping[str, Figures]) -> Judged:
    sign = ">=" if target.least else "<="
    words = f"{sign} {target.limit:g} {target.unit}"
    if target.figure is None:
        return Judged(target.line, words, None, target.unit, None, "not yet", target.not_yet)
    benchmark, name = target.figure
    if benchmark not in found or name not in found[benchmark].found:
        return Judged(target.line, words, None, target.unit, None, "not run", f"benchmark {benchmark} was not run")
    measured = found[benchmark].found[name].value * target.share
    met = measured >= target.limit if target.least else measured <= target.limit
    return Judged(target.line, words, measured, target.unit, measured / target.limit, "met" if met else "missed")


def told(judged: list[Judged]) -> str:
    rows = [
        [
            one.line,
            one.target,
            "-" if one.measured is None else f"{plain(one.measured)} {one.unit}",
            "-" if one.ratio is None else f"{one.ratio:.2f}",
            one.verdict if not one.why else f"{one.verdict}: {one.why}",
        ]
        for one in judged
    ]
    return table(["speed (docs/design.md, section 9)", "target", "measured", "ratio", "verdict"], rows)


def kept(judged: list[Judged]) -> list[dict[str, object]]:
    """For a JSON file."""
    return [asdict(one) for one in judged]

"""Latency of recall and of answers: questions to hits that are ranked and checked against the disk.

The large memory is made as any other (files read, cut, stored, indexed); only its vectors are drawn, not computed
(see :mod:`benchmarks.likeness`), and its token rows are those of other texts. Its questions are encoded for real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from assistant.app import Assistant, question
from assistant.contracts.items import Filters
from assistant.core.parameters import DEFAULT
from assistant.evaluation.golden import load_golden
from benchmarks.growing import Grown, grow
from benchmarks.measuring import Figures, StepClocks, percentile, seconds
from benchmarks.startup import cold_recall
from benchmarks.texts import Texts
from benchmarks.workbench import NO_RERANK, REPOSITORY, Workbench

QUESTIONS = 200
"""With reranking, and as many without."""
BLOCKS = 4
"""The memory is opened so often each, with and without reranking in turn."""
WARM = 10
GOLDEN_QUESTIONS = 24
LARGE = 100_000
K = 10

STEPS = {
    "encode": "question to vector",
    "words": "search in Tantivy",
    "vectors": "search in hnswlib, or exactly",
    "tokens": "token vectors from the model",
}


def run(bench: Workbench) -> Figures:
    figures = Figures(f"query: recall of {K} and answers, in a process that has everything open")
    measure_recall(bench, bench.remembered, figures, "small")
    grown = grow(bench, "large", bench.count(LARGE, 300))
    tell_growth(figures, "large", grown)
    measure_recall(bench, "large", figures, "large")
    cold_recall(bench, "large", figures, "large")
    _ask(bench, figures)
    return figures


def tell_growth(figures: Figures, size: str, grown: Grown) -> None:
    where = f"{grown.pieces:,} pieces"
    figures.add(f"{size}_scan_s", grown.scan_s, "s", f"{where} of {grown.files:,} files: until searchable by words")
    figures.add(f"{size}_store_s", grown.store_s, "s", f"{where}: store and index vectors, durable")
    figures.add(f"{size}_draw_s", grown.draw_s, "s", "of that: draw them (beside it, on a thread of its own)")
    for part, size_bytes in grown.disk_bytes.items():
        figures.add(f"{size}_{part}_bytes", size_bytes / grown.pieces, "bytes", f"{where}: on disk in {part}, a piece")
    words = f"{where}: of the 20 nearest, found by the vector index asked for 20"
    figures.add(f"{size}_index_recall", grown.index_recall, "of 1", words)
    words = f"{where}: the same, asked for {DEFAULT.candidates}, as recall does"
    figures.add(f"{size}_index_recall_wide", grown.index_recall_wide, "of 1", words)


def measure_recall(bench: Workbench, home: str, figures: Figures, size: str) -> None:
    """No question is asked twice: the encoder remembers questions."""
    asked = _questions(seed=len(size))
    count = bench.count(QUESTIONS, 2 * BLOCKS) // BLOCKS
    times_s: dict[str, list[float]] = {"full": [], "plain": []}
    opened_s: list[float] = []
    clocks = StepClocks()
    for block in range(BLOCKS):
        for name in list(times_s)[:: -1 if block % 2 else 1]:
            with bench.assistant(home, parameters=NO_RERANK if name == "plain" else None) as assistant:
                opened_s.append(seconds(assistant.roots))
                for _ in range(bench.count(WARM)):
                    _time(assistant, next(asked))
                steps = _steps(bench, assistant) if name == "full" else {}
                with clocks.on(steps):
                    times_s[name] += [_time(assistant, next(asked)) for _ in range(count)]
                where = f"{assistant.status().items:,} pieces"
    for name, prefix, words in (("full", "", ""), ("plain", "plain_", " without reranking")):
        for percent in (50, 95, 99):
            value = percentile(times_s[name], percent) * 1000
            figures.add(f"{size}_{prefix}p{percent}_ms", value, "ms", f"recall p{percent}{words}, {where}")
    ratio = percentile(times_s["full"], 50) / percentile(times_s["plain"], 50)
    figures.add(f"{size}_rerank_ratio", ratio, "x", "with reranking : without (times, p50)")
    figures.median(f"{size}_open_s", opened_s, "s", f"open the store, {where}")
    _tell_steps(figures, size, clocks, times_s["full"])


def _steps(bench: Workbench, assistant: Assistant) -> dict[str, tuple[object, str]]:
    """What models and libraries do in a recall, by name; see :data:`STEPS`."""
    return {
        "encode": (bench.encoder, "encode_query"),
        "words": (assistant.fabric.terms, "search"),
        "vectors": (assistant.fabric.vectors, "search"),
        "tokens": (bench.encoder, "token_vectors"),
    }


def _tell_steps(figures: Figures, prefix: str, clocks: StepClocks, taken_s: list[float]) -> None:
    whole_s, rest_s = sum(taken_s), sum(taken_s)
    for name, words in STEPS.items():
        step_s = clocks.total_s.get(name, 0.0)
        figures.add(f"{prefix}_{name}_ms", step_s / len(taken_s) * 1000, "ms", f"mean of this: {words}")
        rest_s -= step_s
    figures.add(f"{prefix}_ours_ms", rest_s / len(taken_s) * 1000, "ms", "mean of this: everything else, ours")
    figures.add(f"{prefix}_to_libraries", whole_s / (whole_s - rest_s), "x", "whole : model, Tantivy and hnswlib alone")


def _questions(seed: int) -> Iterator[str]:
    """Questions without end, none twice."""
    texts, seen = Texts(seed), set[str]()
    while True:
        text = texts.question()
        if text not in seen:
            seen.add(text)
            yield text


def _ask(bench: Workbench, figures: Figures) -> None:
    golden, home = load_golden(REPOSITORY / "golden" / "home.yaml")
    every = max(1, len(golden.questions) // bench.count(GOLDEN_QUESTIONS, 2))
    asked = [one.text for one in golden.questions[::every]]
    folder = home if bench.scale >= 1 else home / "notes" / "cars"
    clocks = StepClocks()
    with bench.assistant("golden") as assistant:
        assistant.add([str(folder)])
        assistant.ask(asked.pop())
        with clocks.on(_steps(bench, assistant)):
            taken_s = [seconds(_asking(assistant, text)) for text in asked]
        where = f"golden/home, {assistant.status().items:,} pieces, {len(asked)} questions"
    figures.add("ask_p50_ms", percentile(taken_s, 50) * 1000, "ms", f"ask p50, {where}")
    figures.add("ask_p95_ms", percentile(taken_s, 95) * 1000, "ms", f"ask p95, {where}")
    _tell_steps(figures, "ask", clocks, taken_s)


def _asking(assistant: Assistant, text: str) -> Callable[[], object]:
    return lambda: assistant.ask(text)


def _time(assistant: Assistant, text: str) -> float:
    query = question(text, k=K, filters=Filters())
    return seconds(lambda: assistant.recall(query))

"""Latency of recall and of answers, and the steps it is made of.

Steps are timed by clocks on the methods that do them, inside the program's own objects.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assistant.actors.respondent import Respondent
from assistant.app import Assistant, question
from assistant.clock import SystemClock
from assistant.contracts.items import Filters
from assistant.core.parameters import DEFAULT
from assistant.evaluation.golden import load_golden
from assistant.memory.recall import Recall
from benchmarks.measuring import Figures, StepClocks, percentile, seconds
from benchmarks.texts import Texts, write_files
from benchmarks.workbench import PASSAGE_PARTS, REPOSITORY, Workbench

QUESTIONS = 50
GOLDEN_QUESTIONS = 24
MORE_FILES = 1900
"""Files that bring the memory above 20,000 pieces."""
NOISE = 0.6
"""Length of the noise added to a unit vector that stands for another text."""
BATCH = 2048
K = 10

LIBRARIES = ("encode", "words", "vectors", "late")


def run(bench: Workbench) -> Figures:
    figures = Figures(f"query: recall of {K} and answers, in a process that has everything open")
    with bench.assistant(bench.remembered) as assistant:
        _recall(bench, assistant, figures, "small", seed=5)
        _grow(bench, assistant)
        _recall(bench, assistant, figures, "large", seed=6)
    _ask(bench, figures)
    return figures


def _recall(bench: Workbench, assistant: Assistant, figures: Figures, size: str, seed: int) -> None:
    """With and without reranking in turn. No question is asked twice: the encoder remembers questions."""
    full = assistant._respondent
    fabric = assistant.fabric
    plain = copy.copy(full)
    plain._recall = Recall(fabric, bench.encoder, SystemClock(), DEFAULT.model_copy(update={"rerank_top": 0}))
    texts = Texts(seed)
    asked = list(dict.fromkeys(texts.question() for _ in range(3 * bench.count(QUESTIONS, 2))))
    asked = asked[: 2 * bench.count(QUESTIONS, 2) + 2]
    _time(full, asked.pop())
    _time(plain, asked.pop())
    clocks = StepClocks()
    with clocks.on(_steps(assistant, full)):
        full_s = [_time(full, text) for text in asked[::2]]
    steps = _means(clocks, len(full_s))
    turns = list(zip(asked[1::4], asked[3::4], strict=False))
    pairs = [(_time(full, f"{one} again"), _time(plain, other)) for one, other in turns]
    items = assistant.status().items
    where = f"{items:,} pieces"
    figures.add(f"{size}_p50_ms", percentile(full_s, 50) * 1000, "ms", f"recall p50, {where}")
    figures.add(f"{size}_p95_ms", percentile(full_s, 95) * 1000, "ms", f"recall p95, {where}")
    plain_s = [pair[1] for pair in pairs]
    figures.add(f"{size}_plain_p50_ms", percentile(plain_s, 50) * 1000, "ms", f"recall p50 without reranking, {where}")
    figures.add(f"{size}_plain_p95_ms", percentile(plain_s, 95) * 1000, "ms", f"recall p95 without reranking, {where}")
    figures.ratio(f"{size}_rerank_ratio", [pair[0] for pair in pairs], plain_s, "with reranking : without (times)")
    _tell_steps(figures, size, steps, sum(full_s) / len(full_s))


def _steps(assistant: Assistant, respondent: Respondent) -> dict[str, tuple[Any, str]]:
    fabric, recall = assistant.fabric, respondent._recall
    return {
        "encode": (respondent._encoder, "encode_query"),
        "words": (fabric.terms, "search"),
        "vectors": (fabric.vectors, "search"),
        "records": (recall, "_load"),
        "fuse": (recall, "_fuse"),
        "late": (respondent._encoder, "token_vectors"),
        "compare": (recall, "_rerank"),
        "distinct": (recall, "_distinct"),
        "fresh": (respondent._sources, "stat"),
        "show": (respondent, "_hit"),
    }


WORDS_OF_STEPS = {
    "encode": "question to vector",
    "words": "search in Tantivy",
    "vectors": "search in hnswlib, or exactly",
    "records": "load records and cosines from LMDB",
    "fuse": "fuse the scores",
    "late": "token vectors of the question and the best 16",
    "compare": "compare them token by token, and reorder",
    "distinct": "fold near-duplicates",
    "fresh": "stat the sources",
    "show": "snippets",
    "verify": "check the citations against the disk",
}


def _means(clocks: StepClocks, count: int) -> dict[str, float]:
    """Seconds of each step in one of ``count`` calls; token vectors are made inside of reordering."""
    means = {name: total_s / count for name, total_s in clocks.total_s.items()}
    return {**means, "compare": means["compare"] - means["late"]}


def _tell_steps(figures: Figures, prefix: str, steps: Mapping[str, float], whole_s: float) -> None:
    for name, mean_s in steps.items():
        figures.add(f"{prefix}_{name}_ms", mean_s * 1000, "ms", f"mean of this: {WORDS_OF_STEPS[name]}")
    rest = "form the answer, and everything else" if prefix == "ask" else "everything else"
    figures.add(f"{prefix}_rest_ms", (whole_s - sum(steps.values())) * 1000, "ms", f"mean of this: {rest}")
    libraries_s = sum(steps[name] for name in LIBRARIES)
    figures.add(
        f"{prefix}_to_libraries", whole_s / libraries_s, "x", "whole : model, Tantivy and hnswlib alone (times)"
    )


def _grow(bench: Workbench, assistant: Assistant) -> None:
    """More files, read as always; their vectors are those of other pieces with noise, since only their number and
    spread matter here."""
    folder = bench.folder / "more"
    write_files(folder, bench.count(MORE_FILES), PASSAGE_PARTS, seed=7)
    fabric = assistant.fabric
    fingerprint = fabric.space.fingerprint
    known = np.stack([fabric.vectors._rows([label])[0] for label in fabric.vectors.labels()])
    assistant.add([str(folder)], embed=False)
    with fabric.records.read() as view:
        contents = [content for content, _ in view.pending(fingerprint)]
    chance = np.random.default_rng(8)
    for start in range(0, len(contents), BATCH):
        batch = contents[start : start + BATCH]
        rows = known[chance.integers(0, len(known), len(batch))]
        noise = chance.standard_normal(rows.shape, dtype=np.float32)
        rows = rows + NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        fabric.store_vectors(batch, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def _ask(bench: Workbench, figures: Figures) -> None:
    golden, home = load_golden(REPOSITORY / "golden" / "home.yaml")
    every = max(1, len(golden.questions) // bench.count(GOLDEN_QUESTIONS, 2))
    asked = [one.text for one in golden.questions[::every]]
    folder = home if bench.scale >= 1 else home / "notes" / "cars"
    with bench.assistant("golden") as assistant:
        assistant.add([str(folder)])
        assistant.ask(asked.pop())
        respondent = assistant._respondent
        steps = {**_steps(assistant, respondent), "verify": (respondent._verifier, "verify")}
        clocks = StepClocks()
        with clocks.on(steps):
            taken_s = [seconds(_asking(assistant, text)) for text in asked]
        where = f"golden/home, {assistant.status().items:,} pieces, {len(asked)} questions"
    figures.add("ask_p50_ms", percentile(taken_s, 50) * 1000, "ms", f"ask p50, {where}")
    figures.add("ask_p95_ms", percentile(taken_s, 95) * 1000, "ms", f"ask p95, {where}")
    _tell_steps(figures, "ask", _means(clocks, len(taken_s)), sum(taken_s) / len(taken_s))


def _asking(assistant: Assistant, text: str) -> Callable[[], object]:
    return lambda: assistant.ask(text)


def _time(respondent: Respondent, text: str) -> float:
    query = question(text, k=K, filters=Filters())
    return seconds(lambda: respondent.recall(query))

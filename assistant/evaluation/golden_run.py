"""Asking the questions of a golden file, of a memory of the home they are about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.app import question
from assistant.contracts.answers import Answer, Citation
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import WrongUse
from assistant.contracts.ids import digest_of
from assistant.contracts.items import Filters
from assistant.core.filenames import to_disk, to_text
from assistant.evaluation.external_run import DIGEST_CHARS, spread
from assistant.evaluation.figures import NOTHING, Share, differences_of, figures_of, latency, mean_share
from assistant.evaluation.findings import ClassFigures, Difference, GoldenReport, PartFigures, QuestionRow
from assistant.evaluation.golden import GoldenQuestion, GoldenSet, Part
from assistant.evaluation.metrics import DEPTH, Outcome, Place, Scored, dated_rightly, score, supports
from assistant.reading.reader import FileReader

if TYPE_CHECKING:
    from assistant.app import Assistant
    from assistant.evaluation.memories import Bench

PARTS: tuple[Part, ...] = ("tuning", "held-out")


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """A loaded golden file; ``home``: the absolute folder it asks about."""

    file: Path
    golden: GoldenSet
    home: Path


def run_golden(
    bench: Bench,
    target: GoldenFile,
    versions: Sequence[int],
    asked: Callable[[str, int, int], None],
    part: Part | None = None,
    limit: int | None = None,
) -> GoldenReport:
    """Remember the home and ask the questions (of one ``part``, ``limit`` of them, evenly spread).

    ``versions``: one parameter set, or two to be compared. Raises
    :class:`~assistant.contracts.errors.WrongUse` when the file has no question of the part,
    :class:`~assistant.contracts.errors.Interrupted` when stopped, and what remembering and asking raise.
    """
    started_s = time.monotonic()
    file, home = target.file, target.home
    questions = spread([one for one in target.golden.questions if part in (None, one.part)], limit)
    if not questions:
        raise WrongUse(f"{file} holds no question of the part {part}.")
    runs: list[list[Scored]] = []
    with bench.place(digest_of(os.fsencode(home))[:DIGEST_CHARS], versions[0]) as place:
        for version in versions:
            with bench.opened(place / "memory", version) as assistant:
                if not runs:
                    indexed = bench.remember(assistant, home)
                outcomes = []
                for number, one in enumerate(questions):
                    bench.go_on()
                    asked(to_text(file.name), number, len(questions))
                    outcomes.append(_outcome(assistant, home, one))
            runs.append(score(outcomes))
    first, compared = runs[0], runs[1] if len(runs) > 1 else []
    citations = sum(len(one.outcome.cited) for one in first)
    return GoldenReport(
        file=to_text(str(file)),
        indexed=indexed,
        parts=tuple(_part(name, first, compared) for name in PARTS if any(_is_of(name, one) for one in first)),
        total=class_figures("all", first),
        differences=tuple(_differences({"all": first}, {"all": compared})),
        citations=citations,
        citations_verified=sum(one.outcome.verified for one in first) / citations if citations else 1.0,
        recall_ms=latency([one.outcome.recall_ms for one in first]),
        ask_ms=latency([one.outcome.ask_ms for one in first]),
        took_s=round(time.monotonic() - started_s, 1),
        questions=tuple(map(_row, first)),
        compared_questions=tuple(map(_row, compared)),
        shortfalls=tuple(line for one in first for line in _shortfalls(one.outcome)),
    )


def _outcome(assistant: Assistant, home: Path, golden: GoldenQuestion) -> Outcome:
    started_s = time.perf_counter()
    result = assistant.recall(question(golden.text, k=DEPTH, filters=Filters()))
    recalled_s = time.perf_counter()
    answer = assistant.ask(golden.text)
    asked_s = time.perf_counter()
    verified, supported = 0, 0
    for one in answer.citations:
        data = Path(to_disk(one.path)).read_bytes()
        document = FileReader().read(SourceAddress(one.path), data)
        text = document.text if document else ""
        if digest_of(data[one.start_byte : one.end_byte]) != one.digest or one.quote not in text:
            continue
        verified += 1
        title, written = (document.title or "", document.timestamp) if document else ("", None)
        supported += _supported(answer, one, f"{one.path}:{one.line}\n{title}\n{text}", written)
    return Outcome(
        question=golden,
        hits=tuple(_place(home, hit.cite.path, hit.cite.line, hit.cite.end_line) for hit in result.items),
        answered=answer.answered,
        answer=answer.answer,
        cited=tuple(_place(home, one.path, one.line, one.end_line) for one in answer.citations),
        verified=verified,
        supported=supported,
        confidence=answer.confidence,
        recall_ms=(recalled_s - started_s) * 1000,
        ask_ms=(asked_s - recalled_s) * 1000,
    )


def _supported(answer: Answer, one: Citation, source: str, written: datetime | None) -> bool:
    versions = [version for version in answer.versions if one.n in version.citations]
    return supports(answer.answer, one.n, one.quote, source, versions=[one.n] if versions else ()) and all(
        dated_rightly(version, source, written) for version in versions
    )


def _place(home: Path, path: str, line: int, end_line: int) -> Place:
    return Place(os.path.relpath(path, to_text(str(home))), line, end_line)


# figures


def class_figures(name: str, scored: Sequence[Scored]) -> ClassFigures:
    """Figures of some questions."""
    columns = {figure: [share(one) for one in scored] for figure, share in _FIGURES.items()}
    return ClassFigures(name=name, questions=len(scored), **figures_of(columns))


_FIGURES: Mapping[str, Callable[[Scored], Share]] = {
    "recall_at_20": lambda one: mean_share(one.recall_at_20),
    "ndcg_at_10": lambda one: mean_share(one.ndcg_at_10),
    "mrr": lambda one: mean_share(one.mrr),
    "abstention_accuracy": lambda one: mean_share(one.outcome.right_to_answer),
    "answered_share": lambda one: mean_share(one.outcome.answered) if one.outcome.answerable else NOTHING,
    "refused_share": lambda one: NOTHING if one.outcome.answerable else mean_share(not one.outcome.answered),
    "right": lambda one: mean_share(one.outcome.holds_expected) if one.outcome.answerable else NOTHING,
    "to_the_point": lambda one: (one.outcome.relevant_citations, len(one.outcome.cited)),
    "citation_precision": lambda one: (one.outcome.supported, len(one.outcome.cited)),
}
_COMPARED = ("ndcg_at_10", "recall_at_20", "abstention_accuracy")


def _is_of(part: Part, one: Scored) -> bool:
    return one.outcome.question.part == part


def _part(name: Part, first: Sequence[Scored], compared: Sequence[Scored]) -> PartFigures:
    one, two = [one for one in first if _is_of(name, one)], [one for one in compared if _is_of(name, one)]
    classes = _by_class(one)
    return PartFigures(
        name=name,
        classes=tuple(class_figures(kind, inside) for kind, inside in classes.items()),
        total=class_figures(name, one),
        differences=(*_differences(classes, _by_class(two)), *_differences({name: one}, {name: two})),
    )


def _by_class(scored: Sequence[Scored]) -> dict[str, list[Scored]]:
    found: dict[str, list[Scored]] = {}
    for one in scored:
        found.setdefault(one.outcome.question.kind, []).append(one)
    return found


def _differences(first: Mapping[str, Sequence[Scored]], compared: Mapping[str, Sequence[Scored]]) -> list[Difference]:
    """By figure, then by group; empty when nothing was compared."""
    if not any(compared.values()):
        return []
    found = []
    for figure in _COMPARED:
        share = _FIGURES[figure]
        pairs = {
            group: [
                (share(one)[0], share(two)[0])
                for one, two in zip(inside, compared[group], strict=True)
                if share(one)[1]
            ]
            for group, inside in first.items()
        }
        found += differences_of(figure, pairs)
    return found


# single questions


def _first_rank(outcome: Outcome) -> int | None:
    wanted = [golden for golden in outcome.question.answers if golden.grade > 1]
    ranks = (rank for rank, hit in enumerate(outcome.hits, 1) if any(hit.meets(golden) for golden in wanted))
    return next(ranks, None)


def _row(scored: Scored) -> QuestionRow:
    outcome = scored.outcome
    return QuestionRow(
        id=outcome.question.id,
        part=outcome.question.part,
        kind=outcome.question.kind,
        answered=outcome.answered,
        confidence=outcome.confidence,
        first_rank=_first_rank(outcome),
        right=outcome.holds_expected if outcome.answerable else not outcome.answered,
        citations=len(outcome.cited),
        relevant_citations=outcome.relevant_citations,
        ndcg_at_10=scored.ndcg_at_10,
        recall_at_20=scored.recall_at_20,
        recall_ms=round(outcome.recall_ms, 2),
        ask_ms=round(outcome.ask_ms, 2),
    )


def _shortfalls(outcome: Outcome) -> list[str]:
    asked, found = outcome.question, []
    if asked.answers and not outcome.answered:
        found.append(f"not answered ({outcome.confidence:.2f}, first at {_first_rank(outcome)})")
    elif not asked.answers and outcome.answered:
        found.append(f"answered without grounds ({outcome.confidence:.2f}): {outcome.answer[:160]}")
    elif outcome.answered and not outcome.holds_expected:
        found.append(f"lacks {', '.join(asked.expect)} (first at {_first_rank(outcome)}): {outcome.answer[:240]}")
    beside = [place for place in outcome.cited if not any(place.meets(golden) for golden in asked.answers)]
    if asked.answers and beside:
        found.append("cites beside the point: " + ", ".join(f"{one.path}:{one.line}" for one in beside))
    return [f"{asked.id} [{asked.kind}] {asked.text}: {' '.join(line.split())}" for line in found]

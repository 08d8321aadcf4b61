"""Running graded questions against a memory of their own, made in a temporary folder and thrown away."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from assistant.app import Assistant, question
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import Interrupted
from assistant.contracts.events import Listener
from assistant.contracts.ids import digest_of
from assistant.contracts.items import Contract, Filters
from assistant.evaluation.golden import GoldenQuestion, load_golden
from assistant.evaluation.metrics import DEPTH, ClassFigures, Outcome, Place, figures, percentile_ms, supports
from assistant.inference.shelf import EncoderShelf
from assistant.locations import Locations, locate
from assistant.reading.reader import FileReader
from assistant.settings import Settings, load_settings


class QuestionRow(Contract):
    id: str
    kind: str
    answered: bool
    confidence: float
    first_rank: int | None
    """Rank (from 1) of the first hit that answers; ``None``: not among the first 20, or nothing to find."""
    right: bool
    citations: int
    relevant_citations: int


class Evaluation(Contract):
    """``answered_share``: answerable questions that got an answer; ``refused_share``: unanswerable ones that got none.
    ``citations_verified``: share of citations whose bytes on disk have the stated digest."""

    file: str
    parameters: str
    model: str
    items: int
    classes: tuple[ClassFigures, ...]
    total: ClassFigures
    answered_share: float
    refused_share: float
    citations: int
    citations_verified: float
    recall_p50_ms: float
    recall_p95_ms: float
    ask_p50_ms: float
    ask_p95_ms: float
    took_s: float
    questions: tuple[QuestionRow, ...]
    shortfalls: tuple[str, ...]

    def summary(self) -> list[str]:
        point, precision = self.total.to_the_point or 0.0, self.total.citation_precision or 0.0
        return [
            f"answered {self.answered_share:.1%} of the answerable, refused {self.refused_share:.1%} of the rest",
            f"{self.citations} citations: {self.citations_verified:.1%} verified byte for byte, "
            f"{precision:.1%} support their statement, {point:.1%} on a graded place",
            f"recall p50 {self.recall_p50_ms} ms, p95 {self.recall_p95_ms} ms; "
            f"ask p50 {self.ask_p50_ms} ms, p95 {self.ask_p95_ms} ms",
            f"{self.items} pieces, model {self.model}, parameters {self.parameters}, {self.took_s:.0f} s",
        ]


def evaluate_file(file: str, parameters: int | None = None, *, listener: Listener, stop: threading.Event) -> Evaluation:
    """Index the home of a golden file and ask all its questions.

    Raises what loading the file, the settings and the model raise, and
    :class:`~assistant.contracts.errors.Interrupted` when stopped.
    """
    started_s = time.monotonic()
    golden, home = load_golden(Path(file))
    settings = load_settings(locate().settings_file, Path.cwd(), flags={"parameters": parameters})
    with tempfile.TemporaryDirectory(prefix="assistant-eval-") as folder:
        assistant = _assistant(settings, Path(folder), listener, stop)
        try:
            assistant.add([str(home)])
            if stop.is_set():
                raise Interrupted
            items = assistant.status().items
            outcomes = [_outcome(assistant, home, one, stop) for one in golden.questions]
            status = assistant.status()
        finally:
            assistant.close()
    return _evaluation(file, status.parameters, status.model, items, outcomes, time.monotonic() - started_s)


def _assistant(settings: Settings, folder: Path, listener: Listener, stop: threading.Event) -> Assistant:
    locations = Locations(folder / "config", folder / "data", folder / "cache", folder / "state")
    shelf = EncoderShelf(
        settings.model,
        settings.precision,
        locate().models,
        settings.threads,
        allow_download=settings.allow_download,
        given=None,
        note=lambda _: None,
    )
    return Assistant(settings, locations, listener=listener, stop=stop, encoder=shelf.encoder_or_none())


def _outcome(assistant: Assistant, home: Path, golden: GoldenQuestion, stop: threading.Event) -> Outcome:
    if stop.is_set():
        raise Interrupted
    started_s = time.perf_counter()
    result = assistant.recall(question(golden.text, k=DEPTH, filters=Filters()))
    recalled_s = time.perf_counter()
    answer = assistant.ask(golden.text)
    asked_s = time.perf_counter()
    verified, sources = [], []
    for one in answer.citations:
        data = Path(one.path).read_bytes()
        document = FileReader().read(SourceAddress(one.path), data)
        text = document.text if document else ""
        verified.append(digest_of(data[one.start_byte : one.end_byte]) == one.digest and one.quote in text)
        sources.append(f"{one.path}\n{text}")
    return Outcome(
        question=golden,
        hits=tuple(_place(home, hit.cite.path, hit.cite.line, hit.cite.end_line) for hit in result.items),
        answered=answer.answered,
        answer=answer.answer,
        cited=tuple(_place(home, one.path, one.line, one.end_line) for one in answer.citations),
        verified=sum(verified),
        supported=sum(
            good and supports(answer.answer, one.n, one.quote, readable)
            for good, readable, one in zip(verified, sources, answer.citations, strict=True)
        ),
        confidence=answer.confidence,
        recall_ms=(recalled_s - started_s) * 1000,
        ask_ms=(asked_s - recalled_s) * 1000,
    )


def _place(home: Path, path: str, line: int, end_line: int) -> Place:
    return Place(os.path.relpath(path, home), line, end_line)


def _evaluation(
    file: str, parameters: str, model: str, items: int, outcomes: Sequence[Outcome], took_s: float
) -> Evaluation:
    kinds = list(dict.fromkeys(outcome.question.kind for outcome in outcomes))
    answerable = [outcome for outcome in outcomes if outcome.question.answers]
    rest = [outcome for outcome in outcomes if not outcome.question.answers]
    citations = sum(len(outcome.cited) for outcome in outcomes)
    recall_ms = [outcome.recall_ms for outcome in outcomes]
    ask_ms = [outcome.ask_ms for outcome in outcomes]
    return Evaluation(
        file=file,
        parameters=parameters,
        model=model,
        items=items,
        classes=tuple(figures(kind, [one for one in outcomes if one.question.kind == kind]) for kind in kinds),
        total=figures("all", outcomes),
        answered_share=sum(one.answered for one in answerable) / len(answerable) if answerable else 1.0,
        refused_share=sum(not one.answered for one in rest) / len(rest) if rest else 1.0,
        citations=citations,
        citations_verified=sum(one.verified for one in outcomes) / citations if citations else 1.0,
        recall_p50_ms=percentile_ms(recall_ms, 50),
        recall_p95_ms=percentile_ms(recall_ms, 95),
        ask_p50_ms=percentile_ms(ask_ms, 50),
        ask_p95_ms=percentile_ms(ask_ms, 95),
        took_s=took_s,
        questions=tuple(_row(one) for one in outcomes),
        shortfalls=tuple(line for one in outcomes for line in _shortfalls(one)),
    )


def _first_rank(outcome: Outcome) -> int | None:
    wanted = [golden for golden in outcome.question.answers if golden.grade > 1]
    ranks = (rank for rank, hit in enumerate(outcome.hits, 1) if any(hit.meets(golden) for golden in wanted))
    return next(ranks, None)


def _row(outcome: Outcome) -> QuestionRow:
    return QuestionRow(
        id=outcome.question.id,
        kind=outcome.question.kind,
        answered=outcome.answered,
        confidence=outcome.confidence,
        first_rank=_first_rank(outcome),
        right=outcome.holds_expected if outcome.question.answers else not outcome.answered,
        citations=len(outcome.cited),
        relevant_citations=outcome.relevant_citations,
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


def keep(result: Evaluation) -> None:
    """Add a result to the evaluations database of this user, one row a run and one a question."""
    import sqlite_utils

    path = locate().evaluations
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = sqlite_utils.Database(path)
    run = result.model_dump(mode="json", exclude={"questions", "shortfalls", "classes", "total"})
    total = {f"total_{name}": value for name, value in result.total.model_dump(mode="json").items() if name != "name"}
    row = database.table("runs").insert(
        {**run, **total, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, alter=True
    )
    database.table("questions").insert_all(
        ({"run": row.last_pk, **one.model_dump(mode="json")} for one in result.questions), alter=True
    )
    database.close()

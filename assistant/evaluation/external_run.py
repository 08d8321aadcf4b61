"""Asking the queries of an external set: its corpus is remembered as files, and its queries are recalled, as any."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import ir_measures
from ir_measures import RR, R, nDCG

from assistant.app import question
from assistant.contracts.items import Filters
from assistant.contracts.limits import MAX_K
from assistant.core.parameters import PARAMETER_SETS
from assistant.evaluation.corpus import CorpusFiles, lay_out
from assistant.evaluation.figures import (
    differences_of,
    figures_of,
    latency,
    mean_difference,
    mean_figures,
    mean_share,
)
from assistant.evaluation.findings import Difference, ExternalMean, ExternalReport, QueryRow, RankingFigures

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.app import Assistant
    from assistant.contracts.items import RecallResult
    from assistant.evaluation.external import ExternalQuery, ExternalSet
    from assistant.evaluation.memories import Bench

One = TypeVar("One")
DEPTH = 20
DIGEST_CHARS = 16
_NDCG, _MRR, _RECALL = nDCG @ 10, RR @ 10, R @ DEPTH
FIGURES = ("ndcg_at_10", "mrr_at_10", "recall_at_20")
COMPARED = ("ndcg_at_10", "recall_at_20")


def run_external(
    bench: Bench,
    external: ExternalSet,
    versions: Sequence[int],
    asked: Callable[[str, int, int], None],
    limit: int | None = None,
) -> ExternalReport:
    """Remember the corpus and ask the judged queries (``limit`` of them, evenly spread).

    ``versions``: one parameter set, or two to be compared. Raises
    :class:`~assistant.contracts.errors.Interrupted` when stopped, and what remembering and recalling raise.
    """
    started_s = time.monotonic()
    queries = spread(external.judged, limit)
    runs: list[list[QueryRow]] = []
    with bench.place(external.digest[:DIGEST_CHARS], versions[0]) as place:
        corpus = lay_out(external.documents, place / "corpus")
        corpus.write(bench.stop)
        for version in versions:
            with bench.opened(place / "memory", version) as assistant:
                if not runs:
                    indexed = bench.remember(assistant, place / "corpus")
                runs.append(_ask(bench, external, corpus, assistant, queries, asked))
    first, compared = runs[0], runs[1] if len(runs) > 1 else []
    return ExternalReport(
        name=external.name,
        folder=external.folder,
        digest=external.digest,
        documents=len(external.documents),
        blank_documents=external.blank_documents,
        judged=len(external.judged),
        asked=len(queries),
        unknown_documents=external.unknown_documents,
        unknown_queries=external.unknown_queries,
        indexed=indexed,
        categories=tuple(_figures(name, rows) for name, rows in _categories(first).items()),
        total=_figures("all", first),
        differences=tuple(_differences(first, compared)) if compared else (),
        hits=_hits_needed(versions[0]),
        recall_ms=latency([row.recall_ms for row in first]),
        took_s=round(time.monotonic() - started_s, 1),
        queries=tuple(first),
        compared_queries=tuple(compared),
        about=dict(external.about),
    )


def _ask(
    bench: Bench,
    external: ExternalSet,
    corpus: CorpusFiles,
    assistant: Assistant,
    queries: Sequence[ExternalQuery],
    asked: Callable[[str, int, int], None],
) -> list[QueryRow]:
    k = _hits_needed(assistant.settings.parameters)
    found: dict[str, list[str]] = {}
    took_ms: dict[str, float] = {}
    for number, query in enumerate(queries):
        bench.go_on()
        asked(external.name, number, len(queries))
        filters = Filters(paths=(corpus.group_folder(query.group),)) if query.group is not None else Filters()
        started_s = time.perf_counter()
        result = assistant.recall(question(query.text, k=k, filters=filters))
        took_ms[query.id] = (time.perf_counter() - started_s) * 1000
        found[query.id] = documents_of(result, corpus)
    scores = score(external, found)
    return [
        QueryRow(
            id=query.id,
            category=query.category,
            ndcg_at_10=scores[query.id][0],
            mrr_at_10=scores[query.id][1],
            recall_at_20=scores[query.id][2],
            found=len(found[query.id]),
            recall_ms=round(took_ms[query.id], 2),
        )
        for query in queries
    ]


def spread(questions: Sequence[One], limit: int | None) -> Sequence[One]:
    """At most ``limit`` of them, from all over the list: its neighbours are often alike."""
    if limit is None or limit >= len(questions):
        return questions
    return [questions[at * len(questions) // limit] for at in range(limit)]


def _hits_needed(version: int) -> int:
    """Hits that lie in ``DEPTH`` documents when there are so many: recall lets others have their turn after
    ``per_source`` hits of a file. More than ``candidates`` would change what is ranked."""
    parameters = PARAMETER_SETS[version]
    return min(MAX_K, max(DEPTH, min(DEPTH * parameters.per_source, parameters.candidates)))


def documents_of(result: RecallResult, corpus: CorpusFiles) -> list[str]:
    """Ids of the documents of the hits, best first, each once. What was folded into a hit for having the same words
    comes right after it."""
    found: dict[str, None] = {}
    for hit in result.items:
        here = corpus.documents_at(hit.cite.path, hit.cite.line, hit.cite.end_line)
        for twin in hit.also:
            path, _, line = twin.rpartition(":")
            here += corpus.documents_at(path, int(line), int(line))
        found.update(dict.fromkeys(here))
    return list(found)


def score(external: ExternalSet, found: dict[str, list[str]]) -> dict[str, tuple[float, float, float]]:
    """nDCG@10, MRR@10 and recall@20 of each query, from ids of documents, best first."""
    grades = external.grades
    qrels = [ir_measures.Qrel(query, one, grade) for query in found for one, grade in grades[query].items()]
    run = [
        ir_measures.ScoredDoc(query, one, float(len(ids) - at))
        for query, ids in found.items()
        for at, one in enumerate(ids)
    ]
    scores = {query: dict.fromkeys((_NDCG, _MRR, _RECALL), 0.0) for query in found}
    for metric in ir_measures.iter_calc([_NDCG, _MRR, _RECALL], qrels, run):
        scores[metric.query_id][metric.measure] = float(metric.value)
    return {query: (by[_NDCG], by[_MRR], by[_RECALL]) for query, by in scores.items()}


def _categories(rows: Sequence[QueryRow]) -> dict[str, list[QueryRow]]:
    """Empty when no query has a category; queries without one are then left to the total."""
    found: dict[str, list[QueryRow]] = {}
    for row in rows:
        if row.category is not None:
            found.setdefault(row.category, []).append(row)
    return dict(sorted(found.items()))


def _figures(name: str, rows: Sequence[QueryRow]) -> RankingFigures:
    found = figures_of({figure: [mean_share(getattr(row, figure)) for row in rows] for figure in FIGURES})
    return RankingFigures(name=name, queries=len(rows), **found)  # type: ignore[arg-type]  # rows are never none


def _differences(first: Sequence[QueryRow], compared: Sequence[QueryRow]) -> list[Difference]:
    """By category and for all; the tests of the categories are adjusted for their number."""
    sides = list(zip(first, compared, strict=True))
    groups: dict[str, list[tuple[QueryRow, QueryRow]]] = {}
    for pair in sides:
        if pair[0].category is not None:
            groups.setdefault(pair[0].category, []).append(pair)
    found = []
    for figure in COMPARED:
        for some in (dict(sorted(groups.items())), {"all": sides}):
            pairs = {
                name: [(getattr(one, figure), getattr(two, figure)) for one, two in inside]
                for name, inside in some.items()
            }
            found += differences_of(figure, pairs)
    return found


def mean_of(reports: Sequence[ExternalReport]) -> ExternalMean | None:
    """``None`` unless there are two sets at least."""
    if len(reports) < 2:
        return None
    means = mean_figures(
        [{figure: [getattr(row, figure) for row in one.queries] for figure in FIGURES} for one in reports]
    )
    differences = [
        mean_difference(
            "all",
            figure,
            [
                [
                    (getattr(a, figure), getattr(b, figure))
                    for a, b in zip(one.queries, one.compared_queries, strict=True)
                ]
                for one in reports
            ],
        )
        for figure in COMPARED
        if all(one.compared_queries for one in reports)
    ]
    return ExternalMean(sets=len(reports), **means, differences=tuple(differences))

"""What an evaluation found, as tables for a person or one JSON object for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from assistant.cli.plain import as_json_object, safe
from assistant.cli.render import console

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.evaluation.findings import (
        ClassFigures,
        Difference,
        Evaluation,
        ExternalMean,
        ExternalReport,
        Figure,
        GoldenReport,
        RankingFigures,
    )
    from assistant.evaluation.memories import Indexed

_COMPARISON = (
    "Change: {compared} less {first}, over the same questions. p: two-sided randomisation test. Within noise: p, "
    "adjusted for the number of classes looked at (Holm), is 0.05 or more."
)
_GOLDEN_COLUMNS = {
    "recall\n@20": "recall_at_20",
    "nDCG@10": "ndcg_at_10",
    "MRR": "mrr",
    "rightly answered": "abstention_accuracy",
    "right": "right",
    "to the point": "to_the_point",
    "citation precision": "citation_precision",
}
_EXTERNAL_COLUMNS = {"nDCG@10": "ndcg_at_10", "MRR@10": "mrr_at_10", "recall\n@20": "recall_at_20"}
_NAMES = {"ndcg_at_10": "nDCG@10", "recall_at_20": "recall@20", "abstention_accuracy": "rightly answered"}


def evaluated(found: Evaluation, *, show: bool, as_json: bool) -> None:
    """Everything as JSON; for a person the tables, and with ``show`` the questions that fell short."""
    if as_json:
        as_json_object(found)
        return
    out = console()
    for golden in found.golden:
        _golden(out, golden, found)
        for line in golden.shortfalls if show else ():
            out.print(Text(safe(line), style="yellow"))
        out.print()
    if found.external:
        _external(out, found.external, found.external_mean)
        out.print()
    out.print(Text(safe(f"Model {found.model}, parameters {found.parameters}, {found.took_s:.0f} s.")))
    out.print(Text("Beside or below each figure: its 95 % interval (bootstrap over questions)."))
    if found.compared:
        out.print(Text(safe(_COMPARISON.format(compared=found.compared, first=found.parameters))))
    for remark in found.remarks:
        out.print(Text(safe(remark), style="yellow"))


# golden files


def _golden(out: Console, golden: GoldenReport, found: Evaluation) -> None:
    table = _table("class", "n", *_GOLDEN_COLUMNS)
    for part in golden.parts:
        for row in (*part.classes, part.total):
            _golden_row(out, table, row, bold=row is part.total)
        table.add_section()
    if len(golden.parts) > 1:
        _golden_row(out, table, golden.total, bold=True)
    out.print(Text(safe(golden.file), style="bold"))
    out.print(table)
    for row in (*(part.total for part in golden.parts), *([golden.total] if len(golden.parts) > 1 else [])):
        out.print(Text(safe(_abstention(row))))
    out.print(
        Text(
            f"{golden.citations} citations: {golden.citations_verified:.1%} verified byte for byte; "
            f"recall p50 {golden.recall_ms.p50} ms, p95 {golden.recall_ms.p95} ms; "
            f"ask p50 {golden.ask_ms.p50} ms, p95 {golden.ask_ms.p95} ms"
        )
    )
    out.print(Text(safe(_indexed(golden.indexed))))
    if found.compared:
        for part in golden.parts:
            _differences(out, part.differences, f"Differences, {part.name}")
        if len(golden.parts) > 1:
            _differences(out, golden.differences, "Differences, all")


def _golden_row(out: Console, table: Table, row: ClassFigures, *, bold: bool) -> None:
    figures = (getattr(row, field) for field in _GOLDEN_COLUMNS.values())
    _add_row(out, table, row.name, row.questions, figures, bold=bold)


def _abstention(row: ClassFigures) -> str:
    words = [f"{row.name}: abstention accuracy {_share(row.abstention_accuracy)} (rightly answered or rightly refused)"]
    if row.answered_share:
        words.append(f"answered {_share(row.answered_share)} of the answerable")
    if row.refused_share:
        words.append(f"refused {_share(row.refused_share)} of the rest")
    return "; ".join(words)


def _share(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.1%} [{figure.low:.1%}, {figure.high:.1%}]"


# external sets


def _external(out: Console, sets: Sequence[ExternalReport], mean: ExternalMean | None) -> None:
    table = _table("set", "n", *_EXTERNAL_COLUMNS, "p50 ms", "p95 ms", "items", "files/s")
    for one in sets:
        speed = "" if one.indexed.files_per_s is None else f"{one.indexed.files_per_s:.0f}"
        more = (f"{one.recall_ms.p50:.0f}", f"{one.recall_ms.p95:.0f}", str(one.indexed.items), speed)
        _external_row(out, table, one.name, one.asked, one.total, more, bold=True)
        for row in one.categories:
            _external_row(out, table, f"  category {row.name}", row.queries, row, ("",) * 4)
    if mean is not None:
        table.add_section()
        _external_row(
            out, table, f"mean of {mean.sets} sets", sum(one.asked for one in sets), mean, ("",) * 4, bold=True
        )
    out.print(table)
    for one in sets:
        for line in _remarks(one):
            out.print(Text(safe(f"{one.name}: {line}")))
    for one in sets:
        _differences(out, one.differences, f"Differences, {one.name}")
    if mean is not None:
        _differences(out, mean.differences, f"Differences, mean of {mean.sets} sets")


def _external_row(
    out: Console,
    table: Table,
    name: str,
    queries: int,
    row: RankingFigures | ExternalMean,
    more: Sequence[str],
    *,
    bold: bool = False,
) -> None:
    figures = (getattr(row, field) for field in _EXTERNAL_COLUMNS.values())
    _add_row(out, table, name, queries, figures, more, bold=bold)


def _remarks(one: ExternalReport) -> list[str]:
    found = [f"{_indexed(one.indexed)}; recall was asked for {one.hits} hits"]
    if one.asked < one.judged:
        found.append(f"only {one.asked} of {one.judged} judged queries were asked")
    if one.blank_documents:
        found.append(f"{one.blank_documents} documents hold no text and cannot be found")
    if one.unknown_documents:
        found.append(f"{one.unknown_documents} judgements name a document that is not in the corpus; they do not count")
    if one.unknown_queries:
        found.append(f"{one.unknown_queries} judgements name a query that does not exist; they do not count")
    return found


# both


def _indexed(indexed: Indexed) -> str:
    what = f"{indexed.files} files, {indexed.items} pieces"
    if indexed.reused:
        what += f"; the memory kept in {indexed.kept} was REUSED, nothing was indexed"
    else:
        rates = [
            f"{rate:.0f} {unit}/s {verb}"
            for rate, unit, verb in (
                (indexed.files_per_s, "files", "read"),
                (indexed.items_per_s, "pieces", "embedded"),
            )
            if rate is not None
        ]
        what += "; " + ", ".join(rates) if rates else ""
        what += f"; kept in {indexed.kept}" if indexed.kept else ""
    if indexed.problems:
        what += f"; {indexed.problems} files could not be read"
    return what


def _differences(out: Console, differences: Sequence[Difference], name: str) -> None:
    if not differences:
        return
    out.print(Text(safe(f"\n{name}"), style="bold"))
    table = _table("", "figure", "n", "first", "compared", "change", "p", "")
    for one in differences:
        change = f"{one.difference:+.3f}{_between(out)}[{one.low:+.2f}, {one.high:+.2f}]"
        style = {"better": "green", "worse": "red", "within noise": "dim"}[one.verdict]
        table.add_row(
            Text(safe(one.group)),
            _NAMES[one.figure],
            str(one.questions),
            f"{one.first:.3f}",
            f"{one.compared:.3f}",
            change,
            f"{one.p:.3f}" if one.p >= 0.001 else "<0.001",
            Text(one.verdict, style=style),
        )
    out.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for number, column in enumerate(columns):
        if number:
            table.add_column(Text(column), justify="right", overflow="fold")
        else:
            table.add_column(Text(column), no_wrap=True)
    return table


def _add_row(
    out: Console,
    table: Table,
    name: str,
    count: int,
    figures: object,
    more: Sequence[str] = (),
    *,
    bold: bool = False,
) -> None:
    style = "bold" if bold else ""
    cells = [_cell(out, figure) for figure in figures]  # type: ignore[attr-defined]
    table.add_row(Text(safe(name)), str(count), *cells, *more, style=style)


def _cell(out: Console, figure: Figure | None) -> Text:
    if figure is None:
        return Text()
    text = Text(f"{figure.value:.3f}")
    return text.append(f"{_between(out)}{_short(figure.low)}-{_short(figure.high)}", style="dim")


def _short(value: float) -> str:
    """Two digits: ``.93``, ``1.0``."""
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else "1.0"


def _between(out: Console) -> str:
    """An interval stands below its figure on a terminal, which is narrow, and beside it in a file."""
    return " " if out.soft_wrap else "\n"

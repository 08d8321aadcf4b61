"""From results to text for a person, or one JSON object for a program. Results on stdout."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from textwrap import indent
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from assistant.cli.plain import as_json_object, place, receipt, safe
from assistant.core.filenames import to_disk

if TYPE_CHECKING:
    from assistant.contracts.answers import Answer
    from assistant.contracts.events import EmbeddingFinished, FolderScanned
    from assistant.contracts.items import MemoryItem, RecallHit, RecallResult
    from assistant.contracts.reports import Forgotten, Status

SURE = 0.65
"""Below this probability (of the memory holding an answer) an answer is shown as uncertain."""
_BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<code>.*?)\n```$|"
    r"^(?P<header>\|[^\n]*\|)\n\|[-|]+\|\n(?P<rows>(?:\|[^\n]*\|(?: \[\d+\])*(?:\n|\Z))+)",
    re.DOTALL | re.MULTILINE,
)
"""An excerpt of code, or a table."""
_BAR = re.compile(r"(?<!\\)\|")
_MARK = re.compile(r"\[\d+\](?=\s|$)")


_NAMED = 10
"""Problems that are new and named right after a scan."""
_UNFOLDED_COLUMNS = 4096
_UNKNOWN_COLUMNS = 80


def console() -> Console:
    """Lines are folded for a terminal only: a pipe, a file or an editor gets them whole."""
    if sys.stdout.isatty():
        out = Console(highlight=False)
        return out if out.width > 0 else Console(highlight=False, width=_UNKNOWN_COLUMNS)
    return Console(highlight=False, soft_wrap=True, width=_UNFOLDED_COLUMNS)


def _print_indented(out: Console, text: str, columns: int, style: str = "") -> None:
    if out.soft_wrap:
        out.print(Text(indent(text, " " * columns), style=style))
    else:
        out.print(Padding(Text(text, style=style), (0, 0, 0, columns)))


def _linked(path: str, line: int, end_line: int) -> Text:
    text = Text(place(path, line, end_line), style="cyan")
    if os.path.isabs(path) and "@" not in os.path.basename(path):
        from urllib.parse import quote

        text.stylize(f"link file://{quote(os.fsencode(to_disk(path)))}")
    return text


def added(scans: Sequence[FolderScanned], embedding: EmbeddingFinished | None, pending: int, *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        as_json_object(
            {
                "folders": [asdict(scan) for scan in scans],
                "embedded": embedding.done if embedding else 0,
                "pending_vectors": pending,
            }
        )
        return
    out = console()
    for scan in scans:
        parts = [f"{scan.found} sources", f"{scan.read} read", f"{scan.unchanged} unchanged"]
        parts += [f"{scan.gone} gone"] if scan.gone else []
        parts += [f"{scan.problems} with problems (assistant status --problems)"] if scan.problems else []
        out.print(Text(safe(f"{scan.root}: {', '.join(parts)}; searchable by words in {scan.took_s:.1f} s")))
        for path, reason in scan.named[:_NAMED]:
            out.print(Text(safe(f"  {path}: {reason}"), style="yellow"))
        if len(scan.named) > _NAMED:
            out.print(Text("  and more (assistant status --problems)", style="yellow"))
    if embedding is not None and embedding.done:
        speed = embedding.done / embedding.took_s if embedding.took_s else 0.0
        out.print(Text(f"{embedding.done} pieces learned by meaning in {embedding.took_s:.1f} s ({speed:.0f}/s)"))
    if pending:
        out.print(Text(f"{pending} pieces can be found by their words only so far; `assistant add` goes on with them"))


def answered(answer: Answer, roots: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        as_json_object(answer)
        return
    out = console()
    if answer.answered:
        if answer.confidence < SURE:
            out.print(Text("Not certain, but the nearest the memory comes to an answer:", style="dim"))
        _print_answer(out, safe(answer.answer))
        out.print()
        for citation in answer.citations:
            out.print(Text(f"[{citation.n}] ", style="bold") + _linked(citation.path, citation.line, citation.end_line))
    elif not roots and not answer.nearest:
        out.print(Text("Nothing is remembered yet. Name a folder first: assistant add ~/notes"))
    else:
        out.print(Text(answer.answer))
        if answer.nearest:
            out.print(Text("Nearest to it:", style="dim"))
            for hit in answer.nearest:
                out.print(Text("  ") + _linked(hit.cite.path, hit.cite.line, hit.cite.end_line))
                _print_indented(out, safe(hit.snippet), 4, "dim")
    out.print(Text(receipt(answer.revision, answer.sources_fresh, answer.sources_checked), style="dim"))


def _print_answer(out: Console, text: str) -> None:
    at = 0
    for block in _BLOCK.finditer(text):
        if lead := text[at : block.start()].strip("\n"):
            out.print(_marked(lead))
        if block["rows"] is None:
            _print_code(out, block["code"], block["language"] or "text")
        else:
            _print_table(out, block["header"], block["rows"])
        at = block.end()
    if rest := text[at:].strip("\n"):
        out.print(_marked(rest))


def _print_table(out: Console, header: str, rows: str) -> None:
    """The last column holds the numbers of the citations; each is of its row and of the unmarked ones above it."""
    if out.soft_wrap:
        rule = "|".join("-" * len(cell) for cell in _BAR.split(header))
        _print_indented(out, "\n".join((header, rule, rows.rstrip("\n"))), 2)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in _cells(header):
        table.add_column(Text(name), overflow="fold")
    table.add_column()
    for row in rows.rstrip("\n").split("\n"):
        end = row.rindex("|") + 1
        table.add_row(*map(Text, _cells(row[:end])), _marked(row[end:].strip()))
    out.print(Padding(table, (0, 0, 0, 2)))


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(line)[1:-1]]


def _print_code(out: Console, code: str, language: str) -> None:
    if out.soft_wrap:
        _print_indented(out, code, 2)
    else:
        from rich.syntax import Syntax  # takes a tenth of a second, and few answers are code

        out.print(Padding(Syntax(code, language, theme="ansi_dark", word_wrap=True), (0, 0, 0, 2)))


def _marked(text: str) -> Text:
    marked = Text(text)
    marked.highlight_regex(_MARK, "bold cyan")
    return marked


def recalled(result: RecallResult, roots: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        as_json_object(result)
        return
    out = console()
    if not result.items and not roots:
        out.print(Text("Nothing is remembered yet. Name a folder first: assistant add ~/notes"))
    elif not result.items:
        out.print(Text("Nothing found."))
    for number, hit in enumerate(result.items, 1):
        stale = "" if hit.fresh else "  (changed since it was read)"
        out.print(
            Text(f"{number:>2}. {hit.score:.2f}  ")
            + _linked(hit.cite.path, hit.cite.line, hit.cite.end_line)
            + Text(stale, style="yellow")
        )
        _print_indented(out, safe(hit.snippet), 4)
        if hit.also:
            _print_indented(out, safe("also in " + ", ".join(hit.also)), 4, "dim")
        if hit.explain:
            _print_indented(out, _explained(hit), 4, "dim")
    out.print(Text(receipt(result.revision, result.sources_fresh, result.sources_checked), style="dim"))
    if result.pending_vectors:
        out.print(Text(f"{result.pending_vectors} pieces are found by their words only so far", style="dim"))


def _explained(hit: RecallHit) -> str:
    why = hit.explain
    if why is None:
        return ""
    cosine = "none" if why.dense_cosine is None else f"{why.dense_cosine:.3f}"
    by = f" by {' and '.join(why.rerankers)}" if why.rerankers else ""
    parts = f"meaning {why.dense:+.3f}, words {why.sparse:+.3f}, recency {why.recency:+.3f}"
    return safe(
        f"{hit.score:.3f} = {parts}, source {why.source_quality:+.3f}, rerank {why.rerank:+.3f}{by}, "
        f"held {why.held:+.3f} (cosine {cosine}, BM25 {why.bm25:.2f}, stems {' '.join(why.matched_terms) or 'none'}; "
        f"{why.parameters})"
    )


def shown(item: MemoryItem, *, as_json: bool) -> None:
    if as_json:
        as_json_object(item)
        return
    out = console()
    out.print(_linked(item.cite.path, item.cite.line, item.cite.end_line))
    meta = item.meta
    facts_of = [
        meta.kind,
        meta.language,
        meta.title,
        meta.scope,
        item.source.timestamp and item.source.timestamp.date(),
    ]
    out.print(Text(safe(", ".join(str(fact) for fact in facts_of if fact)), style="dim"))
    out.print(Text(safe(item.text)))
    out.print(Text(safe("found by: " + " ".join(item.sparse.terms[:12])), style="dim"))


def told_status(found: Status, *, as_json: bool) -> None:
    if as_json:
        as_json_object(found)
        return
    out = console()
    table = Table(box=None, pad_edge=False, show_header=bool(found.roots))
    for column in ("remembered folder", "sources", "pieces", "problems"):
        table.add_column(column, justify="left" if column == "remembered folder" else "right", overflow="fold")
    for root in found.roots:
        table.add_row(Text(safe(root.path)), str(root.sources), str(root.items), str(root.problems))
    if found.roots:
        out.print(table)
    else:
        out.print(Text("Nothing is remembered yet. Name a folder first: assistant add ~/notes"))
    share = 100.0 * found.searchable_by_meaning / found.items if found.items else 100.0
    installed = "" if found.model_installed else " (not prepared yet)"
    reranker = found.reranker if found.reranker_installed else f"{found.reranker} (not installed: default)"
    for line in (
        f"revision {found.revision}; {found.searchable_by_words} of {found.items} pieces searchable by words, "
        f"{found.searchable_by_meaning} by meaning ({share:.0f} %)",
        f"model {found.model}{installed}, reranker {reranker}, recall parameters {found.parameters}",
        f"{found.store_bytes / 1e6:.1f} MB in {found.data_folder}",
    ):
        out.print(Text(safe(line)))
    if found.process is not None:
        from assistant.cli.render_process import process

        for told in process(found.process):
            out.print(told)
    if found.busy:
        out.print(Text("Another process is writing to the memory at the moment.", style="yellow"))
    for problem in found.problems:
        out.print(Text(safe(f"  {problem.path}: {problem.reason}"), style="yellow"))
    if found.problem_count and not found.problems:
        out.print(Text(f"{found.problem_count} sources could not be read: assistant status --problems", style="yellow"))


def forgotten(done: Forgotten, *, as_json: bool) -> None:
    if as_json:
        as_json_object(done)
        return
    out = console()
    out.print(Text(safe(f"Forgot {done.sources} sources ({done.items} pieces) of {done.path}; {done.proof}.")))
    if done.returns:
        out.print(Text(safe(done.returns), style="yellow"))


def listed(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        as_json_object({"models": list(rows)})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("model", "role", "dimension", "tokens", "scripts", "licence", "state"):
        table.add_column(column, overflow="fold", no_wrap=column in ("model", "role"))
    shown = ("id", "role", "dimension", "max_tokens", "scripts", "licence", "state")
    for row in rows:
        table.add_row(*(Text(safe("" if row[name] is None else str(row[name]))) for name in shown))
    console().print(table)


def facts(values: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        as_json_object(values)
        return
    out = console()
    for name, value in values.items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        out.print(Text(safe(f"{name.replace('_', ' ')}: {shown}")))

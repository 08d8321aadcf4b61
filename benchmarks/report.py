"""Figures into the document: ``python -m benchmarks.report [--into docs/benchmarks.md] FILE...``

``FILE``: what ``python -m benchmarks --json FILE`` kept; of what several hold, the last counts. What stands in the
document between ``<!-- figures: NAME -->`` and ``<!-- end -->`` is replaced by the table of that name: ``machine``,
``targets``, or a benchmark.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import plain
from benchmarks.tables import table

REGION = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Kept = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description="Put figures into a document.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what `python -m benchmarks --json` kept")
    parser.add_argument("--into", type=Path, default=Path("docs/benchmarks.md"), help="the document")
    asked = parser.parse_args()
    kept = merged([json.loads(path.read_text(encoding="utf-8")) for path in asked.files])
    document, unknown = filled(asked.into.read_text(encoding="utf-8"), kept)
    asked.into.write_text(document, encoding="utf-8")
    for name in unknown:
        print(f"{asked.into}: there are no figures for {name}; what stood there stays.")


def merged(runs: Sequence[Kept]) -> dict[str, Any]:
    """One run made of several. A target is taken from the run that measured it."""
    result: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    for run in runs:
        result.update(run)
        for one in run.get("targets", ()):
            if one["line"] not in targets or one["measured"] is not None:
                targets[one["line"]] = one
    result["targets"] = list(targets.values())
    return result


def filled(document: str, kept: Kept) -> tuple[str, list[str]]:
    """The document with its regions replaced, and the names of those there are no figures for."""
    unknown: list[str] = []

    def fill(region: re.Match[str]) -> str:
        text = _text(region[2], kept)
        if text is None:
            unknown.append(region[2])
            return region[0]
        return f"{region[1]}\n{text}\n\n{region[3]}"

    return REGION.sub(fill, document), unknown


def _text(name: str, kept: Kept) -> str | None:
    if name not in kept:
        return None
    if name == "machine":
        return _machine(kept["machine"])
    if name == "targets":
        return _targets(kept["targets"])
    notes, figures = kept[name]["notes"], kept[name]["figures"]
    if any(note.startswith("|") for note in notes):
        return "\n\n".join(map(_note, notes))
    rows = [[one["what"], _value(one)] for one in figures.values()]
    return "\n\n".join([table(["what", "measured"], rows), *notes])


def _note(note: str) -> str:
    """A table and the lines below it, which are made a list."""
    lines = note.split("\n")
    rows = [line for line in lines if line.startswith("|")]
    rest = [f"* {line}" for line in lines if not line.startswith("|")]
    return "\n".join([*rows, "", *rest]) if rows else "\n".join(rest)


def _machine(facts: Kept) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    flags = ", ".join(facts["flags"]) or "none"
    load = facts["load_average"][0]
    busy = (
        "" if load < facts["logical_cores"] else " **It was busy with other work: times are too long; see the ratios.**"
    )
    return (
        f"Measured on {facts['date'][:10]}: {facts['processor']}, {facts['logical_cores']} cores ({flags}), "
        f"{facts['memory_gib']} GiB, {facts['system']}, Python {facts['python']}, {versions}. "
        f"Load average at the start: {load}.{busy}"
    )


def _targets(targets: Sequence[Kept]) -> str:
    rows = [
        [
            one["line"],
            one["target"],
            "" if one["measured"] is None else f"{plain(one['measured'])} {one['unit']}",
            "" if one["ratio"] is None else f"{one['ratio']:.2f}",
            f"{one['verdict']}: {one['why']}" if one["why"] else one["verdict"],
        ]
        for one in targets
    ]
    return table(["what is promised", "target", "measured", "measured : target", ""], rows)


def _value(figure: Kept) -> str:
    text = f"{plain(figure['value'])} {figure['unit']}".strip()
    if figure["low"] is None or figure["high"] is None:
        return text
    return f"{text} ({plain(figure['low'])} to {plain(figure['high'])})"


if __name__ == "__main__":
    main()

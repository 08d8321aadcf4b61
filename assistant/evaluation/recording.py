"""The results of evaluations, kept in a SQLite file of this user: one row a target, one a question."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from assistant.evaluation.findings import Evaluation, ExternalReport, GoldenReport
from assistant.locations import locate

_ROWS = {"questions", "compared_questions", "queries", "compared_queries"}
_LISTS = {"parts", "categories", "differences", "shortfalls", "about"}


def keep_result(found: Evaluation) -> None:
    """Add a result to the evaluations database. Figures become three columns: the value, ``_low`` and ``_high``."""
    import sqlite_utils

    path = locate().evaluations
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    shared = found.model_dump(mode="json", exclude={"golden", "external", "external_mean", "took_s"})
    database = sqlite_utils.Database(path)
    try:
        targets: list[GoldenReport | ExternalReport] = [*found.golden, *found.external]
        for one in targets:
            run = one.model_dump(mode="json", exclude=_ROWS | _LISTS)
            row = database.table("runs").insert({**shared, **_flat(run), "at": at}, alter=True)
            table, rows = _rows(one)
            database.table(table).insert_all(
                ({"run": row.last_pk, **single.model_dump(mode="json")} for single in rows), alter=True
            )
    finally:
        database.close()


def _rows(one: GoldenReport | ExternalReport) -> tuple[str, Any]:
    return ("questions", one.questions) if isinstance(one, GoldenReport) else ("queries", one.queries)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names joined by an underscore; the value of a figure under the figure's own name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        full = prefix if name == "value" else f"{prefix}_{name}" if prefix else name
        if isinstance(value, Mapping):
            found.update(_flat(value, full))
        else:
            found[full] = value
    return found

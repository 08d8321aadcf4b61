"""The job as the rest of the package sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

READY = "ready"
LEASED = "leased"
DONE = "done"


@dataclass(frozen=True)
class Job:
    id: int
    kind: str
    payload: dict[str, Any]
    state: str
    attempts: int
    run_at: float
    lease_until: float | None
    worker: str | None
    dedupe_key: str | None
    last_error: str | None

    @classmethod
    def from_row(cls, row) -> "Job":
        return cls(
            id=row["id"],
            kind=row["kind"],
            payload=json.loads(row["payload"]),
            state=row["state"],
            attempts=row["attempts"],
            run_at=row["run_at"],
            lease_until=row["lease_until"],
            worker=row["worker"],
            dedupe_key=row["dedupe_key"],
            last_error=row["last_error"],
        )

"""Everything that touches the SQLite file."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from .errors import LeaseLost
from .model import DONE, LEASED, READY, Job

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'ready',
    attempts    INTEGER NOT NULL DEFAULT 0,
    run_at      REAL NOT NULL,
    lease_until REAL,
    worker      TEXT,
    dedupe_key  TEXT,
    last_error  TEXT,
    created_at  REAL NOT NULL,
    finished_at REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_dedupe ON jobs(dedupe_key)
    WHERE dedupe_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_next ON jobs(state, run_at, id);
CREATE TABLE IF NOT EXISTS dead (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL,
    payload    TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    last_error TEXT,
    died_at    REAL NOT NULL
);
"""


class Store:
    def __init__(
        self,
        path: str,
        dedupe_hours: float = 24,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._dedupe_seconds = dedupe_hours * 3600
        self._db = sqlite3.connect(path, timeout=5, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        # IMMEDIATE, see docs/design.md
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- putting jobs in ---------------------------------------------------

    def enqueue(
        self,
        kind: str,
        payload: dict[str, Any] | None = None,
        delay: float = 0,
        dedupe_key: str | None = None,
    ) -> int | None:
        """Returns the id, or None when a job with the same key is known."""
        now = self._clock()
        with self._write() as db:
            if dedupe_key is not None:
                db.execute(
                    "UPDATE jobs SET dedupe_key = NULL"
                    " WHERE dedupe_key = ? AND state = ? AND finished_at < ?",
                    (dedupe_key, DONE, now - self._dedupe_seconds),
                )
            cursor = db.execute(
                "INSERT INTO jobs (kind, payload, run_at, dedupe_key, created_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (kind, json.dumps(payload or {}), now + delay, dedupe_key, now),
            )
            return cursor.lastrowid if cursor.rowcount else None

    # -- taking and finishing ----------------------------------------------

    def lease(
        self, worker: str, seconds: float, skip_kinds: list[str] | None = None
    ) -> Job | None:
        """Takes the oldest due job; an expired lease is due as well."""
        now = self._clock()
        skip = skip_kinds or []
        marks = ",".join("?" for _ in skip)
        with self._write() as db:
            row = db.execute(
                "SELECT * FROM jobs WHERE ((state = ? AND run_at <= ?)"
                " OR (state = ? AND lease_until < ?))"
                f" AND kind NOT IN ({marks}) ORDER BY run_at, id LIMIT 1",
                (READY, now, LEASED, now, *skip),
            ).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = ?, worker = ?, lease_until = ?,"
                " attempts = attempts + 1 WHERE id = ?",
                (LEASED, worker, now + seconds, row["id"]),
            )
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (row["id"],)).fetchone()
        return Job.from_row(row)

    def renew(self, job: Job, seconds: float) -> None:
        with self._write() as db:
            changed = db.execute(
                "UPDATE jobs SET lease_until = ?"
                " WHERE id = ? AND state = ? AND worker = ? AND attempts = ?",
                (self._clock() + seconds, job.id, LEASED, job.worker, job.attempts),
            ).rowcount
        if not changed:
            raise LeaseLost(f"job {job.id} is no longer ours")

    def finish(self, job: Job) -> None:
        self._settle(job, "state = ?, finished_at = ?", (DONE, self._clock()))

    def retry(self, job: Job, delay: float, error: str) -> None:
        self._settle(
            job, "state = ?, run_at = ?, last_error = ?", (READY, self._clock() + delay, error)
        )

    def _settle(self, job: Job, assignments: str, values: tuple) -> None:
        with self._write() as db:
            changed = db.execute(
                f"UPDATE jobs SET {assignments}, lease_until = NULL, worker = NULL"
                " WHERE id = ? AND worker = ? AND attempts = ?",
                (*values, job.id, job.worker, job.attempts),
            ).rowcount
        if not changed:
            raise LeaseLost(f"job {job.id} is no longer ours")

    # -- dead letters --------------------------------------------------------

    def bury(self, job: Job, error: str) -> None:
        """Moves a job to the dead table; the id stays the same."""
        with self._write() as db:
            changed = db.execute(
                "DELETE FROM jobs WHERE id = ? AND worker = ? AND attempts = ?",
                (job.id, job.worker, job.attempts),
            ).rowcount
            if not changed:
                raise LeaseLost(f"job {job.id} is no longer ours")
            db.execute(
                "INSERT INTO dead (id, kind, payload, attempts, last_error, died_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (job.id, job.kind, json.dumps(job.payload), job.attempts, error, self._clock()),
            )

    def dead(self, kind: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        where, args = ("WHERE kind = ?", [kind]) if kind else ("", [])
        rows = self._db.execute(
            f"SELECT * FROM dead {where} ORDER BY died_at DESC LIMIT ?", (*args, limit)
        )
        return [dict(row) for row in rows]

    def requeue(self, dead_id: int) -> int:
        """Gives a dead job a new life with zero attempts; returns the new id."""
        now = self._clock()
        with self._write() as db:
            row = db.execute("DELETE FROM dead WHERE id = ? RETURNING *", (dead_id,)).fetchone()
            if row is None:
                raise KeyError(dead_id)
            return db.execute(
                "INSERT INTO jobs (kind, payload, run_at, created_at) VALUES (?, ?, ?, ?)",
                (row["kind"], row["payload"], now, now),
            ).lastrowid

    # -- housekeeping --------------------------------------------------------

    def purge(self, finished_days: float = 14, dead_days: float = 90) -> tuple[int, int]:
        """Deletes old finished and old dead jobs; returns both counts."""
        now = self._clock()
        with self._write() as db:
            done = db.execute(
                "DELETE FROM jobs WHERE state = ? AND finished_at < ?",
                (DONE, now - finished_days * 86400),
            ).rowcount
            dead = db.execute(
                "DELETE FROM dead WHERE died_at < ?", (now - dead_days * 86400,)
            ).rowcount
        return done, dead

    def stats(self) -> dict[str, int]:
        counts = {READY: 0, LEASED: 0, DONE: 0}
        for row in self._db.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state"):
            counts[row["state"]] = row["n"]
        counts["dead"] = self._db.execute("SELECT count(*) FROM dead").fetchone()[0]
        return counts

    def kinds(self) -> list[str]:
        rows = self._db.execute("SELECT DISTINCT kind FROM jobs WHERE state != ?", (DONE,))
        return [row["kind"] for row in rows]

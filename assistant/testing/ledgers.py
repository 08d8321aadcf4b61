"""A fake ledger, and what every ledger must do. A test module makes a subclass and overrides the fixture ``ledger``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from assistant.contracts.process import Job, StoryLine, TaskRun

if TYPE_CHECKING:
    from assistant.contracts.ports import Ledger

MOST_LINES = 20_000


class TransientLedger:
    """A fake of :class:`~assistant.contracts.ports.Ledger`: keeps nothing beyond the process."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[int, StoryLine]] = {}
        self._jobs: dict[int, tuple[Job, str]] = {}
        self._runs: dict[str, TaskRun] = {}

    def last_numbers(self) -> tuple[int, int]:
        return max(self._lines, default=0), max((turn for turn, _ in self._lines.values()), default=0)

    def write_lines(self, lines: Sequence[tuple[int, StoryLine]]) -> None:
        for turn_id, line in lines:
            self._lines[line.number] = (turn_id, line)
        if len(self._lines) > MOST_LINES + 1000:
            self.trim()

    def story(self, turn_id: int | None) -> tuple[int, list[StoryLine]]:
        turn_id = self.last_numbers()[1] if turn_id is None else turn_id
        return turn_id, [line for _, (turn, line) in sorted(self._lines.items()) if turn == turn_id]

    def put_job(self, job: Job, command: str) -> None:
        self._jobs[job.id] = (job, command)

    def jobs(self) -> list[tuple[Job, str]]:
        return [self._jobs[job_id] for job_id in sorted(self._jobs)]

    def drop_job(self, job_id: int) -> None:
        self._jobs.pop(job_id, None)

    def put_run(self, run: TaskRun) -> None:
        self._runs[run.name] = run

    def runs(self) -> dict[str, TaskRun]:
        return dict(self._runs)

    def forget(self, text: str) -> int:
        before = len(self._lines) + len(self._jobs) + len(self._runs)
        self._lines = {key: pair for key, pair in self._lines.items() if text not in _texts(pair[1])}
        self._jobs = {key: pair for key, pair in self._jobs.items() if text not in f"{_texts(pair[0])}{pair[1]}"}
        self._runs = {key: run for key, run in self._runs.items() if text not in _texts(run)}
        return before - len(self._lines) - len(self._jobs) - len(self._runs)

    def trim(self) -> int:
        doomed = sorted(self._lines)[: max(0, len(self._lines) - MOST_LINES)]
        for number in doomed:
            del self._lines[number]
        return len(doomed)

    def close(self) -> None:
        pass


def _texts(thing: Job | StoryLine | TaskRun) -> str:
    return "\n".join(str(value) for value in thing.model_dump().values())


def line(number: int, cause: int | None = None, about: str = "") -> StoryLine:
    """A line of a journal."""
    return StoryLine(
        number=number, cause=cause, at="2026-03-01T12:00:00.000+00:00", message="Ask", topic="command", about=about
    )


def job(number: int, about: str = "") -> Job:
    """A job that runs."""
    return Job(id=number, command="LookAt", about=about, state="running", attempts=1, at="2026-03-01T12:00:00+00:00")


def run_of(name: str, outcome: str = "Done.") -> TaskRun:
    """How a task went."""
    at = "2026-03-01T12:00:00+00:00"
    return TaskRun(name=name, at=at, due_at=at, took_s=1.5, outcome=outcome, figures={"ndcg_at_10": 0.5})


class LedgerSuite:
    """The ledger under test is empty."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        raise NotImplementedError("override this fixture")

    def test_an_empty_ledger(self, ledger: Ledger) -> None:
        assert ledger.last_numbers() == (0, 0)
        assert ledger.story(None) == (0, [])
        assert ledger.jobs() == []
        assert ledger.runs() == {}
        assert ledger.trim() == 0
        assert ledger.forget("anything") == 0
        ledger.drop_job(7)

    def test_a_story_holds_its_turn_only_in_order(self, ledger: Ledger) -> None:
        ledger.write_lines([(1, line(1)), (2, line(2)), (1, line(4, 1)), (1, line(3, 1))])
        assert ledger.story(1) == (1, [line(1), line(3, 1), line(4, 1)])
        assert ledger.story(None) == (2, [line(2)])
        assert ledger.story(9) == (9, [])
        assert ledger.last_numbers() == (4, 2)

    def test_a_line_can_be_completed(self, ledger: Ledger) -> None:
        ledger.write_lines([(1, line(1))])
        done = line(1).model_copy(update={"took_s": 0.25, "failed": "no"})
        ledger.write_lines([(1, done)])
        assert ledger.story(1) == (1, [done])

    def test_the_journal_is_bounded_and_keeps_the_newest(self, ledger: Ledger) -> None:
        for start in range(1, MOST_LINES + 2001, 1000):
            ledger.write_lines([(number // 10, line(number)) for number in range(start, start + 1000)])
        ledger.trim()
        assert ledger.story(1)[1] == []
        last = MOST_LINES + 2000
        assert ledger.last_numbers() == (last, last // 10)
        assert ledger.story(last // 10 - 1)[1]

    def test_jobs_are_kept_replaced_and_dropped(self, ledger: Ledger) -> None:
        ledger.put_job(job(2), '{"paths":[]}')
        ledger.put_job(job(1), "{}")
        ledger.put_job(job(2).model_copy(update={"attempts": 2}), '{"paths":["ä"]}')
        assert ledger.jobs() == [(job(1), "{}"), (job(2).model_copy(update={"attempts": 2}), '{"paths":["ä"]}')]
        ledger.drop_job(1)
        assert [one.id for one, _ in ledger.jobs()] == [2]

    def test_runs_are_kept_by_task(self, ledger: Ledger) -> None:
        ledger.put_run(run_of("sweep"))
        ledger.put_run(run_of("compact"))
        ledger.put_run(run_of("sweep", "Nothing to do."))
        assert ledger.runs() == {"sweep": run_of("sweep", "Nothing to do."), "compact": run_of("compact")}

    def test_what_mentions_a_text_is_forgotten(self, ledger: Ledger) -> None:
        canary = '/home/ann/тайна "quoted"'
        ledger.write_lines([(1, line(1, None, canary)), (1, line(2, 1, "something else"))])
        ledger.put_job(job(1, canary), "{}")
        ledger.put_job(job(2), "{}")
        ledger.put_run(run_of("sweep", f"{canary}: read"))
        assert ledger.forget(canary) == 3
        assert ledger.story(1) == (1, [line(2, 1, "something else")])
        assert [one.id for one, _ in ledger.jobs()] == [2]
        assert ledger.runs() == {}

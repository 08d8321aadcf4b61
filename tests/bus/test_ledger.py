"""The ledger: both kinds through one suite; damage, a kill, and forgetting without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from assistant.contracts.ports import Ledger
from assistant.memory.ledger import LmdbLedger
from assistant.testing.ledgers import LedgerSuite, TransientLedger, job, line, run_of


class TestTransientLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self) -> Ledger:
        return TransientLedger()


class TestLmdbLedger(LedgerSuite):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        ledger = LmdbLedger(tmp_path / "ledger", tmp_path / "aside", pytest.fail)
        yield ledger
        ledger.close()


def test_a_ledger_is_there_again(tmp_path: Path) -> None:
    ledger = LmdbLedger(tmp_path / "ledger", tmp_path / "aside")
    ledger.write_lines([(3, line(9, 4, "ü"))])
    ledger.put_job(job(5), "{}")
    ledger.put_run(run_of("sweep"))
    ledger.close()
    again = LmdbLedger(tmp_path / "ledger", tmp_path / "aside", pytest.fail)
    assert again.story(None) == (3, [line(9, 4, "ü")])
    assert again.jobs() == [(job(5), "{}")]
    assert again.runs() == {"sweep": run_of("sweep")}
    again.close()


def test_what_is_forgotten_is_in_no_byte_of_the_files(tmp_path: Path) -> None:
    canary = "/home/ann/CANARY-5d1f"
    ledger = LmdbLedger(tmp_path / "ledger", tmp_path / "aside")
    ledger.write_lines([(1, line(number, None, canary)) for number in range(1, 200)])
    ledger.put_job(job(1, canary), "{}")
    assert any(b"CANARY-5d1f" in path.read_bytes() for path in (tmp_path / "ledger").iterdir())
    assert ledger.forget(canary) == 200
    ledger.put_job(job(2), "{}")
    assert not any(b"CANARY-5d1f" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    ledger.close()


@pytest.mark.parametrize("damage", ["garbage", "a value", "cut off"])
def test_a_damaged_ledger_is_set_aside_and_a_new_one_begun(tmp_path: Path, damage: str) -> None:
    folder, notes = tmp_path / "ledger", list[str]()
    ledger = LmdbLedger(folder, tmp_path / "aside")
    for number in range(1, 40):
        ledger.put_job(job(number, "x" * 200), "{}")
    ledger.close()
    data = bytearray((folder / "data.mdb").read_bytes())
    if damage == "garbage":
        data[:8192] = os.urandom(8192)
    elif damage == "cut off":
        del data[4096:]
    else:
        data = data.replace(b"x" * 200, b"x" * 199 + b"y")
    (folder / "data.mdb").write_bytes(data)
    again = LmdbLedger(folder, tmp_path / "aside", notes.append)
    assert again.jobs() == []
    again.put_job(job(1), "{}")
    assert len(notes) == 1
    assert "was damaged" in notes[0]
    assert (tmp_path / "aside" / "ledger-1" / "data.mdb").exists()
    again.close()


KILLED = """
import sys
from pathlib import Path
from assistant.memory.ledger import LmdbLedger
from assistant.testing.ledgers import line
ledger = LmdbLedger(Path(sys.argv[1]), Path(sys.argv[2]))
for number in range(1, 100_000):
    ledger.write_lines([(number, line(number))])
    print(number, flush=True)
    if number % 7 == 0:
        ledger.forget("nothing of the kind")
"""


def test_killed_at_any_moment_nothing_that_was_written_is_lost(tmp_path: Path) -> None:
    told = 0
    for least in (1, 8, 23, 60):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / f"l{least}"), str(tmp_path / "aside")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for text in process.stdout:
            told = int(text)
            if told >= least:
                break
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        told = int(rest[-1]) if rest else told
        process.wait()
        process.stdout.close()
        ledger = LmdbLedger(tmp_path / f"l{least}", tmp_path / "aside", pytest.fail)
        last = ledger.last_numbers()[0]
        assert last in (told, told + 1)
        assert all(ledger.story(number)[1] == [line(number)] for number in range(1, last + 1))
        ledger.close()


WORDS = st.sampled_from(["lineword-a", "lineword-b"])


class ReplayMachine(RuleBasedStateMachine):
    """The real ledger, closed and opened at any moment, tells what the fake tells."""

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.real, self.fake = self._opened(), TransientLedger()

    def _opened(self) -> LmdbLedger:
        return LmdbLedger(Path(self.folder.name, "ledger"), Path(self.folder.name, "aside"), pytest.fail)

    @rule(lines=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 40), WORDS), max_size=6))
    def write(self, lines: list[tuple[int, int, str]]) -> None:
        known = {number: turn for turn in range(1, 7) for number in (one.number for one in self.fake.story(turn)[1])}
        wanted = [(known.get(number, turn), line(number, None, about)) for turn, number, about in lines]
        firsts = {one.number: turn for turn, one in reversed(wanted)}  # a line never changes its turn
        wanted = [(firsts[one.number], one) for _, one in wanted]
        self.real.write_lines(wanted)
        self.fake.write_lines(wanted)

    @rule(number=st.integers(1, 5), drop=st.booleans())
    def jobs(self, number: int, drop: bool) -> None:
        for ledger in (self.real, self.fake):
            if drop:
                ledger.drop_job(number)
            else:
                ledger.put_job(job(number), "{}")

    @rule(word=st.sampled_from(["lineword-a", "lineword-b", "zzz"]))
    def forget(self, word: str) -> None:
        assert self.real.forget(word) == self.fake.forget(word)

    @rule()
    def reopen(self) -> None:
        self.real.close()
        self.real = self._opened()

    @rule()
    def compare(self) -> None:
        for turn in range(1, 7):
            assert self.real.story(turn) == self.fake.story(turn)
        assert self.real.jobs() == self.fake.jobs()
        assert self.real.last_numbers() == self.fake.last_numbers()

    def teardown(self) -> None:
        if hasattr(self, "real"):
            self.real.close()
            self.folder.cleanup()


ReplayMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestReplay = ReplayMachine.TestCase

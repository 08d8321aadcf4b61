"""Hostile sources and dying readers as somebody at a terminal meets them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from cli.commandline import CommandLine

from tests.reading.sources import make_repository
from tests.reading_isolated.processes import lives, readers_of, until

SLOW = "a{" * 32_768
"""As reStructuredText this takes its parser minutes."""
LINES = "a,b\n" * 1_500_000
"""Six megabytes whose rows take more memory than the least that can be allowed."""


def problems(line: CommandLine) -> dict[str, str]:
    found = line.inside("status", "--problems", "--json").ended(0).json["problems"]
    return {Path(one["path"]).name: one["reason"] for one in found}


def furnish(line: CommandLine, count: int) -> None:
    """So many files that are read by reader processes."""
    for number in range(count):
        line.write(f"code/{number:04}.py", f"def kettle_{number}():\n    return {number}\n")


def found_words(line: CommandLine) -> int:
    return int(line.inside("status", "--json").ended(0).json["searchable_by_words"])


def test_a_source_that_takes_for_ever(line: CommandLine) -> None:
    line.furnish()
    line.write("slow.rst", SLOW)
    line.environment["ASSISTANT_READ_TIMEOUT_S"] = "1"
    said = line("add", line.stage, "--no-wait").ended(0)
    assert "slow.rst: reading took longer than 1 s" in said.out
    assert "4 sources, 4 read, 0 unchanged, 1 with problems" in said.out
    assert problems(line) == {"slow.rst": "reading took longer than 1 s"}
    assert line.hits("boiler")
    again = line("add", "--no-wait", "--json").ended(0).json["folders"][0]
    assert (again["read"], again["problems"], again["named"]) == (0, 1, [])  # not tried again
    line.write("slow.rst", "A title\n=======\n\nThe kettle is mended.\n")
    assert line("add", "--no-wait", "--json").ended(0).json["folders"][0]["read"] == 1
    assert line.hits("kettle mended")
    assert problems(line) == {}
    line.inside("check").ended(0)


def test_a_source_that_takes_all_memory(line: CommandLine) -> None:
    line.furnish()
    line.write("wide.csv", LINES)
    line.environment["ASSISTANT_READ_MEMORY_BYTES"] = str(128 << 20)
    assert "wide.csv: the reader ran out of memory" in line("add", line.stage, "--no-wait").ended(0).out
    assert problems(line) == {"wide.csv": "the reader ran out of memory"}
    assert line.hits("boiler")


def test_a_changed_source_that_takes_for_ever_does_not_hold_up_a_question(line: CommandLine) -> None:
    line.furnish()
    path = line.write("slow.rst", "The kettle of room 7 is red.\n")
    line("add", line.stage, "--no-wait").ended(0)
    path.write_text("The kettle of room 7 is blue.\n\n" + SLOW)
    line.environment["ASSISTANT_READ_TIMEOUT_S"] = "1"
    said = line("ask", "What colour is the kettle of room 7?", "--json")
    assert "red" not in said.ended(said.code).json["answer"]
    assert problems(line) == {"slow.rst": "reading took longer than 1 s"}
    line.inside("check").ended(0)


def test_piped_text_that_takes_for_ever(line: CommandLine) -> None:
    line.furnish()
    line("add", line.stage, "--no-wait").ended(0)
    page = b"<!doctype html>\n" + b"<b>" * 60_000
    said = line("ask", "What is it?", stdin=page, env={"ASSISTANT_READ_TIMEOUT_S": "1"})
    said.ended(said.code)
    assert said.code in (0, 2, 3)


def test_code_is_asked_about_through_readers(line: CommandLine) -> None:
    line.furnish()
    line.write("kettle.py", 'def boil_kettle():\n    """Boils the kettle for three minutes."""\n    return 180\n')
    line("add", line.stage, "--no-wait").ended(0)
    answer = line("ask", "Which function boils the kettle?", "--json").ended(0).json
    cited = answer["citations"][0]
    data = (line.stage / "kettle.py").read_bytes()
    assert data[cited["start_byte"] : cited["end_byte"]].decode() == cited["quote"]


def test_a_history_is_read_and_asked_about_through_readers(line: CommandLine) -> None:
    make_repository(line.stage, [b"The ferry to Hiiumaa leaves at nine\n\nAs agreed.\n", b"second\n"], pack=True)
    line("add", line.stage, "--no-wait").ended(0)
    hit = line("recall", "ferry Hiiumaa", "--json").ended(0).json["items"][0]
    assert "@" in hit["cite"]["path"]
    assert hit["fresh"] is True
    answer = line("ask", "When does the ferry to Hiiumaa leave?", "--json").ended(0).json
    assert "nine" in answer["answer"]


def reading(line: CommandLine, *arguments: str | Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A command that is at its ``slow.rst``, and its readers."""
    process = line.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    readers: list[int] = []

    def started() -> bool:
        readers[:] = readers_of(process.pid)
        assert process.poll() is None
        return bool(readers)

    until(started, "a reader")
    return process, list(readers)


def test_kill_9_of_the_command_in_the_middle_leaves_no_reader(line: CommandLine) -> None:
    line.furnish()
    line.write("slow.rst", SLOW)
    process, readers = reading(line, "add", line.stage, "--no-wait")
    process.kill()
    process.communicate()
    until(lambda: not any(map(lives, readers)), "readers are gone")
    (line.stage / "slow.rst").unlink()
    assert line("add", line.stage, "--no-wait", "--json").ended(0).json["folders"][0]["found"] == 3
    line.inside("check").ended(0)


def test_ctrl_c_in_the_middle_keeps_what_was_read_and_leaves_no_reader(line: CommandLine) -> None:
    furnish(line, 40)
    line.write("slow.rst", SLOW)
    line.environment["ASSISTANT_READ_TIMEOUT_S"] = "600"
    process, _ = reading(line, "add", line.stage, "--no-wait")
    until(lambda: any(busy_s(number) > 1.0 for number in readers_of(process.pid)), "it is at the slow source")
    readers = readers_of(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert b"Traceback" not in err
    assert b"Stopped" in err
    assert not any(map(lives, readers))
    line.environment["ASSISTANT_READ_TIMEOUT_S"] = "1"
    line("add", line.stage, "--no-wait").ended(0)
    assert found_words(line) == 40
    line.inside("check").ended(0)


def busy_s(number: int) -> float:
    """Processor time that a process has used."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_sigterm_in_the_middle_leaves_no_reader(line: CommandLine) -> None:
    line.write("slow.rst", SLOW)
    process, readers = reading(line, "add", line.stage, "--no-wait")
    process.terminate()
    process.communicate(timeout=60)
    until(lambda: not any(map(lives, readers)), "readers are gone")
    line("check").ended(0)


def test_kill_9_of_the_reader_in_the_middle_of_a_scan(line: CommandLine) -> None:
    furnish(line, 600)
    process, readers = reading(line, "add", line.stage, "--no-wait", "--json")
    for number in readers:
        os.kill(number, signal.SIGKILL)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert found_words(line) == 600, out
    assert problems(line) == {}
    line.inside("check").ended(0)


def test_a_reader_that_is_stopped_in_the_middle_of_a_scan(line: CommandLine) -> None:
    """A reader that hangs where no processor time is used, as on a dead network disk."""
    furnish(line, 600)
    line.environment["ASSISTANT_READ_TIMEOUT_S"] = "1"
    line.environment["ASSISTANT_READERS"] = "1"
    process, readers = reading(line, "add", line.stage, "--no-wait", "--json")
    until(lambda: is_at_work(readers[0]), "it has begun to read")
    os.kill(readers[0], signal.SIGSTOP)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert list(problems(line).values()) in ([], ["reading took longer than 1 s"]), out
    assert found_words(line) >= 599
    assert not lives(readers[0])


def is_at_work(number: int) -> bool:
    """Whether a reader has got as far as a source: then its processor time is limited."""
    try:
        return bool(psutil.Process(number).rlimit(psutil.RLIMIT_CPU)[0] != psutil.RLIM_INFINITY)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("readers", ["1", "3"])
def test_the_number_of_readers_is_a_setting(line: CommandLine, readers: str) -> None:
    furnish(line, 400)
    line.environment["ASSISTANT_READERS"] = readers
    process, _ = reading(line, "add", line.stage, "--no-wait")
    most = 0
    while process.poll() is None:
        most = max(most, len(readers_of(process.pid)))
    process.communicate()
    assert process.returncode == 0
    assert 1 <= most <= int(readers)


@pytest.mark.parametrize(
    ("name", "value"),
    [("READERS", "-1"), ("READ_TIMEOUT_S", "0"), ("READ_TIMEOUT_S", "soon"), ("READ_MEMORY_BYTES", "1000")],
)
def test_limits_that_make_no_sense_are_refused(line: CommandLine, name: str, value: str) -> None:
    line.furnish()
    line.environment[f"ASSISTANT_{name}"] = value
    line("add", line.stage).refused(2, name.lower(), "The settings cannot be used")


def test_a_project_may_not_loosen_the_limits(line: CommandLine) -> None:
    line.furnish()
    (line.stage / ".assistant.toml").write_text("read_timeout_s = 3000\n")
    line("status", cwd=line.stage).refused(2, "a project may not set 'read_timeout_s'")

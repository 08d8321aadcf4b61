"""Ctrl-C, ``kill -9``, and a second process at the same store."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from cli.commandline import CommandLine, Watched, sentences

MEANINGS = "Learning meanings"


def furnish(line: CommandLine, count: int, start: int = 0) -> None:
    for number, text in enumerate(sentences(start + count)[start:], start):
        line.write(f"notes/{number:04}.md", text)


def test_ctrl_c_while_embedding_keeps_what_is_stored_and_goes_on_later(line: CommandLine) -> None:
    furnish(line, 500)
    adding = Watched(line, "add", line.stage)
    adding.until(MEANINGS)
    adding.signal(signal.SIGINT)
    said = adding.end()
    assert said.code == 130
    assert "Stopping after this step" in said.err
    assert "go on" in said.out + said.err
    status = line.inside("status", "--json").json
    assert status["searchable_by_words"] == 500
    assert status["pending_vectors"] > 0
    assert line.hits("boiler room")
    resumed = line.inside("add", "--json").ended(0).json
    assert (resumed["folders"][0]["read"], resumed["embedded"]) == (0, status["pending_vectors"])
    line.inside("check").ended(0)


def test_ctrl_c_twice_ends_at_once(line: CommandLine) -> None:
    furnish(line, 500)
    adding = Watched(line, "add", line.stage)
    adding.until(MEANINGS)
    adding.signal(signal.SIGINT)
    adding.until("Ctrl-C again")
    adding.signal(signal.SIGINT)
    said = adding.end()
    assert said.code == 130
    assert "Traceback" not in said.err
    assert line("check").ended(0)
    assert line.inside("status", "--json").json["searchable_by_words"] == 500


def test_ctrl_c_while_the_program_is_still_loading(line: CommandLine) -> None:
    furnish(line, 1)
    process = line.start("add", line.stage, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    maps = Path(f"/proc/{process.pid}/maps")
    while "_multiarray_umath" not in maps.read_text():  # numpy is on its way in; it turns a Ctrl-C into an ImportError
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Stopp" in err
    assert b"Traceback" not in err
    assert b"mistake" not in err
    line.inside("add", line.stage).ended(0)
    line.inside("check").ended(0)


def test_ctrl_c_when_all_is_done_and_said_changes_nothing(line: CommandLine) -> None:
    program = """
import atexit, os, signal, sys
from assistant.__main__ import main
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
sys.argv = ["assistant", "status"]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=line.env(), check=False, timeout=60)
    assert done.returncode == 0
    assert b"Nothing is remembered yet" in done.stdout
    assert done.stderr == b""


def test_sigterm_is_survived(line: CommandLine) -> None:
    furnish(line, 500)
    adding = Watched(line, "add", line.stage)
    adding.until(MEANINGS)
    adding.signal(signal.SIGTERM)
    assert adding.end().code in (-signal.SIGTERM, 130, 143)
    line("check").ended(0)
    assert line.inside("add", "--no-wait", "--json").json["folders"][0]["read"] == 0


def test_kill_9_at_random_moments_of_add(line: CommandLine) -> None:
    chance = random.Random(20)
    for number in range(5):
        furnish(line, 80, start=80 * number)
        process = line.start("add", line.stage, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.3, 2.0))
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        line("check").ended(0)
    found = line.inside("add", line.stage, "--json").ended(0).json
    assert (found["folders"][0]["found"], found["pending_vectors"]) == (400, 0)
    status = line.inside("status", "--json").json
    assert status["items"] == status["searchable_by_words"] == status["searchable_by_meaning"] == 400
    assert line.inside("check").ended(0)


def test_a_second_process_while_one_is_adding(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    furnish(line, 500)
    adding = Watched(line, "add", line.stage)
    adding.until(MEANINGS)
    adding.signal(signal.SIGSTOP)  # it holds the store as long as this takes
    try:
        hits = line("recall", "boiler pressure cold system", "--json").ended(0).json["items"]
        assert hits[0]["cite"]["path"] == str(line.stage / "boiler.md")
        assert "1.4 bar" in line("ask", "What is the boiler pressure when the system is cold?").ended(0).out
        status = line("status", "--json").ended(0).json
        assert (status["busy"], status["items"]) == (True, 503)
        assert "Another process is writing" in line("status").out
        line("add", line.stage).refused(6, "Another process is writing", "Wait until it is done")
        line("forget", line.stage).refused(6, "Another process is writing")
        line("check", "--json").ended(0)
        (line.stage / "boiler.md").write_text("Nothing about heating.\n")
        stale = line("ask", "What is the boiler pressure when the system is cold?", "--json")
        assert "1.4 bar" not in stale.ended(stale.code).json["answer"]
        hits = line("recall", "boiler pressure cold system", "--json").ended(0).json["items"]
        assert [hit["fresh"] for hit in hits if hit["cite"]["path"].endswith("boiler.md")] in ([], [False])
    finally:
        adding.signal(signal.SIGCONT)
    adding.end().ended(0)
    line.inside("add").ended(0)
    line.inside("check").ended(0)


def test_two_adds_started_together(line: CommandLine) -> None:
    furnish(line, 40)
    both = [line.start("add", line.stage, stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=90) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 6]), said
    assert all(b"Traceback" not in err and b"mistake" not in err for _, err in said)
    line.inside("check").ended(0)
    assert line.inside("status", "--json").json["items"] == 40

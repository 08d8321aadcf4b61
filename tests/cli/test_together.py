"""Many processes and one memory: started at the same instant, and asking for a long time."""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest
from hardness.processes import LIMIT_S, start

from assistant.memory.owner import Owner, note_of, owner_of, this_process
from cli.commandline import CommandLine, sentences
from cli.starters import adds, asks, serves

START_S = 0.02
"""How long after both are ready they begin."""


def heard(talk: Connection) -> Any:
    assert talk.poll(LIMIT_S), "it hangs"
    return talk.recv()


def round_of(line: CommandLine, number: int, owners: list[int]) -> None:
    """Two processes at once; whatever the order, there is one owner at a time and nothing is lost."""
    kinds = ((adds, adds), (serves, adds), (adds, serves), (serves, serves))[number % 4]
    memory = line.home / "data" / "memory"
    if number % 3 == 0 and memory.exists():  # as after a crash, and our number now belongs to a process that lives
        note = note_of(Owner(this_process().pid, "another:1", str(line.home / "data" / "door" / "socket"), "0.1.0"))
        (memory / "lock").write_bytes(note)
    folders = [line.write(f"{number}/{letter}/note.md", f"# {letter}\n\nNote {number}.\n").parent for letter in "ab"]
    started = [
        start(kind, line.home, *((folder,) if kind is adds else ()))
        for kind, folder in zip(kinds, folders, strict=True)
    ]
    for _, talk in started:
        assert heard(talk) == "ready"
    moment_s = time.monotonic() + START_S
    for _, talk in started:
        talk.send(moment_s)
    said: list[Any] = [None, None]
    for place, (kind, (_, talk)) in enumerate(zip(kinds, started, strict=True)):
        said[place] = heard(talk) if kind is adds else None
    if kinds == (serves, serves):  # the one that is not the owner gives up by itself
        loser = int(started[0][0].pid == wait_for_door(line))
        said[loser] = heard(started[loser][1])
    for place, (_, talk) in enumerate(started):
        if said[place] is None:
            talk.send("stop")
            said[place] = heard(talk)
    for process, talk in started:
        process.join(LIMIT_S)
        assert process.exitcode == 0, said
        talk.close()
    words = [one[0] for one in said]
    assert "failed" not in words, said
    if kinds == (serves, serves):
        assert sorted(words) == ["busy", "served"], said
    times = sorted(one[1] for one in said if one[0] in ("added", "served") and one[1] is not None)
    owners.append(len(times))
    for (_, until_s), (since_s, _) in itertools.pairwise(times):
        assert until_s <= since_s, f"two owners: {said}"


def wait_for_door(line: CommandLine) -> int:
    """The number of the process that has one."""
    limit_s = time.monotonic() + LIMIT_S
    while (found := owner_of(line.home / "data" / "memory")) is None or not found.door or not found.alive():
        assert time.monotonic() < limit_s
        time.sleep(0.005)
    return found.pid


def rounds(line: CommandLine, count: int) -> None:
    owners: list[int] = []
    for number in range(count):
        round_of(line, number, owners)
    status = line("status", "--json").ended(0).json
    wanted = set()
    for number in range(count):
        kinds = ((adds, adds), (serves, adds), (adds, serves), (serves, serves))[number % 4]
        wanted |= {
            str(line.stage / str(number) / letter) for kind, letter in zip(kinds, "ab", strict=True) if kind is adds
        }
    assert {root["path"] for root in status["roots"]} == wanted
    assert status["sources"] == len(wanted)
    line("check", "--full").ended(0)
    sys.stdout.write(f"\n{count} rounds, {len(wanted)} writes, none lost; owners a round: {sum(owners) / count:.2f}\n")


def test_two_processes_started_at_the_same_instant(line: CommandLine) -> None:
    rounds(line, 20)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_processes_started_at_the_same_instant_for_long(line: CommandLine) -> None:
    rounds(line, 200)


def crowd(line: CommandLine, clients: int, seconds: float) -> None:
    """So many clients at once: no error, and nobody is forgotten."""
    for number, text in enumerate(sentences(100)):
        line.write(f"{number}.md", text)
    line("add", line.stage).ended(0)
    line("serve").ended(0)
    try:
        questions = [f"who checked the {thing} in room {n}" for n, thing in enumerate(("violin", "kettle", "ferry"))]
        started = [start(asks, line.home, questions, seconds) for _ in range(clients)]
        for _, talk in started:
            assert heard(talk) == "ready"
        for _, talk in started:
            talk.send(time.monotonic())
        found = []
        for process, talk in started:
            assert talk.poll(seconds + LIMIT_S)
            word, took = talk.recv()
            assert word == "asked", took
            found.append(sorted(took))
            process.join(LIMIT_S)
            talk.close()
        sys.stdout.write("\n")
        for number, took in enumerate(found):
            p95, most = took[int(0.95 * (len(took) - 1))], took[-1]
            sys.stdout.write(
                f"client {number:>2}: {len(took):>5} answers, p50 {statistics.median(took) * 1e3:6.1f} ms, "
                f"p95 {p95 * 1e3:6.1f} ms, max {most * 1e3:6.1f} ms\n"
            )
        counts = [len(took) for took in found]
        sys.stdout.write(f"answers a client: {min(counts)} to {max(counts)}\n")
        assert min(counts) > 0
    finally:
        line("serve", "--stop").ended(0)


def test_twenty_clients_at_once(line: CommandLine) -> None:
    crowd(line, 20, 2)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_clients_for_a_minute(line: CommandLine) -> None:
    crowd(line, 20, 60)

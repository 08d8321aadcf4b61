"""One owner, many doors, on the command line: a process that stays, commands that attach to it, and what happens when
it is not there, is of another kind, or dies."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant import connect
from assistant.contracts.errors import UserError, WrongUse
from assistant.locations import locate
from assistant.memory.owner import Owner, note_of, owner_of, started_at, this_process
from assistant.memory.ownership import StoreLock
from cli.commandline import LIMIT_S, CommandLine, Watched, sentences

QUESTION = "What is the boiler pressure when the system is cold?"


def owner(line: CommandLine) -> Owner:
    found = owner_of(line.home / "data" / "memory")
    assert found is not None
    return found


def ended(pid: int) -> None:
    limit_s = time.monotonic() + LIMIT_S
    while started_at(pid):
        assert time.monotonic() < limit_s
        time.sleep(0.01)


@contextmanager
def serving(line: CommandLine) -> Iterator[int]:
    """A process that runs within the block; its number."""
    line("serve").ended(0)
    pid = owner(line).pid
    try:
        yield pid
    finally:
        if started_at(pid):
            line("serve", "--stop").ended(0)


@pytest.fixture
def served(line: CommandLine) -> Iterator[CommandLine]:
    """A memory with a few notes, and the process that owns it."""
    line.furnish()
    line.inside("add", line.stage).ended(0)
    with serving(line):
        yield line


@pytest.mark.timeout(2 * LIMIT_S)
def test_a_day_with_the_process(line: CommandLine) -> None:
    """Everything that can be asked of it, and the same answers as without it."""
    line.furnish()
    line.inside("add", line.stage).ended(0)

    def asked() -> list[Any]:
        answer = line("ask", QUESTION, "--json").ended(0).json
        hits = line("recall", "wheel bolts", "--json").ended(0).json
        shown = line("show", hits["items"][0]["id"], "--json").ended(0).json
        status = line("status", "--json").ended(0).json
        checked = line("check", "--json").ended(0).json
        plain = [line(*words).ended(0).out for words in (("ask", QUESTION), ("recall", "wheel bolts"), ("status",))]
        for found, name in ((answer, "took_ms"), (hits, "took_ms"), (status, "process"), (status, "store_bytes")):
            found.pop(name)
        status.pop("model")  # told in other words once it is loaded
        plain[2] = "\n".join(plain[2].splitlines()[:3])
        return [answer, hits, shown, status, checked, *plain]

    alone = asked()
    with serving(line) as pid:
        assert asked() == alone
        assert f"process {pid}" in line("serve", "--status").ended(0).out
        assert "running already" in line("serve").ended(0).out
        line.write("tea.md", "# Tea\n\nThe green tea steeps for two minutes at 70 degrees.\n")
        line("add").ended(0)  # unless the process has noticed it by itself before
        assert line("status", "--json").ended(0).json["pending_vectors"] == 0
        assert "70 degrees" in line("ask", "How hot is the water for green tea?").ended(0).out
        assert line("forget", line.stage / "tea.md", "--json").ended(0).json["items"] == 1
        line("check", "--full").ended(0)
        assert line("backup", line.stage.parent / "b").ended(0).out
        line("restore", line.stage.parent / "b").refused(6, "Another process", f"{pid}", "assistant serve --stop")
        line("check", "--repair").ended(0)
        assert owner(line).pid == pid
    line("serve", "--stop").refused(2, "No assistant process is running")
    assert line("serve", "--status").ended(3).out == "No assistant process is running.\n"
    assert asked()[0]["answer"] == alone[0]["answer"]


def test_relative_paths_and_piped_input_are_those_of_the_client(served: CommandLine) -> None:
    served.write("more/tea.md", "# Tea\n\nThe green tea steeps for two minutes at 70 degrees.\n")
    served("add", "more", cwd=served.stage).ended(0)
    within = ("--in", "tea.md", "--json")
    found = served("recall", "green tea", *within, cwd=served.stage / "more").ended(0).json["items"]
    assert [hit["cite"]["path"] for hit in found] == [str(served.stage / "more" / "tea.md")]
    piped = served("ask", "Who keeps the key of the cellar?", stdin=b"The key of the cellar is with Maarja.\n")
    assert "Maarja" in piped.ended(0).out
    served("forget", "tea.md", cwd=served.stage / "more").ended(0)


def test_errors_are_those_of_the_client_alone(served: CommandLine) -> None:
    served("ask", " ").refused(2, "The question is empty")
    served("add", served.stage / "nowhere").refused(2, "nowhere")
    served("show", "mi_nonsense").refused(2, "No remembered piece")
    served("show", "x" * 5000).refused(2, "No remembered piece")
    served("recall", "x", "--since", "yesterday").refused(2, "is not a date")
    served("recall", "x", "--kind", "nonsense").refused(2, "There is no kind")
    served("recall", "x" * 10_001).refused(2, "10,000 are the most")
    assert served("recall", "xylophone", "--language", "klingon").ended(3).out.startswith("Nothing found.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("boiler pressure",),
        ("boiler pressure", "--json", "-k", "1"),
        ("boiler", "--kind", "markdown", "--file-hint", "boiler", "--since", "2020-01-01"),
        ("boiler", "--explain"),
        ("nothing of the kind", "--language", "klingon"),
        ("чай \ufeff\u200f", "--in", "."),
    ],
)
def test_the_short_way_and_the_whole_command_line_say_the_same(served: CommandLine, arguments: tuple[str, ...]) -> None:
    """``recall`` before its arguments takes the short way; after an option of the program, the whole one."""
    short = served("recall", *arguments)
    whole = (
        served("recall", "--", *arguments) if len(arguments) == 1 else served("recall", *arguments[1:], arguments[0])
    )
    inside = served.inside("recall", *arguments)

    def told(text: str) -> Any:
        found = json.loads(text) if text.startswith("{") else text
        return {**found, "took_ms": 0} if isinstance(found, dict) else found

    assert short.code == whole.code == inside.code
    assert told(short.out) == told(whole.out) == told(inside.out)
    assert short.err == whole.err == inside.err == ""


def written(line: CommandLine, count: int) -> Path:
    """A folder of so many files that nobody watches yet."""
    folder = line.stage.with_name("elsewhere")
    folder.mkdir()
    for number, text in enumerate(sentences(count)):
        (folder / f"{number}.md").write_text(text)
    return folder


def test_progress_of_the_process_is_shown_here(served: CommandLine) -> None:
    elsewhere = written(served, 120)
    adding = Watched(served, "add", elsewhere)
    adding.until("Reading")
    adding.until("Learning meanings")
    said = adding.end().ended(0)
    assert "120 read" in said.out


def test_ctrl_c_stops_this_command_and_not_the_process(served: CommandLine) -> None:
    elsewhere = written(served, 800)
    adding = Watched(served, "add", elsewhere)
    adding.until("Learning meanings")
    adding.signal(signal.SIGINT)
    said = adding.end()
    assert said.code == 130, said.err
    assert "Stopping after this step" in said.err
    assert "1.4 bar" in served("ask", QUESTION).ended(0).out
    served("add").ended(0)
    assert served("status", "--json").ended(0).json["pending_vectors"] == 0


def _busy_with_intake(line: CommandLine) -> bool:
    """Whether the process still does what a client has asked to be added."""
    process = line("status", "--json").ended(0).json["process"]
    pools = {pool["name"]: pool for pool in process["pools"]}
    return bool(pools["files"]["busy"] or pools["embed"]["busy"])


def test_a_client_that_is_killed_has_its_work_stopped(served: CommandLine) -> None:
    elsewhere = written(served, 3000)
    adding = Watched(served, "add", elsewhere)
    adding.until("Reading")
    adding.signal(signal.SIGKILL)
    adding.end()
    limit_s = time.monotonic() + LIMIT_S
    while (now := _busy_with_intake(served)) and time.monotonic() < limit_s:
        time.sleep(0.05)
    assert not now
    assert served("status", "--json").ended(0).json["sources"] < 3000


def test_settings_of_the_client_that_have_no_effect_are_told(served: CommandLine) -> None:
    said = served("recall", "boiler", env={"ASSISTANT_PRECISION": "fp32"}).ended(0)
    assert "uses precision auto; fp32, as set here, has no effect" in said.err
    (served.home / "config").mkdir(exist_ok=True)
    (served.home / "config" / "settings.toml").write_text('reranker = "none"\nthreads = 1\n')
    said = served("status").ended(0)
    assert "uses reranker default; none" in said.err
    assert said.err.count("\n") == 1


def test_damaged_records_are_mended_when_the_process_is_stopped(served: CommandLine, tmp_path: Path) -> None:
    pid = owner(served).pid
    os.kill(pid, signal.SIGKILL)
    ended(pid)
    data = served.home / "data" / "memory" / "records" / "data.mdb"
    content = bytearray(data.read_bytes())
    content[4096 * 2 : 4096 * 6] = bytes(4096 * 4)
    data.write_bytes(content)
    said = served("serve")
    if said.code == 0:  # what was overwritten was not in use
        pytest.skip("the damage was not noticed")
    said.refused(6, "could not be started", "check --repair")
    served("check", "--repair").ended(0)


# dying


def test_kill_9_of_the_process_while_clients_wait(served: CommandLine) -> None:
    elsewhere = written(served, 800)
    pid = owner(served).pid
    adding = Watched(served, "add", elsewhere)
    adding.until("Learning meanings")
    asking = served.start("ask", QUESTION, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    limit_s = time.monotonic() + LIMIT_S
    while len(os.listdir(f"/proc/{asking.pid}/fd")) < 4 and asking.poll() is None:  # its connection
        assert time.monotonic() < limit_s
    os.kill(pid, signal.SIGKILL)
    said = adding.end()
    assert said.code == 6, said.err
    assert "ended before it could answer" in said.err
    assert "What was stored stays" in said.err
    out, err = asking.communicate(timeout=LIMIT_S)
    assert (asking.returncode, b"ended before" in err) == (6, True) or (asking.returncode == 0 and b"1.4 bar" in out)
    assert "1.4 bar" in served("ask", QUESTION).ended(0).out
    served("add").ended(0)
    line_status = served("status", "--json").ended(0).json
    assert (line_status["items"], line_status["pending_vectors"]) == (803, 0)
    with serving(served):
        assert "1.4 bar" in served("ask", QUESTION).ended(0).out


def test_a_program_that_is_connected_survives_the_process(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same client: attached, then alone, then attached again."""
    line.furnish()
    line.inside("add", line.stage).ended(0)
    with connect() as client:
        with serving(line) as pid:
            assert "1.4 bar" in client.ask(QUESTION).answer
            assert client.roots() == (str(line.stage),)
            os.kill(pid, signal.SIGKILL)
            ended(pid)
            while line("status", "--json").ended(0).json["busy"]:  # the kernel lets go of a dead process bit by bit
                pass
            assert "1.4 bar" in client.ask(QUESTION).answer  # with the store opened here
        with pytest.raises(WrongUse, match="No assistant process is running"):
            client.tasks()
        line("serve", env={"ASSISTANT_WAIT_FOR_STORE_S": "0"}).refused(6, "could not be started", "Another process")
    with serving(line), connect() as client:
        assert client.add().scans[0].unchanged == 3
        assert client.status().items == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_stop_it_in_order(line: CommandLine, number: signal.Signals) -> None:
    process = line.start("serve", "--foreground", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"Running" in process.stdout.readline()
    door = Path(owner(line).door)
    assert door.is_socket()
    process.send_signal(number)
    assert process.wait(LIMIT_S) == 0
    process.stdout.close()
    assert not door.exists()
    assert json.loads((line.home / "data" / "memory" / "order.json").read_text() or "{}").get("clean") in (True, None)


def test_it_does_not_end_with_the_terminal_it_was_started_from(line: CommandLine) -> None:
    with serving(line) as pid:
        assert os.getsid(pid) == pid
        assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)} == {
            str(line.home / "state" / "serve.log")
        }
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_stopping_one_that_does_not_answer(served: CommandLine) -> None:
    """Stopped by a signal, it answers nobody: the command says so within its limit, and does not hang."""
    pid = owner(served).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        served("recall", "boiler").refused(6, "does not answer", "assistant serve --stop")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert served("recall", "boiler").ended(0)


# notes that are stale


@pytest.mark.parametrize("note", ["reused", "dead", "garbage", "foreign door", "older program", "empty", "nested"])
def test_a_stale_note_needs_nobody(line: CommandLine, note: str) -> None:
    """Whatever is written in the lock file, the lock is free: the next command takes it."""
    line.furnish()
    memory = line.home / "data" / "memory"
    memory.mkdir(parents=True)
    door = str(line.home / "data" / "door" / "socket")
    mine = this_process(door, "0.1.0")
    with subprocess.Popen(["sleep", "100"]) as other:
        written = {
            "reused": note_of(Owner(other.pid, mine.started, door, "0.1.0")),
            "dead": note_of(Owner(2**22 - 1, "x:1", door, "0.1.0")),
            "garbage": b"\xff\x00{{{",
            "foreign door": note_of(Owner(other.pid, started_at(other.pid), str(line.stage / "boiler.md"), "0.1.0")),
            "older program": b"12345\n",
            "empty": b"",
            "nested": b"[" * 4000,
        }[note]
        (memory / "lock").write_bytes(written)
        line("serve", "--stop").refused(2, "No assistant process is running") if note != "foreign door" else None
        line("add", line.stage).ended(0)
        assert "1.4 bar" in line("ask", QUESTION).ended(0).out
        with serving(line):
            assert "1.4 bar" in line("ask", QUESTION).ended(0).out
        assert other.poll() is None
        other.kill()


def test_a_number_that_another_process_got_is_told_apart(tmp_path: Path) -> None:
    mine = this_process()
    assert mine.alive()
    assert mine.started
    assert not Owner(mine.pid, mine.started + "1").alive()
    assert not Owner(2**22 - 1, mine.started).alive()
    with subprocess.Popen(["sleep", "0"]) as child:
        limit_s = time.monotonic() + LIMIT_S
        while started_at(child.pid):  # ends, and stays as a zombie until it is waited for
            assert time.monotonic() < limit_s


def test_the_lock_decides_and_not_the_note(tmp_path: Path) -> None:
    lock, other = StoreLock(tmp_path), StoreLock(tmp_path)
    assert lock.acquire()
    (tmp_path / "lock").write_bytes(b"")
    assert not other.acquire()
    lock.release()
    (tmp_path / "lock").write_bytes(note_of(this_process("/somewhere", "0.1.0")))
    assert other.acquire()
    other.release()


# waiting for the store


def test_a_command_waits_for_one_that_is_at_work(line: CommandLine) -> None:
    line.furnish()
    lock = StoreLock(locate().store)
    assert lock.acquire()
    adding = Watched(line, "add", line.stage)
    adding.until("waiting for it, 10 s at most")
    lock.release()
    adding.end().ended(0)


def test_a_command_that_waits_can_be_stopped(line: CommandLine) -> None:
    line.furnish()
    lock = StoreLock(locate().store)
    assert lock.acquire()
    adding = Watched(line, "add", line.stage)
    adding.until("waiting for it")
    adding.signal(signal.SIGINT)
    assert adding.end().code == 130
    lock.release()


def test_a_command_attaches_to_a_process_that_is_just_starting(line: CommandLine) -> None:
    """It holds the lock and has no door yet."""
    line.furnish()
    line.inside("add", line.stage).ended(0)
    lock = StoreLock(locate().store)
    assert lock.acquire()
    adding = Watched(line, "add")
    adding.until("waiting for it")
    lock.release()  # whoever is the first: the process, or the command
    with serving(line):
        assert "3 unchanged" in adding.end().ended(0).out


def test_the_wait_has_a_limit(line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    line.furnish()
    lock = StoreLock(locate().store)
    assert lock.acquire()
    monkeypatch.setenv("ASSISTANT_WAIT_FOR_STORE_S", "0.1")
    said = line.inside("add", line.stage).refused(6, "Another process is writing", "Wait until it is done")
    assert str(os.getpid()) in said.err
    lock.release()


# the program's own


def test_two_lines(line: CommandLine) -> None:
    line.furnish()
    line.inside("add", line.stage).ended(0)
    from assistant import connect as attached

    with attached() as client:
        assert "1.4 bar" in client.ask(QUESTION).answer
        assert client.recall("wheel bolts", k=1).items[0].cite.path.endswith("car.md")
        assert client.show(client.recall("wheel bolts").items[0].id).meta.kind == "markdown"
        assert client.check().findings == ()
        assert client.forget(str(line.stage / "car.md")).items == 1
        for call in (client.tasks, client.jobs, client.story, client.metrics, client.stop_process):
            with pytest.raises(WrongUse, match="No assistant process is running"):
                call()


def test_one_client_writes_from_many_threads(line: CommandLine) -> None:
    folders = [line.write(f"{number}/a.md", f"# {number}\n\nThe number {number}.\n").parent for number in range(6)]
    wrong: list[BaseException] = []
    with connect() as client:

        def add(folder: Path) -> None:
            try:
                client.roots()
                client.add(str(folder), embed=False)
            except UserError as error:
                wrong.append(error)

        threads = [threading.Thread(target=add, args=(folder,)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        assert wrong == []
        assert sorted(client.roots()) == sorted(map(str, folders))


def test_an_event_loop(served: CommandLine) -> None:
    import asyncio

    from assistant import connect_async

    async def main() -> list[str]:
        async with await connect_async() as client:
            answers = await asyncio.gather(*(client.ask(QUESTION) for _ in range(5)))
            await client.add()
            return [answer.answer for answer in answers]

    assert all("1.4 bar" in answer for answer in asyncio.run(main()))


def test_a_very_long_data_path(line: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60) / "home"
    (deep / "data").mkdir(parents=True)
    (deep / "data" / "models").symlink_to((line.home / "data" / "models").resolve())
    far = CommandLine(deep, line.stage)
    far.furnish()
    for runtime in ("", str(tmp_path / "run"), str(tmp_path / ("c" * 90))):
        far.environment["XDG_RUNTIME_DIR"] = runtime
        if runtime:
            Path(runtime).mkdir()
        with serving(far):
            door = Path(owner(far).door)
            assert len(os.fsencode(door)) < 104
            assert door.is_socket()
            assert door.parent.stat().st_mode & 0o777 == 0o700
            del far.environment["XDG_RUNTIME_DIR"]  # found all the same, by the note of the owner
            far("add", far.stage).ended(0)
            assert "1.4 bar" in far("ask", QUESTION).ended(0).out
        assert not door.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_short_place_that_somebody_else_prepared(line: CommandLine, tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60) / "home"
    far = CommandLine(deep, line.stage)
    run = Path(tempfile.mkdtemp(prefix="run-"))  # short: what is tried first must be short enough
    (run / "assistant").mkdir(parents=True)
    os.chown(run / "assistant", 65534, 65534)
    far.environment["XDG_RUNTIME_DIR"] = str(run)
    (deep / "data").mkdir(parents=True)
    (deep / "data" / "models").symlink_to((line.home / "data" / "models").resolve())
    far("serve").refused(6, "could not be started", "belongs to another user")
    (run / "assistant").rmdir()
    (run / "assistant").symlink_to(tmp_path)
    far("serve").refused(6, "could not be started", "something else")
    shutil.rmtree(run)


def test_the_systemd_unit(line: CommandLine, tmp_path: Path) -> None:
    text = line("serve", "--print-unit", "systemd").ended(0).out
    (start,) = [row for row in text.splitlines() if row.startswith("ExecStart=")]
    assert Path(start.removeprefix("ExecStart=").split()[0].strip('"')).is_absolute()
    assert "NoNewPrivileges=yes" in text
    if shutil.which("systemd-analyze") is not None:
        unit = tmp_path / "assistant.service"
        unit.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True, check=False, timeout=60
        )
        if "Failed to initialize manager" in done.stderr:
            pytest.skip("systemd has no manager for this user here")
        assert done.returncode == 0, done.stderr
        assert "assistant.service" not in done.stderr, done.stderr


def test_the_launchd_list(line: CommandLine) -> None:
    found = plistlib.loads(line("serve", "--print-unit", "launchd").ended(0).out.encode())
    assert found["ProgramArguments"][1:] == ["serve", "--foreground"]
    assert Path(found["ProgramArguments"][0]).is_absolute()
    assert found["EnvironmentVariables"]["ASSISTANT_HOME"] == str(line.home)


def test_one_thing_at_a_time(line: CommandLine) -> None:
    line("serve", "--stop", "--foreground").refused(2, "One thing at a time")

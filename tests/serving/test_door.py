"""The door under attack: each case is named for what is tried. Real sockets; the door runs on a thread of its own."""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistant.contracts.commands import Ask, StopProcess, TellMetrics, TellRoots
from assistant.contracts.errors import (
    BadPath,
    BadQuestion,
    DataError,
    Interrupted,
    PolicyDenied,
    StoreBusy,
    UserError,
    WrongUse,
)
from assistant.contracts.events import Event, WorkProgressed
from assistant.serving.calling import NobodyThere, RemoteDoor
from assistant.serving.connection import Limits
from assistant.serving.outbox import MOST_EVENT_BYTES
from serving.doors import LIMIT_S, PROGRAM, Bare, a_door

QUICK = Limits(hello_s=0.3, piece_s=0.3, stall_s=0.5, orderly_s=0.3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "door" / "socket"


# as it should be


def test_a_question_and_its_answer(path: Path) -> None:
    with a_door(path) as opened:
        door = RemoteDoor(path, PROGRAM)
        assert door.do(Ask(text="hello there")).answer == "hello there"
        assert door.do(TellRoots()) == ("/a", "/b")
        assert door.say("TellRoots", {}) == ["/a", "/b"]
        assert door.pid == os.getpid()
        door.close()
        found = opened.until(attached=0)
    assert (found["clients"], found["requests"], found["failed"]) == (1, 3, 0)
    assert found["bytes_in"] > 100 < found["bytes_out"]


def test_events_come_in_order_before_the_reply(path: Path) -> None:
    heard: list[Event] = []
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        door.do(Ask(text="events 500"), heard.append)
        door.close()
    assert heard == [WorkProgressed("counting", number, 500) for number in range(500)]


def test_errors_arrive_as_their_own_class(path: Path) -> None:
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        with pytest.raises(BadQuestion) as refused:
            door.do(Ask(text="bad"))
        assert (refused.value.happened, refused.value.kept, refused.value.remedy) == ("No.", "All.", "Yes.")
        assert door.do(Ask(text="still here")).answer == "still here"
        door.close()


def test_a_mistake_in_the_program_is_told_in_one_line_and_recorded(path: Path) -> None:
    with a_door(path) as opened:
        door = RemoteDoor(path, PROGRAM)
        with pytest.raises(UserError, match="KeyError") as told:
            door.do(Ask(text="bug"))
        assert "traceback" not in str(told.value)
        assert "It is in the list." in str(told.value)
        assert [type(one) for one in opened.mistakes] == [KeyError]
        assert door.do(Ask(text="still here")).answer == "still here"
        door.close()


def test_eight_megabytes_of_piped_input(path: Path) -> None:
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        assert door.do(Ask(text="extra", extra=bytes(8 << 20))).answer == str(8 << 20)
        with pytest.raises(WrongUse, match="too large"):
            door.do(Ask(text="extra", extra=bytes(13 << 20)))
        assert door.do(Ask(text="still here")).answer == "still here"
        door.close()


def test_a_reply_of_many_megabytes(path: Path) -> None:
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        assert len(door.do(Ask(text=f"large {30 << 20}")).answer) == 30 << 20
        with pytest.raises(DataError, match="reply is too large"):
            door.do(TellMetrics())
        door.close()


def test_stop_ends_this_request_only(path: Path) -> None:
    with a_door(path) as opened:
        door, stop = RemoteDoor(path, PROGRAM), threading.Event()
        other = Bare(path)
        other.ask(1, "wait")
        assert opened.performer.started.acquire(timeout=LIMIT_S)
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                door.do(Ask(text="wait"), None, stop)
            except Interrupted as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert opened.performer.started.acquire(timeout=LIMIT_S)
        stop.set()
        thread.join(LIMIT_S)
        assert len(ended) == 1
        assert opened.performer.stopped.acquire(timeout=LIMIT_S)
        assert not opened.performer.stopped.acquire(blocking=False)  # the other one works on
        other.send({"cancel": 1})
        assert other.next()["error"]["kind"] == "Interrupted"
        assert door.do(Ask(text="the same connection")).answer == "the same connection"
        other.socket.close()
        door.close()


def test_requests_on_one_connection_overtake_each_other(path: Path) -> None:
    with a_door(path), Bare(path) as client:
        client.ask(1, "wait")
        client.ask(2, "quick")
        assert client.next()["id"] == 2
        client.send({"cancel": 1})
        assert client.next()["id"] == 1


def test_one_client_from_many_threads(path: Path) -> None:
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        found: list[str] = []

        def ask(number: int) -> None:
            found.extend(door.do(Ask(text=f"question {number} {step}")).answer for step in range(20))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT_S)
        assert sorted(found) == sorted(f"question {number} {step}" for number in range(8) for step in range(20))
        door.close()


# what does not fit


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({"hello": "assistant", "protocol": 1, "program": "0.0.1"}, "version"),
        ({"hello": "assistant", "protocol": 99, "program": PROGRAM}, "protocol 99"),
        ({"hello": "mail"}, "not the assistant"),
        ({}, "not the assistant"),
    ],
)
def test_a_client_of_another_version(path: Path, hello: dict[str, object], words: str) -> None:
    with a_door(path), Bare(path, silent=True) as client:
        client.send(hello or {"x": 1})
        assert client.next()["program"] == PROGRAM
        client.refused(words)


def test_a_process_of_another_version(path: Path) -> None:
    with a_door(path), pytest.raises(WrongUse, match="Restart it: assistant serve --stop") as refused:
        RemoteDoor(path, "9.9.9")
    assert f"it is version '{PROGRAM}', not 9.9.9" in refused.value.happened


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64, bytes(64), b"\x00\x00\x00\x05hello", b"\x00\x00\x00\x02[]"],
)
def test_garbage_bytes(path: Path, garbage: bytes) -> None:
    with a_door(path) as opened:
        with Bare(path, silent=True) as client:
            client.socket.sendall(garbage)
            while client.next():
                pass
        with Bare(path) as client:
            client.socket.sendall(garbage)
            client.refused("cannot be read")
        opened.until(attached=0, garbled=2)
        with Bare(path) as client:
            client.ask(1, "fine")
            assert client.next()["reply"]["answer"] == "fine"


def test_an_oversized_length(path: Path) -> None:
    with a_door(path), Bare(path) as client:
        client.socket.sendall(struct.pack(">I", (16 << 20) + 1))
        client.refused("16,777,216 are the most")


def test_an_oversized_hello(path: Path) -> None:
    with a_door(path), Bare(path, silent=True) as client:
        client.socket.sendall(struct.pack(">I", 1 << 20))
        client.refused("65,536 are the most")


@pytest.mark.parametrize("part", [b"\x00\x00", b"\x00\x00\x10\x00", b'\x00\x00\x10\x00{"id": 1, '])
def test_a_half_sent_frame(path: Path, part: bytes) -> None:
    with a_door(path, QUICK) as opened, Bare(path) as client:
        client.socket.sendall(part)
        client.refused("broke off")
        opened.until(attached=0, garbled=1)


def test_a_client_that_never_says_hello(path: Path) -> None:
    with a_door(path, QUICK), Bare(path, silent=True) as client:
        client.refused("broke off")


def test_a_client_that_asks_nothing_may_stay(path: Path) -> None:
    with a_door(path, QUICK), Bare(path) as client:
        assert not threading.Event().wait(3 * QUICK.piece_s)  # far longer than the pause within a frame
        client.ask(1, "after a while")
        assert client.next()["reply"]["answer"] == "after a while"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"id": 1, "do": "Format", "with": {}}, "There is no command 'Format'"),
        ({"id": 1, "do": "LookAt", "with": {"paths": ["/x"]}}, "There is no command"),
        ({"id": 1, "do": "Ask", "with": {"text": 7}}, "text:"),
        ({"id": 1, "do": "Ask", "with": {"text": "x", "sudo": True}}, "sudo:"),
        ({"id": 1, "do": "Ask", "with": [1]}, "cannot be carried out"),
        ({"id": 1}, "There is no command"),
        ({"id": 1, "do": "TellRoots", "with": {}, "as": "root"}, "fields nobody knows"),
    ],
)
def test_an_unknown_command_or_wrong_types(path: Path, message: dict[str, object], words: str) -> None:
    with a_door(path), Bare(path) as client:
        client.send(message)
        told = client.next()
        assert told["id"] == 1
        assert told["error"]["kind"] == "WrongUse"
        assert words in told["error"]["happened"]
        client.ask(2, "fine")
        assert client.next()["reply"]["answer"] == "fine"


@pytest.mark.parametrize("number", [None, "1", 1.5, -1, True, [1], 2**60])
def test_a_request_without_a_sensible_number(path: Path, number: object) -> None:
    with a_door(path), Bare(path) as client:
        client.send({"id": number, "do": "TellRoots", "with": {}})
        client.refused("without a number")


def test_the_same_number_twice(path: Path) -> None:
    with a_door(path) as opened, Bare(path) as client:
        client.ask(1, "wait")
        client.ask(1, "wait")
        assert "a request with the number 1 already" in client.next()["refused"]["happened"]
        assert opened.performer.stopped.acquire(timeout=LIMIT_S)
        assert client.next()["error"]["kind"] == "Interrupted"
        assert client.next() == {}


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting(path: Path, depth: int) -> None:
    with a_door(path), Bare(path) as client:
        body = b'{"id":1,"do":"Ask","with":' + b"[" * depth + b"]" * depth + b"}"
        client.socket.sendall(struct.pack(">I", len(body)) + body)
        client.refused("nested too deeply")


@pytest.mark.parametrize("number", [99, "x", None, [1], {}])
def test_cancelling_what_is_not_there(path: Path, number: object) -> None:
    with a_door(path), Bare(path) as client:
        client.send({"cancel": number})
        client.ask(1, "fine")
        assert client.next()["reply"]["answer"] == "fine"


# too much of it


def test_ten_thousand_tiny_frames(path: Path) -> None:
    """Sent in one go, and only then read; meanwhile another client is answered."""
    with a_door(path) as opened, Bare(path) as client, Bare(path) as other:
        one = b'{"id":%d,"do":"x"}'
        bodies = [one % number for number in range(10_000)]
        everything = b"".join(struct.pack(">I", len(body)) + body for body in bodies)
        sender = threading.Thread(target=client.socket.sendall, args=(everything,))
        sender.start()
        other.ask(1, "in between")
        assert other.next()["reply"]["answer"] == "in between"
        for number in range(10_000):
            told = client.next()
            assert told["id"] == number
            assert "no command" in told["error"]["happened"]
        sender.join(LIMIT_S)
        assert opened.door.statistics()["failed"] == 10_000


def test_more_requests_at_a_time_than_allowed(path: Path) -> None:
    with a_door(path, Limits(outstanding=3)) as opened, Bare(path) as client:
        for number in range(5):
            client.ask(number, "wait")
        for number in (3, 4):
            told = client.next()
            assert told["id"] == number
            assert "More than 3 requests" in told["error"]["happened"]
        for number in range(3):
            client.send({"cancel": number})
            assert client.next()["id"] == number
        client.ask(9, "fine")
        assert client.next()["reply"]["answer"] == "fine"
        assert opened.door.statistics()["refused"] == 2


def test_more_clients_than_allowed(path: Path) -> None:
    with a_door(path, Limits(clients=3)) as opened:
        attached = [Bare(path) for _ in range(3)]
        with Bare(path, silent=True) as client:
            client.refused("3 clients already")
        with pytest.raises(StoreBusy, match="3 clients already"):
            RemoteDoor(path, PROGRAM)
        attached.pop().socket.close()
        opened.until(attached=2)
        with Bare(path) as client:
            client.ask(1, "fine")
            assert client.next()["reply"]["answer"] == "fine"
        assert opened.door.statistics()["refused"] == 2
        for one in attached:
            one.socket.close()


def test_a_client_that_never_reads_its_replies(path: Path) -> None:
    with a_door(path, QUICK) as opened:
        with Bare(path) as client:
            for number in range(4):
                client.ask(number, f"large {8 << 20}")
            opened.until(attached=0, too_slow=1)
        with Bare(path) as client:
            client.ask(1, "fine")
            assert client.next()["reply"]["answer"] == "fine"


def test_a_client_that_never_reads_loses_events_first(path: Path) -> None:
    """Of 60,000 events some are dropped and counted; the reply is not."""
    with a_door(path) as opened, Bare(path) as client:
        client.ask(1, "events 60000")
        opened.until(requests=1)
        events = 0
        while "event" in (told := client.next()):
            events += 1
        assert told["reply"]["answered"]
        client.socket.close()
        found = opened.until(attached=0)
        assert events + found["dropped_events"] == 60_000
        assert found["dropped_events"] > 0
        assert events * 90 > MOST_EVENT_BYTES // 2


# leaving


def test_a_client_that_vanishes_in_the_middle_has_its_work_stopped(path: Path) -> None:
    with a_door(path) as opened:
        client = Bare(path)
        client.ask(1, "wait")
        client.ask(2, "wait")
        for _ in range(2):
            assert opened.performer.started.acquire(timeout=LIMIT_S)
        client.socket.close()
        for _ in range(2):
            assert opened.performer.stopped.acquire(timeout=LIMIT_S)
        assert opened.until(attached=0)["cancelled"] == 2


def test_work_that_does_not_stop_is_cancelled(path: Path) -> None:
    with a_door(path, QUICK) as opened:
        client = Bare(path)
        client.ask(1, "stubborn")
        assert opened.performer.started.acquire(timeout=LIMIT_S)
        client.socket.close()
        opened.until(attached=0)
        assert opened.performer.cancelled == 1


def test_a_client_that_is_killed_in_the_middle(path: Path) -> None:
    code = (
        "import sys, time; from serving.doors import Bare; from pathlib import Path\n"
        "client = Bare(Path(sys.argv[1])); client.ask(1, 'wait'); print('asked', flush=True); time.sleep(100)"
    )
    with a_door(path) as opened:
        tests = str(Path(__file__).resolve().parents[1])
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": tests}
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"asked\n"
            assert opened.performer.started.acquire(timeout=LIMIT_S)
            child.kill()
        assert opened.performer.stopped.acquire(timeout=LIMIT_S)
        opened.until(attached=0)


def test_closing_lets_requests_finish_and_stops_the_others(path: Path) -> None:
    with a_door(path, QUICK, finish_s=0.3) as opened:
        client, waiting = Bare(path), Bare(path)
        waiting.ask(1, "wait")
        assert opened.performer.started.acquire(timeout=LIMIT_S)
    assert waiting.next()["error"]["kind"] == "Interrupted"
    assert waiting.next() == {}
    assert client.next() == {}
    assert not path.exists()
    client.socket.close()
    waiting.socket.close()
    with pytest.raises(NobodyThere):
        RemoteDoor(path, PROGRAM)


def test_the_reply_to_a_stop_comes_before_the_end(path: Path) -> None:
    with a_door(path):
        door = RemoteDoor(path, PROGRAM)
        assert door.do(StopProcess()).pid == 7
    door.close()


def test_a_process_that_dies_while_a_client_waits(path: Path) -> None:
    """An end of file instead of an answer, as after kill -9."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.parent.mkdir()
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        body = f'{{"hello":"assistant","protocol":1,"program":"{PROGRAM}"}}'.encode()
        connection.sendall(struct.pack(">I", len(body)) + body)
        connection.recv(1000)
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    door = RemoteDoor(path, PROGRAM)
    with pytest.raises(DataError, match="ended before it could answer") as told:
        door.do(TellRoots())
    assert "Try again" in told.value.remedy
    thread.join(LIMIT_S)
    listener.close()
    with pytest.raises(NobodyThere):
        door.do(TellRoots())
    door.close()


# who may come in


def as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Connect as another user, and say what came of it."""
    code = (
        "import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "client = socket.socket(socket.AF_UNIX); client.settimeout(30)\n"
        "try:\n    client.connect(sys.argv[1])\nexcept OSError as error:\n    print(type(error).__name__); sys.exit()\n"
        "said = b''\nwhile block := client.recv(4096): said += block\nprint(said.decode(errors='replace'))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@root_only
def test_another_user_cannot_reach_the_socket(tmp_path_factory: pytest.TempPathFactory, path: Path) -> None:
    with a_door(path) as opened:
        for folder in path.parents[1:]:
            if folder == Path("/tmp"):
                break
            folder.chmod(0o755)
        assert as_nobody(str(path)).stdout == "PermissionError\n"
        path.parent.chmod(0o755)  # even then
        assert as_nobody(str(path)).stdout == "PermissionError\n"
        assert opened.door.statistics()["foreign"] == 0


@root_only
def test_another_user_who_got_through_is_turned_away(path: Path) -> None:
    with a_door(path) as opened:
        for folder in path.parents:
            if folder == Path("/tmp"):
                break
            folder.chmod(0o755)
        path.chmod(0o666)
        said = as_nobody(str(path)).stdout
        assert "belongs to another user" in said
        assert "PolicyDenied" in said
        assert "hello" not in said
        assert opened.door.statistics()["foreign"] == 1


@root_only
def test_a_socket_of_another_user_is_not_told_anything(path: Path, tmp_path: Path) -> None:
    """Somebody else listens where our process should."""
    shared = tmp_path / "shared"
    shared.mkdir()
    for folder in (shared, *shared.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    shared.chmod(0o777)
    code = (
        "import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "door = socket.socket(socket.AF_UNIX); door.bind(sys.argv[1]); door.listen(); print('listening', flush=True)\n"
        "client, _ = door.accept(); print(client.recv(100))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(shared / "socket")], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "listening\n"
        with pytest.raises(PolicyDenied, match="belongs to another user"):
            RemoteDoor(shared / "socket", PROGRAM)
        assert child.stdout.read() == "b''\n"


# what lies where the socket should


def test_the_socket_and_its_folder_are_ours_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with a_door(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_folder_that_was_open_to_others_is_closed(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with a_door(path):
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_stale_socket_of_a_dead_process_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with pytest.raises(NobodyThere):
        RemoteDoor(path, PROGRAM)
    with a_door(path), Bare(path) as client:
        client.ask(1, "fine")
        assert client.next()["reply"]["answer"] == "fine"


def test_a_socket_that_answers_is_not_replaced(path: Path) -> None:
    with a_door(path):
        with pytest.raises(StoreBusy, match="Another process answers"), a_door(path):
            pass
        with Bare(path) as client:
            client.ask(1, "fine")
            assert client.next()["reply"]["answer"] == "fine"


def test_a_regular_file_in_the_way(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(BadPath, match="is in the way"), a_door(path):
        pass
    assert path.read_text() == "mine"


def test_a_symlink_in_the_way(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    target = tmp_path / "target"
    target.write_text("mine")
    path.symlink_to(target)
    with pytest.raises(BadPath, match="is in the way"), a_door(path):
        pass
    assert target.read_text() == "mine"
    assert path.is_symlink()


def test_a_symlink_for_a_folder(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadPath, match="something else"), a_door(path):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


@root_only
def test_a_folder_of_another_user(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65534)
    with pytest.raises(BadPath, match="belongs to another user"), a_door(path):
        pass


def test_a_socket_that_was_put_in_the_place_of_ours_is_not_removed(path: Path) -> None:
    with a_door(path):
        path.unlink()
        path.write_text("somebody else's")
    assert path.read_text() == "somebody else's"


def test_garbage_from_the_process_is_an_error_here(path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.parent.mkdir()
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises(DataError, match="cannot be read"):
        RemoteDoor(path, PROGRAM)
    thread.join(LIMIT_S)
    listener.close()


def test_a_second_call_while_a_long_one_is_under_way(path: Path) -> None:
    """A long call keeps its connection; a second call on the same client gets one of its own."""
    with a_door(path) as opened:
        door, stop = RemoteDoor(path, PROGRAM), threading.Event()

        def ask() -> None:
            with pytest.raises(Interrupted):
                door.do(Ask(text="wait"), None, stop)

        thread = threading.Thread(target=ask)
        thread.start()
        assert opened.performer.started.acquire(timeout=LIMIT_S)
        assert door.do(Ask(text="meanwhile")).answer == "meanwhile"
        stop.set()
        thread.join(LIMIT_S)
        door.close()

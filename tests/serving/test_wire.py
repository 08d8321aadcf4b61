"""What goes over the wire comes out the same, and nothing else comes out at all."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.contracts import errors
from assistant.contracts.commands import AT_THE_DOOR, Command
from assistant.contracts.errors import DataError, Interrupted, UnreadableSource, UserError, WrongUse
from assistant.contracts.events import EVENTS
from assistant.serving import telling, wire
from assistant.serving.asking import command_heard, command_told, reply_heard, reply_told
from assistant.serving.wire import BadFrame
from serving.examples import example

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_any_object_comes_out_of_its_frame(message: dict[str, Any]) -> None:
    frame = wire.packed(message, 1 << 20)
    assert wire.length_of(frame[:4], 1 << 20) == len(frame) - 4
    assert wire.unpacked(frame[4:]) == message


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_is_an_object(body: bytes) -> None:
    with suppress(BadFrame):
        assert isinstance(wire.unpacked(body), dict)


@given(st.binary(min_size=4, max_size=4))
def test_a_length_is_in_bounds_or_refused(header: bytes) -> None:
    with suppress(BadFrame):
        assert 2 <= wire.length_of(header, 1000) <= 1000


@pytest.mark.parametrize("depth", [40, 1000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(depth: int, opening: str, closing: str) -> None:
    inner = "1" if opening != "[" else ""
    body = f'{{"with":{opening * depth}{inner}{closing * depth}}}'.encode()
    with pytest.raises(BadFrame, match="nested too deeply"):
        wire.unpacked(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'"x"', b"null", b"{", b"\xff\xfe", b'{"a":1}x'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadFrame):
        wire.unpacked(body)


def test_a_frame_that_is_too_large_is_not_packed() -> None:
    with pytest.raises(BadFrame, match="10 are the most"):
        wire.packed({"text": "twenty characters..."}, 10)


@pytest.mark.parametrize("kind", AT_THE_DOOR.values(), ids=AT_THE_DOOR)
def test_every_command_and_its_reply_come_through(kind: type[Command[Any]]) -> None:
    command = example(kind)
    name, told = command_told(command)
    assert command_heard(name, json.loads(json.dumps(told))) == command
    reply = example(kind.reply_type())
    heard = reply_heard(command, json.loads(reply_told(command, reply)))
    assert heard == reply
    assert type(heard) is type(reply)


@pytest.mark.parametrize("kind", AT_THE_DOOR.values(), ids=AT_THE_DOOR)
def test_every_command_refuses_an_unknown_field(kind: type[Command[Any]]) -> None:
    name, told = command_told(example(kind))
    with pytest.raises(WrongUse, match=f"The command {name} cannot be carried out as asked: surprise"):
        command_heard(name, {**told, "surprise": 1})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ask", {"text": 1}),
        ("Ask", {"text": "x" * 10_002}),
        ("Ask", {"text": "x", "extra": "not base 64!"}),
        ("Ask", {"text": "x", "within": "/not/a/list"}),
        ("Recall", {"query": {"text": "x", "k": "3"}}),
        ("Recall", {"query": {"text": "x", "k": 0}}),
        ("Recall", {"query": {"text": "\ud800"}}),
        ("Recall", {}),
        ("AddFolders", {"paths": ["/x"] * 10_001}),
        ("AddFolders", {"embed": "yes"}),
        ("ForgetPath", {"path": ""}),
        ("RetryJob", {"job_id": 1.5}),
        ("TellStatus", []),
        ("TellStatus", None),
        ("TellStatus", "x"),
    ],
)
def test_wrong_types_are_refused_in_one_line(name: str, told: Any) -> None:
    with pytest.raises(WrongUse) as refused:
        command_heard(name, told)
    assert "\n" not in refused.value.happened
    assert len(refused.value.happened) < 600


@pytest.mark.parametrize("name", ["LookAt", "WarmUp", "Command", "__class__", "", None, 7, ["Ask"], {"Ask": 1}])
def test_a_command_that_is_not_for_this_door(name: Any) -> None:
    with pytest.raises(WrongUse, match="There is no command"):
        command_heard(name, {})


def test_a_reply_that_makes_no_sense_is_an_error() -> None:
    with pytest.raises(DataError, match="makes no sense"):
        reply_heard(AT_THE_DOOR["TellStatus"](), {"revision": "many"})


@pytest.mark.parametrize("kind", telling.USER_ERRORS.values(), ids=telling.USER_ERRORS)
def test_every_error_comes_out_as_its_own_class(kind: type[UserError]) -> None:
    heard = telling.error_heard(
        json.loads(json.dumps(telling.error_told(kind("It broke.", kept="All.", remedy="Try."))))
    )
    assert type(heard) is kind
    assert isinstance(heard, UserError)
    assert (heard.happened, heard.kept, heard.remedy, heard.exit_code) == ("It broke.", "All.", "Try.", kind.exit_code)


def test_all_user_errors_of_the_tree_are_known() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    ours = {one for one in below(UserError) if one.__module__ == errors.__name__}
    assert set(telling.USER_ERRORS.values()) == ours


def test_an_interruption_stays_one() -> None:
    assert isinstance(telling.error_heard(telling.error_told(Interrupted())), Interrupted)


def test_an_unreadable_source_becomes_bad_data() -> None:
    heard = telling.error_heard(telling.error_told(UnreadableSource("the archive is broken")))
    assert isinstance(heard, DataError)
    assert heard.happened == "the archive is broken"


def test_an_error_of_a_newer_program_keeps_its_text_and_exit_code() -> None:
    heard = telling.error_heard({"kind": "FromTheFuture", "happened": "Wow.", "kept": "", "remedy": "", "exit_code": 9})
    assert isinstance(heard, UserError)
    assert (str(heard), heard.exit_code) == ("Wow.", 9)


@pytest.mark.parametrize("told", [None, [], 3, {}, {"exit_code": "x"}, {"kind": ["x"]}, {"exit_code": 100_000}])
def test_nonsense_instead_of_an_error_is_an_error(told: Any) -> None:
    assert isinstance(telling.error_heard(told), UserError)


def test_a_mistake_in_the_program_goes_over_without_its_traceback() -> None:
    told = telling.bug_told(ValueError("the secret is 42"), "What happened is in /x.")
    heard = telling.error_heard(told)
    assert isinstance(heard, UserError)
    assert heard.exit_code == 1
    assert "ValueError" in str(heard)
    assert "/x" in str(heard)
    assert "42" not in json.dumps(told)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_every_event_comes_through(kind: type) -> None:
    event = example(kind)
    name, told = telling.event_told(event)
    assert telling.event_heard(name, json.loads(json.dumps(told))) == event


@given(st.sampled_from(sorted(EVENTS)), VALUES | st.dictionaries(st.sampled_from(["found", "read", "root"]), VALUES))
def test_nonsense_instead_of_an_event_is_no_event(name: str, told: Any) -> None:
    heard = telling.event_heard(name, told)
    assert heard is None or isinstance(heard, EVENTS[name])

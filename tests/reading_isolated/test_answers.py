"""What a reader says is believed only as far as it has the right shape."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from assistant.contracts.errors import UnreadableSource
from assistant.reading import answers
from assistant.reading.framing import BrokenFrame, FrameBuffer, dump, frame
from assistant.reading.jobs import Job

DIGEST = "0" * 64
OUTLINE = ["utf-8", "text", "text", None, None, None, [], False]
DRAFT = ["mi_" + "0" * 26, DIGEST, DIGEST, 0, 4, 1, 1, 0, 4, "prose", [], "", None, None, None, "text"]

GOOD = [
    ["ready"],
    ["memory"],
    ["problem", "words"],
    ["same"],
    ["nothing", DIGEST],
    ["document", DIGEST, OUTLINE, [DRAFT]],
    ["places", [None, ["text", 0, 4, 1, 1, DIGEST]]],
    ["commits", [["0" * 40, 1_700_000_000, "Anna", 200]], True],
    ["state", None],
    ["state", [1, 1_700_000_000_000_000_000, 0]],
    ["raw", "tree"],
]


def changed(place: int, value: object) -> list[object]:
    draft: list[object] = list(DRAFT)
    draft[place] = value
    return ["document", DIGEST, OUTLINE, [draft]]


BAD = [
    changed(0, "mi_short"),
    changed(0, "../../etc/passwd"),
    changed(1, "0" * 63 + "g"),
    changed(2, "0" * 65),
    changed(3, -1),
    changed(3, 1.5),
    changed(3, "4"),
    changed(3, True),
    changed(4, 1 << 60),
    changed(9, "spell"),
    changed(10, "scope"),
    changed(11, None),
    changed(14, 1 << 50),
    changed(15, None),
    ["document", DIGEST, OUTLINE],
    ["document", DIGEST, [*OUTLINE, 1], []],
    ["document", DIGEST, ["utf-8", "virus", "text", None, None, None, [], False], []],
    ["nothing", "x"],
    ["problem", 7],
    ["problem", "long" * 1000],
    ["same", 1],
    ["commits", [["0" * 39, 0, "", 0]], False],
    ["state", [1]],
    ["raw", 1],
    ["unheard of"],
    [],
    {},
    "same",
    None,
]


@pytest.mark.parametrize("message", GOOD, ids=str)
def test_answers_of_the_right_shape_are_taken(message: list[object]) -> None:
    assert answers.parse(dump(message))[0] == message[0]


@pytest.mark.parametrize("message", BAD, ids=lambda message: str(message)[:60])
def test_answers_of_another_shape_are_refused(message: object) -> None:
    with pytest.raises(BrokenFrame):
        answers.parse(json.dumps(message).encode())


@settings(deadline=None, database=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenFrame):
        answers.parse(data)


@settings(deadline=None, database=None)
@given(st.data())
def test_damaged_answers_are_refused_or_still_of_the_right_shape(data: st.DataObject) -> None:
    payload = bytearray(dump(GOOD[5]))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        reading = answers.reading_of(answers.parse(bytes(payload)))
    except BrokenFrame:
        return
    for draft in reading.drafts:
        assert bytes.fromhex(draft.content)
        assert draft.span.start_byte >= 0


def test_an_answer_to_another_question_is_not_read() -> None:
    for read in (answers.reading_of, answers.places_of, answers.commits_of, answers.state_of, answers.raw_of):
        with pytest.raises(BrokenFrame):
            read(("ready",))
    with pytest.raises(UnreadableSource, match="words"):
        answers.places_of(("problem", "words"))
    with pytest.raises(BrokenFrame):
        answers.raw_of(("raw", "\u20ac"))


def test_a_job_knows_its_answers() -> None:
    job = Job(["read", "/r/a", "", "", ""])
    assert job.allows(("nothing", ""))
    assert not job.allows(("places", ()))
    assert not job.allows(("same",)), "as what? nothing was known"
    assert Job(["read", "/r/a", "", "", DIGEST]).allows(("same",))


@pytest.mark.parametrize("request_", [["commits", "/r", 3], ["state", "/r", "0" * 40], ["fetch", "/r", "0" * 40]])
def test_a_history_that_is_answered_like_a_file_is_refused(request_: list[object]) -> None:
    job = Job(request_)
    for answer in (("same",), ("nothing", ""), ("places", ()), ("memory",), ("ready",)):
        assert not job.allows(answer)


def test_more_places_or_fewer_than_were_asked_for_are_refused() -> None:
    job = Job(["places", "/r/a", "", "", [[0, 4], [5, 6]]])
    assert job.allows(("places", (None, None)))
    assert not job.allows(("places", ()))
    assert not job.allows(("places", (None, None, None)))


def test_a_list_of_commits_that_does_not_end_is_refused() -> None:
    job = Job(["commits", "/r", 3])
    commit = ("0" * 40, 0, "Anna", 200)
    job.take(("commits", (commit, commit), True))
    assert not job.done
    assert not job.allows(("commits", (), True)), "it may not go on with nothing"
    assert not job.allows(("commits", (commit, commit), False)), "only one more was asked for"
    assert job.allows(("commits", (commit,), True))
    job.take(("commits", (commit,), True))
    assert not job.allows(("commits", (commit,), True))
    assert job.allows(("commits", (), False))


@settings(deadline=None, database=None)
@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_frames_come_out_whole_however_they_arrive(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame(number, payload) for number, payload in enumerate(payloads))
    buffer, found = FrameBuffer(64), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        buffer.add(stream[:size])
        found += buffer.frames()
        stream = stream[size:]
    assert found == list(enumerate(payloads))
    assert not buffer.partial


def test_a_frame_that_is_announced_too_long_is_refused_before_it_comes() -> None:
    buffer = FrameBuffer(1000)
    buffer.add(frame(1, bytes(1001))[:8])
    with pytest.raises(BrokenFrame, match="answered with more than"):
        list(buffer.frames())


def test_lone_surrogates_do_not_break_a_message() -> None:
    assert json.loads(dump(["\ud800 text"])) == ["? text"]

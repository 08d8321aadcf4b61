"""What a reader process answers, checked: from the bytes of a frame to values of ours, or a refusal.

A reader works on hostile bytes and is not trusted. Every answer is validated against the shapes below, with the bounds
that the record store relies on; what does not fit is a :class:`~assistant.reading.framing.BrokenFrame`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from assistant.contracts.documents import Chunk, ChunkKind, FileStat, Modality, SourceKind, Span
from assistant.contracts.errors import UnreadableSource
from assistant.contracts.ids import Digest, ItemId
from assistant.core.intake import ItemDraft, Outline
from assistant.reading.framing import BrokenFrame
from assistant.reading.history import FoundCommit
from assistant.reading.taking import MOST_HEADER_CHARS, MOST_NOTES, MOST_TITLE_CHARS, MOST_TRAIL, Place, Reading

_Count = Annotated[int, Field(ge=0, lt=1 << 48)]
_Nanoseconds = Annotated[int, Field(ge=0, lt=1 << 63)]
_Seconds = Annotated[int, Field(ge=-62_135_596_800, le=253_402_300_799)]  # years 1 to 9999
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
_Id = Annotated[str, Field(pattern=r"^mi_[0-9A-Z]{26}$")]
_Words = Annotated[str, Field(max_length=2000)]
_Header = Annotated[str, Field(max_length=MOST_HEADER_CHARS)]
_Trail = Annotated[tuple[_Header, ...], Field(max_length=MOST_TRAIL)]
_Title = Annotated[str, Field(max_length=MOST_TITLE_CHARS)]
_Notes = Annotated[tuple[str, ...], Field(max_length=MOST_NOTES)]

_Outline = tuple[
    _Words, SourceKind, Modality, _Words | None, _Title | None, _Seconds | None, _Notes, bool
]  # encoding, kind, modality, language, title, time, notes, superseded
_Draft = tuple[
    _Id,
    _Digest,  # content
    _Digest,  # bytes
    _Count,  # start byte
    _Count,  # end byte
    _Count,  # line
    _Count,  # last line
    _Count,  # start
    _Count,  # end
    ChunkKind,
    _Trail,  # scope
    _Header,
    _Header | None,  # symbol
    _Words | None,  # language
    _Seconds | None,
    str,  # text
]
_Place = tuple[str, _Count, _Count, _Count, _Count, _Digest]
_SHAPES: dict[bytes, Any] = {
    b"ready": tuple[Literal["ready"]],
    b"memory": tuple[Literal["memory"]],
    b"problem": tuple[Literal["problem"], _Words],
    b"same": tuple[Literal["same"]],
    b"nothing": tuple[Literal["nothing"], _Digest | Literal[""]],
    b"document": tuple[Literal["document"], _Digest, _Outline, tuple[_Draft, ...]],
    b"places": tuple[Literal["places"], tuple[_Place | None, ...]],
    b"commits": tuple[Literal["commits"], tuple[tuple[_Sha, _Seconds, str, _Count], ...], bool],
    b"state": tuple[Literal["state"], tuple[_Count, _Nanoseconds, _Count] | None],
    b"raw": tuple[Literal["raw"], str],
}
_TAG = re.compile(rb'\["([a-z]{1,10})"')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Answer = tuple[Any, ...]
"""A validated answer: its name, then its fields."""


@cache
def _adapter(tag: bytes) -> TypeAdapter[Any]:
    return TypeAdapter(_SHAPES[tag])


def parse(payload: bytes) -> Answer:
    """A frame as an answer. Raises :class:`~assistant.reading.framing.BrokenFrame`."""
    match = _TAG.match(payload)
    if match is None or match[1] not in _SHAPES:
        raise BrokenFrame("answered rubbish")
    try:
        answer: Answer = _adapter(match[1]).validate_json(payload, strict=True)
    except ValidationError as error:
        raise BrokenFrame("answered rubbish") from error
    return answer


def reading_of(answer: Answer) -> Reading:
    """The reading in an answer to ``read``. Raises :class:`~assistant.reading.framing.BrokenFrame` for another."""
    match answer:
        case ("problem", words):
            return Reading(problem=words)
        case ("same",):
            return Reading(same=True)
        case ("nothing", digest):
            return Reading(digest)
        case ("document", digest, outline, drafts):
            return Reading(digest, _outline(*outline), tuple([_draft(*draft) for draft in drafts]))
    raise BrokenFrame("answered something else")


def places_of(answer: Answer) -> list[Place | None] | None:
    """What ``places`` found; ``None`` when there is nothing to read. Raises
    :class:`~assistant.reading.framing.BrokenFrame`, and
    :class:`~assistant.contracts.errors.UnreadableSource`."""
    match answer:
        case ("problem", words):
            raise UnreadableSource(words)
        case ("nothing", _):
            return None
        case ("places", places):
            return [None if place is None else Place(place[0], Span(*place[1:5]), place[5]) for place in places]
    raise BrokenFrame("answered something else")


def commits_of(answer: Answer) -> tuple[list[FoundCommit], bool]:
    """Some commits of a repository, and whether more follow; raises as :func:`places_of`."""
    match answer:
        case ("problem", words):
            raise UnreadableSource(words)
        case ("commits", found, more):
            return [
                FoundCommit(sha, seconds, author, FileStat(size_bytes, seconds * 10**9, 0))
                for sha, seconds, author, size_bytes in found
            ], more
    raise BrokenFrame("answered something else")


def state_of(answer: Answer) -> FileStat | None:
    """Stat of a commit, ``None`` when it is gone or cannot be read. Raises
    :class:`~assistant.reading.framing.BrokenFrame`."""
    match answer:
        case ("problem", _):
            return None
        case ("state", stat):
            return None if stat is None else FileStat(*stat)
    raise BrokenFrame("answered something else")


def raw_of(answer: Answer) -> bytes:
    """A raw commit; raises as :func:`places_of`."""
    match answer:
        case ("problem", words):
            raise UnreadableSource(words)
        case ("raw", text):
            try:
                return bytes(text.encode("latin-1"))
            except UnicodeEncodeError as error:
                raise BrokenFrame("answered rubbish") from error
    raise BrokenFrame("answered something else")


def _outline(
    encoding: str,
    kind: SourceKind,
    modality: Modality,
    language: str | None,
    title: str | None,
    seconds: int | None,
    notes: tuple[str, ...],
    superseded: bool,
) -> Outline:
    return Outline(encoding, kind, modality, language, title, _moment(seconds), notes, superseded)


def _draft(
    name: str,
    content: str,
    digest: str,
    start_byte: int,
    end_byte: int,
    line: int,
    end_line: int,
    start: int,
    end: int,
    kind: ChunkKind,
    scope: tuple[str, ...],
    header: str,
    symbol: str | None,
    language: str | None,
    seconds: int | None,
    text: str,
) -> ItemDraft:
    chunk = Chunk(start, end, kind, scope, header, symbol, language, _moment(seconds))
    span = Span(start_byte, end_byte, line, end_line)
    return ItemDraft(ItemId(name), Digest(content), Digest(digest), span, chunk, text, scope)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else _EPOCH + timedelta(seconds=seconds)

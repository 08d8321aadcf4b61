"""A reader process: takes requests from its standard input, answers on its standard output, one after the other.

Started by :mod:`assistant.reading.isolation`; ends when its input does. Imports what readers need and nothing else.

Requests and answers are frames (:mod:`assistant.reading.framing`) of JSON lists. Requests are numbered from 1, and the
number comes back with every answer; the shapes of the answers stand in
:mod:`assistant.reading.answers`. A request whose last element is true is followed by a frame of bytes: the source
itself, which then is not fetched.

=============================================  ==============================================================
request                                        answer
=============================================  ==============================================================
``read path commit root known given``          a reading
``places path commit root ranges given``       what stands at some ranges of characters
``commits path limit false``                   commits of a repository, in several answers when there are many
``state path commit false``                    size and time of a commit
``fetch path commit false``                    a raw commit
=============================================  ==============================================================

Whatever happens with one source becomes its answer. After ``["memory"]`` the process ends: what is left in it is in
nobody's way then. The first thing it ever says is ``["ready"]``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import UnreadableSource
from assistant.core.filenames import to_disk
from assistant.reading.confining import OUT_OF_MEMORY, ReadingLimits, allow_cpu, confine
from assistant.reading.framing import FrameBuffer, dump, frame
from assistant.reading.taking import (
    Place,
    Reading,
    WantedSource,
    fetch_and_take,
    find_places,
    take,
    undeclared_failures,
)
from assistant.reading.walking import FileSources

if TYPE_CHECKING:
    from assistant.contracts.ports import Reader

COMMITS_AN_ANSWER = 500
_READ_BYTES = 1 << 20
_MOST_REQUEST_BYTES = (1 << 32) - 1
_COLLECT_EVERY = 50_000
"""Python's collector of reference cycles is asked less often than it would like: parsers make many objects at once."""


class Worker:
    """Answers requests. ``reader``: what turns bytes into documents."""

    def __init__(self, reader: Reader, limits: ReadingLimits, max_file_bytes: int) -> None:
        self._reader = reader
        self._limits = limits
        self._max_file_bytes = max_file_bytes
        self._sources: dict[str, FileSources] = {}

    def answers(self, request: list[Any], given: bytes | None) -> Iterator[list[Any]]:
        """One answer; several for ``commits``. Never raises for what is wrong with a source; ``MemoryError`` is for
        the caller."""
        allow_cpu(self._limits.seconds_for(self._max_file_bytes))
        try:
            with undeclared_failures():
                yield from self._answers(request, given)
        except UnreadableSource as error:
            yield ["problem", error.reason]

    def _answers(self, request: list[Any], given: bytes | None) -> Iterator[list[Any]]:
        name, path, *more = request
        if name == "read":
            commit, root, known, _ = more
            yield _told(self._read(SourceAddress(path, commit), root, known, given))
        elif name == "places":
            commit, root, ranges, _ = more
            yield self._places(SourceAddress(path, commit), root, ranges, given)
        elif name == "commits":
            yield from self._commits(path, more[0])
        elif name == "state":
            yield self._state(path, more[0])
        else:
            yield ["raw", self._from(path).fetch(SourceAddress(path, more[0])).decode("latin-1")]

    def _from(self, root: str) -> FileSources:
        if root not in self._sources:
            self._sources.clear()  # a scan has one root, and another is as quickly made
            self._sources[root] = FileSources(self._max_file_bytes, roots=(to_disk(root),) if root else ())
        return self._sources[root]

    def _read(self, address: SourceAddress, root: str, known: str, given: bytes | None) -> Reading:
        if given is not None:
            return take(self._reader, address, given, known)
        return fetch_and_take(self._from(root), self._reader, WantedSource(address, root, known=known))

    def _places(self, address: SourceAddress, root: str, ranges: list[Any], given: bytes | None) -> list[Any]:
        data = self._from(root).fetch(address) if given is None else given
        found = find_places(self._reader, address, data, ranges)
        if found is None:
            return ["nothing", ""]
        return ["places", [None if place is None else _told_place(place) for place in found]]

    @staticmethod
    def _commits(path: str, limit: int) -> Iterator[list[Any]]:
        from assistant.reading.history import commits

        found = commits(to_disk(path), limit)
        while some := list(islice(found, COMMITS_AN_ANSWER)):
            yield ["commits", [[one.sha, one.committed_s, one.author, one.stat.size_bytes] for one in some], True]
        yield ["commits", [], False]

    @staticmethod
    def _state(path: str, commit: str) -> list[Any]:
        from assistant.reading.history import commit_stat

        stat = commit_stat(to_disk(path), commit)
        return ["state", None if stat is None else [stat.size_bytes, stat.mtime_ns, stat.inode]]


def _told_place(place: Place) -> list[Any]:
    span = place.span
    return [place.text, span.start_byte, span.end_byte, span.line, span.end_line, place.digest]


def _told(reading: Reading) -> list[Any]:
    """A reading as a list; see :mod:`assistant.reading.answers`."""
    if reading.problem is not None:
        return ["problem", reading.problem]
    if reading.same:
        return ["same"]
    outline = reading.outline
    if outline is None:
        return ["nothing", reading.digest]
    return [
        "document",
        reading.digest,
        [
            outline.encoding,
            outline.kind,
            outline.modality,
            outline.language,
            outline.title,
            None if outline.timestamp is None else int(outline.timestamp.timestamp()),
            outline.notes,
            outline.superseded,
        ],
        [
            [
                draft.id,
                draft.content,
                draft.digest,
                draft.span.start_byte,
                draft.span.end_byte,
                draft.span.line,
                draft.span.end_line,
                draft.chunk.start,
                draft.chunk.end,
                draft.chunk.kind,
                draft.scope,
                draft.chunk.header,
                draft.chunk.symbol,
                draft.chunk.language,
                None if draft.chunk.timestamp is None else int(draft.chunk.timestamp.timestamp()),
                draft.text,
            ]
            for draft in reading.drafts
        ],
    ]


def serve(worker: Worker, pipe_in: int, pipe_out: int, most_bytes: int) -> None:
    """Answer until ``pipe_in`` ends; in no more than ``most_bytes`` at a time."""
    frames = _frames(pipe_in)
    _write(pipe_out, 0, dump(["ready"]))
    for number, payload in frames:
        request = json.loads(payload)
        given = next(frames)[1] if request[-1] is True else None
        try:
            for answer in worker.answers(request, given):
                told = dump(answer)
                if len(told) > most_bytes:
                    told = dump(["problem", f"what was read of it is too much: {len(told) >> 20} MiB"])
                _write(pipe_out, number, told)
        except MemoryError:
            given = answer = told = None  # type: ignore[assignment]  # room for the last words
            _write(pipe_out, number, dump(["memory"]))
            return


def _frames(pipe: int) -> Iterator[tuple[int, bytes]]:
    buffer = FrameBuffer(_MOST_REQUEST_BYTES)
    while data := os.read(pipe, _READ_BYTES):
        buffer.add(data)
        yield from buffer.frames()


def _write(pipe: int, number: int, payload: bytes) -> None:
    waiting = memoryview(frame(number, payload))
    while waiting:
        waiting = waiting[os.write(pipe, waiting) :]


def reader_named(name: str) -> Reader:
    """What ``module:callable`` makes. Raises ``ImportError`` and ``AttributeError``."""
    module, _, function = name.partition(":")
    make: Callable[[], Reader] = getattr(importlib.import_module(module), function)
    return make()


def main(configuration: str) -> None:
    """``configuration``: a JSON object, as :mod:`assistant.reading.isolation` writes it."""
    asked = json.loads(configuration)
    limits = ReadingLimits(**asked["limits"])
    confine(limits, asked["lifeline"])
    pipe_in, pipe_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)  # what a parser prints is no answer
    gc.set_threshold(_COLLECT_EVERY)
    try:
        worker = Worker(reader_named(asked["reader"]), limits, asked["max_file_bytes"])
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - only what ends us is told from here on
        serve(worker, pipe_in, pipe_out, limits.answer_bytes)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    os._exit(0)

"""External sets: a folder of documents, queries and judgements in the form that retrieval benchmarks are kept in.

``corpus.jsonl`` and ``queries.jsonl`` hold one JSON object a line (fields: :class:`ExternalDocument`,
:class:`ExternalQuery`; others are passed over), ``qrels.tsv`` query, document and grade, separated by tabs, with or
without a heading line; ``META.json`` may say where the set comes from. Ids may hold any characters and name nothing on
this computer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assistant.contracts.errors import BadFile, BadPath
from assistant.contracts.limits import MAX_QUESTION_CHARS
from assistant.core.filenames import to_text

CORPUS, QUERIES, JUDGEMENTS, ABOUT = "corpus.jsonl", "queries.jsonl", "qrels.tsv", "META.json"
MOST_FILE_BYTES = 512 << 20
MOST_LINE_BYTES = 16 << 20
MOST_ABOUT_BYTES = 1 << 20
MOST_DOCUMENTS = 1_000_000
MOST_QUERIES = 100_000
MOST_JUDGEMENTS = 10_000_000
MOST_ID_CHARS = 1000

Name = Annotated[str, Field(coerce_numbers_to_str=True)]
Id = Annotated[Name, Field(min_length=1, max_length=MOST_ID_CHARS)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ExternalDocument(_Line):
    """``group``: what a query of the same group is asked within. A document with a ``speaker`` and a ``session`` or a
    ``pos`` (its place there) is a turn of a conversation. ``body``: the text without speaker and date."""

    id: Id
    text: str
    title: str | None = None
    group: Id | None = None
    speaker: Annotated[str, Field(min_length=1)] | None = None
    session: Name | None = None
    pos: float | None = None
    date: str | None = None
    body: str | None = None

    @property
    def is_turn(self) -> bool:
        return self.speaker is not None and (self.session is not None or self.pos is not None)


class ExternalQuery(_Line):
    """``category``: what its figures are also told by."""

    id: Id
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARS)]
    group: Id | None = None
    category: Name | None = None


@dataclass(frozen=True)
class ExternalSet:
    """``grades``: by query, by document, 1 or more; only judged queries and documents that exist. ``unknown``:
    judgements that name a query or a document that does not."""

    name: str
    folder: str
    documents: tuple[ExternalDocument, ...]
    queries: tuple[ExternalQuery, ...]
    grades: Mapping[str, Mapping[str, int]]
    unknown_documents: int
    unknown_queries: int
    about: Mapping[str, Any]

    @property
    def blank_documents(self) -> int:
        """Documents without any text."""
        return sum(not f"{one.title or ''}{one.text}".strip() for one in self.documents)

    @property
    def judged(self) -> tuple[ExternalQuery, ...]:
        """Queries that have something to find, in the order of the file."""
        return tuple(query for query in self.queries if self.grades.get(query.id))

    @cached_property
    def digest(self) -> str:
        """Of all that decides which files the corpus becomes."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(document.model_dump_json().encode() + b"\n")
        return digest.hexdigest()


def load_external(folder: Path) -> ExternalSet:
    """Read a set.

    Raises :class:`~assistant.contracts.errors.BadPath` when a file is missing, and
    :class:`~assistant.contracts.errors.BadFile`, naming file and line, when one makes no sense or is too large.
    """
    for name in (CORPUS, QUERIES, JUDGEMENTS):
        if not (folder / name).is_file():
            raise BadPath(
                f"The folder {folder} holds no {name}.",
                remedy=f"An external set is a folder with {CORPUS}, {QUERIES} and {JUDGEMENTS}.",
            )
    documents = _objects(folder / CORPUS, ExternalDocument, MOST_DOCUMENTS)
    groups = {document.group for document in documents.values()}
    queries = _objects(folder / QUERIES, ExternalQuery, MOST_QUERIES)
    for query in queries.values():
        if query.group not in groups and query.group is not None:
            raise BadFile(f"{folder / QUERIES}: the query {query.id!r} is of a group that no document is of.")
    grades: dict[str, dict[str, int]] = {}
    unknown_documents = unknown_queries = 0
    for asked, document, grade in _judgements(folder / JUDGEMENTS):
        if document not in documents:
            unknown_documents += 1
        elif asked not in queries:
            unknown_queries += 1
        elif grade > 0:
            judged = grades.setdefault(asked, {})
            judged[document] = max(grade, judged.get(document, 0))
    if not grades:
        raise BadFile(f"{folder / JUDGEMENTS} names no document of {CORPUS} that answers a query of {QUERIES}.")
    return ExternalSet(
        name=to_text(folder.resolve().name),
        folder=to_text(str(folder)),
        documents=tuple(documents.values()),
        queries=tuple(queries.values()),
        grades=grades,
        unknown_documents=unknown_documents,
        unknown_queries=unknown_queries,
        about=_about(folder / ABOUT),
    )


_Kind = TypeVar("_Kind", ExternalDocument, ExternalQuery)


def _objects(path: Path, kind: type[_Kind], most: int) -> dict[str, _Kind]:
    """By id, in the order of the file."""
    found: dict[str, _Kind] = {}
    for number, line in _lines(path):
        try:
            one = kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(str(part) for part in first["loc"])
            raise BadFile(f"{path}, line {number}: {at + ': ' if at else ''}{first['msg']}.") from error
        if one.id in found:
            raise BadFile(f"{path}, line {number}: the id {one.id[:100]!r} stands there a second time.")
        if len(found) >= most:
            raise BadFile(f"{path} holds more than {most:,} lines.")
        found[one.id] = one
    if not found:
        raise BadFile(f"{path} is empty.")
    return found


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    """Query, document, grade. The first line may be a heading; a grade below 1 says that nothing is to be found."""
    count = 0
    for number, line in _lines(path):
        try:
            query, document, grade = line.decode("utf-8").split("\t")
            judged = (query, document, int(grade))
        except ValueError as error:
            if number == 1 and _HEADING.fullmatch(line):
                continue
            raise BadFile(
                f"{path}, line {number}: not a query, a document and a whole number, separated by tabs."
            ) from error
        count += 1
        if count > MOST_JUDGEMENTS:
            raise BadFile(f"{path} holds more than {MOST_JUDGEMENTS:,} judgements.")
        yield judged


_HEADING = re.compile(rb"[^\t]+\t[^\t]+\t[^\W\d]\w*")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers from 1, without what ends them."""
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise BadFile(f"{path} is larger than {MOST_FILE_BYTES >> 20} MiB.")
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MOST_LINE_BYTES + 1):
                number += 1
                if len(line) > MOST_LINE_BYTES:
                    raise BadFile(f"{path}, line {number}: longer than {MOST_LINE_BYTES >> 20} MiB.")
                line = line.rstrip(b"\r\n")
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield number, line
    except OSError as error:
        raise BadPath(f"{path} cannot be read: {error.strerror}.") from error


def _about(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > MOST_ABOUT_BYTES:
            raise BadFile(f"{path} is larger than {MOST_ABOUT_BYTES >> 20} MiB.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadPath(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is not readable JSON: {str(error)[:200]}.") from error
    if not isinstance(found, dict):
        raise BadFile(f"{path} is not a JSON object.")
    return found

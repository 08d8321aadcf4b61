"""Golden files: questions with the places that answer them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from assistant.contracts.errors import BadFile, BadPath
from assistant.contracts.items import Contract

MAX_BYTES = 16 << 20
Part = Literal["tuning", "held-out"]
"""Rules and weights are fitted on one part and judged on the other."""


class GoldenPlace(Contract):
    """Lines ``lines[0]`` to ``lines[1]`` (from 1, inclusive) of a file. Grade 3: answers fully, 2: in part or again,
    1: background. ``fact`` names the pieces of the answer that stand there: places that share a name are
    alternatives; empty: a piece of its own."""

    path: str
    lines: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    grade: Annotated[int, Field(ge=1, le=3)] = 3
    fact: tuple[str, ...] = ()


class GoldenQuestion(Contract):
    """``answers`` empty: the memory holds no answer. ``expect``: what a right answer contains, case aside."""

    id: str
    kind: Annotated[str, Field(alias="class")]
    part: Part = "tuning"
    text: Annotated[str, Field(min_length=1)]
    answers: tuple[GoldenPlace, ...] = ()
    expect: tuple[str, ...] = ()


class GoldenSet(Contract):
    """``home``: the folder the questions are about, relative to the file."""

    version: Literal[1]
    home: str
    questions: Annotated[tuple[GoldenQuestion, ...], Field(min_length=1)]


def load_golden(file: Path) -> tuple[GoldenSet, Path]:
    """The questions and the absolute folder they are about.

    Raises :class:`~assistant.contracts.errors.BadPath` and :class:`~assistant.contracts.errors.BadFile`.
    """
    if not file.is_file():
        raise BadPath(f"There is no file {file}.", remedy="Name a YAML file of graded questions, as golden/home.yaml.")
    if file.stat().st_size > MAX_BYTES:
        raise BadFile(f"{file} is larger than {MAX_BYTES >> 20} MiB.")
    try:
        golden = GoldenSet.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(f"{file} is not readable YAML: {' '.join(str(error).split())[:200]}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise BadFile(
            f"{file} is not a set of graded questions: {at}: {first['msg']} ({error.error_count()} problems)."
        ) from error
    twice = [name for name, count in Counter(one.id for one in golden.questions).items() if count > 1]
    if twice:
        raise BadFile(f"{file} asks {twice[0]!r} more than once ({len(twice)} such ids).")
    home = (file.parent / golden.home).resolve()
    if not home.is_dir():
        raise BadPath(f"The folder {home}, which {file} asks about, does not exist.")
    return golden, home

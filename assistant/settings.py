"""Settings: defaults < user file < project file < environment < flags; one frozen object, all problems told at once.

The user file is ``settings.toml`` in the config folder. The project file is ``.assistant.toml`` in the current folder:
it came with somebody's files, so it may only narrow what is read (``PROJECT_MAY_SET``) and can never name a model or
give consent. The environment is ``ASSISTANT_<NAME>``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assistant.contracts.errors import BadSettings
from assistant.core.parameters import DEFAULT, OWN_RERANKER, PARAMETER_SETS
from assistant.core.timetable import problem_with

PROJECT_FILE = ".assistant.toml"
PROJECT_MAY_SET = frozenset({"max_file_mib", "history_commits"})
PREFIX = "ASSISTANT_"
_NOT_SETTINGS = frozenset({"ASSISTANT_HOME"})


def _a_time(text: str) -> str:
    problem = problem_with(text)
    if problem:
        raise ValueError(problem)
    return text


When = Annotated[str, AfterValidator(_a_time)]


class Timetable(BaseModel):
    """Cron expressions with five fields, in local time, or "off". In the settings file a table ``[timetable]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sweep: When = "7 * * * *"
    """Look for changes that were missed."""
    collect: When = "20 3 * * *"
    """Drop what nothing refers to any more."""
    compact: When = "35 3 * * *"
    """Give space back."""
    warm: When = "30 7 * * *"
    """Have everything in memory that the first question of the day would wait for."""
    evaluate: When = "0 4 * * *"
    """Ask the golden set, and tell when recall has become worse."""


class Settings(BaseModel):
    """See the module."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "all-minilm-l6-v2"
    """Encoder: id of a manifest in ``models/``, or a name that fastembed knows."""
    precision: Literal["auto", "fp32", "int8"] = "auto"
    reranker: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)] = OWN_RERANKER
    """What looks closely at the best hits: "default", the encoder's own token vectors; "none", nothing; or, beside
    those, a cross-encoder: id of a manifest in ``models/rerankers/``, or a name that fastembed knows."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Threads of the encoder, and of the reranker; 0: one a physical core."""
    allow_download: bool = False
    """Whether models may be fetched without asking each time."""
    max_file_mib: Annotated[int, Field(ge=1, le=1024)] = 32
    """Larger files are listed as problems and not read."""
    history_commits: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    """Newest commits of each git history that are remembered; 0: none."""
    readers: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes that read files at a time; 0: one a core, two at most."""
    read_timeout_s: Annotated[float, Field(ge=1, le=3600)] = 20
    """Seconds a source may take to be read; what takes longer is listed as a problem."""
    read_memory_bytes: Annotated[int, Field(ge=128 << 20, le=1 << 44)] = 1 << 30
    """Bytes of memory a process that reads files may use; a source that needs more is listed as a problem."""
    battery_share: Annotated[float, Field(ge=0.05, le=1)] = 0.4
    """Share of the time that is spent embedding in the background on battery; 1: all of it."""
    busy_share: Annotated[float, Field(ge=0.05, le=1)] = 0.5
    """The same while other programs take most of the processor."""
    trace_endpoint: str = ""
    """Address of an OpenTelemetry collector (OTLP over HTTP) that traces are sent to; "": none, and nothing is sent."""
    golden: str = ""
    """A golden file of yours (see `assistant eval`) that the running process measures recall on; "": none."""
    timetable: Timetable = Timetable()
    """When the running process does what it does by the clock."""
    wait_for_store_s: Annotated[float, Field(ge=0, le=3600)] = 10
    """Seconds a command that changes the memory waits for another one that does."""
    parameters: Literal[tuple(sorted(PARAMETER_SETS))] = DEFAULT.version  # type: ignore[valid-type]
    """Version of the recall parameter set."""


def load_settings(
    user_file: Path,
    project_folder: Path,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Read all layers. Raises :class:`~assistant.contracts.errors.BadSettings` naming every problem and its place."""
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def layer(found: Mapping[str, object], origin: str) -> None:
        for name, value in found.items():
            values[name] = value
            origins[name] = origin

    layer(_read(user_file, problems), str(user_file))
    project_file = project_folder / PROJECT_FILE
    project = _read(project_file, problems)
    for name in sorted(project.keys() - PROJECT_MAY_SET):
        problems.append(f"{project_file}: a project may not set {name!r}")
    layer({name: value for name, value in project.items() if name in PROJECT_MAY_SET}, str(project_file))
    for variable, value in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and variable not in _NOT_SETTINGS and name in Settings.model_fields:
            layer({name: value}, variable)
    layer({name: value for name, value in (flags or {}).items() if value is not None}, "the command line")
    settings = Settings()
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors():
            name = str(detail["loc"][0]) if detail["loc"] else "?"
            problems.append(f"{origins.get(name, '?')}: {name}: {detail['msg'].lower()}")
    if problems:
        raise BadSettings(
            "The settings cannot be used: " + "; ".join(problems) + ".",
            remedy=f"Known settings: {', '.join(Settings.model_fields)}.",
        )
    return settings


def _read(path: Path, problems: list[str]) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{path}: {error}")
        return {}

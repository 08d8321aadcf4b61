"""One evaluation: golden files and external sets, in order, each asked of a memory made for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.contracts.errors import BadPath, WrongUse
from assistant.contracts.events import Listener
from assistant.contracts.ports import Encoder
from assistant.contracts.program import VERSION
from assistant.core.parameters import PARAMETER_SETS
from assistant.evaluation.external import ExternalSet, load_external
from assistant.evaluation.external_run import mean_of, run_external
from assistant.evaluation.findings import Evaluation, ExternalReport, GoldenReport
from assistant.evaluation.golden import Part, load_golden
from assistant.evaluation.golden_run import GoldenFile, run_golden
from assistant.evaluation.memories import Bench, open_bench
from assistant.locations import locate
from assistant.settings import load_settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured. ``targets``: golden files, and folders that hold external sets. ``compare``: a second
    parameter set. ``limit``: questions of each target, evenly spread; ``None``: all. ``keep``: a folder for memories
    that are to be used again."""

    targets: Sequence[str]
    parameters: int | None = None
    compare: int | None = None
    part: Part | None = None
    limit: int | None = None
    keep: str | None = None


def evaluate(
    wanted: Wanted,
    *,
    listener: Listener,
    asked: Callable[[str, int, int], None],
    stop: threading.Event,
    encoder: Encoder | None = None,
) -> Evaluation:
    """Measure. ``asked`` is told the target, how many of its questions were asked, and how many will be. ``encoder``
    overrides the configured one.

    All targets are read before the first is indexed. Raises what loading them, the settings and the model raise, and
    :class:`~assistant.contracts.errors.Interrupted` when stopped.
    """
    started_s = time.monotonic()
    if "" in (*wanted.targets, wanted.keep):
        raise BadPath("The path is empty.", remedy="Name a golden file or a folder; the current one is a dot.")
    settings = load_settings(locate().settings_file, Path.cwd(), flags={"parameters": wanted.parameters})
    versions = [settings.parameters]
    if wanted.compare is not None:
        if wanted.compare not in PARAMETER_SETS:
            raise WrongUse(
                f"There is no parameter set {wanted.compare}.",
                remedy=f"There are {', '.join(map(str, sorted(PARAMETER_SETS)))}.",
            )
        if wanted.compare == settings.parameters:
            raise WrongUse(f"The parameter set {wanted.compare} would be compared with itself.")
        versions.append(wanted.compare)
    loaded = [
        load_external(one) if one.is_dir() else GoldenFile(one, *load_golden(one)) for one in map(Path, wanted.targets)
    ]
    if wanted.part and all(isinstance(one, ExternalSet) for one in loaded):
        raise WrongUse("Only golden files have parts.", remedy="Leave out --part.")
    keep = Path(os.path.expanduser(wanted.keep)) if wanted.keep else None
    bench = open_bench(settings, listener, stop, keep=keep, encoder=encoder)
    golden: list[GoldenReport] = []
    external: list[ExternalReport] = []
    for target in loaded:
        if isinstance(target, ExternalSet):
            external.append(run_external(bench, target, versions, asked, wanted.limit))
        else:
            golden.append(run_golden(bench, target, versions, asked, wanted.part, wanted.limit))
    model, fingerprint = bench.described()
    return Evaluation(
        version=VERSION,
        parameters=_named(versions[0]),
        compared=_named(versions[1]) if len(versions) > 1 else None,
        model=model,
        fingerprint=fingerprint,
        golden=tuple(golden),
        external=tuple(external),
        external_mean=mean_of(external),
        remarks=tuple(_remarks(versions, bench)),
        took_s=round(time.monotonic() - started_s, 1),
    )


def _remarks(versions: Sequence[int], bench: Bench) -> list[str]:
    found = []
    if bench.encoder is None:
        found.append("There is no model on this computer: everything was found by its words alone.")
    first, *others = (PARAMETER_SETS[version] for version in versions)
    for other in others:
        if (first.hnsw_m, first.hnsw_ef_construction) != (other.hnsw_m, other.hnsw_ef_construction):
            found.append(
                f"Both sets asked one vector index, built with hnsw_m {first.hnsw_m} and hnsw_ef_construction "
                f"{first.hnsw_ef_construction}, though {_named(other.version)} would build another."
            )
    return found


def _named(version: int) -> str:
    parameters = PARAMETER_SETS[version]
    return f"{parameters.name} v{parameters.version}"

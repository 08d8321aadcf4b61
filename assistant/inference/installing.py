"""Installing a model: sources are verified, compiled in a hidden folder, checked, and published by one rename.

Layout below the folder for models::

    all-minilm-l6-v2-int8/          a published model: model.onnx, tokenizer files, compiled.json
    .all-minilm-l6-v2-int8.lock     held while one process installs
    .all-minilm-l6-v2-int8.new-*    a compilation going on, or what a killed one left (swept by the next)
    .all-minilm-l6-v2-int8.old-*    a damaged model on its way out
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.contracts.errors import DamagedModel, StorageFailed, StoreBusy
from assistant.inference.compiled_record import (
    WEIGHTS_FILE,
    InstalledModel,
    ModelMissing,
    fingerprint_of,
    verify_installed,
)
from assistant.inference.manifest import ModelManifest
from assistant.inference.processor import Precision, choose_precision, processor_flags

if TYPE_CHECKING:
    from assistant.inference.compiling import InstallStep, OnStep

LOCK_TIMEOUT_S = 120.0
_LOCK_POLL_S = 0.05

PrecisionChoice = Literal["auto", "fp32", "int8"]


def resolve_precision(choice: PrecisionChoice) -> Precision:
    """``auto`` becomes what suits this processor, see :func:`~assistant.inference.processor.choose_precision`."""
    return choose_precision(processor_flags()) if choice == "auto" else choice


def installed_folder(models_dir: Path, model_id: str, precision: Precision) -> Path:
    return models_dir / f"{model_id}-{precision}"


def source_folder(manifest: ModelManifest) -> Path:
    """The folder with the model's files inside its Python package, which is located and never imported.

    Raises :class:`ModelMissing` with the command that brings the package.
    """
    package = manifest.package
    if package is None:
        raise DamagedModel(f"{manifest.id} is not compiled from a package.")
    # A package installed by pip while this process runs is not seen otherwise.
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(package.import_name)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise ModelMissing(
            f"The files of {manifest.id} are not on this computer.",
            remedy=f"Run: pip install --no-deps {package.distribution}=={package.version}",
        )
    return Path(places[0]) / package.folder


def install(
    manifest: ModelManifest,
    precision: Precision,
    target: Path,
    *,
    source: Path | None = None,
    on_step: OnStep | None = None,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> InstalledModel:
    """Makes ``target`` hold the compiled model; does nothing when it already does (checked by hash).

    ``source``: folder with the files, instead of the Python package. ``on_step`` is told each step before it begins,
    in the calling thread. Two processes may install at once: the second waits and finds the work done. A process
    killed at any point leaves no visible model that is not whole; a damaged one in ``target`` is replaced.

    Raises :class:`ModelMissing` (no package), :class:`DamagedModel` (a wrong hash, a missing file, a wrong dimension,
    a graph that disagrees with the reference), :class:`StoreBusy` (the other process takes too long),
    :class:`StorageFailed` (the disk).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(_hidden(target, "lock"), lock_timeout_s):
            present = _present(manifest, precision, target)
            if present is not None:
                return present
            _sweep(target)
            return _compile_and_publish(manifest, precision, target, source, on_step or _silent)
    except OSError as error:
        raise StorageFailed(
            f"{manifest.id} could not be installed in {target}: {error.strerror or error}.",
            kept="Nothing was changed.",
            remedy="Free some space." if error.errno == errno.ENOSPC else "Check the folder's permissions.",
        ) from error


def _silent(step: InstallStep) -> None:
    del step


def _present(manifest: ModelManifest, precision: Precision, target: Path) -> InstalledModel | None:
    """The model in ``target`` if it is whole and the one that is asked for."""
    try:
        record = verify_installed(target, deep=True)
    except DamagedModel:
        return None
    wanted = fingerprint_of(manifest, precision, manifest.file(WEIGHTS_FILE).sha256)
    sources = {file.path: file.sha256 for file in manifest.files}
    return InstalledModel(target, record) if (record.fingerprint, record.sources) == (wanted, sources) else None


def _compile_and_publish(
    manifest: ModelManifest, precision: Precision, target: Path, source: Path | None, on_step: OnStep
) -> InstalledModel:
    from assistant.inference.compiling import compile_into, read_sources

    on_step("checking sources")
    sources = read_sources(manifest, source or source_folder(manifest))
    fresh = Path(tempfile.mkdtemp(prefix=f"{_hidden(target, 'new').name}-", dir=target.parent))
    try:
        record = compile_into(fresh, manifest, precision, sources, on_step)
        on_step("publishing")
        for path in fresh.iterdir():
            _synchronise(path)
        _synchronise(fresh)
        _publish(fresh, target)
    finally:
        # After publishing there is nothing left to remove; what cannot be removed is swept by the next install.
        shutil.rmtree(fresh, ignore_errors=True)
    on_step("published")
    return InstalledModel(target, record, fresh=True)


def _publish(fresh: Path, target: Path) -> None:
    if target.exists():
        # A folder cannot be renamed over one that holds files; whoever looks in between finds no model, not half.
        aside = Path(tempfile.mkdtemp(prefix=f"{_hidden(target, 'old').name}-", dir=target.parent))
        target.rename(aside / target.name)
    fresh.rename(target)
    _synchronise(target.parent)
    _sweep(target)


def _hidden(target: Path, purpose: str) -> Path:
    return target.with_name(f".{target.name}.{purpose}")


def _sweep(target: Path) -> None:
    """Removes what killed installs left. The lock is held, so none of it is in use."""
    for purpose in ("new", "old"):
        for leftover in target.parent.glob(f"{_hidden(target, purpose).name}-*"):
            shutil.rmtree(leftover)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock(path: Path, timeout_s: float) -> Iterator[None]:
    """Holds an exclusive lock on ``path``; the kernel frees it when the process dies. The file itself stays."""
    deadline_s = time.monotonic() + timeout_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline_s:
                    raise StoreBusy(
                        "Another process is installing this model.", remedy="Wait until it is done, then try again."
                    ) from error
            time.sleep(_LOCK_POLL_S)
        yield

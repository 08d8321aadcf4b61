"""The models a person can list, install and measure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from assistant.contracts.errors import UnknownModel
from assistant.inference.cross_loading import is_on_disk, load_reranker, reranker_manifest_for
from assistant.inference.installing import PrecisionChoice, install, installed_folder, resolve_precision
from assistant.inference.loading import load_encoder, manifest_for
from assistant.inference.manifest import (
    ModelManifest,
    RerankerManifest,
    find,
    load_manifests,
    load_reranker_manifests,
)
from assistant.inference.probing import ProbeReport, RerankProbeReport, probe, probe_reranker

_INSTALLED = "installed"
_TO_BE_DOWNLOADED = "to be downloaded after consent"


def list_models(models_dir: Path, configured: str, reranker: str) -> list[dict[str, Any]]:
    """One row a manifest, encoders first: id, role, dimension (``None`` for a reranker), max_tokens, scripts, licence,
    state and whether it is the configured one of its role."""
    rows: list[dict[str, Any]] = []
    for manifest in load_manifests().values():
        if manifest.source == "package":
            found = [
                precision
                for precision in ("int8", "fp32")
                if installed_folder(models_dir, manifest.id, precision).is_dir()
            ]
            state = f"installed ({', '.join(found)})" if found else "ready to prepare, no download"
        else:
            fetched = (models_dir / manifest.id).is_dir() or any((models_dir / "fastembed").glob(f"*{manifest.id}*"))
            state = _INSTALLED if fetched else _TO_BE_DOWNLOADED
        rows.append(
            {
                "id": manifest.id,
                "role": "encoder",
                "dimension": manifest.dimension,
                "max_tokens": manifest.max_tokens,
                "scripts": ", ".join(manifest.scripts) or "any",
                "licence": manifest.licence,
                "state": state,
                "configured": manifest.id == configured,
            }
        )
    for one in load_reranker_manifests().values():
        rows.append(
            {
                "id": one.id,
                "role": "reranker",
                "dimension": None,
                "max_tokens": one.max_tokens,
                "scripts": ", ".join(one.scripts) or "any",
                "licence": one.licence,
                "state": _INSTALLED if is_on_disk(one, models_dir) else _TO_BE_DOWNLOADED,
                "configured": reranker.strip().lower() in (one.id, one.listed_as.lower()),
            }
        )
    return rows


def named(name: str) -> ModelManifest | RerankerManifest:
    """The encoder or the reranker called ``name``. Raises :class:`UnknownModel` with the nearest names of both."""
    with suppress(UnknownModel):
        return find(name)
    with suppress(UnknownModel):
        return reranker_manifest_for(name)
    rerankers = load_reranker_manifests().values()
    return manifest_for(name, others=[*(one.id for one in rerankers), *(one.listed_as for one in rerankers)])


def install_model(
    name: str,
    precision: PrecisionChoice,
    models_dir: Path,
    *,
    allow_download: bool,
    on_step: Callable[[str], None],
) -> dict[str, Any]:
    """Prepare a model; returns what a person wants to know of it. Raises as
    :func:`~assistant.inference.installing.install`, :func:`~assistant.inference.loading.load_encoder` and
    :func:`~assistant.inference.cross_loading.load_reranker` do."""
    manifest = named(name)
    if isinstance(manifest, RerankerManifest):
        reranker = load_reranker(name, models_dir, allow_download=allow_download)
        return {"model": manifest.id, "role": "reranker", "precision": "as published", "sha256": reranker.sha256}
    if manifest.source == "package":
        chosen = resolve_precision(precision)
        folder = installed_folder(models_dir, manifest.id, chosen)
        done = install(manifest, chosen, folder, on_step=on_step)
        return {
            "model": manifest.id,
            "precision": chosen,
            "folder": str(folder),
            "prepared_now": done.fresh,
            "fingerprint": done.record.fingerprint,
        }
    encoder = load_encoder(name, precision, models_dir, allow_download=allow_download)
    return {"model": manifest.id, "precision": "as published", "fingerprint": encoder.fingerprint}


def probe_model(
    name: str, precision: PrecisionChoice, models_dir: Path, threads: int
) -> ProbeReport | RerankProbeReport:
    """Measure an installed model; a packaged one is prepared first."""
    manifest = named(name)
    if isinstance(manifest, RerankerManifest):
        return probe_reranker(load_reranker(name, models_dir, threads))
    if manifest.source == "package":
        chosen = resolve_precision(precision)
        install(manifest, chosen, installed_folder(models_dir, manifest.id, chosen))
    return probe(load_encoder(name, precision, models_dir, threads))

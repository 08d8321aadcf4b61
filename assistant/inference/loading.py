"""Finding and opening an encoder by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assistant.contracts.errors import ConsentNeeded, DamagedModel, UnknownModel
from assistant.contracts.ids import Fingerprint
from assistant.inference.compiled_record import (
    WEIGHTS_FILE,
    InstalledModel,
    ModelMissing,
    fingerprint_of,
    verify_installed,
)
from assistant.inference.encoding import LoadedGraph, OnnxEncoder
from assistant.inference.installing import PrecisionChoice, installed_folder, resolve_precision
from assistant.inference.manifest import ModelManifest, find, load_manifests, unknown_model

if TYPE_CHECKING:
    from assistant.inference.registry import Listed

Loaded = TypeVar("Loaded")

LISTED_MAX_TOKENS = 512
"""Cut-off for listed models without a manifest; the tokenizer's own limit holds where it is lower."""

AS_PUBLISHED = "published"
"""The precision of a model that was not compiled here."""


def load_encoder(
    model_id: str,
    precision: PrecisionChoice,
    models_dir: Path,
    threads: int = 0,
    *,
    allow_download: bool = False,
    manifests: Path | None = None,
) -> OnnxEncoder:
    """Opens the encoder ``model_id``: a manifest's id, or the name of a model that fastembed lists.

    ``precision`` concerns models that are compiled here. ``threads``: 0 means one per physical core. ``manifests``:
    another folder of manifests than the shipped one. The network is used only with ``allow_download``, and only for a
    listed model whose files are not there.

    Raises :class:`UnknownModel`; :class:`ModelMissing` when it is not installed or could not be fetched;
    :class:`ConsentNeeded` when it would have to be downloaded; :class:`DamagedModel` for a damaged file or vectors
    that do not fit the manifest.
    """
    started_s = time.perf_counter()
    manifest = manifest_for(model_id, manifests)
    if manifest.source == "package":
        graph, label, fingerprint = _open_compiled(manifest, precision, models_dir, threads)
    else:
        graph, label, fingerprint = _open_listed(manifest, models_dir, threads, allow_download=allow_download)
    encoder = OnnxEncoder(graph, manifest, label, fingerprint, load_s=time.perf_counter() - started_s)
    # One text through the graph shows a wrong dimension or pooling now, not in the middle of an ingestion.
    encoder.encode(["dimension"])
    return encoder


def manifest_for(name: str, manifests: Path | None = None, *, others: Sequence[str] = ()) -> ModelManifest:
    """The manifest of ``name``; for a model that only fastembed lists, one made from its description there.

    Raises :class:`UnknownModel` with the nearest names of both lists, and of ``others``.
    """
    try:
        return find(name, manifests)
    except UnknownModel:
        # fastembed is slow to import, and most names are known without it.
        from assistant.inference.registry import listed_models

        listed = listed_models()
    by_lower = {model.lower(): model for model in listed}
    model = listed.get(by_lower.get(name.strip().lower(), ""))
    if model is None:
        raise unknown_model(name, [*load_manifests(manifests), *listed, *others])
    if model.pooling is None or model.needs_prefixes:
        reason = "its texts need prefixes" if model.needs_prefixes else "its output is pooled in a way of its own"
        raise UnknownModel(f"{model.name} needs a manifest, which this program does not have: {reason}.")
    return ModelManifest(
        id=model.name.lower().replace("/", "--"),
        title=model.name,
        licence=model.licence,
        origin=f"{model.repository}, listed by fastembed, which downloads it. The hashes of its files are unknown.",
        architecture="as published",
        dimension=model.dimension,
        max_tokens=LISTED_MAX_TOKENS,
        pooling=model.pooling,
        source="fastembed",
        listed_as=model.name,
        hashes="unknown",
    )


def installed(manifest: ModelManifest, precision: PrecisionChoice, models_dir: Path) -> InstalledModel:
    """The installed form of a model that is compiled here, after the quick checks.

    Raises :class:`ModelMissing` or :class:`DamagedModel`, with the command that mends it.
    """
    chosen = resolve_precision(precision)
    folder = installed_folder(models_dir, manifest.id, chosen)
    remedy = f"Run: assistant models install {manifest.id}"
    if not folder.is_dir():
        raise ModelMissing(f"{manifest.id} ({chosen}) is not installed.", remedy=remedy)
    record = verify_installed(folder, deep=False)
    if record.dimension != manifest.dimension:
        happened = f"{folder} holds vectors of {record.dimension} dimensions, not {manifest.dimension}."
        raise DamagedModel(happened, remedy=remedy)
    if record.fingerprint != fingerprint_of(manifest, chosen, manifest.file(WEIGHTS_FILE).sha256):
        raise DamagedModel(f"{folder} was compiled from another version of {manifest.id}.", remedy=remedy)
    return InstalledModel(folder, record)


def _open_compiled(
    manifest: ModelManifest, precision: PrecisionChoice, models_dir: Path, threads: int
) -> tuple[LoadedGraph, str, Fingerprint]:
    model = installed(manifest, precision, models_dir)
    from assistant.inference.compiled_loading import load_compiled

    graph = load_compiled(model.folder, threads)
    return graph, model.record.precision, model.record.fingerprint


def _open_listed(
    manifest: ModelManifest, models_dir: Path, threads: int, *, allow_download: bool
) -> tuple[LoadedGraph, str, Fingerprint]:
    from assistant.inference.registry import fetch_listed, listed_models, load_listed

    listed = listed_models().get(manifest.listed_as or "")
    if listed is None:
        raise UnknownModel(f"The installed fastembed does not list {manifest.listed_as}.", remedy="Upgrade fastembed.")
    if listed.dimension != manifest.dimension:
        happened = f"fastembed gives {manifest.id} {listed.dimension} dimensions, its manifest says"
        raise DamagedModel(f"{happened} {manifest.dimension}.")
    cache, by_hand = models_dir / "fastembed", models_dir / manifest.id
    graph, digest = obtain(
        lambda: load_listed(listed, manifest, cache, by_hand, threads),
        lambda: fetch_listed(listed, cache),
        listed,
        manifest.id,
        by_hand,
        allow_download=allow_download,
    )
    return graph, AS_PUBLISHED, fingerprint_of(manifest, AS_PUBLISHED, digest)


def obtain(
    load: Callable[[], Loaded],
    fetch: Callable[[], None],
    listed: Listed,
    model_id: str,
    by_hand: Path,
    *,
    allow_download: bool,
) -> Loaded:
    """What ``load`` gives; when the files are missing, after ``fetch``, if that is allowed.

    Raises :class:`ConsentNeeded` and :class:`ModelMissing` with what a person can do, and what ``load`` raises."""
    from assistant.inference.registry import TOKENIZER_FILES

    try:
        return load()
    except ModelMissing as missing:
        if not allow_download:
            raise ConsentNeeded(
                f"{model_id} is not on this computer. Fetching it downloads {listed.size_gb * 1000:.0f} MB from the "
                f"repository {listed.repository} at Hugging Face.",
                kept="Nothing was sent or fetched.",
                remedy=f"To agree, run: assistant models install {listed.name} --yes",
            ) from missing
        try:
            fetch()
            return load()
        except ModelMissing as error:
            wanted = ", ".join((*listed.files, *TOKENIZER_FILES))
            raise ModelMissing(
                f"{model_id} could not be fetched from {listed.repository} at Hugging Face.",
                kept="What is installed already still works.",
                remedy=f"Try again with a network, or put {wanted} into {by_hand}.",
            ) from error

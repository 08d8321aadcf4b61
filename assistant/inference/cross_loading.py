"""Finding and opening a reranker by name; the counterpart of :mod:`assistant.inference.loading`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.contracts.errors import UnknownModel
from assistant.inference.loading import obtain
from assistant.inference.manifest import RerankerManifest, find_reranker, load_reranker_manifests, unknown_model

if TYPE_CHECKING:
    from assistant.inference.cross_encoding import CrossEncoderReranker

LISTED_PAIR_TOKENS = 384
"""Cut-off for listed rerankers without a manifest, question and text together; the tokenizer's own limit holds where it
is lower."""


def load_reranker(
    model_id: str, models_dir: Path, threads: int = 0, *, allow_download: bool = False
) -> CrossEncoderReranker:
    """Opens the cross-encoder ``model_id``: a manifest's id, or the name of one that fastembed lists.

    ``threads``: 0 means one per physical core. The network is used only with ``allow_download``, and only when its
    files are not there. Raises as :func:`load_encoder` does, :class:`DamagedModel` for a graph that does not give one
    finite score a pair.
    """
    started_s = time.perf_counter()
    manifest = reranker_manifest_for(model_id)
    from assistant.inference.cross_encoding import CrossEncoderReranker
    from assistant.inference.cross_registry import fetch_reranker, listed_rerankers, load_listed_reranker

    listed = listed_rerankers().get(manifest.listed_as)
    if listed is None:
        raise UnknownModel(f"The installed fastembed does not list {manifest.listed_as}.", remedy="Upgrade fastembed.")
    cache, by_hand = models_dir / "fastembed", models_dir / manifest.id
    graph, paths = obtain(
        lambda: load_listed_reranker(listed, manifest.id, cache, by_hand, threads),
        lambda: fetch_reranker(listed, cache),
        listed,
        manifest.id,
        by_hand,
        allow_download=allow_download,
    )
    reranker = CrossEncoderReranker(graph, manifest, paths, load_s=time.perf_counter() - started_s)
    # One pair through the graph shows an output that is no score now, not in the middle of a question.
    reranker.rate("question", ["text"])
    return reranker


def reranker_manifest_for(name: str) -> RerankerManifest:
    """The manifest of the reranker ``name``; for one that only fastembed lists, one made from its description there,
    which says nothing of scripts.

    Raises :class:`UnknownModel` with the nearest names of both lists.
    """
    try:
        return find_reranker(name)
    except UnknownModel:
        from assistant.inference.cross_registry import listed_rerankers

        listed = listed_rerankers()
    by_lower = {model.lower(): model for model in listed}
    model = listed.get(by_lower.get(name.strip().lower(), ""))
    if model is None:
        raise unknown_model(name, [*load_reranker_manifests(), *listed])
    return RerankerManifest(
        id=model.name.lower().replace("/", "--"),
        title=model.name,
        licence=model.licence,
        origin=f"{model.repository}, listed by fastembed, which downloads it. The hashes of its files are unknown.",
        architecture="as published",
        max_tokens=LISTED_PAIR_TOKENS,
        listed_as=model.name,
        repository=model.repository,
        graph=model.files[0],
    )


def is_on_disk(manifest: RerankerManifest, models_dir: Path) -> bool:
    """Whether the graph lies where a person or fastembed puts it. Loads nothing; the file may be damaged."""
    if (models_dir / manifest.id / manifest.graph).is_file():
        return True
    cached = models_dir / "fastembed" / f"models--{manifest.repository.replace('/', '--')}" / "snapshots"
    return any((snapshot / manifest.graph).is_file() for snapshot in cached.glob("*"))

"""fastembed as the registry and loader of cross-encoders; the counterpart of :mod:`assistant.inference.registry`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.inference.encoding import LoadedGraph
from assistant.inference.registry import Listed, fetch, open_local


def listed_rerankers() -> dict[str, Listed]:
    """The cross-encoders fastembed knows, by name, with those that were added to its list in this process."""
    return {
        model.model: Listed(
            name=model.model,
            size_gb=model.size_in_GB,
            repository=model.sources.hf or model.sources.url or "",
            licence=model.license,
            files=(model.model_file, *model.additional_files),
        )
        for _, model in _descriptions()
    }


def _descriptions() -> Iterator[tuple[Any, Any]]:
    """Every cross-encoder fastembed knows: its class and its description."""
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    for kind in TextCrossEncoder.CROSS_ENCODER_REGISTRY:
        for model in kind._list_supported_models():
            yield kind, model


def fetch_reranker(listed: Listed, cache: Path) -> None:
    """Downloads the files of a listed model into fastembed's ``cache``. Raises as
    :func:`~assistant.inference.registry.fetch` does. The only function here that uses the network."""
    kind, model = next(found for found in _descriptions() if found[1].model == listed.name)
    fetch(kind, model, cache)


def load_listed_reranker(
    listed: Listed, model_id: str, cache: Path, by_hand: Path, threads: int
) -> tuple[LoadedGraph, list[Path]]:
    """A cross-encoder of fastembed's list and its files; raises as
    :func:`~assistant.inference.registry.open_local` does."""
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    return open_local(TextCrossEncoder, listed, model_id, cache, by_hand, threads, sample=("", ""))

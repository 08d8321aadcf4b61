"""fastembed as the registry and loader of models: its list, its cache, its tokenizers.

Compiled models are registered with it as custom models when they are installed, and compared; they are opened without
it (:mod:`assistant.inference.compiled_loading`), since importing it takes longer than all else that a question needs.
The models it lists can be downloaded by it. Only the sessions are opened here (see
:mod:`assistant.inference.sessions`). Nothing touches the network but :func:`fetch_listed`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assistant.contracts.errors import DamagedModel
from assistant.inference.compiled_record import GRAPH_FILE, CompiledRecord, ModelMissing, sha256_of
from assistant.inference.encoding import LoadedGraph
from assistant.inference.manifest import ModelManifest
from assistant.inference.processor import physical_cores
from assistant.inference.sessions import onnx_errors, open_session

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "config.json", "special_tokens_map.json")

_registering = threading.Lock()


@dataclass(frozen=True, slots=True)
class Listed:
    """A model that fastembed lists. ``size_gb``: size of its files in 10**9 bytes, as fastembed states it. ``files``:
    the graph first, then the files it needs beside it."""

    name: str
    size_gb: float
    repository: str
    licence: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedModel(Listed):
    """A text encoder that fastembed lists. ``pooling`` is ``None`` when this program cannot pool its output."""

    dimension: int
    pooling: Literal["mean", "cls"] | None
    needs_prefixes: bool


def listed_models() -> dict[str, ListedModel]:
    """The models fastembed lists, by name, without those registered by this program."""
    from fastembed.text.custom_text_embedding import CustomTextEmbedding
    from fastembed.text.onnx_embedding import OnnxTextEmbedding
    from fastembed.text.pooled_embedding import PooledEmbedding
    from fastembed.text.pooled_normalized_embedding import PooledNormalizedEmbedding

    poolings: dict[type, Literal["mean", "cls"]] = {
        OnnxTextEmbedding: "cls",
        PooledEmbedding: "mean",
        PooledNormalizedEmbedding: "mean",
    }
    models: dict[str, ListedModel] = {}
    for kind, model in _descriptions():
        if kind is CustomTextEmbedding:
            continue
        models[model.model] = ListedModel(
            name=model.model,
            dimension=model.dim,
            size_gb=model.size_in_GB,
            repository=model.sources.hf or model.sources.url or "",
            licence=model.license,
            files=(model.model_file, *model.additional_files),
            pooling=poolings.get(kind),
            needs_prefixes="documents: necessary" in model.description,
        )
    return models


def _descriptions() -> Iterator[tuple[Any, Any]]:
    """Every model fastembed knows: its class and its description."""
    from fastembed import TextEmbedding

    for kind in TextEmbedding.EMBEDDINGS_REGISTRY:
        for model in kind._list_supported_models():
            yield kind, model


def fetch_listed(listed: ListedModel, cache: Path) -> None:
    """Downloads the files of a listed model into fastembed's ``cache``. Raises as :func:`fetch` does."""
    kind, model = next(found for found in _descriptions() if found[1].model == listed.name)
    fetch(kind, model, cache)


def fetch(kind: Any, description: Any, cache: Path) -> None:
    """Downloads the files of a model of fastembed into its ``cache``, once tried, not again. ``kind``: the class that
    lists it.

    Raises :class:`ModelMissing` when they cannot be fetched. The only function here that uses the network.
    """
    try:
        with _quiet():
            kind.download_model(description, str(cache), retries=1)
    # What fastembed lets through of a failing network: its own ValueError, the errors of its HTTP libraries (OSError)
    # and RuntimeError of a client that was closed.
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelMissing(f"{description.model} could not be fetched: {error}") from error


def registered(folder: Path, manifest: ModelManifest, record: CompiledRecord) -> Any:
    """A model compiled into ``folder`` as a ``fastembed.TextEmbedding``, registered with it as a custom model; reads
    no file yet."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = f"assistant/{manifest.id}-{record.fingerprint}"
    with _registering:
        if all(model["model"] != name for model in TextEmbedding.list_supported_models()):
            TextEmbedding.add_custom_model(
                model=name,
                pooling=PoolingType.MEAN,
                normalization=True,
                sources=ModelSource(hf=name),
                dim=record.dimension,
                model_file=GRAPH_FILE,
                license=manifest.licence,
            )
    return TextEmbedding(
        name, cache_dir=str(folder), specific_model_path=str(folder), lazy_load=True, local_files_only=True
    )


def check_reading(
    folder: Path, manifest: ModelManifest, record: CompiledRecord, tokenizer: Any, texts: Sequence[str]
) -> None:
    """Raises :class:`DamagedModel` unless ``tokenizer`` reads ``texts`` as fastembed does from the files in
    ``folder``: then both give the same vectors, for the graph is the same."""
    theirs = _tokenizer_of(registered(folder, manifest, record), "")
    sides = [[one.ids for one in side.encode_batch(list(texts))] for side in (_unpadded(tokenizer), _unpadded(theirs))]
    if sides[0] != sides[1]:
        raise DamagedModel(f"fastembed reads texts otherwise than this program does with {manifest.id}.")


def _unpadded(tokenizer: Any) -> Any:
    tokenizer.no_padding()
    return tokenizer


def load_listed(
    listed: ListedModel, manifest: ModelManifest, cache: Path, by_hand: Path, threads: int
) -> tuple[LoadedGraph, str]:
    """A text encoder of fastembed's list and the SHA-256 of its files; raises as :func:`open_local` does."""
    from fastembed import TextEmbedding

    graph, paths = open_local(TextEmbedding, listed, manifest.id, cache, by_hand, threads, sample="")
    return graph, digest_of_files(paths)


def open_local(
    kind: Any, listed: Listed, model_id: str, cache: Path, by_hand: Path, threads: int, *, sample: object
) -> tuple[LoadedGraph, list[Path]]:
    """A model of fastembed's list, and its graph with its data files, if it has any.

    ``kind``: ``TextEmbedding`` or ``TextCrossEncoder``; ``sample``: something it can count the tokens of. Files a
    person put into ``by_hand`` come first, then fastembed's ``cache``. Raises :class:`ModelMissing` when the files are
    in neither, :class:`DamagedModel` when they make no sense.
    """
    specific = str(by_hand) if (by_hand / listed.files[0]).is_file() else None
    try:
        with _quiet():
            opened = kind(
                listed.name,
                cache_dir=str(cache),
                threads=threads or physical_cores(),
                specific_model_path=specific,
                lazy_load=True,
                local_files_only=True,
            )
    except (OSError, ValueError) as error:
        raise ModelMissing(f"The files of {model_id} are not on this computer: {error}") from error
    model: Any = opened.model
    folder = Path(model._model_dir)
    paths = [folder / name for name in listed.files]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ModelMissing(f"{', '.join(missing)} of {model_id} is missing from {folder}.")
    check_tokenizer(folder / "tokenizer.json")
    tokenizer = _tokenizer_of(opened, sample)
    if len(paths) == 1:
        session = open_session(paths[0], threads)
    else:
        # Where weights lie in a second file, fastembed knows how to present both to onnxruntime.
        with onnx_errors(str(paths[0])):
            model.load_onnx_model()
        session = model.model
    return _loaded(session, tokenizer, model_id), paths


def digest_of_files(paths: Sequence[Path]) -> str:
    """SHA-256 of one file, or of the SHA-256 of several. Reads them whole: a second or more a gigabyte."""
    hashes = [sha256_of(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode("ascii")).hexdigest()


def check_tokenizer(path: Path) -> None:
    """Raises :class:`DamagedModel` unless ``path`` is JSON that describes a tokenizer. The tokenizers library reports
    a damaged file as a bare ``Exception``."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{path} is missing or damaged.") from error
    if not isinstance(document, dict) or not {"model", "added_tokens"} <= document.keys():
        raise DamagedModel(f"{path} describes no tokenizer.")


def _tokenizer_of(opened: Any, sample: object) -> Any:
    """fastembed reads the tokenizer of a lazily loaded model when it is first needed, and the graph not at all."""
    try:
        opened.token_count([sample])
    except Exception as error:
        # The tokenizers library has no error class of its own; whatever else it may be is raised as it came.
        if type(error) is not Exception and not isinstance(error, (OSError, ValueError, TypeError)):
            raise
        raise DamagedModel(f"The model's tokenizer cannot be read: {error}.") from error
    return opened.model.tokenizer


def _loaded(session: Any, tokenizer: Any, model_id: str) -> LoadedGraph:
    if tokenizer.padding is None:
        raise DamagedModel(f"The tokenizer of {model_id} has no padding token.")
    return LoadedGraph(session, tokenizer, int(tokenizer.padding["pad_id"]))


@contextmanager
def _quiet() -> Iterator[None]:
    """fastembed reports a missing cache as an error on the terminal; it is an ordinary answer here."""
    from loguru import logger

    logger.disable("fastembed")
    try:
        yield
    finally:
        logger.enable("fastembed")

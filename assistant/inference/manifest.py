"""Model manifests: what a model is, where its files come from, and what they must hash to.

The manifests are TOML files in the folder ``models`` at the top of a checkout (encoders) and in ``rerankers`` below it;
an installed wheel carries the same folder as ``assistant/models``.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assistant.contracts.errors import DamagedModel, UnknownModel

DEFAULT_MODEL = "all-minilm-l6-v2"

_SHA256 = r"^[0-9a-f]{64}$"
_MODEL_ID = r"^[a-z0-9][a-z0-9._-]*$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Frozen):
    """One file the model is made from; ``path`` is its plain name in the folder that holds the files."""

    path: str = Field(min_length=1)
    sha256: str = Field(pattern=_SHA256)
    size_bytes: int = Field(gt=0)

    @model_validator(mode="after")
    def _is_plain_name(self) -> SourceFile:
        if Path(self.path).name != self.path:
            raise ValueError(f"{self.path!r} is not the plain name of a file")
        return self


class PackageSource(_Frozen):
    """A Python package that carries the files. It is located, never imported."""

    import_name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    distribution: str
    version: str
    folder: str = ""


class KnownCosine(_Frozen):
    """A published property of the weights: the cosine of two sentences, to notice wrong weights or pooling."""

    first: str
    second: str
    cosine: float = Field(ge=-1, le=1)
    tolerance: float = Field(gt=0, default=0.03)


class _Manifest(_Frozen):
    """``scripts`` empty means any script. ``listed_as``: its name in fastembed; ``aliases``: other names of the very
    same model."""

    id: str = Field(pattern=_MODEL_ID)
    title: str
    licence: str
    origin: str
    architecture: str
    scripts: tuple[str, ...] = ()
    listed_as: str | None = None
    aliases: tuple[str, ...] = ()


class ModelManifest(_Manifest):
    """A text encoder. ``max_tokens`` counts special tokens. ``hashes`` says whether ``files`` pins the model's bytes or
    nothing is known about them."""

    dimension: int = Field(gt=0)
    max_tokens: int = Field(gt=2)
    pooling: Literal["mean", "cls"]
    normalised: Literal[True] = True
    query_prefix: str = ""
    passage_prefix: str = ""
    source: Literal["package", "fastembed"]
    hashes: Literal["pinned", "unknown"]
    package: PackageSource | None = None
    files: tuple[SourceFile, ...] = ()
    known: KnownCosine | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> ModelManifest:
        if (self.source == "package") != (self.package is not None):
            raise ValueError('[package] is needed with source = "package", and only there')
        if (self.source == "fastembed") != (self.listed_as is not None):
            raise ValueError('listed_as is needed with source = "fastembed", and only there')
        if (self.hashes == "pinned") != bool(self.files):
            raise ValueError('[[files]] is needed with hashes = "pinned", and only there')
        if self.source == "package" and self.hashes != "pinned":
            raise ValueError("a model that is compiled here must have pinned hashes")
        return self

    def file(self, path: str) -> SourceFile:
        """The pinned file called ``path``. Raises :class:`DamagedModel` when the manifest names none."""
        for file in self.files:
            if file.path == path:
                return file
        raise DamagedModel(f"The manifest of {self.id} does not name {path}.")


class RerankerManifest(_Manifest):
    """A cross-encoder that fastembed lists: its ``graph`` in a ``repository`` at Hugging Face.

    ``max_tokens`` counts question, text and special tokens together. Nothing is known of the hashes of the files.
    """

    max_tokens: int = Field(ge=16)
    listed_as: str
    repository: str
    graph: str


Manifest = TypeVar("Manifest", bound=_Manifest)


def manifests_folder() -> Path:
    """Where the shipped manifests lie: in the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def load_manifests(folder: Path | None = None) -> dict[str, ModelManifest]:
    """All manifests of encoders in ``folder`` (default: the shipped ones) by id, in the order of their file names.

    Raises :class:`DamagedModel` naming the file for a folder or manifest that cannot be read, an unknown or missing
    key, a wrong value, or an id that is used twice.
    """
    return _load(folder or manifests_folder(), ModelManifest)


def load_reranker_manifests(folder: Path | None = None) -> dict[str, RerankerManifest]:
    """The same for rerankers; by default those in ``rerankers`` below the encoders' folder."""
    return _load(folder or manifests_folder() / "rerankers", RerankerManifest)


def _load(folder: Path, kind: type[Manifest]) -> dict[str, Manifest]:
    if not folder.is_dir():
        raise DamagedModel(f"The folder of model manifests is missing: {folder}.", remedy="Reinstall the program.")
    manifests: dict[str, Manifest] = {}
    for path in sorted(folder.glob("*.toml")):
        manifest = _read(path, kind)
        if manifest.id in manifests:
            raise DamagedModel(f"{path.name} uses the id {manifest.id}, which another manifest has already.")
        manifests[manifest.id] = manifest
    return manifests


def _read(path: Path, kind: type[Manifest]) -> Manifest:
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DamagedModel(f"The model manifest {path.name} cannot be used: {where}: {first['msg']}.") from error
    except (OSError, ValueError) as error:
        raise DamagedModel(f"The model manifest {path.name} cannot be read: {error}.") from error


def find(name: str, folder: Path | None = None) -> ModelManifest:
    """The encoder's manifest with the id, the fastembed name or the alias ``name``; letter case does not matter.

    Raises :class:`UnknownModel` with the nearest names.
    """
    return _find(name, load_manifests(folder))


def find_reranker(name: str, folder: Path | None = None) -> RerankerManifest:
    """The same for a reranker."""
    return _find(name, load_reranker_manifests(folder))


def _find(name: str, manifests: dict[str, Manifest]) -> Manifest:
    wanted = name.strip().lower()
    for one in manifests.values():
        if wanted and wanted in (known.lower() for known in (one.id, one.listed_as or "", *one.aliases)):
            return one
    raise unknown_model(name, list(manifests))


def unknown_model(name: str, known: list[str]) -> UnknownModel:
    """The error for a name that is none of ``known``; it suggests up to three near ones, else lists what there is."""
    by_lower = {model.lower(): model for model in known}
    near = [by_lower[match] for match in difflib.get_close_matches(name.strip().lower(), by_lower, n=3, cutoff=0.5)]
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Known models: {', '.join(sorted(known)) or 'none'}."
    return UnknownModel(f"There is no model called {name!r}.", remedy=remedy)

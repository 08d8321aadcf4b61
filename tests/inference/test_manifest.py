from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import assistant
from assistant.contracts.errors import DamagedModel, UnknownModel
from assistant.inference.loading import manifest_for
from assistant.inference.manifest import DEFAULT_MODEL, find, load_manifests, manifests_folder
from assistant.inference.registry import listed_models

from .conftest import Tiny


def test_the_default_model_is_pinned_and_free() -> None:
    manifest = find(DEFAULT_MODEL)
    assert manifest.licence == "Apache-2.0"
    assert (manifest.dimension, manifest.max_tokens, manifest.pooling) == (384, 256, "mean")
    assert manifest.file("model.safetensors").sha256.startswith("53aa5117")
    assert manifest.hashes == "pinned"


def test_shipped_manifests_agree_with_fastembed() -> None:
    listed = listed_models()
    of_fastembed = [manifest for manifest in load_manifests().values() if manifest.source == "fastembed"]
    assert len(of_fastembed) >= 3
    for manifest in of_fastembed:
        model = listed[manifest.listed_as or ""]
        assert model.dimension == manifest.dimension
        assert model.pooling == manifest.pooling
        assert model.needs_prefixes == bool(manifest.passage_prefix)
        assert model.licence.lower() == manifest.licence.lower()
        assert manifest.hashes == "unknown"
        assert "unknown" in manifest.origin


def test_file_names_are_ids() -> None:
    assert {path.stem for path in manifests_folder().glob("*.toml")} == set(load_manifests())


@pytest.mark.parametrize("name", ["All-MiniLM-L6-v2", " all-minilm-l6-v2 ", "sentence-transformers/all-MiniLM-L6-v2"])
def test_names_and_aliases_find_the_model(name: str) -> None:
    assert find(name).id == DEFAULT_MODEL


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("all-minilm-l6", "all-minilm-l6-v2"),
        ("BAAI/bge-small-en-v2", "BAAI/bge-small-en-v1.5"),
        ("zzz", "Known models"),
    ],
)
def test_unknown_names_get_suggestions(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        manifest_for(name)
    assert suggestion in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_model_only_fastembed_lists_has_a_manifest_too() -> None:
    manifest = manifest_for("thenlper/gte-base")
    assert (manifest.dimension, manifest.pooling, manifest.listed_as) == (768, "mean", "thenlper/gte-base")


@pytest.mark.parametrize(
    "name", ["jinaai/jina-embeddings-v3", "nomic-ai/nomic-embed-text-v1", "minishlab/potion-base-8M"]
)
def test_a_listed_model_that_cannot_be_used_right_is_refused(name: str) -> None:
    with pytest.raises(UnknownModel, match="needs a manifest"):
        manifest_for(name)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Tiny"', 'title = "Tiny"\nweight_decay = 1', "weight_decay"),
        ("dimension = 32", "", "dimension"),
        ("dimension = 32", "dimension = 0", "dimension"),
        ('hashes = "pinned"', 'hashes = "unknown"', "pinned"),
        ('source = "package"', 'source = "fastembed"', "package"),
        ('path = "config.json"', 'path = "../config.json"', "plain name"),
        ('sha256 = "', 'sha256 = "xy', "sha256"),
        ("id =", "id = =", "cannot be read"),
    ],
)
def test_a_wrong_manifest_is_named_with_its_fault(tiny: Tiny, old: str, new: str, complaint: str) -> None:
    path = tiny.manifests / "tiny.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DamagedModel, match=complaint) as raised:
        load_manifests(tiny.manifests)
    assert "tiny.toml" in str(raised.value)


def test_an_id_may_not_be_used_twice(tiny: Tiny) -> None:
    shutil.copy(tiny.manifests / "tiny.toml", tiny.manifests / "other.toml")
    with pytest.raises(DamagedModel, match="already"):
        load_manifests(tiny.manifests)


def test_an_installed_wheel_finds_its_manifests(tmp_path: Path) -> None:
    """The wheel carries the folder as ``assistant/models``."""
    package = Path(assistant.__file__).parent
    site = tmp_path / "site"
    for part in ("contracts", "inference"):
        shutil.copytree(package / part, site / "assistant" / part)
    (site / "assistant" / "__init__.py").touch()
    shutil.copytree(manifests_folder(), site / "assistant" / "models")
    code = "from assistant.inference.manifest import *; print(manifests_folder(), *load_manifests())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(site / "assistant" / "models"), *load_manifests()]

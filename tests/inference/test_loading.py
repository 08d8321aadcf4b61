from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from assistant.contracts.errors import ConsentNeeded, DamagedModel, UnknownModel
from assistant.inference.bert_graph import BertShape, encoder_graph
from assistant.inference.compiled_record import ModelMissing
from assistant.inference.installing import install
from assistant.inference.loading import load_encoder

from . import tiny_bert
from .conftest import Tiny

LISTED = "bge-small-en-v1.5"
GRAPH = "model_optimized.onnx"


def write_listed(folder: Path, **changes: object) -> None:
    """Files such as fastembed would fetch: a graph with token vectors only, and a tokenizer."""
    settings = tiny_bert.config(hidden_size=384, num_attention_heads=12) | changes
    shape = BertShape.from_config(settings)
    tiny_bert.write_files(folder, settings)
    (folder / "model.safetensors").unlink()
    model = encoder_graph(tiny_bert.random_weights(shape), shape)
    del model.graph.output[1]
    onnx.save(model, folder / GRAPH)


def test_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="all-minilm-l6-v2"):
        load_encoder("all-minlm-l6-v2", "auto", tmp_path)


def test_a_model_that_is_not_installed_names_the_command(tiny: Tiny, sockets: list[object]) -> None:
    with pytest.raises(ModelMissing, match="assistant models install tiny"):
        load_encoder("tiny", "auto", tiny.models_dir, manifests=tiny.manifests, allow_download=True)
    assert sockets == []


def test_a_download_needs_consent_and_opens_no_socket(tmp_path: Path, sockets: list[object]) -> None:
    with pytest.raises(ConsentNeeded) as raised:
        load_encoder(LISTED, "auto", tmp_path)
    said = str(raised.value)
    assert raised.value.exit_code == 4
    assert "67 MB" in said
    assert "Qdrant/bge-small-en-v1.5-onnx-Q" in said
    assert "assistant models install BAAI/bge-small-en-v1.5 --yes" in said
    assert sockets == []


def test_consent_without_a_network_says_where_to_put_the_files(
    tmp_path: Path, sockets: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(ModelMissing) as raised:
        load_encoder(LISTED, "auto", tmp_path, allow_download=True)
    assert GRAPH in str(raised.value)
    assert str(tmp_path / LISTED) in str(raised.value)
    assert sockets


def test_files_put_there_by_hand(tmp_path: Path, sockets: list[object]) -> None:
    write_listed(tmp_path / LISTED)
    encoder = load_encoder("BAAI/bge-small-en-v1.5", "auto", tmp_path, threads=1)
    vectors = encoder.encode(["man eating bread", "the boiler", ""])
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert encoder.name == "bge-small-en-v1.5-published"
    assert sockets == []


def test_files_in_the_cache_of_fastembed(tmp_path: Path, sockets: list[object]) -> None:
    repository = tmp_path / "fastembed" / "models--Qdrant--bge-small-en-v1.5-onnx-Q"
    write_listed(repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    write_listed(tmp_path / "other" / LISTED)
    encoder = load_encoder(LISTED, "auto", tmp_path)
    assert encoder.fingerprint == load_encoder(LISTED, "auto", tmp_path / "other").fingerprint
    assert sockets == []


def test_first_token_pooling_is_used_where_the_manifest_says_so(tmp_path: Path) -> None:
    write_listed(tmp_path / LISTED)
    encoder = load_encoder(LISTED, "auto", tmp_path)
    ids = np.array(encoder._tokenizer.encode("man").ids)[None]
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    first = encoder._session.run(None, feed)[0][0, 0]
    assert encoder.encode(["man"])[0] @ first / np.linalg.norm(first) > 0.9999


def test_another_dimension_than_the_manifest_says(tmp_path: Path) -> None:
    write_listed(tmp_path / LISTED, hidden_size=48)
    with pytest.raises(DamagedModel, match="48 dimensions"):
        load_encoder(LISTED, "auto", tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", "{"),
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "{}"),
        ("tokenizer_config.json", "no json"),
        (GRAPH, "no graph"),
    ],
)
def test_hostile_files_put_there_by_hand(tmp_path: Path, name: str, content: str) -> None:
    write_listed(tmp_path / LISTED)
    (tmp_path / LISTED / name).write_text(content)
    with pytest.raises(DamagedModel):
        load_encoder(LISTED, "auto", tmp_path)


def test_a_truncated_cut_off_in_the_tokenizer_holds(tmp_path: Path) -> None:
    write_listed(tmp_path / LISTED)
    settings = tmp_path / LISTED / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 17}))
    assert load_encoder(LISTED, "auto", tmp_path).max_tokens == 17


def test_a_graph_swapped_for_another_dimension_is_noticed(tiny: Tiny) -> None:
    model = install(tiny.manifest, "fp32", tiny.target)
    record = tiny.target / "compiled.json"
    record.write_text(record.read_text().replace('"dimension": 32', '"dimension": 48'))
    with pytest.raises(DamagedModel, match="48 dimensions"):
        load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    assert model.record.dimension == 32


def test_importing_the_package_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, assistant.inference.loading, assistant.inference.installing;"
        "print([m for m in ('onnx', 'onnxruntime', 'fastembed', 'tokenizers', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

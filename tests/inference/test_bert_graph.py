from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from safetensors.numpy import save

from assistant.contracts.errors import DamagedModel
from assistant.inference.bert_graph import BertShape, encoder_graph, parse_weights, quantise
from assistant.inference.bert_reference import sentence_vectors
from assistant.inference.compiling import run_graph
from assistant.inference.encoding import pool
from assistant.inference.processor import needs_reduced_range, processor_flags
from assistant.inference.sessions import open_session

from . import tiny_bert


def cosines(shape: BertShape, path: Path) -> Any:
    ids, mask = tiny_bert.all_ids(batch=6, tokens=20)
    reference = sentence_vectors(tiny_bert.random_weights(shape), shape, ids, mask)
    return (run_graph(path, ids, mask) * reference).sum(axis=1)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"num_hidden_layers": 1, "num_attention_heads": 1},
        {"hidden_size": 48, "num_attention_heads": 6, "intermediate_size": 20, "layer_norm_eps": 1e-5},
        {"max_position_embeddings": 20},
    ],
)
def test_fp32_agrees_with_the_reference(sizes: dict[str, Any], tmp_path: Path) -> None:
    shape = BertShape.from_config(tiny_bert.config(**sizes))
    onnx.save(encoder_graph(tiny_bert.random_weights(shape), shape), tmp_path / "model.onnx")
    assert cosines(shape, tmp_path / "model.onnx").min() > 0.99999


@pytest.mark.parametrize("reduce_range", [False, True])
def test_int8_is_near_the_reference_and_keeps_the_embeddings(reduce_range: bool, tmp_path: Path) -> None:
    shape = BertShape.from_config(tiny_bert.config())
    onnx.save(encoder_graph(tiny_bert.random_weights(shape), shape), tmp_path / "model.onnx")
    quantise(tmp_path / "model.onnx", tmp_path / "int8.onnx", reduce_range=reduce_range)
    overflows = needs_reduced_range(processor_flags()) and not reduce_range
    assert cosines(shape, tmp_path / "int8.onnx").min() > (0.9 if overflows else 0.98)
    kinds = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert kinds.count("QAttention") == shape.layers
    assert kinds.count("MatMulInteger") == 3 * shape.layers
    assert kinds.count("EmbedLayerNormalization") == 1
    assert "MatMul" not in kinds
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "int8.onnx"}


def test_token_vectors_come_first_and_pool_to_the_sentence(tmp_path: Path) -> None:
    shape = BertShape.from_config(tiny_bert.config())
    onnx.save(encoder_graph(tiny_bert.random_weights(shape), shape), tmp_path / "model.onnx")
    session = open_session(tmp_path / "model.onnx", threads=1)
    ids, mask = tiny_bert.all_ids(batch=3, tokens=9)
    tokens, sentence = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids * 0})
    assert tokens.shape == (3, 9, shape.hidden)
    np.testing.assert_allclose(pool(tokens, mask, "mean"), sentence, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(pool(tokens, mask, "cls"), axis=1), 1, atol=1e-6)


def test_padding_changes_nothing(tmp_path: Path) -> None:
    shape = BertShape.from_config(tiny_bert.config())
    onnx.save(encoder_graph(tiny_bert.random_weights(shape), shape), tmp_path / "model.onnx")
    ids, mask = tiny_bert.all_ids(batch=2, tokens=12)
    padded = [np.pad(values, ((0, 0), (0, 9))) for values in (ids, mask)]
    assert (run_graph(tmp_path / "model.onnx", *padded) * run_graph(tmp_path / "model.onnx", ids, mask)).sum(
        1
    ).min() > 0.9999


def test_weights_under_a_bert_prefix_are_found() -> None:
    shape = BertShape.from_config(tiny_bert.config())
    weights = tiny_bert.random_weights(shape)
    data = save({f"bert.{name}": tensor.astype(np.float16) for name, tensor in weights.items()})
    parsed = parse_weights(data, shape)
    assert parsed.keys() == weights.keys()
    assert all(tensor.dtype == np.float32 for tensor in parsed.values())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_act", "gelu_new"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("hidden_size", None),
        ("num_attention_heads", 5),
        ("num_attention_heads", 0),
    ],
)
def test_other_architectures_are_refused(key: str, value: object) -> None:
    with pytest.raises(DamagedModel):
        BertShape.from_config(tiny_bert.config(**{key: value}))


def test_hostile_weights() -> None:
    shape = BertShape.from_config(tiny_bert.config())
    weights = tiny_bert.random_weights(shape)
    name = "encoder.layer.1.output.dense.bias"
    with pytest.raises(DamagedModel, match="cannot be read"):
        parse_weights(b"\xff" * 100, shape)
    with pytest.raises(DamagedModel, match="lack encoder"):
        parse_weights(save({key: value for key, value in weights.items() if key != name}), shape)
    with pytest.raises(DamagedModel, match="has shape"):
        parse_weights(save(weights | {name: np.zeros(31, np.float32)}), shape)
    with pytest.raises(DamagedModel, match="not finite"):
        parse_weights(save(weights | {name: np.full(32, np.nan, np.float32)}), shape)

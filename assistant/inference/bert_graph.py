"""BERT encoders as ONNX graphs, built from safetensors weights without torch.

Architecture: Devlin et al., "BERT", 2019, the encoder stack only (no pooler, no heads). The graph uses the fused
``com.microsoft`` operators of onnxruntime, so that dynamic quantisation sees one ``Attention`` operator per layer.
Positions are looked up inside ``EmbedLayerNormalization``: written out as Shape, Range and Gather the lookup is
rewritten by onnxruntime 1.31 at load into a Slice that fails.

This module imports ``onnx`` and is itself imported only when a model is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from assistant.contracts.errors import DamagedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]

OPSET = 17
IR_VERSION = 8
FUSED = "com.microsoft"
ALREADY_FUSED = {"onnx.quant.pre_process": "onnxruntime.quant"}
"""Says that the quantiser need not prepare the graph; without it a warning is logged."""


@dataclass(frozen=True, slots=True)
class BertShape:
    """Sizes of a BERT encoder, in elements; ``epsilon`` is that of every layer normalisation."""

    hidden: int
    heads: int
    layers: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BertShape:
        """Reads a ``config.json``. Raises :class:`DamagedModel` for a key that is missing or an encoder that differs
        from BERT (another activation, relative positions, a decoder)."""
        expected = {"hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
        for key, value in expected.items():
            if config.get(key, value) != value:
                raise DamagedModel(f"This is no plain BERT encoder: {key} is {config[key]!r}, not {value!r}.")
        try:
            shape = cls(
                hidden=int(config["hidden_size"]),
                heads=int(config["num_attention_heads"]),
                layers=int(config["num_hidden_layers"]),
                intermediate=int(config["intermediate_size"]),
                vocabulary=int(config["vocab_size"]),
                positions=int(config["max_position_embeddings"]),
                token_types=int(config["type_vocab_size"]),
                epsilon=float(config.get("layer_norm_eps", 1e-12)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedModel(f"The model's config.json lacks a size or holds a wrong one: {error}.") from error
        if shape.heads < 1 or shape.hidden % shape.heads:
            raise DamagedModel(f"{shape.hidden} dimensions cannot be split among {shape.heads} attention heads.")
        return shape

    def expected_weights(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor the encoder needs."""
        hidden, wide = self.hidden, self.intermediate
        shapes: dict[str, tuple[int, ...]] = {
            "embeddings.word_embeddings.weight": (self.vocabulary, hidden),
            "embeddings.position_embeddings.weight": (self.positions, hidden),
            "embeddings.token_type_embeddings.weight": (self.token_types, hidden),
            "embeddings.LayerNorm.weight": (hidden,),
            "embeddings.LayerNorm.bias": (hidden,),
        }
        for layer in range(self.layers):
            prefix = layer_prefix(layer)
            linear = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
            linear |= {
                "attention.output.dense": (hidden, hidden),
                "intermediate.dense": (wide, hidden),
                "output.dense": (hidden, wide),
            }
            for name, (rows, columns) in linear.items():
                shapes[f"{prefix}{name}.weight"] = (rows, columns)
                shapes[f"{prefix}{name}.bias"] = (rows,)
            for name in ("attention.output.LayerNorm", "output.LayerNorm"):
                shapes[f"{prefix}{name}.weight"] = shapes[f"{prefix}{name}.bias"] = (hidden,)
        return shapes


def layer_prefix(layer: int) -> str:
    return f"encoder.layer.{layer}."


def parse_weights(data: bytes, shape: BertShape) -> dict[str, NDArray[np.float32]]:
    """The encoder's tensors out of the bytes of a safetensors file, as float32, by name without a ``bert.`` prefix.

    Raises :class:`DamagedModel` when the file cannot be read or a tensor is missing, misshapen or not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = {name.removeprefix("bert."): tensor for name, tensor in load(data).items()}
    except SafetensorError as error:
        raise DamagedModel(f"The model's weights cannot be read: {error}.") from error
    weights: dict[str, NDArray[np.float32]] = {}
    for name, expected in shape.expected_weights().items():
        tensor = tensors.get(name)
        if tensor is None:
            raise DamagedModel(f"The model's weights lack {name}.")
        if tensor.shape != expected:
            raise DamagedModel(f"{name} has shape {tensor.shape} where config.json asks for {expected}.")
        weights[name] = tensor.astype(np.float32, copy=False)
        if not np.isfinite(weights[name]).all():
            raise DamagedModel(f"{name} holds a number that is not finite.")
    return weights


class _GraphWriter:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        """Adds one operator; ``output`` names its first result and the node."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output


def encoder_graph(weights: Weights, shape: BertShape) -> onnx.ModelProto:
    """The fp32 graph.

    Inputs ``input_ids``, ``attention_mask``, ``token_type_ids``: int64, ``(batch, tokens)``.
    Outputs ``last_hidden_state``: float32, ``(batch, tokens, hidden)``, first, the one fastembed pools; and
    ``sentence_embedding``: float32, ``(batch, hidden)``, mean over the unmasked tokens, of unit length.
    """
    writer = _GraphWriter()
    mask = writer.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    state = _embed(writer, weights, shape)
    for layer in range(shape.layers):
        last = layer == shape.layers - 1
        state = _layer(writer, weights, shape, layer, state, mask, "last_hidden_state" if last else f"l{layer}.state")
    _pool(writer, state)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [
        helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", shape.hidden]),
        helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", shape.hidden]),
    ]
    graph = helper.make_graph(writer.nodes, "encoder", inputs, outputs, writer.constants)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(graph, producer_name="assistant", opset_imports=opsets)
    model.ir_version = IR_VERSION
    helper.set_model_props(model, ALREADY_FUSED)
    return model


def _embed(writer: _GraphWriter, weights: Weights, shape: BertShape) -> str:
    tables = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight")
    names = [*tables, "LayerNorm.weight", "LayerNorm.bias"]
    constants = [writer.constant(name, weights[f"embeddings.{name}"]) for name in names]
    ids = writer.node("Cast", ["input_ids"], "ids", to=TensorProto.INT32)
    types = writer.node("Cast", ["token_type_ids"], "types", to=TensorProto.INT32)
    # Two outputs are required; the second (a mask length per row) is not used, as the mask is given to Attention.
    writer.nodes.append(
        helper.make_node(
            "EmbedLayerNormalization",
            [ids, types, *constants],
            ["embedded", "embedded.lengths"],
            name="embedded",
            domain=FUSED,
            epsilon=shape.epsilon,
        )
    )
    return "embedded"


def _layer(
    writer: _GraphWriter, weights: Weights, shape: BertShape, layer: int, state: str, mask: str, output: str
) -> str:
    prefix, short = layer_prefix(layer), f"l{layer}."

    def weight(name: str) -> NDArray[np.float32]:
        # Linear layers are stored (out, in); MatMul wants (in, out).
        return weights[f"{prefix}{name}.weight"].T

    def constant(name: str) -> str:
        return writer.constant(f"{short}{name}", weights[f"{prefix}{name}"])

    def project(source: str, name: str) -> str:
        return writer.node("MatMul", [source, writer.constant(f"{short}{name}", weight(name))], f"{short}{name}.out")

    def add_and_normalise(change: str, base: str, dense: str, norm: str, result: str) -> str:
        inputs = [change, base, constant(f"{norm}.weight"), constant(f"{norm}.bias"), constant(f"{dense}.bias")]
        return writer.node("SkipLayerNormalization", inputs, result, domain=FUSED, epsilon=shape.epsilon)

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    joined = writer.constant(f"{short}qkv", np.concatenate([weight(part) for part in parts], axis=1))
    biases = np.concatenate([weights[f"{prefix}{part}.bias"] for part in parts])
    joined_bias = writer.constant(f"{short}qkv.bias", biases)
    attended = writer.node(
        "Attention", [state, joined, joined_bias, mask], f"{short}attended", domain=FUSED, num_heads=shape.heads
    )
    attended = project(attended, "attention.output.dense")
    state = add_and_normalise(
        attended, state, "attention.output.dense", "attention.output.LayerNorm", f"{short}attention"
    )
    widened = project(state, "intermediate.dense")
    widened = writer.node("BiasGelu", [widened, constant("intermediate.dense.bias")], f"{short}gelu", domain=FUSED)
    return add_and_normalise(project(widened, "output.dense"), state, "output.dense", "output.LayerNorm", output)


def _pool(writer: _GraphWriter, state: str) -> None:
    mask = writer.node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    last_axis = writer.constant("axis.last", np.array([-1], np.int64))
    token_axis = writer.constant("axis.token", np.array([1], np.int64))
    column = writer.node("Unsqueeze", [mask, last_axis], "mask.column")
    kept = writer.node("Mul", [state, column], "kept")
    total = writer.node("ReduceSum", [kept, token_axis], "total", keepdims=0)
    count = writer.node("ReduceSum", [mask, token_axis], "count", keepdims=1)
    at_least_one = writer.node("Max", [count, writer.constant("one", np.array(1, np.float32))], "count.safe")
    mean = writer.node("Div", [total, at_least_one], "mean")
    writer.node("LpNormalization", [mean], "sentence_embedding", axis=-1, p=2)


def quantise(source: Path, target: Path, *, reduce_range: bool) -> None:
    """Writes the int8 form of the fp32 graph in ``source`` to ``target``.

    Weights of MatMul and Attention become int8, one scale per output channel; activations are quantised at run time,
    one scale per tensor, so a vector depends slightly on the batch its text is in. The embedding table stays float32
    (as int8 it costs retrieval quality). ``reduce_range`` uses 7 bits: without VNNI the products of 8-bit weights
    overflow their 16-bit sums.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # By path, not as a loaded graph: the quantiser then keeps its own temporary file beside ``source``.
    quantize_dynamic(
        source,
        target,
        op_types_to_quantize=["MatMul", "Attention"],
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},
    )

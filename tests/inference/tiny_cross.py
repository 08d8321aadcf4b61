"""A cross-encoder of a few kilobytes that counts the words of the question that are in the text, with a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:()"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PIECES = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
SEPARATOR = SPECIAL.index("[SEP]")
WORDS = ("boiler", "kettle", "serviced", "red", "march", "girl", "bread", "kitchen", "harbour", "eating", "food")
LETTER_WEIGHT = 0.01
"""Of a piece of a word that is not in the vocabulary."""

Fault = Literal["not finite", "two classes", "no score"]


def tokenizer(words: Iterable[str]) -> Tokenizer:
    vocabulary = {piece: place for place, piece in enumerate([*PIECES, *words])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", SEPARATOR), ("[CLS]", SPECIAL.index("[CLS]")))
    made.add_special_tokens(SPECIAL)
    return made


def graph(weights: Mapping[str, float], *, types: bool = False, fault: Fault | None = None) -> onnx.ModelProto:
    """``input_ids`` and ``attention_mask``, int64 ``(batch, tokens)``, to ``logits``, float32 ``(batch, 1)``: ten times
    the share, by weight, of the question's tokens that are in the text, less five.

    Where the question ends is told by the first separator, or, with ``types``, by ``token_type_ids``.
    """
    worth = [0.0] * len(SPECIAL) + [LETTER_WEIGHT] * (len(PIECES) - len(SPECIAL)) + list(weights.values())
    constants = {
        "worth": np.array(worth, np.float32),
        "separator": np.array(SEPARATOR, np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "along": np.array(1, np.int64),
        "first": np.array([1], np.int64),
        "second": np.array([2], np.int64),
        "little": np.array(1e-6, np.float32),
        "ten": np.array(10, np.float32),
        "five": np.array({"not finite": np.nan}.get(fault or "", 5.0), np.float32),
    }
    if types:
        sides = [helper.make_node("Identity", ["token_type_ids"], ["side"])]
    else:
        sides = [
            helper.make_node("Equal", ["input_ids", "separator"], ["ends"]),
            helper.make_node("Cast", ["ends"], ["ended"], to=TensorProto.INT64),
            helper.make_node("CumSum", ["ended", "along"], ["side"], exclusive=1),
        ]
    nodes = [
        *sides,
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Equal", ["side", "zero"], ["is_question"]),
        helper.make_node("Cast", ["is_question"], ["of_question"], to=TensorProto.FLOAT),
        helper.make_node("Equal", ["side", "one"], ["is_text"]),
        helper.make_node("Cast", ["is_text"], ["of_text"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["of_text", "mask"], ["real_text"]),
        helper.make_node("Gather", ["worth", "input_ids"], ["any_worth"]),
        helper.make_node("Mul", ["any_worth", "of_question"], ["of_words"]),
        helper.make_node("Mul", ["of_words", "mask"], ["wanted"]),
        helper.make_node("Unsqueeze", ["input_ids", "second"], ["rows"]),
        helper.make_node("Unsqueeze", ["input_ids", "first"], ["columns"]),
        helper.make_node("Equal", ["rows", "columns"], ["equal"]),
        helper.make_node("Cast", ["equal"], ["same"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["real_text", "first"], ["text_columns"]),
        helper.make_node("Mul", ["same", "text_columns"], ["met"]),
        helper.make_node("ReduceMax", ["met", "second"], ["held"], keepdims=0),
        helper.make_node("Mul", ["held", "wanted"], ["got"]),
        helper.make_node("ReduceSum", ["got", "first"], ["sum_got"], keepdims=1),
        helper.make_node("ReduceSum", ["wanted", "first"], ["sum_wanted"], keepdims=1),
        helper.make_node("Add", ["sum_wanted", "little"], ["whole"]),
        helper.make_node("Div", ["sum_got", "whole"], ["share"]),
        helper.make_node("Mul", ["share", "ten"], ["tenfold"]),
        helper.make_node("Sub", ["tenfold", "five"], ["score"]),
    ]
    if fault == "two classes":
        nodes.append(helper.make_node("Concat", ["score", "score"], ["logits"], axis=1))
    else:
        nodes.append(helper.make_node("Identity", ["met" if fault == "no score" else "score"], ["logits"]))
    shape = {"two classes": ["batch", 2], "no score": ["batch", "tokens", "tokens"]}.get(fault or "", ["batch", 1])
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    made = helper.make_graph(
        nodes,
        "tiny_cross",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write(
    folder: Path,
    weights: Mapping[str, float] | None = None,
    *,
    model_file: str = "onnx/model.onnx",
    max_tokens: int = 512,
    **how: Any,
) -> Path:
    """The files fastembed would fetch, below ``folder``; returns it. ``weights``: words and what each is worth."""
    weights = dict.fromkeys(WORDS, 1.0) if weights is None else weights
    (folder / model_file).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(weights, **how), folder / model_file)
    tokenizer(weights).save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0}))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "model_max_length": max_tokens}))
    return folder

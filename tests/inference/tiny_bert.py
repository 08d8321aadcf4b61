"""A random BERT of two layers and 32 dimensions with a tokenizer, as a Python package that must not be imported."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from assistant.inference.bert_graph import BertShape

WORDS = ["man", "is", "eating", "food", "bread", "the", "girl", "baby", "boiler", "stone", "file", "read", "open"]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:()"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]


def config(**changes: Any) -> dict[str, Any]:
    sizes = {
        "hidden_size": 32,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "intermediate_size": 64,
        "vocab_size": len(VOCABULARY),
        "max_position_embeddings": 48,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": 0,
    }
    return sizes | changes


def random_weights(shape: BertShape, seed: int = 7) -> dict[str, Any]:
    """Large enough that attention is far from even, so that a wrong graph shows."""
    generator = np.random.default_rng(seed)
    weights = {}
    for name, size in shape.expected_weights().items():
        centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        weights[name] = (centre + generator.normal(0, 0.25, size)).astype(np.float32)
    return weights


def all_ids(batch: int, tokens: int, seed: int = 1) -> tuple[Any, Any]:
    """Random token ids and a mask that hides the ends of all rows but the first: int64, ``(batch, tokens)``."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(4, len(VOCABULARY), (batch, tokens))
    lengths = np.array([tokens, *generator.integers(2, tokens, batch - 1)])
    mask = (np.arange(tokens) < lengths[:, None]).astype(np.int64)
    return ids * mask, mask


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.WordPiece({word: place for place, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return made


def write_files(folder: Path, settings: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_weights(BertShape.from_config(settings)), folder / "model.safetensors")
    tokenizer().save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(json.dumps({**special, "model_max_length": 512}))


def write_package(site: Path, name: str = "tiny_bert_files", **changes: Any) -> Path:
    """The folder with the files, inside a package that fails when imported."""
    write_files(site / name / "model", config(**changes))
    (site / name / "__init__.py").write_text("raise AssertionError('the package was imported')\n")
    return site / name / "model"


def write_manifest(folder: Path, files: Path, package: str = "tiny_bert_files", **changes: Any) -> Path:
    keys: dict[str, Any] = {
        "id": "tiny",
        "title": "Tiny",
        "licence": "none",
        "origin": "made by a test",
        "architecture": "bert",
        "dimension": 32,
        "max_tokens": 24,
        "pooling": "mean",
        "source": "package",
        "hashes": "pinned",
    }
    keys |= changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    lines += ["[package]", f'import_name = "{package}"', 'distribution = "tiny-bert-files"', 'version = "1"']
    lines += ['folder = "model"']
    for path in sorted(files.iterdir()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        lines += ["[[files]]", f'path = "{path.name}"', f'sha256 = "{digest}"', f"size_bytes = {len(data)}"]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{keys['id']}.toml"
    target.write_text("\n".join(lines) + "\n")
    return target

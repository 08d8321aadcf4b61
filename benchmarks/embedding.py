"""From files to searchable vectors, against the bare model on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assistant.inference.processor import physical_cores
from benchmarks.measuring import Figures, StepClocks, seconds, take_turns
from benchmarks.peers.making import pieces_of
from benchmarks.workbench import PRECISION, Workbench

ROUNDS = 2
BATCH_TOKENS = 1024
SLICE_TEXTS = 128
SAMPLE_TEXTS = 256
FASTEMBED_TEXTS = 128

Feed = dict[str, Any]


class BareModel:
    """onnxruntime with the thread count of the encoder, fed with token ids that are made beforehand."""

    def __init__(self, model_folder: Path, max_tokens: int, *, spinning: bool) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = physical_cores()
        options.log_severity_level = 3
        if not spinning:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model_folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def feeds(self, texts: Sequence[str]) -> list[Feed]:
        """Batches of some 1,024 tokens, longest texts first, each padded to its longest."""
        rows = sorted((encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))), key=len, reverse=True)
        found, start = [], 0
        while start < len(rows):
            size = max(1, BATCH_TOKENS // len(rows[start]))
            found.append(self._feed(rows[start : start + size]))
            start += size
        return found

    def _feed(self, rows: Sequence[Sequence[int]]) -> Feed:
        ids = np.zeros((len(rows), len(rows[0])), np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return {name: values for name, values in feed.items() if name in self._inputs}

    def run(self, feeds: Sequence[Feed]) -> None:
        for feed in feeds:
            self._session.run(["sentence_embedding"], feed)


def run(bench: Workbench) -> Figures:
    figures = Figures("embedding: read, chunk, embed, store in LMDB, index in Tantivy and hnswlib; " + PRECISION)
    bench.encoder.encode(["Prepared before anything is timed."])
    bare = BareModel(bench.model_folder, bench.encoder.max_tokens, spinning=False)
    texts = list(dict.fromkeys(piece.text for piece in pieces_of(bench.passages)))
    _pipeline(bench, bare, texts, figures)
    _encoder_alone(bench, bare, texts[: bench.count(SAMPLE_TEXTS, 8)], figures)
    _fastembed(bench, bare, texts[: bench.count(FASTEMBED_TEXTS, 8)], figures)
    return figures


def _pipeline(bench: Workbench, bare: BareModel, texts: Sequence[str], figures: Figures) -> None:
    """The reference runs every other batch before the pipeline and the rest after it, so that a change of load in
    between meets both alike."""
    feeds = bare.feeds(texts)
    bare.run(feeds[:4])
    whole_s, bare_s, scan_s, embed_s, save_s = [], [], [], [], []
    clocks = StepClocks()
    rounds = bench.count(ROUNDS)
    for number in range(rounds):
        before_s = seconds(lambda: bare.run(feeds[::2]))
        with bench.assistant(f"embedding-{number}") as assistant:
            fabric = assistant.fabric
            steps = {
                "encode": (bench.encoder, "encode"),
                "narrow": (bench.encoder, "encode_narrow"),
                "store": (fabric, "store_vectors"),
            }
            with clocks.on(steps):
                scans, embedded = assistant.add([str(bench.passages)])
            assert embedded is not None
            save_s.append(seconds(fabric.publish))
            scan_s.append(scans[0].took_s)
            embed_s.append(embedded.took_s)
            assert embedded.done == len(texts)
        bare_s.append(before_s + seconds(lambda: bare.run(feeds[1::2])))
        whole_s.append(scan_s[-1] + embed_s[-1] + save_s[-1])
    bench.remembered = "embedding-0"
    count = len(texts)
    per_s = "chunks/s"
    figures.add("chunks", count, "chunks", f"of {bench.encoder.count_tokens(texts) / count:.0f} tokens on average")
    figures.median("pipeline_chunks_per_s", [count / s for s in whole_s], per_s, "the whole pipeline")
    bare_words = "onnxruntime alone, texts tokenised before and sorted by length"
    figures.median("bare_chunks_per_s", [count / s for s in bare_s], per_s, bare_words)
    figures.ratio("pipeline_to_bare", bare_s, whole_s, "the whole pipeline : onnxruntime alone (speeds)")
    figures.median("scan_s", scan_s, "s", "of the pipeline: read, chunk, store and index words")
    figures.median("embed_s", embed_s, "s", "of the pipeline: embed, store and index vectors")
    figures.median("save_s", save_s, "s", "of the pipeline: save the vector index")
    encode_s, store_s = clocks.total_s["encode"] + clocks.total_s["narrow"], clocks.total_s["store"]
    figures.add("encode_s", encode_s / rounds, "s", "of embedding, mean: in the encoder, on a thread of its own")
    figures.add("store_s", store_s / rounds, "s", "of embedding, mean: store and index vectors, meanwhile")
    not_encoding = 1 - encode_s / sum(whole_s)
    figures.add("not_encoding_share", not_encoding, "of 1", "share of the pipeline's time in which nothing is encoded")


def _encoder_alone(bench: Workbench, bare: BareModel, texts: Sequence[str], figures: Figures) -> None:
    spinning = BareModel(bench.model_folder, bench.encoder.max_tokens, spinning=True)
    times: dict[str, list[float]] = {"encoder": [], "bare": [], "spinning": []}
    for start in range(0, len(texts), SLICE_TEXTS):
        piece = texts[start : start + SLICE_TEXTS]
        feeds = bare.feeds(piece)
        found = take_turns(
            {
                "encoder": partial(bench.encoder.encode, piece),
                "bare": partial(bare.run, feeds),
                "spinning": partial(spinning.run, feeds),
            },
            2,
        )
        for name, taken in found.items():
            times[name] += taken
    figures.ratio("encoder_to_bare", times["bare"], times["encoder"], "the encoder alone : onnxruntime alone (speeds)")
    figures.ratio(
        "spinning_to_bare",
        times["bare"],
        times["spinning"],
        "onnxruntime with its waiting threads spinning : without (speeds)",
    )


def _fastembed(bench: Workbench, bare: BareModel, texts: Sequence[str], figures: Figures) -> None:
    """fastembed as shipped: texts in the order they come, batches of 256 padded to their longest."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = "benchmarks/model"
    if all(model["model"] != name for model in TextEmbedding.list_supported_models()):
        TextEmbedding.add_custom_model(
            model=name,
            pooling=PoolingType.MEAN,
            normalization=True,
            sources=ModelSource(hf=name),
            dim=bench.encoder.dim,
            model_file="model.onnx",
        )
    shipped = TextEmbedding(
        name,
        cache_dir=str(bench.folder),
        specific_model_path=str(bench.model_folder),
        threads=physical_cores(),
        local_files_only=True,
    )
    list(shipped.embed(texts[:2]))
    feeds = bare.feeds(texts)
    times = take_turns({"shipped": lambda: list(shipped.embed(texts)), "bare": lambda: bare.run(feeds)}, 2)
    speeds = [len(texts) / s for s in times["shipped"]]
    figures.median("fastembed_chunks_per_s", speeds, "chunks/s", f"fastembed as shipped, {len(texts)} texts, for scale")
    words = "fastembed as shipped : onnxruntime alone (speeds)"
    figures.ratio("fastembed_to_bare", times["bare"], times["shipped"], words)

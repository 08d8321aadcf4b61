from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.contracts.errors import DamagedModel, Interrupted
from assistant.inference import encoding
from assistant.inference.compiled_loading import open_tokenizer
from assistant.inference.encoding import OnnxEncoder, plan_batches
from assistant.inference.installing import install
from assistant.inference.loading import installed, load_encoder
from assistant.inference.probing import probe, sample_texts
from assistant.inference.registry import check_reading, registered

from .conftest import Tiny

WORDS = ["boiler", "invoice", "garden", "train", "def", "return", "Montag", "встреча", "🙂", "naïve", "x" * 40]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=12)


def row_cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1)


@given(st.lists(st.integers(2, 256), max_size=200), st.integers(1, 2048))
def test_batches_hold_every_text_once_and_stay_small(lengths: list[int], batch_tokens: int) -> None:
    batches = list(plan_batches(lengths, batch_tokens))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[p] for p in batch) <= batch_tokens for batch in batches)


@settings(max_examples=15, deadline=None)
@given(texts=TEXTS, data=st.data())
def test_int8_permuted_texts_give_permuted_vectors(
    minilm_int8: OnnxEncoder, texts: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    vectors = minilm_int8.encode([texts[place] for place in order])
    assert row_cosines(vectors, minilm_int8.encode(texts)[order]).min() > 0.95


@settings(max_examples=10, deadline=None)
@given(texts=TEXTS, data=st.data())
def test_fp32_permuted_texts_give_permuted_vectors(
    minilm_fp32: OnnxEncoder, texts: list[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(texts))))
    vectors = minilm_fp32.encode([texts[place] for place in order])
    assert row_cosines(vectors, minilm_fp32.encode(texts)[order]).min() > 0.9999


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.0005), ("int8", 0.03)])
def test_a_published_cosine(precision: str, tolerance: float, request: pytest.FixtureRequest) -> None:
    encoder: OnnxEncoder = request.getfixturevalue(f"minilm_{precision}")
    food, bread = encoder.encode(["A man is eating food.", "A man is eating a piece of bread."])
    assert food @ bread == pytest.approx(0.7553, abs=tolerance)


def test_int8_is_near_fp32(minilm_int8: OnnxEncoder, minilm_fp32: OnnxEncoder) -> None:
    texts = sample_texts(12)
    assert row_cosines(minilm_int8.encode(texts), minilm_fp32.encode(texts)).min() > 0.95
    assert minilm_int8.fingerprint != minilm_fp32.fingerprint


def test_the_shape_for_no_texts(minilm_int8: OnnxEncoder) -> None:
    assert minilm_int8.encode([]).shape == (0, 384)


def test_a_long_text_is_cut_at_256_tokens(minilm_fp32: OnnxEncoder) -> None:
    assert minilm_fp32.max_tokens == 256
    assert minilm_fp32.count_tokens(["stone " * 254, "stone " * 9000]) == 2 * 256
    assert minilm_fp32.count_tokens(["stone " * 253]) == 255


def test_agrees_with_fastembed_itself(minilm_fp32: OnnxEncoder, minilm_dir: Path) -> None:
    from fastembed import TextEmbedding

    model = installed(minilm_fp32.manifest, "fp32", minilm_dir)
    embedding = registered(model.folder, minilm_fp32.manifest, model.record)
    name = f"assistant/all-minilm-l6-v2-{minilm_fp32.fingerprint}"
    assert name in [model["model"] for model in TextEmbedding.list_supported_models()]
    texts = ["A man is eating food.", "word " * 400, "", "Привет, мир! 🙂 naïve", "a\tb\n [SEP] [CLS]"]
    assert row_cosines(np.array(list(embedding.embed(texts))), minilm_fp32.encode(texts)).min() > 0.9999
    check_reading(model.folder, minilm_fp32.manifest, model.record, open_tokenizer(model.folder), texts)


def test_a_tokenizer_that_reads_otherwise_is_not_installed(minilm_fp32: OnnxEncoder, minilm_dir: Path) -> None:
    model = installed(minilm_fp32.manifest, "fp32", minilm_dir)
    other = open_tokenizer(model.folder)
    other.enable_truncation(5)
    with pytest.raises(DamagedModel, match="reads texts otherwise"):
        check_reading(model.folder, minilm_fp32.manifest, model.record, other, ["stone " * 9])


def test_the_default_model_is_opened_without_fastembed(minilm_dir: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from assistant.inference.loading import load_encoder;"
        f"load_encoder('all-minilm-l6-v2', 'fp32', Path({str(minilm_dir)!r}), threads=1).encode_query('boiler');"
        "print(sorted({'fastembed', 'onnx', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_more_texts_than_one_window(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tiny.manifest, "fp32", tiny.target)
    encoder = load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    texts = [" ".join(WORDS[: number % 7]) + f" {number}" for number in range(60)]
    expected = encoder.encode(texts)
    monkeypatch.setattr(encoding, "WINDOW_TEXTS", 7)
    monkeypatch.setattr(encoding, "TOKENISE_TEXTS", 3)
    assert row_cosines(encoder.encode(texts), expected).min() > 0.9999


def test_prefixes_are_set_before_texts_and_queries(tiny: Tiny) -> None:
    path = tiny.manifests / "tiny.toml"
    plain = tiny.manifest
    path.write_text(
        path.read_text().replace('title = "Tiny"', 'title = "Tiny"\nquery_prefix = "girl "\npassage_prefix = "baby "')
    )
    install(tiny.manifest, "fp32", tiny.target)
    encoder = load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    install(plain, "fp32", tiny.target)
    path.write_text(path.read_text().replace("girl ", "").replace("baby ", ""))
    bare = load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)
    assert row_cosines(encoder.encode(["bread"]), bare.encode(["baby bread"])).min() > 0.9999
    assert encoder.encode_query("bread") @ bare.encode_query("girl bread") > 0.9999
    assert encoder.fingerprint != bare.fingerprint


class StopsAfterTwo:
    """A pace that has batches of 512 tokens, and ends the work before the third."""

    def __init__(self) -> None:
        self.done: list[tuple[int, int]] = []

    def batch_tokens(self, most: int) -> int:
        return min(512, most)

    def before(self) -> None:
        if len(self.done) == 2:
            raise Interrupted

    def after(self, texts: int, tokens: int, took_s: float) -> None:
        assert took_s > 0
        self.done.append((texts, tokens))


def test_encoding_keeps_the_pace_it_is_given_and_stops_between_batches(minilm_int8: OnnxEncoder) -> None:
    pace = StopsAfterTwo()
    with pytest.raises(Interrupted):
        minilm_int8.encode(["stone " * 300] * 40, pace=pace)
    assert pace.done == [(2, 512), (2, 512)]
    basis = minilm_int8.basis()
    assert basis is not None
    pace = StopsAfterTwo()
    with pytest.raises(Interrupted):
        minilm_int8.encode_narrow(["stone " * 300] * 40, basis, pace=pace)
    assert pace.done == [(2, 512), (2, 512)]


def test_repeated_queries_are_answered_from_memory(minilm_int8: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "QUERY_CACHE_SIZE", 2)
    first = minilm_int8.encode_query("one")
    monkeypatch.setattr(minilm_int8, "_session", None)
    np.testing.assert_array_equal(minilm_int8.encode_query("one"), first)
    monkeypatch.undo()
    for text in ("two", "three"):
        minilm_int8.encode_query(text)
    assert len(minilm_int8._queries) <= encoding.QUERY_CACHE_SIZE


def test_a_question_goes_through_the_model_once(minilm_int8: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "When was the boiler serviced, and by whom?"
    (apart,) = minilm_int8.token_vectors([text]) or []
    vector = minilm_int8.encode([text])[0]
    np.testing.assert_array_equal(minilm_int8.encode_query(text), vector)
    monkeypatch.setattr(minilm_int8, "_session", None)
    (together,) = minilm_int8.token_vectors([text]) or []
    for part in ("rows", "starts", "ends"):
        np.testing.assert_array_equal(getattr(together, part), getattr(apart, part))
    monkeypatch.undo()
    for number in range(encoding.TOKENS_CACHE_SIZE + 2):
        minilm_int8.encode_query(f"number {number}")
    assert len(minilm_int8._query_tokens) == encoding.TOKENS_CACHE_SIZE
    (again,) = minilm_int8.token_vectors([text]) or []  # forgotten, and read anew
    np.testing.assert_array_equal(again.rows, apart.rows)


def test_hostile_graph_with_broken_vectors(tiny: Tiny) -> None:
    install(tiny.manifest, "fp32", tiny.target)
    encoder = load_encoder("tiny", "fp32", tiny.models_dir, manifests=tiny.manifests)

    class Broken:
        def __init__(self, value: float, width: int) -> None:
            self.vectors = np.full((1, width), value, np.float32)

        def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [self.vectors]

    for session in (Broken(np.nan, 32), Broken(np.inf, 32), Broken(0.0, 32), Broken(1.0, 32)):
        encoder._session = session
        with pytest.raises(DamagedModel, match="not finite or not of unit length"):
            encoder.encode(["x"])
    encoder._session = Broken(1.0, 31)
    with pytest.raises(DamagedModel, match="31 dimensions"):
        encoder.encode(["x"])


def test_the_probe_tells_that_the_model_is_right(minilm_int8: OnnxEncoder) -> None:
    report = probe(minilm_int8)
    assert report.right
    assert report.near_cosine > 0.7 > 0.3 > report.far_cosine
    assert 90 < report.sample_tokens_per_text < 130
    assert min(report.tokens_per_s, report.texts_per_s, report.query_p50_ms, report.load_s) > 0
    assert report.resident_bytes > 50e6
    assert re.fullmatch(r"[0-9a-f]{16}", report.fingerprint)

"""Cross-encoders through fastembed's own list: loading, scoring, and files and texts meant to do harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assistant.contracts.errors import ConsentNeeded, DamagedModel, Interrupted, UnknownModel
from assistant.contracts.ports import Reranker
from assistant.core.question import read_question
from assistant.inference import rerank_shelf
from assistant.inference.compiled_record import ModelMissing
from assistant.inference.cross_encoding import CrossEncoderReranker
from assistant.inference.cross_loading import is_on_disk, load_reranker, reranker_manifest_for
from assistant.inference.cross_registry import listed_rerankers
from assistant.inference.manifest import find_reranker, load_reranker_manifests, manifests_folder
from assistant.inference.probing import probe_reranker
from assistant.inference.rerank_shelf import RerankerShelf
from assistant.testing.overlap import OverlapReranker
from assistant.testing.rerankers import ANSWERING, QUESTION, Entry, RerankerSuite

from . import tiny_cross

LISTED = "ms-marco-minilm-l-6-v2"
OWN = "tests/tiny-cross"
OWN_FOLDER = "tests--tiny-cross"
CYRILLIC = "когда обслужили котел"


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    """A cross-encoder of our own on fastembed's list, as anybody may add one."""
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder
    from fastembed.rerank.cross_encoder.custom_text_cross_encoder import CustomTextCrossEncoder

    before = list(CustomTextCrossEncoder.SUPPORTED_MODELS)
    TextCrossEncoder.add_custom_model(
        model=OWN, sources=ModelSource(hf=OWN), model_file="onnx/model.onnx", license="none", size_in_gb=0.001
    )
    yield
    CustomTextCrossEncoder.SUPPORTED_MODELS[:] = before


def load(models_dir: Path, name: str = LISTED, **how: object) -> CrossEncoderReranker:
    return load_reranker(name, models_dir, threads=1, **how)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models: one of fastembed's own list, which wants token types, and ours."""
    models_dir = tmp_path_factory.mktemp("models")
    tiny_cross.write(models_dir / LISTED, types=True)
    tiny_cross.write(models_dir / OWN_FOLDER)
    return models_dir


class TestTinyCrossEncoder(RerankerSuite):
    @pytest.fixture
    def reranker(self, made: Path) -> Reranker:
        return load(made, OWN)


class TestWithTokenTypes(RerankerSuite):
    @pytest.fixture
    def reranker(self, made: Path) -> Reranker:
        return load(made)


class TestShelf(RerankerSuite):
    @pytest.fixture
    def reranker(self, made: Path) -> Reranker:
        return shelf(made, [])


class TestOverlapReranker(RerankerSuite):
    @pytest.fixture
    def reranker(self) -> Reranker:
        return OverlapReranker()


# scores


def test_scores_are_those_of_fastembed_itself(tmp_path: Path) -> None:
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    folder = tiny_cross.write(tmp_path / OWN_FOLDER)
    texts = [ANSWERING, "The kettle is red.", "boiler boiler", "", "march " * 40]
    theirs = TextCrossEncoder(OWN, specific_model_path=str(folder), local_files_only=True, threads=1)
    expected = list(theirs.rerank("the boiler serviced in march", texts))
    assert load(tmp_path, OWN).rate("the boiler serviced in march", texts).tolist() == pytest.approx(expected, abs=1e-5)
    assert expected[0] > 4.5
    assert expected[1] < -4.5


def test_padding_changes_nothing(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    tokenizer_config = tmp_path / LISTED / "tokenizer_config.json"
    texts = [ANSWERING, "red " * 60, "boiler"]
    reranker = load(tmp_path)
    alone = [reranker.rate(QUESTION, [text]).item() for text in texts]
    assert reranker.rate(QUESTION, texts).tolist() == pytest.approx(alone, abs=1e-5)
    tokenizer_config.write_text(json.dumps(json.loads(tokenizer_config.read_text()) | {"padding_side": "left"}))
    tiny_cross.write(tmp_path / "types" / LISTED, types=True)
    (tmp_path / "types" / LISTED / "tokenizer_config.json").write_text(tokenizer_config.read_text())
    left = load(tmp_path / "types")
    assert left.rate(QUESTION, texts).tolist() == pytest.approx(alone, abs=1e-5)


def test_the_context_is_read_too(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    plain, titled, nothing = load(tmp_path).scores(
        read_question("boiler"), [Entry("It is red."), Entry("It is red.", context="Boiler"), Entry("", context=" ")]
    )
    assert plain is not None
    assert titled is not None
    assert titled > plain
    assert nothing is None


def test_what_lies_beyond_the_last_token_read_is_cut_off(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED, max_tokens=40)
    reranker = load(tmp_path)
    assert reranker.max_tokens == 40
    early, late = reranker.rate("boiler", ["boiler " + "red " * 200, "red " * 200 + "boiler"])
    assert early > late
    assert reranker.count_tokens("boiler", ["red " * 200]) == 40
    assert reranker.count_tokens("boiler " * 500, ["red " * 200]) == 40


def test_a_long_question_leaves_room_for_the_text(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED, max_tokens=40)
    with_it, without = load(tmp_path).rate("boiler " * 500, ["the boiler", "the kettle"])
    assert with_it > without


def test_the_manifest_cuts_earlier_than_a_model_that_reads_8192_tokens(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED, max_tokens=8192)
    reranker = load(tmp_path)
    assert reranker.max_tokens == find_reranker(LISTED).max_tokens == 384
    assert reranker.count_tokens("boiler", ["red " * 9000]) == 384


def test_it_stops_between_batches_when_asked_to(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    reranker, answers = load(tmp_path), iter([False, True])
    with pytest.raises(Interrupted):
        reranker.rate(QUESTION, ["red " * 350] * 20, should_stop=lambda: next(answers))
    with pytest.raises(StopIteration):
        next(answers)


def test_which_questions_it_reads(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    tiny_cross.write(tmp_path / "jina-reranker-v2-base-multilingual")
    english, any_script = load(tmp_path), load(tmp_path, "jinaai/jina-reranker-v2-base-multilingual")
    assert [english.reads(read_question(text)) for text in (QUESTION, CYRILLIC, "42?")] == [True, False, True]
    assert any_script.reads(read_question(CYRILLIC))


# finding and opening


def test_shipped_manifests_agree_with_fastembed() -> None:
    listed, manifests = listed_rerankers(), load_reranker_manifests()
    assert {path.stem for path in (manifests_folder() / "rerankers").glob("*.toml")} == set(manifests)
    assert len(manifests) >= 5
    for manifest in manifests.values():
        model = listed[manifest.listed_as]
        assert model.repository == manifest.repository
        assert model.files[0] == manifest.graph
        assert model.licence.lower() == manifest.licence.lower()
        assert "unknown" in manifest.origin
    assert {model.name for model in listed.values()} - {one.listed_as for one in manifests.values()} == {OWN}


@pytest.mark.parametrize("name", ["BAAI/bge-reranker-base", "bge-reranker-base", " BGE-Reranker-Base "])
def test_names_find_the_model(name: str) -> None:
    assert reranker_manifest_for(name).id == "bge-reranker-base"


def test_a_model_only_fastembed_lists_has_a_manifest_too() -> None:
    manifest = reranker_manifest_for("Tests/Tiny-Cross")
    assert (manifest.id, manifest.scripts, manifest.graph) == (OWN_FOLDER, (), "onnx/model.onnx")


@pytest.mark.parametrize("name", ["bge-reranker-bose", "BAAI/bge-reranker-bose"])
def test_unknown_names_get_suggestions(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownModel, match="bge-reranker-base"):
        load(tmp_path, name)


def test_an_encoder_is_no_reranker(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        load(tmp_path, "all-minilm-l6-v2")


def test_a_download_needs_consent_and_opens_no_socket(tmp_path: Path, sockets: list[object]) -> None:
    with pytest.raises(ConsentNeeded) as raised:
        load(tmp_path, "bge-reranker-base")
    said = str(raised.value)
    assert "1040 MB" in said
    assert "assistant models install BAAI/bge-reranker-base --yes" in said
    assert sockets == []


def test_consent_without_a_network_says_where_to_put_the_files(
    tmp_path: Path, sockets: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(ModelMissing) as raised:
        load(tmp_path, allow_download=True)
    assert "onnx/model.onnx, tokenizer.json" in str(raised.value)
    assert str(tmp_path / LISTED) in str(raised.value)
    assert sockets


def test_files_in_the_cache_of_fastembed(tmp_path: Path, sockets: list[object]) -> None:
    manifest = find_reranker(LISTED)
    repository = tmp_path / "fastembed" / "models--Xenova--ms-marco-MiniLM-L-6-v2"
    assert not is_on_disk(manifest, tmp_path)
    tiny_cross.write(repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    assert is_on_disk(manifest, tmp_path)
    tiny_cross.write(tmp_path / "other" / LISTED)
    assert is_on_disk(manifest, tmp_path / "other")
    assert load(tmp_path).sha256 == load(tmp_path / "other").sha256
    assert sockets == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", "{"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"model": {"type": "none such"}, "added_tokens": []}'),
        ("tokenizer_config.json", "{}"),
        ("tokenizer_config.json", "no json"),
        ("tokenizer_config.json", '{"model_max_length": 2, "pad_token": "[PAD]"}'),
        ("onnx/model.onnx", "no graph"),
        ("onnx/model.onnx", ""),
    ],
)
def test_hostile_files_put_there_by_hand(tmp_path: Path, name: str, content: str) -> None:
    tiny_cross.write(tmp_path / LISTED)
    (tmp_path / LISTED / name).write_text(content)
    with pytest.raises(DamagedModel):
        load(tmp_path)


def test_hostile_a_graph_cut_short(tmp_path: Path) -> None:
    graph = tiny_cross.write(tmp_path / LISTED) / "onnx" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-200])
    with pytest.raises(DamagedModel):
        load(tmp_path)


@pytest.mark.parametrize("fault", ["not finite", "two classes", "no score"])
def test_hostile_a_graph_that_gives_no_scores(tmp_path: Path, fault: tiny_cross.Fault) -> None:
    tiny_cross.write(tmp_path / LISTED, fault=fault)
    with pytest.raises(DamagedModel, match=r"not finite|not one score each"):
        load(tmp_path)


def test_hostile_a_tokenizer_with_more_words_than_the_graph(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    more = tiny_cross.tokenizer([*tiny_cross.WORDS, *(f"w{number}x" for number in range(50))])
    more.save(str(tmp_path / LISTED / "tokenizer.json"))
    reranker = load(tmp_path)
    assert reranker.rate("boiler", ["boiler"]).item() > 0
    with pytest.raises(DamagedModel, match="cannot be run"):
        reranker.rate("boiler", ["w49x"])


# the shelf


def shelf(models_dir: Path, notes: list[str], name: str = LISTED, **how: bool) -> RerankerShelf:
    return RerankerShelf(name, models_dir, 1, allow_download=how.get("allow_download", False), note=notes.append)


def test_a_missing_model_reads_nothing_and_says_so_once(tmp_path: Path, sockets: list[object]) -> None:
    notes: list[str] = []
    missing = shelf(tmp_path, notes)
    assert missing.describe() == (LISTED, False)
    assert notes == []
    question = read_question(QUESTION)
    assert [missing.reads(question) for _ in range(3)] == [False] * 3
    assert missing.scores(question, [Entry(ANSWERING)]) == [None]
    (note,) = notes
    assert note.startswith(f"Reranking without {LISTED}, as by default: ")
    assert f"assistant models install {find_reranker(LISTED).listed_as} --yes" in note
    assert sockets == []


def test_an_unknown_model_reads_nothing_and_says_so_once(tmp_path: Path) -> None:
    notes: list[str] = []
    unknown = shelf(tmp_path, notes, "bge-reranker-bose")
    assert unknown.describe() == ("bge-reranker-bose", False)
    assert [unknown.reads(read_question(QUESTION)) for _ in range(2)] == [False] * 2
    (note,) = notes
    assert "Did you mean" in note


def test_a_damaged_model_reads_nothing_and_says_so_once(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED, fault="not finite")
    notes: list[str] = []
    damaged = shelf(tmp_path, notes)
    assert damaged.describe() == (LISTED, True)
    assert [damaged.reads(read_question(QUESTION)) for _ in range(2)] == [False] * 2
    assert len(notes) == 1


def test_a_model_that_fails_on_the_way_is_put_away(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / LISTED)
    tiny_cross.tokenizer([*tiny_cross.WORDS, "w9x"]).save(str(tmp_path / LISTED / "tokenizer.json"))
    notes: list[str] = []
    failing, question = shelf(tmp_path, notes), read_question(QUESTION)
    assert failing.reads(question)
    assert failing.scores(question, [Entry(ANSWERING)]) != [None]
    assert failing.scores(question, [Entry(ANSWERING), Entry("w9x")]) == [None, None]
    assert failing.scores(question, [Entry(ANSWERING)]) == [None]
    assert not failing.reads(question)
    assert len(notes) == 1


def test_a_question_it_cannot_read_does_not_open_it(tmp_path: Path) -> None:
    notes: list[str] = []
    english = shelf(tmp_path, notes)  # nothing is there: opening it would be noted
    assert not english.reads(read_question(CYRILLIC))
    assert notes == []


def test_many_threads_open_it_once_and_are_told_once_that_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_cross.write(tmp_path / LISTED)
    question, notes, opened = read_question(QUESTION), list[str](), list[str]()

    def counted(name: str, *given: Any, **how: Any) -> CrossEncoderReranker:
        opened.append(name)
        return load_reranker(name, *given, **how)

    monkeypatch.setattr(rerank_shelf, "load_reranker", counted)
    with ThreadPoolExecutor(8) as pool:
        for models_dir, expected in ((tmp_path, True), (tmp_path / "empty", False)):
            one = shelf(models_dir, notes)
            assert list(pool.map(lambda _, one=one: one.reads(question), range(16))) == [expected] * 16
    assert opened == [LISTED] * 2
    assert len(notes) == 1


# measuring


def test_probing_measures_and_judges(tmp_path: Path) -> None:
    tiny_cross.write(tmp_path / "right" / LISTED)
    report = probe_reranker(load(tmp_path / "right"))
    assert report.right is True
    assert report.answering_score > report.alike_score > report.unrelated_score
    assert (report.name, report.reranked_texts) == (LISTED, 12)
    assert report.tokens_per_s > report.pairs_per_s > 0
    assert report.reranking_p50_ms > 0
    tiny_cross.write(tmp_path / "wrong" / LISTED, {"boiler": 3.0, "serviced": -1.0})
    assert probe_reranker(load(tmp_path / "wrong")).right is False


def test_importing_it_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, assistant.inference.rerank_shelf, assistant.inference.catalogue;"
        "print([m for m in ('onnx', 'onnxruntime', 'fastembed', 'tokenizers', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

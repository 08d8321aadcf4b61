"""The rerankers without a model, and how recall uses any: who looks, at how many, and what then counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.actors.embedder import Embedder
from assistant.contracts.events import nobody
from assistant.contracts.items import RecallQuery
from assistant.contracts.ports import RerankEntry, Reranker
from assistant.core.parameters import DEFAULT, PLAN, RecallParameters
from assistant.core.question import read_question
from assistant.memory.fabric import Fabric
from assistant.memory.recall import RankedItem, Recall
from assistant.memory.reranking import LetterReranker, TokenReranker, inverse_frequency
from assistant.testing.clock import FakeClock
from assistant.testing.hashing import HashingEncoder
from assistant.testing.overlap import OverlapReranker
from assistant.testing.rerankers import QUESTION, TEXTS, Entry, RerankerSuite
from memory.world import ROOT, items_of, opened, update_of

THINGS = ("violin", "bicycle", "ladder", "printer", "invoice", "garden", "ferry", "harbour", "engine", "kettle")
LINES = [f"The {thing} in room {room} was checked by Oskar" for thing in THINGS for room in (101, 202, 303)]
RUSSIAN = ["Скрипка стоит в комнате у Оскара", "Лестница стоит в комнате у Оскара", "Велосипед стоит в подвале"]
BOTH = "which violin or bicycle was checked by Oskar"


class LatinEncoder(HashingEncoder):
    """Says that it was trained on Latin script only."""

    def __init__(self) -> None:
        super().__init__(64)
        self.scripts = frozenset({"latin"})


ENCODER = LatinEncoder()


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fabric]:
    fabric = opened(tmp_path_factory.mktemp("reranking"), ENCODER)
    fabric.add_root(ROOT, "2026-01-01")
    lines = [*LINES, *RUSSIAN, *TEXTS]
    fabric.remember([update_of(f"/r/{number}.txt", line) for number, line in enumerate(lines)])
    fabric.project_terms()
    Embedder(fabric, ENCODER, FakeClock(), nobody, threading.Event()).run()
    yield fabric
    fabric.close()


class TestTokenReranker(RerankerSuite):
    @pytest.fixture
    def reranker(self, fabric: Fabric) -> Reranker:
        return TokenReranker(fabric, ENCODER, inverse_frequency(fabric.terms))

    @pytest.fixture
    def entries(self, fabric: Fabric) -> Sequence[RerankEntry]:
        known = {item.text: item for item in items_of(fabric)}
        return [known[text.strip()] for text in TEXTS]

    def test_what_has_no_token_rows_gets_no_score(
        self, reranker: Reranker, fabric: Fabric, entries: Sequence[RerankEntry]
    ) -> None:
        question = read_question(QUESTION)
        first, unknown = reranker.scores(question, [entries[0], Entry("The boiler was serviced in March.")])
        assert first is not None
        assert unknown is None
        assert reranker.scores(question, [Entry("boiler")]) == [None]
        assert not reranker.reads(read_question("когда обслужили котел"))


class TestLetterReranker(RerankerSuite):
    @pytest.fixture
    def reranker(self, fabric: Fabric) -> Reranker:
        return LetterReranker(inverse_frequency(fabric.terms))


def rank(
    fabric: Fabric,
    text: str,
    reranker: Reranker | None = None,
    parameters: RecallParameters = DEFAULT,
    encoder: HashingEncoder | None = ENCODER,
) -> list[RankedItem]:
    return Recall(fabric, encoder, FakeClock(), parameters, reranker).rank(RecallQuery(text=text, k=100)).items


def texts(ranked: Sequence[RankedItem]) -> list[str]:
    return [item.record.text for item in ranked]


@pytest.mark.parametrize("thing", ["violin", "bicycle"])
def test_a_cross_encoder_decides_the_order_of_the_best(fabric: Fabric, thing: str) -> None:
    ranked = rank(fabric, BOTH, OverlapReranker(weights={thing: 20.0}))
    assert all(thing in text for text in texts(ranked[:3]))


def test_it_looks_last_and_is_named(fabric: Fabric) -> None:
    ranked = rank(fabric, BOTH, OverlapReranker())
    assert ranked[0].rerankers == (f"tokens of {ENCODER.name}", "overlap")
    assert rank(fabric, BOTH)[0].rerankers == (f"tokens of {ENCODER.name}",)


def test_it_is_shown_no_more_than_there_is_time_for(fabric: Fabric) -> None:
    reranker = OverlapReranker()
    ranked = rank(fabric, BOTH, reranker)
    assert reranker.asked == [DEFAULT.cross_top] == [12]
    assert sum("overlap" in item.rerankers for item in ranked) == 12
    narrow = OverlapReranker()
    rank(fabric, BOTH, narrow, DEFAULT.model_copy(update={"rerank_top": 5}))
    assert narrow.asked == [5]


def test_what_it_was_not_shown_stays_where_it_was(fabric: Fabric) -> None:
    parameters = DEFAULT.model_copy(update={"per_source": 1000, "duplicate_bits": -1})
    before = rank(fabric, BOTH, None, parameters)
    after = rank(fabric, BOTH, OverlapReranker(weights={"bicycle": 20.0}), parameters)
    assert {item.record.key for item in after[:12]} == {item.record.key for item in before[:12]}
    assert texts(after[12:]) == texts(before[12:])
    assert min(item.score for item in after[:12]) >= max(item.score for item in after[12:])


@pytest.mark.parametrize("change", [{"cross_top": 0}, {"cross_top": 1}, {"rerank_top": 0}, {"rerank_margin": 0.0}])
def test_it_can_be_switched_off(fabric: Fabric, change: dict[str, float]) -> None:
    reranker, parameters = OverlapReranker(), DEFAULT.model_copy(update=change)
    ranked = rank(fabric, BOTH, reranker, parameters)
    assert reranker.asked == []
    assert texts(ranked) == texts(rank(fabric, BOTH, None, parameters))
    if "cross_top" not in change:
        assert all((item.rerank, item.rerankers) == (0.0, ()) for item in ranked)


def test_the_first_parameter_set_never_reranks(fabric: Fabric) -> None:
    reranker = OverlapReranker()
    rank(fabric, BOTH, reranker, PLAN)
    assert reranker.asked == []


def test_a_clear_leader_needs_no_closer_look(fabric: Fabric) -> None:
    reranker = OverlapReranker()
    ranked = rank(fabric, "violin in room 101", reranker, DEFAULT.model_copy(update={"rerank_margin": 0.01}))
    assert "violin in room 101" in ranked[0].record.text
    assert reranker.asked == []


def test_a_question_it_cannot_read_is_left_to_the_others(fabric: Fabric) -> None:
    reranker = OverlapReranker(scripts=frozenset({"cyrillic"}))
    ranked = rank(fabric, BOTH, reranker)
    assert reranker.asked == []
    assert texts(ranked) == texts(rank(fabric, BOTH))
    assert ranked[0].rerankers == (f"tokens of {ENCODER.name}",)


def test_a_reranker_with_nothing_to_say_changes_nothing(fabric: Fabric) -> None:
    dumb = OverlapReranker(silent=[item.content for item in items_of(fabric)])
    ranked = rank(fabric, BOTH, dumb)
    assert dumb.asked == [12]
    assert [(item.record.key, item.score) for item in ranked] == [
        (item.record.key, item.score) for item in rank(fabric, BOTH)
    ]


def test_what_it_cannot_judge_is_judged_by_the_rest(fabric: Fabric) -> None:
    (content,) = (item.content for item in items_of(fabric) if item.text == LINES[0])
    ranked = rank(fabric, BOTH, OverlapReranker(silent=[content]))
    assert LINES[0] in texts(ranked)
    assert all(0.0 <= item.score <= 1.0 + 1e-9 for item in ranked)
    assert sum("overlap" in item.rerankers for item in ranked) == 12


def test_the_parts_still_add_up_to_the_score(fabric: Fabric) -> None:
    for item in rank(fabric, BOTH, OverlapReranker(weights={"bicycle": 20.0})):
        assert item.score == pytest.approx(item.fused.score + item.rerank + item.held, abs=1e-9)


def test_any_other_kind_takes_the_place_of_the_token_vectors(fabric: Fabric) -> None:
    reranker = OverlapReranker(kind="late")
    ranked = rank(fabric, BOTH, reranker)
    assert ranked[0].rerankers == ("overlap",)
    assert reranker.asked == [min(DEFAULT.rerank_top, len(items_of(fabric)))]


def test_a_script_the_encoder_cannot_read_is_ordered_by_letters_then_by_a_cross_encoder_that_can(
    fabric: Fabric,
) -> None:
    question = "скрипка или лестница в комнате Оскара"
    for word, line in (("скрипка", RUSSIAN[0]), ("лестница", RUSSIAN[1])):
        ranked = rank(fabric, question, OverlapReranker(weights={word: 20.0}))
        assert ranked[0].record.text == line
        assert ranked[0].rerankers == ("letters", "overlap")


def test_without_an_encoder_it_looks_at_what_words_found(fabric: Fabric) -> None:
    ranked = rank(fabric, BOTH, OverlapReranker(weights={"bicycle": 20.0}), encoder=None)
    assert ranked[0].rerankers == ("letters", "overlap")
    assert all("bicycle" in text for text in texts(ranked[:3]))


def test_an_empty_memory_shows_it_nothing(tmp_path: Path) -> None:
    fabric, reranker = opened(tmp_path, ENCODER), OverlapReranker()
    assert rank(fabric, BOTH, reranker) == []
    assert reranker.asked == []
    fabric.close()


def test_many_threads_at_once_get_the_same_order(fabric: Fabric) -> None:
    recall = Recall(fabric, ENCODER, FakeClock(), DEFAULT, OverlapReranker(weights={"bicycle": 20.0}))
    expected = texts(recall.rank(RecallQuery(text=BOTH)).items)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: texts(recall.rank(RecallQuery(text=BOTH)).items), range(12)))
    assert found == [expected] * 12

"""Two score lists into one ranking."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.core.fusion import Candidate, family_of, fuse, rerank, source_quality
from assistant.core.parameters import (
    ADAPTIVE,
    DEFAULT,
    MEASURED,
    PARAMETER_SETS,
    PLAN,
    POINTED,
    RecallParameters,
    RerankWeights,
)
from assistant.core.superseding import is_superseded

COSINES = st.floats(-1, 1, allow_nan=False).map(lambda value: round(value, 3))
SCORES = st.floats(0, 40, allow_nan=False).map(lambda value: round(value, 3))
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        key=st.integers(1, 10**6),
        dense=st.none() | COSINES,
        sparse=SCORES,
        family=st.sampled_from(["prose", "code", "pointed-code", "chat", "topical"]),
        age_s=st.floats(-1e6, 1e9, allow_nan=False),
        quality=st.sampled_from([0.4, 0.8, 0.9, 1.0]),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda candidate: candidate.key,
)
PARAMETERS = st.sampled_from(list(PARAMETER_SETS.values()))


def candidate(key: int, dense: float | None, sparse: float, **more: object) -> Candidate:
    return replace(Candidate(key, dense, sparse, "prose", 0.0, 1.0), **more)


def order(candidates: list[Candidate], parameters: RecallParameters = DEFAULT, factor: float = 1.0) -> list[int]:
    return [fused.key for fused in fuse(candidates, parameters, factor)]


@given(candidates=CANDIDATES, parameters=PARAMETERS, factor=st.sampled_from([0.0, 0.3, 1.0]), data=st.data())
def test_the_order_of_the_input_does_not_matter(
    candidates: list[Candidate], parameters: RecallParameters, factor: float, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(candidates))
    assert fuse(shuffled, parameters, factor) == fuse(candidates, parameters, factor)


@given(candidates=CANDIDATES, parameters=PARAMETERS)
def test_scores_lie_between_0_and_1_and_fall(candidates: list[Candidate], parameters: RecallParameters) -> None:
    scores = [fused.score for fused in fuse(candidates, parameters)]
    assert scores == sorted(scores, reverse=True)
    assert all(-1e-9 <= score <= 1.0 + 1e-9 for score in scores)
    assert len(scores) == len(candidates)


@given(candidates=CANDIDATES, parameters=PARAMETERS, factor=st.sampled_from([0.0, 0.5, 1.0]))
def test_better_on_both_sides_is_never_behind(
    candidates: list[Candidate], parameters: RecallParameters, factor: float
) -> None:
    alike = [replace(one, family="prose", age_s=0.0, quality=1.0, dense=one.dense or 0.0) for one in candidates]
    scores = {fused.key: fused.score for fused in fuse(alike, parameters, factor)}
    for one in alike:
        for other in alike:
            if (one.dense or 0.0) >= (other.dense or 0.0) and one.sparse >= other.sparse:
                assert scores[one.key] >= scores[other.key] - 1e-9


@pytest.mark.parametrize("parameters", [DEFAULT, PLAN])
def test_each_side_counts(parameters: RecallParameters) -> None:
    assert order([candidate(1, 0.2, 5.0), candidate(2, 0.9, 5.0)], parameters) == [2, 1]
    assert order([candidate(1, 0.5, 1.0), candidate(2, 0.5, 9.0)], parameters) == [2, 1]


def test_a_closed_gate_leaves_the_words_alone() -> None:
    candidates = [candidate(1, 0.99, 1.0), candidate(2, 0.01, 2.0), candidate(3, 0.5, 1.5)]
    assert order(candidates, factor=0.0) == [2, 3, 1]
    assert all(fused.dense == 0.0 for fused in fuse(candidates, DEFAULT, 0.0))


def test_without_a_vector_the_words_decide() -> None:
    assert order([candidate(1, None, 1.0), candidate(2, None, 3.0)]) == [2, 1]


def test_fresh_and_good_sources_go_first_among_equals() -> None:
    assert order([candidate(1, 0.5, 1.0, age_s=1e8), candidate(2, 0.5, 1.0)]) == [2, 1]
    assert order([candidate(1, 0.5, 1.0, quality=0.4), candidate(2, 0.5, 1.0)]) == [2, 1]


def test_ties_go_by_key() -> None:
    assert order([candidate(key, 0.5, 1.0) for key in (3, 1, 2)]) == [1, 2, 3]


def test_nothing_gives_nothing() -> None:
    assert fuse([], DEFAULT) == []


@given(candidates=CANDIDATES, parameters=PARAMETERS)
def test_no_part_is_more_than_the_score(candidates: list[Candidate], parameters: RecallParameters) -> None:
    for fused in fuse(candidates, parameters):
        parts = (fused.dense, fused.sparse, fused.recency, fused.quality)
        assert min(parts) >= 0.0
        assert sum(parts) <= fused.score + 1e-6


def test_the_parts_of_a_lone_hit_add_up() -> None:
    (fused,) = fuse([candidate(1, 0.5, 1.0)], DEFAULT)
    assert fused.dense + fused.sparse + fused.recency + fused.quality == pytest.approx(fused.score, abs=1e-6)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("/h/plan.md", "/h/plan-old.md"),
        ("/h/plan.md", "/h/plan.md.bak"),
        ("/h/plan.md", "/h/archive/plan.md"),
        ("/h/план.md", "/h/план-черновик.md"),
        ("/h/golden/bold.md", "/h/old/bold.md"),
    ],
)
def test_what_calls_itself_old_is_worth_less(better: str, worse: str) -> None:
    assert source_quality(better, "markdown") > source_quality(worse, "markdown")


@pytest.mark.parametrize("parameters", [DEFAULT, PLAN])
def test_shares_add_up_to_one(parameters: RecallParameters) -> None:
    assert parameters.relevance_share + parameters.recency_share + parameters.quality_share == pytest.approx(1.0)
    for family in (parameters.prose, parameters.code, parameters.chat, parameters.topical or parameters.prose):
        assert family.first.dense + family.first.sparse == pytest.approx(1.0)
        assert family.rerank.dense + family.rerank.sparse + family.rerank.late == pytest.approx(1.0)
        assert parameters.cross.late > family.rerank.late
    assert parameters.cross.dense + parameters.cross.sparse + parameters.cross.late == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "superseded"),
    [
        ("# ADR-007\n\nStatus: superseded by ADR-012\n", True),
        ("# Rules\n\n- **Status**: obsolete\n", True),
        ("Статус: отменено\n", True),
        ("# ADR-012\n\nStatus: accepted, replaces ADR-007\n", False),
        ("# Notes\n\n" + "words " * 300 + "superseded by nothing", False),
    ],
)
def test_what_says_that_it_was_replaced_is_worth_less(text: str, superseded: bool) -> None:
    assert is_superseded(text) is superseded
    worth = source_quality("/h/a.md", "markdown", superseded=superseded)
    assert (worth < source_quality("/h/a.md", "markdown")) is superseded


def test_a_turn_is_lifted_by_what_was_said_beside_it() -> None:
    alone = [candidate(1, 0.5, 2.0, family="chat", near=0.0), candidate(2, 0.5, 2.0, family="chat", near=9.0)]
    assert order(alone) == [2, 1]
    assert order(alone, PLAN) == [1, 2]


def test_what_is_no_turn_is_not_measured_by_its_neighbours() -> None:
    prose = [candidate(1, 0.5, 2.0), candidate(2, 0.4, 1.0)]
    turn = candidate(3, 0.45, 1.5, family="chat", near=5.0)
    assert [key for key in order([*prose, turn]) if key != 3] == order(prose)


def test_reranking_keeps_the_range_and_judges_each_by_what_it_has() -> None:
    weights = [RerankWeights(dense=0.2, sparse=0.2, late=0.6)] * 3
    scores = rerank([0.9, 0.5, 0.1], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0], [0.2, None, 0.9], weights, MEASURED)
    assert scores[2] == pytest.approx(0.9)
    assert scores[0] == pytest.approx(0.1)
    assert 0.1 < scores[1] < 0.9
    assert rerank([], [], [], [], [], MEASURED) == []
    assert rerank([0.5, 0.5], [None, None], [0.0, 0.0], [None, None], weights[:2], MEASURED) == [0.5, 0.5]


def test_of_two_pieces_of_code_alike_in_all_else_the_longer_one_comes_first() -> None:
    pair = [candidate(n, 0.5, 1.0, text_chars=chars, family="pointed-code") for n, chars in ((1, 20), (2, 600))]
    assert [one.key for one in fuse(pair, POINTED)] == [2, 1]
    assert [one.key for one in fuse(pair, ADAPTIVE)] == [1, 2]
    assert POINTED.pointed_code is not None
    weights = [POINTED.pointed_code.rerank] * 2
    short, long = rerank([0.5, 0.4], [0.5, 0.5], [1.0, 1.0], [0.3, 0.3], weights, POINTED, None, [20, 600])
    assert short < long


def test_a_question_for_a_particular_thing_leans_less_on_vectors_in_code() -> None:
    assert family_of(POINTED, "pointed-code").first.dense < family_of(POINTED, "code").first.dense
    assert family_of(ADAPTIVE, "pointed-code") == ADAPTIVE.code

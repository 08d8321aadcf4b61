"""Recall: filters, folding, grouping, explanation, and questions meant to do harm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from assistant.contracts.items import MAX_QUESTION_CHARS, Filters, RecallQuery, Signals
from assistant.core.parameters import DEFAULT, PLAN, RecallParameters
from assistant.memory.fabric import Fabric
from assistant.memory.recall import RankedItem, Recall, admits
from assistant.testing.clock import FakeClock
from assistant.testing.hashing import HashingEncoder
from memory.world import ROOT, CountingEncoder, embed_all, items_of, opened, update_of

ENCODER = HashingEncoder(32)
NOW = FakeClock().now()
WHEN = [int(NOW.timestamp()) - days * 86_400 for days in (1, 40, 400)]
FILES = {
    "/r/home/boiler.md": "The boiler was serviced in March by Oskar.\nThe boiler makes a knocking noise.",
    "/r/home/old/boiler.md": "The boiler was replaced last year, says the draft.",
    "/r/code/retry.py": "def retry_backoff(maxRetries): return E1042\nclass Boiler: pass",
    "/r/code/notes.txt": "Котёл обслужили в марте.\nЗвонить мастеру по понедельникам.",
    "/r/many.txt": "\n".join(f"boiler fact number {number} about valve {number * 7}" for number in range(12)),
    "/r/twin-a.txt": "This very paragraph about the garden fence stands in two files, word for word, as it happens.",
    "/r/twin-b.txt": "This very paragraph about the garden fence stands in two files, word for word, as it happens!",
}


def stored(folder: Path, *, embedded: bool = True, parameters: RecallParameters = DEFAULT) -> Fabric:
    fabric = opened(folder, ENCODER, parameters=parameters)
    fabric.add_root(ROOT, "2026-01-01")
    fabric.remember([update_of(path, text, mtime_s=WHEN[n % 3]) for n, (path, text) in enumerate(FILES.items())])
    fabric.project_terms()
    if embedded:
        embed_all(fabric, ENCODER)
    return fabric


@pytest.fixture(scope="module")
def fabric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fabric]:
    fabric = stored(tmp_path_factory.mktemp("recall"))
    yield fabric
    fabric.close()


def rank(fabric: Fabric, text: str, parameters: RecallParameters = DEFAULT, **more: object) -> list[RankedItem]:
    return Recall(fabric, ENCODER, FakeClock(), parameters).rank(RecallQuery(text=text, **more)).items


def texts(ranked: list[RankedItem]) -> list[str]:
    return [item.record.text for item in ranked]


def test_words_and_meaning_find_the_line(fabric: Fabric) -> None:
    best = rank(fabric, "when was the boiler serviced")[0]
    assert best.record.text.startswith("The boiler was serviced")
    assert best.bm25 > 0
    assert best.cosine is not None
    assert texts(rank(fabric, "когда обслужили котел"))[0] == "Котёл обслужили в марте."


@pytest.mark.parametrize("copies", [5, 7, 13])
def test_equal_texts_tie_wherever_they_stand(tmp_path: Path, copies: int) -> None:
    encoder, words = CountingEncoder(100), "the boiler in the cellar stands behind two old bicycles and a rusty ladder"
    fabric = opened(tmp_path, encoder)
    fabric.remember([update_of(f"/r/{number}.txt", f"Yes, {words}") for number in range(copies)])
    fabric.project_terms()
    embed_all(fabric, encoder)
    every = DEFAULT.model_copy(update={"duplicate_bits": -1, "rerank_top": 0})
    found = Recall(fabric, encoder, FakeClock(), every).rank(RecallQuery(text=f"Where is {words}?", k=40)).items
    assert len(found) == copies
    assert len({(item.cosine, item.score) for item in found}) == 1
    fabric.close()


def test_a_name_is_found_whole(fabric: Fabric) -> None:
    for question in ("retry_backoff", "maxRetries", "E1042", "what does `retry_backoff` do"):
        assert texts(rank(fabric, question))[0].startswith("def retry_backoff")
    named = rank(fabric, "its limit", signals=Signals(code_symbols=("maxRetries",)))
    assert max(named, key=lambda item: item.bm25).record.text.startswith("def retry_backoff")


MOMENTS = st.none() | st.sampled_from([datetime.fromtimestamp(moment, UTC) for moment in WHEN])
FILTERS = st.builds(
    Filters,
    paths=st.lists(st.sampled_from(["/r", "/r/home", "/r/code/", "/r/many.txt", "/x", "/"]), max_size=2).map(tuple),
    kinds=st.lists(st.sampled_from(["text", "code", "markdown", "mail"]), max_size=2).map(tuple),
    languages=st.lists(st.sampled_from(["EN", "ru", "Python"]), max_size=2).map(tuple),
    since=MOMENTS,
    until=MOMENTS,
)


@settings(max_examples=60, deadline=None)
@given(filters=FILTERS, modality=st.sampled_from([(), ("text",), ("code",)]), narrow=st.booleans())
def test_exactly_what_is_admitted_is_found(
    fabric: Fabric, filters: Filters, modality: tuple[str, ...], narrow: bool
) -> None:
    # "narrow" leaves more candidates than are searched exactly, so that results are filtered afterwards
    parameters = DEFAULT.model_copy(update={"exact_below": 2 if narrow else 10_000, "duplicate_bits": -1})
    expected = {item.key for item in items_of(fabric) if admits(filters, modality, item)}
    found = rank(fabric, "boiler котёл garden", parameters, k=1000, filters=filters, modality=modality)
    assert {item.record.key for item in found} == expected
    assert set(fabric.terms.matching(filters, modality, 1000)) == expected


def test_near_duplicates_are_folded_into_the_best(fabric: Fabric) -> None:
    ranked = rank(fabric, "garden fence paragraph")
    assert sum("garden fence" in text for text in texts(ranked)) == 1
    assert {ranked[0].record.path, *(other.path for other in ranked[0].duplicates)} == {
        "/r/twin-a.txt",
        "/r/twin-b.txt",
    }


def test_no_source_fills_the_page(fabric: Fabric) -> None:
    ranked = rank(fabric, "boiler fact number valve", k=8)
    sources = [item.record.path for item in ranked]
    assert sources[: DEFAULT.per_source] == ["/r/many.txt"] * DEFAULT.per_source
    assert sources[DEFAULT.per_source] != "/r/many.txt"
    assert len(ranked) == 8


@pytest.mark.parametrize("k", [1, 2, 7, 1000])
def test_k_bounds_the_result(fabric: Fabric, k: int) -> None:
    assert len(rank(fabric, "boiler", k=k)) == min(k, len(rank(fabric, "boiler", k=1000)))


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_an_impossible_k_is_refused(k: int) -> None:
    with pytest.raises(ValidationError):
        RecallQuery(text="boiler", k=k)


@pytest.mark.parametrize("parameters", [DEFAULT, PLAN])
@pytest.mark.parametrize("question", ["boiler serviced", "котёл", "retry_backoff", "fence", "nothing of the kind"])
def test_scores_lie_between_0_and_1_and_fall(fabric: Fabric, parameters: RecallParameters, question: str) -> None:
    scores = [item.fused.score for item in rank(fabric, question, parameters, k=1000)]
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in scores)
    assert scores


@pytest.mark.parametrize("parameters", [DEFAULT, PLAN])
@pytest.mark.parametrize("question", ["boiler serviced", "котёл", "retry_backoff", "fence"])
def test_the_parts_add_up_to_the_score(fabric: Fabric, parameters: RecallParameters, question: str) -> None:
    for item in rank(fabric, question, parameters, k=1000):
        fused = item.fused
        assert fused.dense + fused.sparse + fused.recency + fused.quality == pytest.approx(fused.score, abs=1e-6)
        assert item.score == pytest.approx(fused.score + item.rerank + item.held, abs=1e-6)


def test_a_name_decides_a_short_question_and_not_a_long_one(fabric: Fabric) -> None:
    def lift(text: str) -> float:
        return max(item.held for item in rank(fabric, text, k=1000))

    short = lift("where is retry_backoff")
    words = " ".join(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    assert short == pytest.approx(DEFAULT.held_bonus)
    assert 0.0 < lift(f"where is retry_backoff {words}") < short / 2
    assert lift("?!") == 0.0


def test_a_hint_of_a_file_lifts_it(fabric: Fabric) -> None:
    plain = {item.record.id: item.score for item in rank(fabric, "boiler", PLAN, k=1000)}
    hinted = rank(fabric, "boiler", PLAN, k=1000, signals=Signals(file_hints=("RETRY.py",)))
    for item in hinted:
        bonus = 0.1 if item.record.path.endswith("retry.py") else 0.0
        assert item.score == pytest.approx(min(1.0, plain[item.record.id] + bonus))


def test_without_vectors_words_alone_answer(tmp_path: Path) -> None:
    fabric = stored(tmp_path, embedded=False)
    ranking = Recall(fabric, ENCODER, FakeClock(), DEFAULT).rank(RecallQuery(text="boiler serviced"))
    assert ranking.vector is None
    assert ranking.items[0].record.text.startswith("The boiler was serviced")
    assert {item.cosine for item in ranking.items} == {None}
    fabric.close()


def test_without_an_encoder_words_alone_answer(fabric: Fabric) -> None:
    ranking = Recall(fabric, None, FakeClock(), DEFAULT).rank(RecallQuery(text="boiler serviced"))
    assert all(item.bm25 > 0 for item in ranking.items)


def test_an_empty_memory_answers_with_nothing(tmp_path: Path) -> None:
    fabric = opened(tmp_path, ENCODER)
    assert rank(fabric, "boiler") == []
    fabric.close()


# questions meant to do harm


def survives(fabric: Fabric, question: str) -> None:
    for parameters in (DEFAULT, PLAN):
        ranked = rank(fabric, question, parameters)
        assert len(ranked) <= 20
        assert all(0.0 <= item.score <= 1.0 + 1e-9 for item in ranked)


def test_hostile_twenty_thousand_parentheses(fabric: Fabric) -> None:
    with pytest.raises(ValidationError):
        RecallQuery(text="(" * 20_000)
    survives(fabric, "(" * MAX_QUESTION_CHARS)


def test_hostile_a_thousand_ors(fabric: Fabric) -> None:
    survives(fabric, " OR ".join(f"w{number}" for number in range(1000))[:MAX_QUESTION_CHARS])


def test_hostile_a_million_characters(fabric: Fabric) -> None:
    with pytest.raises(ValidationError):
        RecallQuery(text="a" * 1_000_000)
    survives(fabric, "a" * MAX_QUESTION_CHARS)


def test_hostile_no_question_at_all() -> None:
    with pytest.raises(ValidationError):
        RecallQuery(text="")


@pytest.mark.parametrize(
    "question",
    [
        "\x00boiler\x00",
        "(a+)+$ .*boiler[^x]{1,9999}",
        "body:* AND NOT key:[1 TO *]",
        '"unclosed phrase',
        '"' * 500,
        "`" * 500,
        "„«»“”" * 100,
        "'; DROP TABLE items; --",
        "boiler~99 boiler^1e99 *boiler",
        "a_" * 4000,
        "aB" * 4000,
        "a.b/c:d@e-" * 900,
        "\u202e\u200b\ufeff",
        "🙂" * 300,
        "e\u0301" * 3000,
        "ﷺ" * 3000,
    ],
    ids=lambda question: ascii(question[:12]),
)
def test_hostile_syntax_is_only_text(fabric: Fabric, question: str) -> None:
    survives(fabric, question)


@pytest.mark.parametrize("question", ["???", "... --- ...", " \n\t ", "!@#$%^&*()"])
def test_only_punctuation(fabric: Fabric, question: str) -> None:
    survives(fabric, question)


@pytest.mark.parametrize("question", ["what is it", "the", "что это такое", "how do I"])
def test_only_function_words(fabric: Fabric, question: str) -> None:
    survives(fabric, question)

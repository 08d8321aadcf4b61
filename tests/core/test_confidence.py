"""From what was found to a probability."""

from __future__ import annotations

import dataclasses
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from assistant.core.answering import DEFAULT_WEIGHTS
from assistant.core.confidence import Support, probability, support_of
from assistant.core.question import read_question
from assistant.core.weighing import Evidence, Lexicon, weigh

NAMES = [field.name for field in dataclasses.fields(Support)]
SUPPORTS = st.builds(Support, **dict.fromkeys(NAMES, st.floats(0, 20, allow_nan=False)))
WEIGHTS = [
    (DEFAULT_WEIGHTS.bias, DEFAULT_WEIGHTS.confidence),
    (DEFAULT_WEIGHTS.words_bias, DEFAULT_WEIGHTS.words_confidence),
]


def lexicon(size: int = 1000, **counts: int) -> Lexicon:
    return Lexicon(lambda text: re.findall(r"\w+", text.lower()), lambda stem: counts.get(stem, 1), size)


def found(question: str, *texts: str, known: Lexicon | None = None) -> Support:
    """The support of the best of some pieces of text, by their words."""
    known = known or lexicon()
    asked = read_question(question)
    evidence = [
        Evidence(
            text=text,
            chunk="prose",
            path=f"/h/{number}.md",
            scope=(),
            title=None,
            header="",
            symbol=None,
            language="en",
            score=1.0,
            context="",
        )
        for number, text in enumerate(texts)
    ]
    weighed = weigh(asked, evidence, known, None)
    return support_of(asked, max(weighed, key=lambda one: one.features.own), weighed, known)


def by_words(support: Support) -> float:
    return probability(support, *WEIGHTS[1])


def test_the_more_particular_words_stand_together_the_surer() -> None:
    two = found("boiler pressure", "The boiler has a pressure gauge.")
    four = found("boiler pressure attic valve", "The boiler in the attic has a pressure valve.")
    assert four.mass > two.mass
    assert by_words(four) > by_words(two)


def test_words_that_are_everywhere_tell_little() -> None:
    rare = found("boiler pressure", "The boiler has a pressure gauge.")
    common = lexicon(boiler=700, pressure=700)
    assert by_words(found("boiler pressure", "The boiler has a pressure gauge.", known=common)) < by_words(rare)


def test_a_word_that_one_piece_holds_counts_one_however_large_the_memory() -> None:
    for size in (0, 3, 50, 10_000, 10_000_000):
        assert found("boiler", "The boiler.", known=lexicon(size)).mass == pytest.approx(1.0, abs=0.15)


def test_names_that_are_not_here_count_against() -> None:
    support = found("Which tyres does the Lumo wear?", "Tyres of the Estra: 205/55 R16.")
    assert support.missing_names == 1.0
    here = dataclasses.replace(support, missing_names=0.0, names_here=1.0)
    assert probability(here, *WEIGHTS[0]) > probability(support, *WEIGHTS[0])


def test_mean_over_the_four_that_hold_most() -> None:
    texts = ("boiler pressure", "boiler", "boiler", "boiler", "nothing", "nothing")
    support = found("boiler pressure", *texts)
    assert support.mass == pytest.approx(support.held * (1 + 3 * 0.5) / 4)


@pytest.mark.parametrize(("bias", "weights"), WEIGHTS)
def test_weights_name_figures_and_never_reward_what_is_missing(bias: float, weights: dict[str, float]) -> None:
    assert weights.keys() <= set(NAMES)
    assert all((weight < 0) == name.startswith("missing") for name, weight in weights.items())


@pytest.mark.parametrize(("bias", "weights"), WEIGHTS)
@given(support=SUPPORTS)
def test_a_probability_is_one(bias: float, weights: dict[str, float], support: Support) -> None:
    assert 0.0 < probability(support, bias, weights) < 1.0

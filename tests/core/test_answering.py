"""Answering: the right statement, refusals, and answers that can be read."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from assistant.contracts.documents import ChunkKind
from assistant.core.answering import DEFAULT_WEIGHTS, Verdict, answer
from assistant.core.late import best_matches, maxsim, token_weights
from assistant.core.parts import Part, read_together
from assistant.core.question import read_question
from assistant.core.snippets import MAX_SNIPPET_CHARS, snippet
from assistant.core.weighing import Asked, Evidence, Lexicon, weigh
from assistant.testing.hashing import HashingEncoder

ENCODER = HashingEncoder(dim=256)
BOILER = "The boiler was serviced on 3 March 2025. It cost 120 EUR. Ivan did it."
BREAD = "Bake the rye bread for 50 min at 190 C."


def stems(text: str) -> list[str]:
    return [word.rstrip("s") for word in re.findall(r"\w+", text.lower())]


def evidence(text: str, *, title: str = "", chunk: ChunkKind = "prose", score: float = 1.0, **more: object) -> Evidence:
    lead = f"{title}\n" if title else ""
    (tokens,) = ENCODER.token_vectors([lead + text])
    return Evidence(
        text=text,
        chunk=chunk,
        path="/h/notes/a.md",
        scope=(title,) if title else (),
        title=title or None,
        header="",
        symbol=None,
        language="en",
        score=score,
        context=title,
        tokens=tokens,
        lead_chars=len(lead),
        **more,  # type: ignore[arg-type]
    )


def lexicon(found: list[Evidence]) -> Lexicon:
    held = [set(stems(one.text)) for one in found]
    return Lexicon(stems, lambda stem: sum(stem in one for one in held), max(10, len(found)))


def ask(text: str, found: list[Evidence], threshold: float = 0.0) -> Verdict:
    (tokens,) = ENCODER.token_vectors([text])
    words = lexicon(found)
    weights = token_weights(text, tokens, lambda word: words.weight(stems(word)[0]))
    asked = Asked(ENCODER.encode_query(text), tokens, weights)
    return answer(read_question(text), found, words, asked, replace(DEFAULT_WEIGHTS, threshold=threshold))


def test_the_statement_that_answers_is_chosen_with_its_exact_place() -> None:
    found = [evidence(BREAD, title="Bread", score=0.4), evidence(BOILER, title="House")]
    verdict = ask("When was the boiler serviced?", found)
    first = verdict.parts[0]
    assert (first.item, BOILER[first.start : first.end]) == (1, "The boiler was serviced on 3 March 2025.")


def test_an_answer_below_the_threshold_is_no_answer() -> None:
    verdict = ask("Who won the chess championship?", [evidence(BREAD, score=0.1)], threshold=0.5)
    assert verdict.parts == ()
    assert verdict.confidence < 0.5
    assert ask("When was the boiler serviced?", [], threshold=0.5) == Verdict(0.0)


def test_what_calls_itself_old_gives_way() -> None:
    old = evidence("The adult fee is 25 EUR.", title="Fees", quality=0.4)
    new = evidence("The adult fee is 28 EUR.", title="Fees")
    assert ask("How much is the adult fee?", [old, new]).parts[0].words.endswith("28 EUR.")


def test_a_sentence_that_leans_on_the_one_before_brings_it_along() -> None:
    text = "Ott replaced the pump. It was leaking because the seal had frozen."
    part = ask("Why was the pump leaking with a frozen seal?", [evidence(text)]).parts[0]
    assert part.words == text
    assert (part.start, part.end) == (0, len(text))


def test_how_something_is_done_is_told_whole() -> None:
    text = "Topping up the boiler:\n1. Switch it off.\n2. Open the left tap.\n3. Stop at 1.4 bar."
    (part,) = ask("How do I top up the boiler with the tap?", [evidence(text)]).parts
    assert (part.layout, part.lead) == ("lines", "Topping up the boiler:")
    assert part.words.splitlines() == ["1. Switch it off.", "2. Open the left tap.", "3. Stop at 1.4 bar."]
    assert text[part.start : part.end].startswith("1. Switch")


def test_a_definition_is_shown_with_its_lines() -> None:
    code = 'def pause(n):\n    """Seconds before the next attempt."""\n    return n * 2'
    (part,) = ask("Which function gives the pause before the next attempt?", [evidence(code, chunk="code")]).parts[:1]
    assert "Seconds before the next attempt." in part.lead
    assert "return n * 2" in part.words


def test_words_alone_must_do_when_the_encoder_cannot_read() -> None:
    found = [evidence("Билеты в Кутаиси стоили 742 евро."), evidence("Борщ варят два часа.", score=0.3)]
    verdict = answer(read_question("Сколько стоили билеты в Кутаиси?"), found, lexicon(found), None)
    assert [part.item for part in verdict.parts] == [0]


def test_features_stay_between_nothing_and_all() -> None:
    found = [evidence(BOILER, title="House"), evidence(BREAD, score=0.2)]
    (tokens,) = ENCODER.token_vectors(["When was the boiler serviced?"])
    asked = Asked(ENCODER.encode_query("boiler"), tokens, np.full(len(tokens.starts), 1 / len(tokens.starts)))
    for one in weigh(read_question("When was the boiler serviced?"), found, lexicon(found), asked):
        values = [getattr(one.features, name) for name in one.features.__slots__]
        assert all(-1e-6 <= value <= 1.0 + 1e-6 for value in values)


def test_numbers_follow_their_statements() -> None:
    parts = [
        Part(0, 0, 5, "first thing"),
        Part(0, 0, 5, "Second."),
        Part(1, 0, 5, "```python\nf()\n```", "code", "`f` (a.py):"),
    ]
    text = read_together(parts, [1, 2, 3])
    assert text == "First thing. [1] Second. [2]\n`f` (a.py): [3]\n```python\nf()\n```"


def test_late_interaction_prefers_the_text_that_holds_the_words() -> None:
    asked, near, far = ENCODER.token_vectors(["boiler service", BOILER, BREAD])
    weights = token_weights("boiler service", asked, lambda word: 1.0)
    assert weights.sum() == 1.0 or abs(weights.sum() - 1.0) < 1e-9
    assert maxsim(weights, best_matches(asked, near)) > maxsim(weights, best_matches(asked, far))
    nothing = best_matches(asked, near, 5, 5)
    assert nothing.tolist() == [0.0, 0.0]


def test_function_words_weigh_nothing() -> None:
    (asked,) = ENCODER.token_vectors(["when was the boiler serviced"])
    weights = token_weights("when was the boiler serviced", asked, lambda word: 1.0)
    assert [round(float(weight), 3) for weight in weights] == [0.0, 0.0, 0.0, 0.5, 0.5]


def test_a_snippet_shows_what_was_asked_for_and_is_short() -> None:
    text = "\n".join(["filler line about nothing in particular at all"] * 30 + ["the kettle is red"])
    shown = snippet(text, {"kettle"}, stems)
    assert "kettle is red" in shown
    assert shown.startswith("… ")
    assert len(shown) <= MAX_SNIPPET_CHARS + 4

"""The graded questions are about what the sample home really says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assistant.contracts.answers import Version
from assistant.contracts.documents import SourceAddress
from assistant.contracts.errors import BadFile, BadPath
from assistant.evaluation.golden import GoldenQuestion, GoldenSet, load_golden
from assistant.evaluation.golden_run import class_figures
from assistant.evaluation.metrics import Outcome, Place, Scored, dated_rightly, score, supports
from assistant.reading.reader import FileReader

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FILES = sorted(GOLDEN.glob("*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> tuple[GoldenSet, Path]:
    return load_golden(request.param)


def test_every_place_exists(golden: tuple[GoldenSet, Path]) -> None:
    questions, home = golden
    for question in questions.questions:
        for place in question.answers:
            lines = (home / place.path).read_bytes().count(b"\n") + 1
            assert 1 <= place.lines[0] <= place.lines[1] <= lines, (question.id, place)


def test_what_is_expected_stands_in_the_answering_files(golden: tuple[GoldenSet, Path]) -> None:
    questions, home = golden
    texts: dict[str, str] = {}
    for question in questions.questions:
        for place in question.answers:
            if place.path not in texts:
                path = home / place.path
                document = FileReader().read(SourceAddress(str(path)), path.read_bytes())
                assert document is not None, path
                texts[place.path] = " ".join(document.text.split()).casefold()
        said = " ".join(texts[place.path] for place in question.answers)
        assert all(" ".join(wanted.split()).casefold() in said for wanted in question.expect), question.id


def test_every_class_is_there_and_no_question_twice() -> None:
    sets = [load_golden(path)[0] for path in FILES]
    for questions in sets:
        counts = Counter(question.kind for question in questions.questions)
        assert min(counts[kind] for kind in ("easy", "hard", "cross-file", "paraphrased", "russian", "no-answer")) >= 10
    ids = [question.id for questions in sets for question in questions.questions]
    texts = [question.text for questions in sets for question in questions.questions]
    assert len(set(ids)) == len(ids)
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("questions: [", BadFile),
        ("version: 1\nhome: nowhere\nquestions: [{id: a, class: easy, text: b}]", BadPath),
        ("version: 2\nhome: .\nquestions: []", BadFile),
        ("version: 1\nhome: .\nquestions: [{id: a, class: easy, text: b, surprise: 1}]", BadFile),
        ("[" * 5000, BadFile),
        ("version: 1\nhome: .\nquestions: [{id: a, class: easy, text: b, part: training}]", BadFile),
        ("version: 1\nhome: .\nquestions: [{id: a, class: easy, text: b}, {id: a, class: easy, text: c}]", BadFile),
    ],
)
def test_hostile_golden_files_are_refused_in_words(tmp_path: Path, text: str, error: type[Exception]) -> None:
    file = tmp_path / "golden.yaml"
    file.write_text(text)
    with pytest.raises(error):
        load_golden(file)


def outcome(hits: list[Place], **changes: object) -> Outcome:
    question = GoldenQuestion.model_validate(
        {
            "id": "q",
            "class": "easy",
            "text": "?",
            "answers": [
                {"path": "a", "lines": [1, 2], "grade": 3, "fact": ["a"]},
                {"path": "b", "lines": [5, 5], "grade": 2, "fact": ["a"]},
                {"path": "c", "lines": [1, 1], "grade": 2, "fact": ["b"]},
            ],
            "expect": ["seven"],
        }
    )
    values = {"answered": True, "answer": "Seven. [1]", "cited": (), "verified": 0, "supported": 0, "confidence": 1.0}
    values.update(changes)
    return Outcome(question, tuple(hits), **values, recall_ms=1.0, ask_ms=1.0)  # type: ignore[arg-type]


def measured(*hits: Place, **changes: object) -> Scored:
    (found,) = score([outcome(list(hits), **changes)])
    return found


def test_places_of_one_fact_are_alternatives() -> None:
    assert measured(Place("b", 4, 9)).recall_at_20 == 0.5
    assert measured(Place("b", 4, 9), Place("c", 1, 1)).recall_at_20 == 1.0
    assert measured(Place("a", 3, 3)).recall_at_20 == 0.0


def test_the_order_of_hits_counts() -> None:
    best = measured(Place("a", 1, 1), Place("c", 1, 1))
    late = measured(Place("x", 1, 1), Place("y", 1, 1), Place("c", 1, 1), Place("a", 1, 1))
    assert (best.ndcg_at_10, best.mrr) == (1.0, 1.0)
    assert late.ndcg_at_10 is not None
    assert late.ndcg_at_10 < 0.7
    assert late.mrr == pytest.approx(1 / 3)
    nothing = measured()
    assert (nothing.recall_at_20, nothing.ndcg_at_10, nothing.mrr) == (0.0, 0.0, 0.0)


def test_questions_are_measured_one_by_one_in_their_order() -> None:
    unanswerable = Outcome(
        GoldenQuestion.model_validate({"id": "none", "class": "no-answer", "text": "?"}),
        (Place("a", 1, 1),),
        answered=False,
        answer="",
        cited=(),
        verified=0,
        supported=0,
        confidence=0.1,
        recall_ms=1.0,
        ask_ms=1.0,
    )
    first, second = score([unanswerable, outcome([Place("a", 1, 1)])])
    assert (first.recall_at_20, first.ndcg_at_10, first.mrr) == (None, None, None)
    assert second.mrr == 1.0


def test_abstention_counts_right_answers_and_right_refusals() -> None:
    question = GoldenQuestion.model_validate({"id": "none", "class": "no-answer", "text": "?"})
    values = {"answer": "", "cited": (), "verified": 0, "supported": 0, "confidence": 0.1}
    refused = Outcome(question, (), answered=False, **values, recall_ms=1.0, ask_ms=1.0)  # type: ignore[arg-type]
    bluffed = Outcome(question, (), answered=True, **values, recall_ms=1.0, ask_ms=1.0)  # type: ignore[arg-type]
    found = class_figures("x", score([refused, bluffed, outcome([]), outcome([], answered=False)]))
    assert found.abstention_accuracy is not None
    assert found.answered_share is not None
    assert found.refused_share is not None
    assert found.right is not None
    assert (found.abstention_accuracy.value, found.answered_share.value, found.refused_share.value) == (0.5, 0.5, 0.5)
    assert found.right.value == 0.5
    assert (found.abstention_accuracy.low, found.abstention_accuracy.high) == (0.0, 1.0)
    assert found.to_the_point is None


def test_an_answer_must_say_what_is_expected() -> None:
    assert outcome([]).holds_expected
    assert not outcome([], answer="Eight. [1]").holds_expected
    assert not outcome([], answered=False).holds_expected


def test_a_question_is_for_tuning_unless_it_is_held_out() -> None:
    plain = {"id": "q", "class": "easy", "text": "?"}
    assert GoldenQuestion.model_validate(plain).part == "tuning"
    assert GoldenQuestion.model_validate({**plain, "part": "held-out"}).part == "held-out"


def test_support_is_refused_to_what_the_citation_does_not_say() -> None:
    source = "/h/boiler.md\nBoiler\n\nServiced in March. Costs 120 EUR."
    assert supports("Boiler: Serviced in March. [1]", 1, "Serviced in March.", source)
    assert not supports("Serviced in April. [1]", 1, "Serviced in March.", source)
    assert not supports("Costs 120 EUR. [1]", 1, "Serviced in March.", source)
    assert not supports("Serviced in March. [2]", 1, "Serviced in March.", source)


def test_the_day_of_a_version_is_judged_by_its_source_and_not_by_its_words() -> None:
    source = "/h/rules-2023.md:9\nRules\nValid from 1 May 2023. The fee is 3 EUR."
    said = "On 1 May 2023 it said: The fee is 3 EUR. [1]"
    assert supports(said, 1, "The fee is 3 EUR.", source, versions=[1])
    assert not supports(said, 1, "The fee is 3 EUR.", source)
    assert not supports(said.replace("3 EUR", "4 EUR"), 1, "The fee is 3 EUR.", source, versions=[1])
    dated = [Version(date=day, citations=(1,), current=False) for day in ("2023-05-01", "2023-05-02", None)]
    assert [dated_rightly(one, source, None) for one in dated] == [True, False, True]
    assert dated_rightly(dated[1], source, datetime(2023, 5, 2, 9, tzinfo=UTC))


def test_the_columns_of_a_table_must_stand_in_the_source() -> None:
    table = "| date | eur |\n|------|-----|\n| May  | 3   | [1]"
    assert supports(f"a.csv:\n{table}", 1, "May,3", "/h/a.csv:2\ndate,eur\nMay,3")
    assert not supports(f"a.csv:\n{table}", 1, "May,3", "/h/a.csv:2\nday,eur\nMay,3")


def test_the_line_of_an_excerpt_is_that_of_its_citation() -> None:
    said = "`pause` (a.py:7): Waits. [1]\n```python\ndef pause():\n```"
    assert supports(said, 1, "def pause():", "/h/a.py:7\n# Waits.\ndef pause():")
    assert not supports(said, 1, "def pause():", "/h/a.py:8\n# Waits.\ndef pause():")

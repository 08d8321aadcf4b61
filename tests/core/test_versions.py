"""What holds now and what was said before, with dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from assistant.core.answering import DEFAULT_WEIGHTS, Verdict, answer
from assistant.core.dating import Dated, date_of_document
from assistant.core.framing import FRAME, frame
from assistant.core.origins import Origin
from assistant.core.parts import Holding, read_together
from assistant.core.question import read_question
from assistant.core.weighing import Evidence, Lexicon


def stems(text: str) -> list[str]:
    return [word.rstrip("s") for word in re.findall(r"\w+", text.lower())]


def ask(text: str, *documents: tuple[str, str], files: Sequence[str] = ()) -> Verdict:
    """Ask documents (path and text; a first line "# ..." is the title) by words alone, the first recalled first.
    ``files``: the days their files were changed on."""
    found, origins = [], []
    for number, (path, whole) in enumerate(documents):
        title = whole.split("\n", 1)[0].lstrip("# ")
        body = whole.split("\n\n", 2)[-1]
        found.append(
            Evidence(
                text=body,
                chunk="prose",
                path=path,
                scope=(title,),
                title=title,
                header="",
                symbol=None,
                language=None,
                score=1.0 - 0.05 * number,
                context=title,
            )
        )
        file = Dated(files[number], said=False) if files else None
        origins.append(Origin(path, title, 1, whole, date_of_document(path, title, whole) or file))
    held = [set(stems(one.text)) for one in found]
    lexicon = Lexicon(stems, lambda stem: sum(stem in one for one in held), 50)
    weights = replace(DEFAULT_WEIGHTS, threshold=0.0)
    return answer(read_question(text), found, lexicon, None, weights, origins.__getitem__)


def told(verdict: Verdict) -> str:
    return read_together(verdict.parts, range(1, len(verdict.parts) + 1))


NEW = ("/h/hut/rules.md", "# Hut rules\n\nVersion of 1 March 2025.\n\n- Guests pay 18 EUR a night.\n- Bring wood.")
OLD = ("/h/hut/rules-2023.md", "# Hut rules (2023)\n\nFrom the wall.\n\n- Guests pay 15 EUR a night.\n- Bring wood.")
PRICE = "How much do guests pay a night?"


@pytest.mark.parametrize("documents", [(NEW, OLD), (OLD, NEW)])
def test_what_holds_now_comes_first_whichever_was_found_first(documents: Sequence[tuple[str, str]]) -> None:
    verdict = ask(PRICE, *documents)
    assert told(verdict) == (
        "Since 1 March 2025: Hut rules: Guests pay 18 EUR a night. [1] In 2023 it said: Guests pay 15 EUR a night. [2]"
    )
    assert [(part.holding.day, part.holding.current) for part in verdict.parts if part.holding] == [
        ("2025-03-01", True),
        ("2023", False),
    ]


@pytest.mark.parametrize(
    "question", ["How much did guests pay a night in 2023?", "What did guests pay under the old rules?"]
)
def test_what_was_asked_for_comes_first(question: str) -> None:
    first, second = ask(question, NEW, OLD).parts
    assert ("15 EUR" in first.words, "18 EUR" in second.words) == (True, True)
    assert first.holding is not None
    assert first.holding.current is False


def test_what_both_say_is_said_once() -> None:
    (part,) = ask("What wood should one bring?", NEW, OLD).parts[:1]
    assert part.holding is None
    verdict = ask("Who brings the wood?", NEW, OLD)
    assert [one.words for one in verdict.parts].count("Bring wood.") <= 1


def test_three_versions_the_latest_of_the_past_first() -> None:
    middle = ("/h/hut/rules-2024.md", "# Hut rules (2024)\n\nFrom the wall.\n\n- Guests pay 16 EUR a night.")
    days = [part.holding.day for part in ask(PRICE, OLD, middle, NEW).parts if part.holding]
    assert days == ["2025-03-01", "2024", "2023"]


def test_without_a_day_another_source_says() -> None:
    one = ("/h/pump.md", "# Pump\n\nNotes.\n\nThe pump gives 40 litres a minute.")
    other = ("/h/pump (copy).md", "# Pump\n\nNotes.\n\nThe pump gives 55 litres a minute.")
    verdict = ask("How many litres a minute does the pump give?", one, other)
    assert told(verdict) == (
        "The pump gives 40 litres a minute. [1] Another source says: The pump gives 55 litres a minute. [2]"
    )
    assert [part.holding.current for part in verdict.parts if part.holding] == [None, None]


def test_the_time_of_a_file_is_no_date_but_tells_the_newer_file() -> None:
    one = ("/h/pump.md", "# Pump\n\nNotes.\n\nThe pump gives 40 litres a minute.")
    other = ("/h/pump (copy).md", "# Pump\n\nNotes.\n\nThe pump gives 55 litres a minute.")
    question = "How many litres a minute does the pump give?"
    said = told(ask(question, one, other, files=("2025-03-01", "2026-03-01")))
    assert said == (
        "The newer file says: The pump gives 55 litres a minute. [1] "
        "An older file says: The pump gives 40 litres a minute. [2]"
    )
    assert FRAME.match(said)
    same = told(ask(question, one, other, files=("2026-03-01", "2026-03-01")))
    assert "Another source says: The pump gives 55" in same


def test_a_russian_question_is_answered_in_russian() -> None:
    new = ("/h/правила.md", "# Правила дома\n\nРедакция от 1 февраля 2026.\n\n1. Тихие часы: с 22:00 до 7:00.")
    old = ("/h/правила 2022.md", "# Правила дома 2022 года\n\nВыписка.\n\n1. Тихие часы: с 23:00 до 7:00.")
    said = told(ask("Когда тихие часы в доме?", old, new))
    assert said.startswith("С 1 февраля 2026: ")
    assert "Раньше (2022 год): Тихие часы: с 23:00 до 7:00. [2]" in said


def test_under_one_label_whoever_is_added_is_a_change() -> None:
    old = ("/h/runbook-2025.md", "# Runbook 2025\n\nFirst.\n\nCalled at night: Peter Lund.")
    new = ("/h/runbook.md", "# Runbook\n\nVersion of 2026-04-20.\n\nCalled at night: Nora Weiss, then Peter Lund.")
    first, second = ask("Who is called at night?", old, new).parts
    assert ("Nora" in first.words, "Nora" in second.words) == (True, False)


def test_a_question_of_two_parts_that_one_statement_answers_has_versions_too() -> None:
    old = (
        "/h/minutes-2025-09-03.md",
        "# Band, minutes\n\nNine.\n\n1. Rehearsals: school hall, Thursdays at 19:00.",
    )
    new = ("/h/minutes-2026-02-11.md", "# Band, minutes\n\nTen.\n\n1. Rehearsals: the fire station, Tuesdays at 19:30.")
    first, second = ask("Where and when are the rehearsals?", old, new).parts
    assert ("fire station" in first.words, "school hall" in second.words) == (True, True)


def test_other_documents_are_no_versions() -> None:
    other = ("/h/hotel/prices.md", "# Hotel Astra\n\nVersion of 2 May 2026.\n\n- Guests pay 95 EUR a night.")
    assert all(part.holding is None for part in ask(PRICE, NEW, other).parts)


def test_a_decision_that_another_has_superseded() -> None:
    old = ("/h/ADR-007-retries.md", "# ADR-007: Retries\n\n- Status: superseded by ADR-012\n\nA job is tried 5 times.")
    new = ("/h/ADR-012-backoff.md", "# ADR-012: Backoff\n\n- Date: 2025-04-02\n\nA job is tried 8 times.")
    first, second = ask("How many times is a job tried?", old, new).parts
    assert ("8 times" in first.words, "5 times" in second.words) == (True, True)
    assert second.lead == "Before that it said:"


@pytest.mark.parametrize("day", ["2026-05-09", "2026-05", "2026"])
@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("current", [True, False, None])
@pytest.mark.parametrize("russian", [True, False])
def test_the_judge_of_answers_knows_every_frame(day: str, holds: bool, current: bool | None, russian: bool) -> None:
    for dated in (Dated(day, holds), Dated(day, holds, said=False), None):
        words = frame(Holding(dated, current), russian=russian, beside=True)
        assert FRAME.sub("", f"{words} The fee is 3 EUR.", count=1) == " The fee is 3 EUR."

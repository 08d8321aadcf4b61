"""From which day a document holds, by its own word."""

from __future__ import annotations

import pytest

from assistant.core.dating import Dated, date_of_document, dates_in, in_words


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("on 9 May 2026 and May 3, 2025", ["2026-05-09", "2025-05-03"]),
        ("2026-03-14, 14.03.2025, 2024-11", ["2026-03-14", "2025-03-14", "2024-11"]),
        ("с 1 февраля 2026 года, в ноябре 2024", ["2026-02-01", "2024-11"]),
        ("in March 2023; the 1st of June 2022", ["2023-03", "2022-06-01"]),
        ("version 4.2, 31 February 2026, 12:30, 2026-13-40, 10.0.0.7", []),
        ("founded in 1998", ["1998"]),
    ],
)
def test_dates_are_read_as_people_write_them(text: str, days: list[str]) -> None:
    assert [day for day, _, _ in dates_in(text)] == days


@pytest.mark.parametrize(
    ("path", "title", "opening", "found"),
    [
        (
            "/h/rules-2024.md",
            "Rules (2024)",
            "# Rules (2024)\n\nValid from 1 September 2024.",
            Dated("2024-09-01", True),
        ),
        (
            "/h/a.md",
            "Plan",
            "# Plan\n\nVersion 4, 2026-05-03. It replaces the pages of June 2024.",
            Dated("2026-05-03", True),
        ),
        ("/h/a.md", "Rules", "# Rules\n\nThe rules of September 2025 are no longer valid.", None),
        (
            "/h/правила.md",
            "Правила",
            "# Правила, редакция от 1 февраля 2026\n\nРедакция 2022 года.",
            Dated("2026-02-01", True),
        ),
        ("/h/minutes-2026-04-15.md", "Minutes", "# Minutes\n\nPresent: five.", Dated("2026-04-15")),
        ("/h/hut-rules-2023.md", "The hut, rules", "# The hut, rules", Dated("2023")),
        ("/h/a.md", "A song", "# A song\n\nNothing of a day.", None),
    ],
)
def test_a_document_is_of_the_day_it_gives_itself(path: str, title: str, opening: str, found: Dated | None) -> None:
    assert date_of_document(path, title, opening) == found


def test_days_of_unlike_exactness_are_compared_as_far_as_both_are_known() -> None:
    assert Dated("2023").before(Dated("2025-03-01")) is True
    assert Dated("2025-03-01").before(Dated("2025-02")) is False
    assert Dated("2025").before(Dated("2025-03-01")) is None


def test_days_in_words() -> None:
    assert [in_words(day, russian=False) for day in ("2026-05-09", "2026-05", "2026")] == [
        "9 May 2026",
        "May 2026",
        "2026",
    ]
    assert [in_words(day, russian=True) for day in ("2026-05-09", "2026-05")] == ["9 мая 2026", "май 2026"]

"""Answers of several parts, as a person and a program see them."""

from __future__ import annotations

from cli.commandline import CommandLine, assert_stands_there, bytes_of
from cli.test_terminal import on_a_terminal

NEW = "# Hut rules\n\nVersion of 1 March 2025. Replaces rules-2023.md.\n\n- Guests pay 18 EUR a night.\n- Bring wood.\n"
OLD = "# Hut rules (2023)\n\nOLD, see rules.md.\n\n- Guests pay 15 EUR a night.\n- Bring wood.\n"
PRICE = "How much do guests pay for a night in the hut?"
READINGS = "date,room,humidity\n2026-04-01,cellar,61\n2026-04-08,attic,44\n2026-05-06,cellar,70\n2026-05-13,cellar,66\n"


def test_a_fact_that_changed_is_told_with_dates(line: CommandLine) -> None:
    line.furnish()
    line.write("hut/rules.md", NEW)
    line.write("hut/rules-2023.md", OLD)
    line.inside("add", line.stage).ended(0)
    answer = line.inside("ask", PRICE, "--json").ended(0).json
    assert answer["versions"] == [
        {"date": "2025-03-01", "citations": [1], "current": True},
        {"date": "2023", "citations": [2], "current": False},
    ]
    for citation, amount in zip(answer["citations"], (b"18 EUR", b"15 EUR"), strict=True):
        assert_stands_there(citation)
        assert amount in bytes_of(citation)
    said = line.inside("ask", PRICE).ended(0).out
    assert "Since 1 March 2025: " in said
    assert "In 2023 it said: Guests pay 15 EUR a night. [2]" in said


def test_when_the_old_version_goes_only_what_holds_is_told(line: CommandLine) -> None:
    line.furnish()
    line.write("hut/rules.md", NEW)
    old = line.write("hut/rules-2023.md", OLD)
    line.inside("add", line.stage).ended(0)
    old.unlink()
    answer = line.inside("ask", PRICE, "--json").ended(0).json
    assert answer["versions"] == []
    assert "15 EUR" not in answer["answer"]
    assert "18 EUR" in answer["answer"]


def test_rows_are_a_table_on_a_terminal_and_aligned_lines_elsewhere(line: CommandLine) -> None:
    line.furnish()
    line.write("readings.csv", READINGS)
    line.inside("add", line.stage).ended(0)
    question = "List all humidity readings of the cellar"
    plain = line.inside("ask", question).ended(0).out
    assert "| 2026-04-01 | cellar | 61       | [1]" in plain
    assert "| 2026-05-13 | cellar | 66       | [2]" in plain
    assert "attic" not in plain
    shown = on_a_terminal(line, "ask", question, COLUMNS="100", NO_COLOR="1")
    assert "|" not in shown
    assert all(day in shown for day in ("2026-04-01", "2026-05-06", "2026-05-13"))

"""Lists, tables, entries and code in answers: whole where asked for, cited line by line where apart."""

from __future__ import annotations

import re
from dataclasses import replace

from assistant.contracts.documents import ChunkKind
from assistant.core.answering import DEFAULT_WEIGHTS, Verdict, answer
from assistant.core.listing import MAX_ITEMS, MAX_ROWS
from assistant.core.origins import Origin
from assistant.core.parts import Part, read_together, table
from assistant.core.question import read_question
from assistant.core.weighing import Evidence, Lexicon


def stems(text: str) -> list[str]:
    return [word.rstrip("s") for word in re.findall(r"[^\W_]+", text.lower())]


def ask(
    question: str,
    text: str,
    chunk: ChunkKind = "prose",
    *,
    header: str = "",
    title: str | None = None,
    language: str | None = None,
    symbol: str | None = None,
    path: str = "/h/notes/a.md",
) -> Verdict:
    scope = (title,) if title else ()
    context = f"{title or ''}\n{header}"
    item = Evidence(text, chunk, path, scope, title, header, symbol, language, 1.0, context)
    held = set(stems(text))
    lexicon = Lexicon(stems, lambda stem: int(stem in held), 50)
    weights = replace(DEFAULT_WEIGHTS, threshold=0.0)
    return answer(read_question(question), [item], lexicon, None, weights, lambda number: Origin(path, line=11))


def told(verdict: Verdict) -> str:
    return read_together(verdict.parts, range(1, len(verdict.parts) + 1))


PACKING = "Packing for the hut:\n\n- head torch\n- sleeping bag\n- own cup\n\nWe leave at eight."


def test_a_list_that_is_asked_for_is_told_whole() -> None:
    verdict = ask("What do I need to bring, packing for the hut?", PACKING)
    assert told(verdict) == "Packing for the hut:\n- head torch\n- sleeping bag\n- own cup [1]"
    (part,) = verdict.parts
    assert PACKING[part.start : part.end] == "- head torch\n- sleeping bag\n- own cup"


def test_an_item_that_is_asked_for_is_told_alone() -> None:
    assert [part.words for part in ask("Which cup does one bring to the hut?", PACKING).parts][:1] == [
        "Packing for the hut: own cup"
    ]


def test_a_long_list_says_how_much_more_there_is() -> None:
    text = "Tools in the shed:\n" + "\n".join(f"- tool {number}" for number in range(MAX_ITEMS + 7))
    said = told(ask("What are the tools in the shed?", text))
    assert said.startswith("Tools in the shed (7 more):\n- tool 0\n")
    assert said.endswith(f"- tool {MAX_ITEMS - 1}\n... [1]")


def test_steps_stay_numbered_and_complete() -> None:
    text = "Restoring a table:\n1. Stop the writer.\n2. Fetch the copy\n   of last night.\n3. Start the writer."
    said = told(ask("How do I restore a table?", text))
    assert said.splitlines()[1:] == [
        "1. Stop the writer.",
        "2. Fetch the copy of last night.",
        "3. Start the writer. [1]",
    ]


READINGS = "2026-04-01,61,12\n2026-04-08,64,11\n2026-05-06,70,13\n2026-04-15,66,12"
COLUMNS = "date | april humidity | temperature"


def test_a_row_is_read_with_its_columns() -> None:
    said = told(ask("What was the humidity on 2026-05-06?", READINGS, "table", header=COLUMNS, path="/h/cellar.csv"))
    assert said == "cellar.csv: date: 2026-05-06; april humidity: 70; temperature: 13. [1]"


def test_all_rows_that_match_are_a_table_with_its_header() -> None:
    text = "2026-04-01,seeds,23.40\n2026-04-08,paint,11.00\n2026-05-06,seeds,4.10\n2026-05-07,seeds,5"
    verdict = ask("List all we spent on seeds", text, "table", header="date | what | eur", path="/h/expenses.csv")
    assert told(verdict).splitlines() == [
        "expenses.csv:",
        "| date       | what  | eur   |",
        "|------------|-------|-------|",
        "| 2026-04-01 | seeds | 23.40 | [1]",
        "| 2026-05-06 | seeds | 4.10  |",
        "| 2026-05-07 | seeds | 5     | [2]",
    ]
    assert [text[part.start : part.end] for part in verdict.parts] == [
        "2026-04-01,seeds,23.40",
        "2026-05-06,seeds,4.10\n2026-05-07,seeds,5",
    ]


def test_a_long_table_says_how_much_more_there_is() -> None:
    text = "\n".join(f"2026-04-{day:02},seeds,{day}" for day in range(1, 29))
    said = told(ask("List all we spent on seeds", text, "table", header="date | what | eur"))
    assert said.startswith(f"a.md ({28 - MAX_ROWS} more):\n| date")


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    head, rows = table(["a", "b"], [["x|y", "1"], ["z", "two\nlines"]])
    assert head.splitlines()[0] == "| a    | b         |"
    assert rows == ["| x\\|y | 1         |", "| z    | two lines |"]


CODE = "\n".join(
    [
        "def settle(bill, rate):",
        '    """Settles a bill. Never twice."""',
        "    lines = []",
        *[f"    lines.append({number})" for number in range(12)],
        "    # rounding goes up, as the bank does it",
        "    amount = ceil(bill * rate)",
        *[f"    check({number})" for number in range(12)],
        "    return amount",
    ]
)


def test_of_a_long_definition_the_lines_that_matter_are_shown() -> None:
    verdict = ask(
        "Which way does settle do the rounding of a bill?",
        CODE,
        "code",
        symbol="settle",
        language="python",
        path="/h/pay.py",
    )
    parts = [part for part in verdict.parts if part.layout == "code"]
    assert told(Verdict(1.0, tuple(parts))).startswith(
        "`settle` (pay.py:11): Settles a bill. [1]\n```python\ndef settle"
    )
    assert len(parts) > 1
    shown = [line for part in parts for line in part.words.splitlines()[1:-1]]
    assert "    # rounding goes up, as the bank does it" in shown
    assert len(shown) <= 14
    for part in parts:
        assert CODE[part.start : part.end] == "\n".join(part.words.splitlines()[1:-1])


def test_of_several_definitions_the_one_asked_for_is_shown_with_its_own_line() -> None:
    text = (
        'class Lost(Error):\n    """The job is gone."""\n\n\nclass Reject(Error):\n    """Never try the job again."""'
    )
    verdict = ask(
        "Which class says never to try again?", text, "code", symbol="Lost", language="python", path="/h/errors.py"
    )
    assert told(verdict).startswith("`Reject` (errors.py:15): Never try the job again. [1]\n```python\nclass Reject")


def test_a_setting_of_a_list_is_shown_with_its_entry() -> None:
    text = "sensors:\n  - id: cellar_leak\n    alert_above: 3\n    quiet: no\n  - id: attic_smoke\n    alert_above: 9"
    verdict = ask("What is the alert_above of the cellar_leak?", text, "config", language="yaml", path="/h/home.yaml")
    assert told(verdict) == ("home.yaml: [1]\n```yaml\n- id: cellar_leak\n  alert_above: 3\n  quiet: no\n```")


def test_a_lead_is_said_once_and_the_rest_of_a_code_is_marked() -> None:
    parts = [
        Part(0, 0, 1, "```\na\n```", "code", "`f` (a.py:3):"),
        Part(0, 5, 6, "```\nb\n```", "code", "`f` (a.py:3):"),
    ]
    assert read_together(parts, [1, 2]) == "`f` (a.py:3): [1]\n```\na\n```\n... [2]\n```\nb\n```"


def test_running_text_goes_on_after_a_list_on_a_line_of_its_own() -> None:
    parts = [Part(0, 0, 1, "- a\n- b", "lines", "Two:"), Part(0, 5, 6, "and more"), Part(0, 7, 8, "last")]
    assert read_together(parts, [1, 2, 3]) == "Two:\n- a\n- b [1]\nAnd more. [2] Last. [3]"

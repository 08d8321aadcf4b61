"""One heavy thing, done once, for a profiler to look at: ``python -m benchmarks.scenario NAME FOLDER``.

The memory and the model are those of ``ASSISTANT_HOME``; :mod:`benchmarks.flamegraphs` prepares them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from assistant.app import open_assistant, question
from assistant.contracts.items import Filters
from benchmarks.texts import Texts

QUESTIONS = 400
K = 10


def scan(folder: str) -> None:
    """Read, cut, store and index the words of a folder that is not remembered yet."""
    with open_assistant() as assistant:
        assistant.add([folder], embed=False)


def embed(folder: str) -> None:
    """Embed, store and index what is remembered and has no vectors yet."""
    del folder
    with open_assistant() as assistant:
        assistant.embed()


def recall(folder: str) -> None:
    """Ask question after question."""
    del folder
    texts = Texts(12)
    with open_assistant() as assistant:
        for _ in range(QUESTIONS):
            assistant.recall(question(texts.question(), k=K, filters=Filters()))


def cold(folder: str) -> None:
    """What ``assistant recall`` does, from the first import on."""
    del folder
    from assistant.cli.main import run

    run(["recall", Texts(3).question()])


SCENARIOS: dict[str, Callable[[str], None]] = {"scan": scan, "embed": embed, "recall": recall, "cold": cold}


def main() -> None:
    name, folder = sys.argv[1:]
    SCENARIOS[name](folder)


if __name__ == "__main__":
    main()

"""Small external sets, and evaluations without a model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assistant.contracts.events import Listener, nobody
from assistant.evaluation.findings import Evaluation
from assistant.evaluation.running import Wanted, evaluate
from assistant.testing.hashing import HashingEncoder

Row = dict[str, Any]

THINGS = ("boiler", "bicycle", "violin", "garden", "invoice", "kettle", "ladder", "harbour", "ferry", "printer")

DOCUMENTS: list[Row] = [
    {"id": f"d/{thing}", "text": f"The {thing} was looked at in week {number}. Its number is {number * 7919}."}
    for number, thing in enumerate(THINGS, 10)
]
QUERIES: list[Row] = [{"id": f"q/{thing}", "text": f"which week was the {thing} looked at"} for thing in THINGS]
GRADES = [(f"q/{thing}", f"d/{thing}", 1) for thing in THINGS]

TALK: list[Row] = [
    {
        "id": f"{group}:{session}/{pos}",
        "group": group,
        "session": f"{group}-{session}",
        "pos": pos,
        "speaker": ("Anna", "Boris")[pos % 2],
        "date": f"7:0{pos} pm on {session} March, 2024",
        "text": f"{('Anna', 'Boris')[pos % 2]} (7:0{pos} pm on {session} March, 2024): {words}",
    }
    for group, sessions in {
        "one": [
            ["The boiler leaks again.", "I will call the plumber.", "He came about it last year.", "Then he knows it."],
            ["We went to Kihnu by ferry.", "How was the sea?", "Rough, the dog was sick.", "Poor dog."],
        ],
        "two": [
            ["My boiler is new.", "Which make?", "A Viessmann, it hums.", "Mine hums too."],
        ],
    }.items()
    for session, turns in enumerate(sessions, 1)
    for pos, words in enumerate(turns)
]


def write_set(
    folder: Path,
    documents: Sequence[Row] = DOCUMENTS,
    queries: Sequence[Row] = QUERIES,
    grades: Sequence[tuple[str, str, int]] = GRADES,
    **files: str | bytes,
) -> Path:
    """A set in ``folder``; ``files`` replace one (``corpus``, ``asked``, ``qrels``) or add ``about``."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, str | bytes] = {
        "corpus": "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents),
        "asked": "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in queries),
        "qrels": "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in grades),
    } | files
    names = {"corpus": "corpus.jsonl", "asked": "queries.jsonl", "qrels": "qrels.tsv", "about": "META.json"}
    for name, data in content.items():
        (folder / names[name]).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def run(
    *targets: Path,
    listener: Listener = nobody,
    asked: Callable[[str, int, int], None] = lambda *_: None,
    stop: threading.Event | None = None,
    **wanted: Any,
) -> Evaluation:
    """An evaluation with hashed words for a model."""
    return evaluate(
        Wanted([str(target) for target in targets], **wanted),
        listener=listener,
        asked=asked,
        stop=stop or threading.Event(),
        encoder=HashingEncoder(),
    )

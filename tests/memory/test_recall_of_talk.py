"""Turns of a talk are found by what was said beside them too."""

from __future__ import annotations

from pathlib import Path

from assistant.contracts.documents import FileStat, SourceAddress
from assistant.contracts.ids import digest_of
from assistant.contracts.items import RecallQuery
from assistant.core.intake import draft_items, outline_of
from assistant.core.parameters import DEFAULT
from assistant.memory.recall import Recall
from assistant.memory.writing import SourceUpdate
from assistant.reading.reader import FileReader
from assistant.testing.clock import FakeClock
from assistant.testing.hashing import HashingEncoder
from memory.world import ROOT, embed_all, opened

SAID = (
    ("Anna", "did you find the recipe for plum dumplings?"),
    ("Bob", "yes, it was in the blue tin"),
    ("Anna", "and who walks the dog tomorrow?"),
    ("Bob", "the neighbour, at seven"),
    ("Anna", "good"),
    ("Bob", "see you"),
)


def test_the_reply_to_a_matching_turn_comes_next(tmp_path: Path) -> None:
    talk = "".join(f"{name} (7:4{at} pm on 3 March, 2026): {words}\n" for at, (name, words) in enumerate(SAID))
    encoder = HashingEncoder(32)
    fabric = opened(tmp_path, encoder)
    try:
        address, data = SourceAddress("/r/talk.txt"), talk.encode()
        document = FileReader().read(address, data)
        assert document is not None
        drafts = tuple(draft_items(address, document, data))
        fabric.add_root(ROOT, "2026-01-01")
        fabric.remember(
            [SourceUpdate(address, ROOT, FileStat(len(data), 1, 1), digest_of(data), outline_of(document), drafts)]
        )
        fabric.project_terms()
        embed_all(fabric, encoder)
        query = RecallQuery(text="recipe plum dumplings")
        parameters = DEFAULT.model_copy(update={"rerank_top": 0})
        found = [item.record.text for item in Recall(fabric, encoder, FakeClock(), parameters).rank(query).items]
        assert "plum dumplings" in found[0]
        assert "blue tin" in found[1]
    finally:
        fabric.close()

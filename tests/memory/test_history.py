"""Any history of scanning, embedding, forgetting, crashes and vandalism: the memory is what a dictionary says."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assistant.actors.librarian import Librarian
from assistant.contracts.errors import BadPath
from assistant.contracts.events import nobody
from assistant.core.filenames import is_within
from assistant.memory.checking import check, contradictions
from assistant.testing.clock import FakeClock
from assistant.testing.memory_sources import TransientSources
from memory.world import CountingEncoder, LineReader, embed_all, found_by_word, items_of, opened, state_of

ROOTS = ["/r", "/r/deep", "/s"]
PATHS = ["/r/a.txt", "/r/b.md", "/r/deep/c.py", "/r/deep/d.txt", "/s/e.txt"]
_RAM = Path("/dev/shm")
"""Kept off the disk where possible: a crash here is a copy, so nothing is lost by not waiting for a disk."""
LINES = st.lists(
    st.sampled_from(["tea", "coffee", "чай с мёдом", "def tea(): ...", "🙂 smile", "# Title", ""]), max_size=5
)


class History(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="history-", dir=_RAM if _RAM.is_dir() else None))
        self.copies = 0
        self.encoder = CountingEncoder(8)
        self.sources = TransientSources()
        self.files: dict[str, str] = {}
        self.remembered: dict[str, str] = {}
        self.keys: dict[str, int] = {}
        self.last_key = 0

    @initialize()
    def start(self) -> None:
        self.open("store")

    def open(self, name: str) -> None:
        self.notes: list[str] = []
        self.fabric = opened(self.top / name, self.encoder, self.notes)
        self.librarian = Librarian(self.fabric, self.sources, LineReader(), FakeClock(), nobody, threading.Event())
        assert check(self.fabric).findings == ()

    @property
    def folder(self) -> Path:
        return self.fabric._folder

    @rule(path=st.sampled_from(PATHS), lines=LINES)
    def write(self, path: str, lines: list[str]) -> None:
        self.files[path] = "\n".join(lines)
        self.sources.write(path, self.files[path].encode())

    @rule(path=st.sampled_from(PATHS))
    def spoil(self, path: str) -> None:
        self.files[path] = ""
        self.sources.write(path, "permission denied")

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.files)))
        del self.files[path]
        self.sources.remove(path)

    @rule(root=st.sampled_from(ROOTS))
    def scan(self, root: str) -> None:
        try:
            if self.librarian.scan(root).away:
                return
        except BadPath:
            return
        self.remembered = {path: text for path, text in self.remembered.items() if not is_within(path, root)}
        self.remembered |= {path: text for path, text in self.files.items() if is_within(path, root)}

    @rule(limit=st.sampled_from([1, 3, None]))
    def embed(self, limit: int | None) -> None:
        self.encoder.texts.clear()
        with self.fabric.records.read() as view:
            waiting = {item.text for item in view.items(key for _, key in view.pending(self.encoder.fingerprint))}
            embedded = {item.content for item in view.all_items()} - {
                content for content, _ in view.pending(self.encoder.fingerprint)
            }
            before = {content: view.vector(self.encoder.fingerprint, content)[0] for content in embedded}
        embed_all(self.fabric, self.encoder, limit)
        assert set(self.encoder.texts) <= waiting
        with self.fabric.records.read() as view:
            assert all(view.vector(self.encoder.fingerprint, content)[0] == label for content, label in before.items())

    @rule(path=st.sampled_from([*ROOTS, *PATHS]))
    def forget(self, path: str) -> None:
        self.librarian.forget(path)
        self.remembered = {known: text for known, text in self.remembered.items() if not is_within(known, path)}

    @rule()
    def save(self) -> None:
        self.fabric.publish()
        self.fabric.records.trim_journal(min(self.fabric.terms.applied, self.fabric.vectors.published))

    @rule(damage=st.sampled_from(["none", "terms", "vectors", "meta.json", "index.bin"]))
    def reopen(self, damage: str) -> None:
        folder = self.folder
        items = len(items_of(self.fabric))
        vectors = len(self.fabric.vectors)
        self.fabric.close()
        if damage in {"terms", "vectors"}:
            shutil.rmtree(folder / damage, ignore_errors=True)
        for path in folder.rglob(damage):
            if path.is_file():
                path.write_bytes(path.read_bytes()[:-9])
        self.open(folder.name)
        harmed = {"terms": items, "vectors": vectors, "meta.json": items, "index.bin": vectors}.get(damage)
        assert self.notes or not harmed

    @precondition(lambda self: self.copies < 2)  # each is looked through in a process of its own, which takes time
    @rule()
    def crash(self) -> None:
        """What is on disk at this moment is all there is."""
        self.copies += 1
        copy = f"copy{self.copies}"
        shutil.copytree(self.folder, self.top / copy)
        self.fabric.close()
        shutil.rmtree(self.folder)
        self.open(copy)

    @invariant()
    def the_records_are_what_was_scanned(self) -> None:
        if not hasattr(self, "fabric"):
            return
        with self.fabric.records.read() as view:
            assert list(contradictions(view)) == []
        expected = {
            path: [line.strip() for line in text.split("\n") if line.strip()] for path, text in self.remembered.items()
        }
        assert state_of(self.fabric) == expected

    @invariant()
    def what_did_not_change_keeps_its_number(self) -> None:
        if not hasattr(self, "fabric"):
            return
        now = {item.id: item.key for item in items_of(self.fabric)}
        assert all(self.keys[name] == key for name, key in now.items() if name in self.keys)
        assert all(key > self.last_key for name, key in now.items() if name not in self.keys)
        self.keys, self.last_key = now, max([self.last_key, *now.values()])

    @rule()
    def look(self) -> None:
        assert check(self.fabric).findings == ()
        texts = {text for lines in state_of(self.fabric).values() for text in lines}
        # titles are found with every piece of their source
        assert {text for text in texts if "tea" in text} <= found_by_word(self.fabric, "tea")
        assert {text for text in texts if "чай" in text} <= found_by_word(self.fabric, "чаи") <= texts

    def teardown(self) -> None:
        if hasattr(self, "fabric"):
            assert check(self.fabric).findings == ()
            self.fabric.close()
        shutil.rmtree(self.top)


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistory.pytestmark = [pytest.mark.timeout(900)]  # type: ignore[attr-defined]

"""What the benchmarks share: a folder to work in, the encoder, and memories of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.app import Assistant
from assistant.core.parameters import DEFAULT, RecallParameters
from assistant.inference.encoding import OnnxEncoder
from assistant.inference.installing import install, installed_folder, resolve_precision
from assistant.inference.loading import load_encoder, manifest_for
from assistant.inference.processor import Precision
from assistant.locations import Locations, locate
from assistant.settings import Settings
from benchmarks.likeness import Likeness
from benchmarks.texts import write_files

if TYPE_CHECKING:
    from assistant.contracts.ports import Encoder

REPOSITORY = Path(__file__).resolve().parent.parent
PRECISION: Precision = resolve_precision("auto")
NO_RERANK = DEFAULT.model_copy(update={"rerank_top": 0})

PEER_SIZES = (20_000,)
PEERS = ("ours", "chromadb", "lancedb", "lancedb-hnsw", "txtai", "txtai-hybrid")
SAMPLE_SEED = 20
SAMPLE_FILES = 330
"""Files, of six paragraphs or functions each, whose pieces (some 2,000) are embedded for a :class:`Likeness`."""

PASSAGE_FILES = 144
PASSAGE_PARTS = 10
"""Files and paragraphs a file that give about 1,500 pieces."""


@dataclass
class Workbench:
    """``folder`` is thrown away by the caller. ``scale``: 1 for figures worth telling, less for a trial. ``models``:
    where installed models are; the encoder is prepared there when it is not. ``peer_sizes``: pieces in the comparisons
    with other libraries, and ``peers`` which; ``sets``: folders of retrieval sets that quality is measured on."""

    folder: Path
    models: Path
    scale: float = 1.0
    peer_sizes: tuple[int, ...] = PEER_SIZES
    peers: tuple[str, ...] = PEERS
    sets: tuple[str, ...] = ()
    settings: Settings = field(default_factory=lambda: Settings(precision=PRECISION))

    def count(self, full: int, least: int = 1) -> int:
        """``full`` to scale."""
        return max(least, round(full * self.scale))

    @cached_property
    def model_folder(self) -> Path:
        manifest = manifest_for(self.settings.model)
        return install(manifest, PRECISION, installed_folder(self.models, manifest.id, PRECISION)).folder

    @cached_property
    def encoder(self) -> OnnxEncoder:
        self.model_folder  # noqa: B018 - prepared here when it is not yet
        return load_encoder(self.settings.model, PRECISION, self.models, self.settings.threads)

    @cached_property
    def likeness(self) -> Likeness:
        """Fitted to the pieces of the first files that ``SAMPLE_SEED`` gives."""
        from benchmarks.peers.making import pieces_of

        folder = self.folder / "sample"
        write_files(folder, self.count(SAMPLE_FILES, 8), 6, SAMPLE_SEED)
        texts = list(dict.fromkeys(piece.text for piece in pieces_of(folder)))
        return Likeness(texts, self.encoder.encode(texts))

    def locations(self, home: str) -> Locations:
        return locate({"ASSISTANT_HOME": str(self.folder / home)})

    @contextmanager
    def assistant(
        self,
        home: str,
        *,
        words_only: bool = False,
        encoder: Encoder | None = None,
        parameters: RecallParameters | None = None,
    ) -> Iterator[Assistant]:
        """The memory of that name; made when it is new. ``words_only``: without the encoder; ``encoder``: with
        another one than the default."""
        used = None if words_only else encoder or self.encoder
        assistant = Assistant(self.settings, self.locations(home), encoder=used, parameters=parameters)
        try:
            yield assistant
        finally:
            assistant.close()

    def environment(self, home: str) -> dict[str, str]:
        """For a child process that uses that memory. It keeps its byte code, as an installed program does, in a
        place of its own."""
        models = self.locations(home).models
        if not models.exists():
            models.parent.mkdir(parents=True, exist_ok=True)
            models.symlink_to(self.models.resolve())
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {
            **kept,
            "ASSISTANT_HOME": str(self.folder / home),
            "ASSISTANT_PRECISION": PRECISION,
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }

    @cached_property
    def passages(self) -> Path:
        """A folder that gives about 1,500 pieces of some 110 tokens each."""
        folder = self.folder / "passages"
        write_files(folder, self.count(PASSAGE_FILES, 3), PASSAGE_PARTS, seed=1)
        return folder

    @cached_property
    def remembered(self) -> str:
        """Name of a memory that holds :attr:`passages`, with vectors."""
        with self.assistant("remembered") as assistant:
            assistant.add([str(self.passages)])
        return "remembered"

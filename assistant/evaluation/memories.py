"""The memory an evaluation asks: one of its own, made in a temporary folder and thrown away, or kept for the next."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.app import Assistant
from assistant.contracts.errors import Interrupted
from assistant.contracts.events import Listener, Mended
from assistant.contracts.items import Contract
from assistant.contracts.ports import Encoder, Reranker
from assistant.core.filenames import to_text
from assistant.core.parameters import PARAMETER_SETS
from assistant.evaluation.keeping import kept_folder
from assistant.inference.rerank_shelf import chosen_reranker, described
from assistant.inference.shelf import EncoderShelf
from assistant.locations import Locations, locate
from assistant.settings import Settings


class Indexed(Contract):
    """What remembering the files took. Rates are ``None`` when nothing was left to do."""

    files: int
    items: int
    problems: int
    """Files that could not be read; they cannot be found."""
    reused: bool
    """Whether a kept memory was found to hold everything already."""
    kept: str | None
    """Where the memory is kept; ``None``: it was thrown away."""
    files_per_s: float | None
    """Reading, cutting and word-indexing."""
    items_per_s: float | None
    """Embedding."""


@dataclass(frozen=True)
class Bench:
    """What all memories of one evaluation share. ``encoder`` is ``None`` when its files are not to be had."""

    settings: Settings
    encoder: Encoder | None
    listener: Listener
    stop: threading.Event
    keep: Path | None = None
    """Where memories are kept for the next evaluation; ``None``: they are thrown away."""
    reranker: Reranker | None = None
    """The configured cross-encoder; ``None``: what the settings say needs none."""

    def described(self) -> tuple[str, str]:
        """Name (with that of a cross-encoder, if one is in use) and fingerprint of the model."""
        by = described(self.reranker, "") if self.reranker is not None else ("", False)
        name = "none: by words alone" if self.encoder is None else self.encoder.name
        return f"{name}, reranked by {by[0]}" if by[1] else name, self.encoder.fingerprint if self.encoder else ""

    @contextmanager
    def opened(self, folder: Path, parameters: int) -> Iterator[Assistant]:
        """The assistant whose memory lies in ``folder``, asking with this version of the parameters."""
        assistant = Assistant(
            self.settings.model_copy(update={"parameters": parameters}),
            Locations(folder / "config", folder / "data", folder / "cache", folder / "state"),
            listener=self.listener,
            stop=self.stop,
            encoder=self.encoder,
            reranker=self.reranker,
        )
        try:
            yield assistant
        finally:
            assistant.close()

    def go_on(self) -> None:
        """Raises :class:`~assistant.contracts.errors.Interrupted` when stopped."""
        if self.stop.is_set():
            raise Interrupted

    @contextmanager
    def place(self, name: str, parameters: int) -> Iterator[Path]:
        """A folder (its real path) for the files and the memory of the corpus called ``name``: kept, or gone
        afterwards. Raises what :func:`~assistant.evaluation.keeping.kept_folder` raises."""
        if self.keep is not None:
            with kept_folder(self.keep, name, self.described()[1], PARAMETER_SETS[parameters]) as place:
                yield place
        else:
            with tempfile.TemporaryDirectory(prefix="assistant-eval-") as folder:
                yield Path(folder).resolve()

    def remember(self, assistant: Assistant, path: Path) -> Indexed:
        """Bring the memory of a folder up to date, words and meanings.

        Raises :class:`~assistant.contracts.errors.Interrupted` when stopped."""
        (scan,), embedding = assistant.add([str(path)])
        self.go_on()
        embedded = embedding.done if embedding is not None else 0
        return Indexed(
            files=scan.found,
            items=assistant.status().items,
            problems=scan.problems,
            reused=not scan.read and not embedded and scan.found > 0,
            kept=None if self.keep is None else to_text(str(assistant.locations.data.parent.parent)),
            files_per_s=round(scan.read / scan.took_s, 1) if scan.read and scan.took_s else None,
            items_per_s=round(embedded / embedding.took_s, 1) if embedding and embedded and embedding.took_s else None,
        )


def open_bench(
    settings: Settings,
    listener: Listener,
    stop: threading.Event,
    *,
    keep: Path | None = None,
    encoder: Encoder | None = None,
) -> Bench:
    """Load the encoder, unless one is given. Raises what the model raises."""

    def note(what: str) -> None:
        listener(Mended(what))

    shelf = EncoderShelf(
        settings.model,
        settings.precision,
        locate().models,
        settings.threads,
        allow_download=settings.allow_download,
        given=encoder,
        note=note,
    )
    reranker = chosen_reranker(
        settings.reranker,
        locate().models,
        settings.threads,
        allow_download=settings.allow_download,
        note=note,
        should_stop=stop.is_set,
    )
    return Bench(settings, shelf.encoder_or_none(), listener, stop, keep, reranker)

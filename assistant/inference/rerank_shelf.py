"""The shelf of rerankers: the one cross-encoder in use, opened when it is first needed, and done without when it is not
to be had."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.contracts.errors import ConsentNeeded, DamagedModel, UnknownModel
from assistant.core.parameters import NO_RERANKER, OWN_RERANKER
from assistant.inference.cross_loading import is_on_disk, load_reranker, reranker_manifest_for

if TYPE_CHECKING:
    from assistant.contracts.ports import RerankEntry, Reranker
    from assistant.contracts.questions import Question
    from assistant.inference.cross_encoding import CrossEncoderReranker


class RerankerShelf:
    """Implements :class:`~assistant.contracts.ports.Reranker` with a model that may not be there: it then reads no
    question. Thread-safe.

    ``model``: a manifest's id or the name of a cross-encoder that fastembed lists. ``note`` is told, once and in a
    sentence, why it must be done without. ``should_stop`` is asked before every batch.
    """

    kind: Literal["cross"] = "cross"

    def __init__(
        self,
        model: str,
        models_dir: Path,
        threads: int,
        *,
        allow_download: bool,
        note: Callable[[str], None],
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._model = model
        self._models_dir = models_dir
        self._threads = threads
        self._allow_download = allow_download
        self._note = note
        self._should_stop = should_stop
        self._opened: CrossEncoderReranker | None = None
        self._done_without = False
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        opened = self._opened
        return self._model if opened is None else opened.name

    def reads(self, question: Question) -> bool:
        """See the port. A question in a script it does not know does not open the model; the first other one does,
        which takes a second or more."""
        if self._done_without:
            return False
        try:
            if not question.readable_by(frozenset(reranker_manifest_for(self._model).scripts)):
                return False
        except UnknownModel as error:
            self._do_without(error)
            return False
        return self._reranker() is not None

    def scores(self, question: Question, entries: Sequence[RerankEntry]) -> list[float | None]:
        """See the port; ``None`` throughout when the model is not to be had or gives no scores. Raises
        :class:`~assistant.contracts.errors.Interrupted` when asked to stop."""
        reranker = self._reranker()
        if reranker is not None:
            try:
                return reranker.scores(question, entries, should_stop=self._should_stop)
            except DamagedModel as error:
                self._do_without(error)
        return [None] * len(entries)

    def describe(self) -> tuple[str, bool]:
        """Name, and whether its files are on this computer. Opens nothing."""
        try:
            manifest = reranker_manifest_for(self._model)
        except UnknownModel:
            return self._model, False
        return manifest.id, is_on_disk(manifest, self._models_dir)

    def _reranker(self) -> CrossEncoderReranker | None:
        with self._lock:
            if self._opened is None and not self._done_without:
                try:
                    self._opened = load_reranker(
                        self._model, self._models_dir, self._threads, allow_download=self._allow_download
                    )
                except (ConsentNeeded, DamagedModel, UnknownModel) as error:  # a missing model is a damaged one
                    self._done_without = True
                    self._note(self._sentence(error))
            return None if self._done_without else self._opened

    def _do_without(self, error: Exception) -> None:
        with self._lock:
            first, self._done_without = not self._done_without, True
            self._opened = None
        if first:
            self._note(self._sentence(error))

    def _sentence(self, error: Exception) -> str:
        return f"Reranking without {self._model}, as by default: {error}"


def chosen_reranker(
    setting: str,
    models_dir: Path,
    threads: int,
    *,
    allow_download: bool,
    note: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> RerankerShelf | None:
    """The cross-encoder that ``setting`` names, not yet opened; ``None`` when it names none."""
    if setting in (OWN_RERANKER, NO_RERANKER):
        return None
    return RerankerShelf(
        setting, models_dir, threads, allow_download=allow_download, note=note, should_stop=should_stop
    )


def described(reranker: Reranker | None, setting: str) -> tuple[str, bool]:
    """Name of the reranker in use, and whether its files are here. ``None``: what ``setting`` says needs no files."""
    if isinstance(reranker, RerankerShelf):
        return reranker.describe()
    return (setting if reranker is None else reranker.name), True

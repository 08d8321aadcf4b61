"""The composition root: builds adapters and actors from settings, and ties their lives together.

The heavy parts (the encoder above all) are opened when they are first needed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from assistant import __version__
from assistant.actors.embedder import Embedder
from assistant.actors.librarian import Librarian, absolute, common_root
from assistant.actors.registrar import Registrar
from assistant.actors.respondent import Respondent
from assistant.actors.verifier import Verifier
from assistant.clock import SystemClock
from assistant.contracts.answers import Answer
from assistant.contracts.documents import FileStat, SourceAddress
from assistant.contracts.errors import BadPath, BadQuestion, DamagedStore, StoreBusy, UnknownItem
from assistant.contracts.events import EmbeddingFinished, FolderScanned, Listener, Looked, Mended, nobody
from assistant.contracts.ids import Fingerprint
from assistant.contracts.items import MAX_QUESTION_CHARS, Filters, MemoryItem, RecallQuery, RecallResult
from assistant.contracts.ports import Clock, Encoder, Reranker
from assistant.contracts.reports import Forgotten, Status
from assistant.core.answering import DEFAULT_WEIGHTS, AnswerWeights
from assistant.core.parameters import NO_RERANKER, PARAMETER_SETS, RecallParameters
from assistant.inference import catalogue
from assistant.inference.rerank_shelf import chosen_reranker, described
from assistant.inference.shelf import EncoderShelf
from assistant.locations import Locations, locate
from assistant.memory.fabric import Fabric, Space, open_fabric
from assistant.memory.layout import ItemRecord
from assistant.memory.recall import Recall
from assistant.memory.salvage import older_copies
from assistant.memory.writing import passing_items
from assistant.reading.confining import ReadingLimits
from assistant.reading.desk import ReadingDesk
from assistant.reading.isolated_histories import IsolatedHistories
from assistant.reading.isolation import ReaderSetup
from assistant.reading.pool import ReaderPool
from assistant.reading.reader import FileReader
from assistant.reading.walking import FileSources
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from assistant.inference.installing import PrecisionChoice
    from assistant.inference.probing import ProbeReport, RerankProbeReport
    from assistant.memory.auditing import Audit
    from assistant.memory.backup import BackupReport
    from assistant.memory.checking import CheckReport
    from assistant.memory.restoring import RestoreReport

STDIN = SourceAddress("-")
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is; 0 of 0 when that is not known."""


def unseen(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class Assistant:
    """Everything a front end calls. Made by :func:`open_assistant`. Several threads may, once :attr:`fabric` is open.

    ``encoder`` and ``reranker`` override the configured ones (tests, evaluations).
    """

    def __init__(
        self,
        settings: Settings,
        locations: Locations,
        *,
        listener: Listener = nobody,
        stop: threading.Event | None = None,
        clock: Clock | None = None,
        encoder: Encoder | None = None,
        reranker: Reranker | None = None,
        parameters: RecallParameters | None = None,
        weights: AnswerWeights | None = None,
    ) -> None:
        self.settings = settings
        self.locations = locations
        self.stop = stop or threading.Event()
        self._tell = listener
        self._clock = clock or SystemClock()
        self._parameters = parameters or PARAMETER_SETS[settings.parameters]
        self._weights = weights or DEFAULT_WEIGHTS
        self._shelf = EncoderShelf(
            settings.model,
            settings.precision,
            locations.models,
            settings.threads,
            allow_download=settings.allow_download,
            given=encoder,
            note=lambda what: self._tell(Mended(what)),
        )
        self._reranker = reranker or chosen_reranker(
            settings.reranker,
            locations.models,
            settings.threads,
            allow_download=settings.allow_download,
            note=lambda what: self._tell(Mended(what)),
            should_stop=self.stop.is_set,
        )
        self._pool = ReaderPool(_setup_of_readers(settings), settings.readers or min(2, len(os.sched_getaffinity(0))))
        self._sources = FileSources(
            max_file_bytes=settings.max_file_mib << 20,
            history_limit=settings.history_commits,
            own_folders=locations.own_folders(),
            histories=IsolatedHistories(self._pool, self.stop.is_set, self._trouble),
        )
        self._reader = FileReader()
        self._desk = ReadingDesk(self._sources, self._reader, self._pool, self.stop.is_set)
        self._opened: Fabric | None = None

    # what people ask for

    def add(
        self, paths: Sequence[str], *, embed: bool = True, stop: threading.Event | None = None
    ) -> tuple[list[FolderScanned], EmbeddingFinished | None]:
        """Remember folders, or bring them up to date; with no paths, all that are remembered. Then embed what is
        pending, unless told not to. Each folder is searchable by words as soon as it is scanned. ``stop``: for this
        call, instead of that of the whole assistant."""
        wanted = [absolute(path) for path in paths]
        for path in wanted:
            self._sources.check_root(path)
        self._own()
        scans = [self._librarian.scan(root, stop, confirmed=bool(wanted)) for root in wanted or self.roots()]
        return scans, self.embed(stop) if embed else None

    def look(self, paths: Iterable[str], stop: threading.Event | None = None) -> Looked:
        """Bring the memory up to date at single places, see :meth:`Librarian.look`."""
        self._own()
        return self._librarian.look(paths, stop)

    def embed(self, stop: threading.Event | None = None) -> EmbeddingFinished | None:
        """Give every pending item its vector. ``None`` when there is no model to do it with (said through events)."""
        fabric = self._own()
        encoder = self._shelf.encoder_or_none()
        if encoder is None:
            return None
        return Embedder(fabric, encoder, self._clock, self._tell, self.stop).run(stop)

    def recall(self, query: RecallQuery, *, explain: bool = False) -> RecallResult:
        return self._respondent.recall(query, explain=explain)

    def ask(
        self, text: str, *, within: Sequence[str] = (), filters: Filters | None = None, extra: bytes = b""
    ) -> Answer:
        """Answer a question. ``within``: index these paths first when needed, and answer only from them. ``extra``:
        further context, as piped in."""
        folders = [self._within(path) for path in within]
        filters = (filters or Filters()).model_copy(update={"paths": tuple(folders)}) if folders else filters
        query = question(text, k=ASK_ITEMS, filters=filters or Filters())
        return self._respondent.ask(query, self._piped(extra))

    def roots(self) -> list[str]:
        return self.fabric.records.fetch(lambda view: [root.path for root in view.roots()])

    def status(self, *, problems: bool = False) -> Status:
        reranker = described(self._reranker, self.settings.reranker)
        return self._registrar.status(self._shelf.describe(), reranker, self._parameters, problems=problems)

    def item(self, item_id: str) -> MemoryItem:
        """One remembered piece by its id. Raises :class:`~assistant.contracts.errors.UnknownItem`."""
        item = self._registrar.item(item_id)
        if item is None:
            raise UnknownItem(
                f"No remembered piece is called {item_id!r}.", remedy="Ids come from: assistant recall ... --json"
            )
        return item

    def forget(self, path: str) -> Forgotten:
        self._own()
        done = self._registrar.forget(absolute(path))
        copies = older_copies(self.locations.store, self.locations.set_aside)
        return done.model_copy(update={"returns": f"{done.returns} {copies}".strip()}) if copies else done

    def check(self, *, full: bool = False, repair: bool = False, progress: Progress = unseen) -> CheckReport:
        """Compare the three stores with each other and with the files: all of them when ``full``, else a sample.
        ``repair`` mends what follows from the records and the files, and looks again.

        Raises :class:`~assistant.contracts.errors.DamagedStore`: see :func:`check_store`.
        """
        from assistant.memory.repairing import inspect, mend_derived

        def look() -> tuple[CheckReport, Audit]:
            return inspect(
                self.fabric, self._sources, full=full, draw=Random(), progress=progress, should_stop=self.stop.is_set
            )

        report, found = look()
        if not repair or not report.findings:
            return report
        mended = mend_derived(self._own(), report, found, self._librarian.refresh)
        self.embed()
        return look()[0].model_copy(update={"mended": (*report.mended, *mended)})

    def models(self) -> list[dict[str, Any]]:
        return catalogue.list_models(self.locations.models, self.settings.model, self.settings.reranker)

    def install_model(
        self, name: str | None, precision: PrecisionChoice, on_step: Callable[[str], None]
    ) -> dict[str, Any]:
        return catalogue.install_model(
            name or self.settings.model,
            precision,
            self.locations.models,
            allow_download=self.settings.allow_download,
            on_step=on_step,
        )

    def probe_model(self, name: str | None) -> ProbeReport | RerankProbeReport:
        settings = self.settings
        return catalogue.probe_model(
            name or settings.model, settings.precision, self.locations.models, settings.threads
        )

    def close(self) -> None:
        self._pool.close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # how it is put together

    @property
    def fabric(self) -> Fabric:
        if self._opened is None:
            fingerprint, dim = self._shelf.space()
            self._opened = open_fabric(
                self.locations.store,
                Space(Fingerprint(fingerprint), dim),
                self._parameters,
                note=lambda what: self._tell(Mended(what)),
            )
        return self._opened

    def _own(self) -> Fabric:
        if self.fabric.read_only:
            raise StoreBusy(
                "Another process is writing to the memory store (an `assistant add`, perhaps).",
                kept="Nothing was changed. Asking and recalling work meanwhile.",
                remedy="Wait until it is done, or stop it, and try again.",
            )
        return self.fabric

    @cached_property
    def _librarian(self) -> Librarian:
        return Librarian(self.fabric, self._sources, self._reader, self._clock, self._tell, self.stop, self._desk)

    @cached_property
    def _verifier(self) -> Verifier:
        return Verifier(self._desk)

    @cached_property
    def _registrar(self) -> Registrar:
        return Registrar(self.fabric, self._librarian, self.locations.data)

    @cached_property
    def _respondent(self) -> Respondent:
        fabric = self.fabric
        encoder = self._shelf.encoder_or_none() if len(fabric.vectors) else None
        ranking = self._parameters
        if self._reranker is None and self.settings.reranker == NO_RERANKER:
            ranking = ranking.model_copy(update={"rerank_top": 0})
        return Respondent(
            fabric,
            Recall(fabric, encoder, self._clock, ranking, self._reranker),
            encoder,
            self._sources,
            None if fabric.read_only else self._librarian,
            self._verifier,
            self._clock,
            self._parameters,
            self._weights,
        )

    def _within(self, path: str) -> str:
        """The absolute path; what is not remembered yet is scanned and embedded first."""
        wanted = absolute(path)
        if not Path(wanted).exists():
            raise BadPath(f"There is no file or folder {path}.", remedy="Check the spelling.")
        if common_root(wanted, self.roots()) is None:
            folder = wanted if Path(wanted).is_dir() else str(Path(wanted).parent)
            self.add([folder])
        return wanted

    def _trouble(self, path: str) -> tuple[FileStat, str] | None:
        """State and problem of something that could not be read, as remembered."""
        source = self.fabric.records.fetch(lambda view: view.source(SourceAddress(path)))
        return None if source is None or source.problem is None else (source.stat, source.problem)

    def _piped(self, data: bytes) -> list[ItemRecord]:
        if not data.strip():
            return []
        reading = self._desk.read_given(STDIN, data)
        if reading.problem is not None:
            raise BadQuestion(f"The piped input cannot be read: {reading.problem}.")
        if reading.outline is None:
            raise BadQuestion("The piped input is not text.", remedy="Pipe text, or remember the file with `add`.")
        self._verifier.give(STDIN, data)
        return passing_items(STDIN, len(data), reading.outline, reading.drafts)


def _setup_of_readers(settings: Settings) -> ReaderSetup:
    limits = ReadingLimits(settings.read_timeout_s, settings.read_memory_bytes)
    return ReaderSetup(limits, settings.max_file_mib << 20)


ASK_ITEMS = 24


def question(text: str, *, k: int, filters: Filters) -> RecallQuery:
    """A recall query of what a person typed. Raises :class:`~assistant.contracts.errors.BadQuestion`."""
    text = text.strip()
    if not text:
        raise BadQuestion("The question is empty.", remedy='Ask something, as in: assistant ask "when was ... ?"')
    if len(text) > MAX_QUESTION_CHARS:
        raise BadQuestion(
            f"The question has {len(text):,} characters; {MAX_QUESTION_CHARS:,} are the most.",
            remedy="Ask about a long text by piping it in: assistant ask QUESTION < FILE",
        )
    return RecallQuery(text=text, k=k, filters=filters)


@contextmanager
def open_assistant(
    *,
    flags: dict[str, object] | None = None,
    listener: Listener = nobody,
    stop: threading.Event | None = None,
) -> Iterator[Assistant]:
    """The assistant of this user, closed in order at the end.

    ``flags`` override settings; ``listener`` is told what happens; ``stop``, when set, ends long work early.
    """
    locations = locate()
    settings = load_settings(locations.settings_file, Path.cwd(), flags=flags)
    assistant = Assistant(settings, locations, listener=listener, stop=stop)
    try:
        yield assistant
    finally:
        assistant.close()


def check_store(
    *, full: bool, repair: bool, progress: Progress, listener: Listener, stop: threading.Event
) -> CheckReport:
    """:meth:`Assistant.check` of this user's memory. With ``repair``, records that are damaged themselves are mended
    in a copy, or set aside and the remembered folders read anew; nothing is deleted."""
    from assistant.memory.repairing import Mending, mend_or_set_aside

    mending = Mending()
    for last in (False, True):
        try:
            with open_assistant(listener=listener, stop=stop) as assistant:
                if mending.roots:
                    assistant.add(mending.roots)
                    mending.roots = []
                return mending.told_in(assistant.check(full=full, repair=repair, progress=progress))
        except DamagedStore:
            if last or not repair:
                raise
        places = locate()
        mending = mend_or_set_aside(places.store, places.set_aside, progress=progress, should_stop=stop.is_set)
    raise AssertionError("unreachable")


def back_up_store(target: Path, *, replace: bool, progress: Progress, stop: threading.Event) -> BackupReport:
    """Write a backup of this user's memory to one file; see :func:`assistant.memory.backup.back_up`."""
    from assistant.memory.backup import back_up

    return back_up(
        locate().store,
        target,
        replace=replace,
        made_at=SystemClock().now(),
        program=__version__,
        progress=progress,
        should_stop=stop.is_set,
    )


def restore_store(file: Path, *, progress: Progress, listener: Listener, stop: threading.Event) -> RestoreReport:
    """Put a backup in the place of this user's memory and make its indexes; see
    :func:`assistant.memory.restoring.restore`."""
    from assistant.memory.restoring import restore

    report = restore(file, locate().store, progress=progress, should_stop=stop.is_set)
    progress("Making the indexes", 0, 0)
    with open_assistant(listener=listener, stop=stop) as assistant:
        return report.model_copy(update={"pending": assistant.status().pending_vectors})

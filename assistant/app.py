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

from assistant.actors.embedder import Embedder
from assistant.actors.librarian import Librarian, absolute, common_root
from assistant.actors.registrar import Registrar
from assistant.actors.respondent import Respondent
from assistant.actors.verifier import Verifier
from assistant.clock import SystemClock
from assistant.contracts.answers import Answer
from assistant.contracts.documents import FileStat, SourceAddress
from assistant.contracts.errors import BadPath, BadQuestion, UnknownItem
from assistant.contracts.events import EmbeddingFinished, FolderScanned, Listener, Looked, Mended, nobody
from assistant.contracts.ids import Fingerprint
from assistant.contracts.items import Filters, MemoryItem, RecallQuery, RecallResult
from assistant.contracts.ports import Clock, Encoder, Pace, Reranker
from assistant.contracts.program import VERSION
from assistant.contracts.reports import Forgotten, Status
from assistant.core.answering import DEFAULT_WEIGHTS, AnswerWeights
from assistant.core.parameters import NO_RERANKER, PARAMETER_SETS, RecallParameters
from assistant.core.typed import typed
from assistant.inference import catalogue
from assistant.inference.rerank_shelf import chosen_reranker, described
from assistant.inference.shelf import EncoderShelf
from assistant.locations import Locations, locate
from assistant.memory.fabric import Fabric, Space, open_fabric
from assistant.memory.layout import ItemRecord
from assistant.memory.ownership import StoreLock, busy
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
from assistant.relay import Relay
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from threading import Event as StopSignal

    from assistant.contracts.reports import CheckReport
    from assistant.core.coalescing import Note
    from assistant.inference.installing import PrecisionChoice
    from assistant.inference.probing import ProbeReport, RerankProbeReport
    from assistant.memory.auditing import Audit
    from assistant.reading.noticing import Noticer

STDIN = SourceAddress("-")
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is; 0 of 0 when that is not known."""


def unseen(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody looks at."""


class Assistant:
    """Everything a front end calls. Made by :func:`open_assistant`. Several threads may, once :attr:`fabric` is open.

    ``encoder`` and ``reranker`` override the configured ones (tests, evaluations). ``lock``: of the store, acquired
    already; it is the assistant's from now on.
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
        lock: StoreLock | None = None,
    ) -> None:
        self.settings = settings
        self.locations = locations
        self.stop = Relay(stop or threading.Event(), listener)
        self._tell = self.stop.tell
        self._lock = lock
        self._clock = clock or SystemClock()
        self._embedding = threading.Lock()
        self.paced: Callable[[StopSignal], Pace] | None = None
        """Makes the pace that is kept when embedding; ``None``: as fast as it goes."""
        self.give_way: Callable[[], object] = bool
        """Called now and then during a scan."""
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
        self._opening = threading.RLock()
        self._respondents: dict[bool, Respondent] = {}

    # what people ask for

    def add(self, paths: Sequence[str], *, embed: bool = True) -> tuple[list[FolderScanned], EmbeddingFinished | None]:
        """Remember folders, or bring them up to date; with no paths, all that are remembered. Then embed what is
        pending, unless told not to. Each folder is searchable by words as soon as it is scanned."""
        wanted = [absolute(path) for path in paths]
        for path in wanted:
            self._sources.check_root(path)
        self.own()
        scans = [self._librarian.scan(root, confirmed=bool(wanted)) for root in wanted or self.roots()]
        return scans, self.embed() if embed else None

    def scan(self, root: str) -> FolderScanned:
        """Walk a remembered folder (absolute) for what has changed in it."""
        self.own()
        return self._librarian.scan(root)

    def look(self, paths: Iterable[str]) -> Looked:
        """Bring the memory up to date at single places, see :meth:`Librarian.look`."""
        self.own()
        return self._librarian.look(paths)

    def embed(self) -> EmbeddingFinished | None:
        """Give every pending item its vector. ``None`` when there is no model to do it with (said through events)."""
        fabric = self.own()
        encoder = self._shelf.encoder_or_none()
        if encoder is None:
            return None
        with self._embedding:
            stop = self.stop.here()
            pace = self.paced(stop) if self.paced is not None else None
            return Embedder(fabric, encoder, self._clock, self._tell, stop, pace).run()

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
        return self._respondent.ask(query, self._piped(extra), {STDIN: extra})

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
        self.own()
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
        mended = mend_derived(self.own(), report, found, self._librarian.refresh)
        self.embed()
        return look()[0].model_copy(update={"mended": (*report.mended, *mended)})

    def noticer(self, tell: Callable[[Note], None], clock: Callable[[], float]) -> Noticer:
        """What notices changes in remembered folders; ``tell`` is called on a thread of its own. The caller closes
        it."""
        from assistant.reading.noticing import Noticer

        return Noticer(self._sources, tell, clock)

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

    @contextmanager
    def heard_by(self, listener: Listener, stop: threading.Event) -> Iterator[None]:
        """For one call, in this thread: who is told, and what else ends it early."""
        with self.stop.call(listener, stop):
            yield

    def announce(self, door: str) -> None:
        """Tell other processes where we can be reached; "" when nobody may come in any more."""
        self.fabric.announce(door, VERSION)

    def close(self) -> None:
        self._pool.close()
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        elif self._lock is not None:
            self._lock.release()

    # how it is put together

    @property
    def fabric(self) -> Fabric:
        with self._opening:
            if self._opened is None:
                fingerprint, dim = self._shelf.space()
                self._opened = open_fabric(
                    self.locations.store,
                    Space(Fingerprint(fingerprint), dim),
                    self._parameters,
                    note=lambda what: self._tell(Mended(what)),
                    lock=self._lock,
                )
            return self._opened

    def own(self) -> Fabric:
        """The memory, to be written to. Raises :class:`~assistant.contracts.errors.StoreBusy`."""
        if self.fabric.read_only:
            raise busy(self.locations.store)
        return self.fabric

    @cached_property
    def _librarian(self) -> Librarian:
        librarian = Librarian(self.fabric, self._sources, self._reader, self._clock, self._tell, self.stop, self._desk)
        librarian.give_way = lambda: self.give_way()
        return librarian

    @cached_property
    def _verifier(self) -> Verifier:
        return Verifier(self._desk)

    @cached_property
    def _registrar(self) -> Registrar:
        return Registrar(self.fabric, self._librarian, self.locations.data)

    @property
    def _respondent(self) -> Respondent:
        """With the encoder as soon as there is a vector to compare with: opening it takes its time."""
        by_meaning = bool(len(self.fabric.vectors))
        with self._opening:
            if by_meaning not in self._respondents:
                self._respondents[by_meaning] = self._make_respondent(by_meaning=by_meaning)
            return self._respondents[by_meaning]

    def _make_respondent(self, *, by_meaning: bool) -> Respondent:
        fabric = self.fabric
        encoder = self._shelf.encoder_or_none() if by_meaning else None
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
        return passing_items(STDIN, len(data), reading.outline, reading.drafts)


def _setup_of_readers(settings: Settings) -> ReaderSetup:
    limits = ReadingLimits(settings.read_timeout_s, settings.read_memory_bytes)
    return ReaderSetup(limits, settings.max_file_mib << 20)


ASK_ITEMS = 24


def question(text: str, *, k: int, filters: Filters) -> RecallQuery:
    """A recall query of what a person typed. Raises :class:`~assistant.contracts.errors.BadQuestion`."""
    return RecallQuery(text=typed(text), k=k, filters=filters)


@contextmanager
def open_assistant(
    *,
    flags: dict[str, object] | None = None,
    listener: Listener = nobody,
    stop: threading.Event | None = None,
    lock: StoreLock | None = None,
) -> Iterator[Assistant]:
    """The assistant of this user, closed in order at the end.

    ``flags`` override settings; ``listener`` is told what happens; ``stop``, when set, ends long work early; ``lock``:
    of the store, acquired already.
    """
    locations = locate()
    settings = load_settings(locations.settings_file, Path.cwd(), flags=flags)
    assistant = Assistant(settings, locations, listener=listener, stop=stop, lock=lock)
    try:
        yield assistant
    finally:
        assistant.close()

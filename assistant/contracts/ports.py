"""The seams: what the core asks of the world. Adapters implement these; tests run each real adapter and its fake
(``assistant.testing``) through one conformance suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from assistant.contracts.documents import Document, FileStat, FoundSource, RootSigns, SkippedPath, SourceAddress
from assistant.contracts.ids import Fingerprint, ItemKey, Label

if TYPE_CHECKING:
    from threading import Event as StopSignal

    import numpy as np
    from numpy.typing import NDArray

    from assistant.contracts.commands import Command
    from assistant.contracts.events import Listener
    from assistant.contracts.items import Filters
    from assistant.contracts.process import Job, StoryLine, TaskRun
    from assistant.contracts.questions import Question
    from assistant.contracts.vectors import TokenVectors

    Vectors = NDArray[np.float32]


Reply = TypeVar("Reply")


class Performer(Protocol):
    """Carries out commands that come from outside. On an event loop."""

    async def perform(self, command: Command[Reply], tell: Listener, stop: StopSignal) -> Reply:
        """The command's reply. ``tell`` is called on the loop with what happens meanwhile, in order; it must return
        at once. ``stop``, when set by the caller (who left, or pressed Ctrl-C), ends the work early.

        Raises :class:`~assistant.contracts.errors.AssistantError`; cancelling it sets ``stop``.
        """
        ...


class Ledger(Protocol):
    """Keeps what the living process must not forget when it is killed: its jobs, what its tasks did, and a bounded
    journal. Thread-safe. Every method that writes has written when it returns, and raises
    :class:`~assistant.contracts.errors.StorageFailed`."""

    def last_numbers(self) -> tuple[int, int]:
        """The highest numbers in the journal, of a message and of a turn; 0 when it is empty."""
        ...

    def write_lines(self, lines: Sequence[tuple[int, StoryLine]]) -> None:
        """Note lines of the journal, each with its turn; one that is there already is replaced. The oldest beyond a
        fixed number are dropped."""
        ...

    def story(self, turn_id: int | None) -> tuple[int, list[StoryLine]]:
        """The turn (``None``: the last) and its lines, by number; no lines when it is not there (any more)."""
        ...

    def put_job(self, job: Job, command: str) -> None:
        """Keep a job; ``command``: the command it stands for, as JSON. One of the same id is replaced."""
        ...

    def jobs(self) -> list[tuple[Job, str]]:
        """All jobs that are kept, by id."""
        ...

    def drop_job(self, job_id: int) -> None:
        """Forget a job; one that is not there is no mistake."""
        ...

    def put_run(self, run: TaskRun) -> None:
        """Keep how a task went; the run before is replaced."""
        ...

    def runs(self) -> dict[str, TaskRun]:
        """The last run of each task."""
        ...

    def forget(self, text: str) -> int:
        """Drop what mentions ``text``, and leave no byte of it. Returns how many records that were."""
        ...

    def trim(self) -> int:
        """Drop what is older than it need be kept. Returns how many records that were."""
        ...

    def close(self) -> None: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, timezone-aware (UTC)."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...


class Pace(Protocol):
    """How work in the background is paced: how much in one go, and when. Called in the working thread."""

    def batch_tokens(self, most: int) -> int:
        """Padded tokens of the next batch, at least 1 and at most ``most``."""
        ...

    def before(self) -> None:
        """Before a batch: waits for its turn. Raises :class:`~assistant.contracts.errors.Interrupted` to end the
        work."""
        ...

    def after(self, texts: int, tokens: int, took_s: float) -> None:
        """A batch was done: so many texts, so many padded tokens."""
        ...


class Encoder(Protocol):
    """Texts to unit vectors. Thread-safe."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> Fingerprint: ...

    @property
    def dim(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, special tokens included; the rest is cut off."""
        ...

    @property
    def scripts(self) -> frozenset[str]:
        """Scripts the model was trained on ("latin", "cyrillic", ...); empty means any."""
        ...

    def encode(self, texts: Sequence[str], *, pace: Pace | None = None) -> Vectors:
        """Encode texts to remember, in batches that ``pace`` sizes and holds back; raises what ``pace`` raises.

        Returns float32, shape ``(len(texts), dim)``, C-contiguous, rows of unit length, in the order given;
        ``(0, dim)`` for no texts. The caller owns the array. Texts may come in any order and length: batching by
        length is the encoder's own business.
        """
        ...

    def encode_query(self, text: str) -> Vectors:
        """Encode one question. Returns float32, shape ``(dim,)``, unit length."""
        ...

    def basis(self) -> Vectors | None:
        """The basis narrow token rows are written in: float32, ``(dim, TOKEN_WIDTH)`` (see
        :mod:`assistant.core.late`), the same at every call up to rounding; ``None`` when the model only gives whole
        texts. Takes a second or two: keep it."""
        ...

    def encode_narrow(
        self, texts: Sequence[str], basis: Vectors, *, pace: Pace | None = None
    ) -> tuple[Vectors, list[NDArray[np.int8]]]:
        """What :meth:`encode` gives, and of each text its token rows in ``basis``, int8 ``(tokens, TOKEN_WIDTH)``.
        Only for a model that has a basis."""
        ...

    def token_vectors(self, texts: Sequence[str]) -> list[TokenVectors] | None:
        """Vectors of every token of each text, in the order given; ``None`` when the model only gives whole texts."""
        ...


class RerankEntry(Protocol):
    """What a reranker may look at of an item."""

    @property
    def content(self) -> str:
        """Digest of what was embedded of it: the key of anything kept about it."""
        ...

    @property
    def context(self) -> str: ...
    @property
    def text(self) -> str: ...


class Reranker(Protocol):
    """Puts the best hits in order by looking closely at each. Thread-safe."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["late", "letters", "cross"]:
        """What the scores are made of: token vectors of question and text compared, their spelling compared, or both
        read together by a model. By this recall knows how far to trust them, and how many texts there is time for."""
        ...

    def reads(self, question: Question) -> bool:
        """Whether it can say anything about this question (its script, the model at hand)."""
        ...

    def scores(self, question: Question, entries: Sequence[RerankEntry]) -> list[float | None]:
        """How well each answers, in the order given, higher is better, comparable within one call only; ``None`` for
        one it cannot judge."""
        ...


class Reader(Protocol):
    """Bytes to a document. Pure: touches no file; thread-safe."""

    def read(self, address: SourceAddress, data: bytes) -> Document | None:
        """The readable text and chunks of ``data``; ``None`` when it is nothing to read (binary, empty) by rule.

        Raises :class:`~assistant.contracts.errors.UnreadableSource` when it should be readable and is not.
        The same bytes always give the same document.
        """
        ...


class Sources(Protocol):
    """The files and histories outside, read only. Never follows a link out of a remembered folder. Thread-safe."""

    def walk(self, root: str) -> Iterator[FoundSource | SkippedPath]:
        """Everything readable under ``root`` (absolute), in a stable order, ignore rules applied.

        Raises :class:`~assistant.contracts.errors.BadPath` when ``root`` itself is missing, unreadable or no folder.
        """
        ...

    def look(self, root: str, path: str) -> Iterator[FoundSource | SkippedPath]:
        """Exactly what :meth:`walk` of ``root`` would yield of ``path`` (absolute) and of what lies below it, found
        without walking the rest; nothing when there is nothing, or a walk would not get there. What is to be said of
        a repository's history belongs to the folder of the repository, wherever its own files lie. Raises
        :class:`~assistant.contracts.errors.BadPath` as :meth:`walk`."""
        ...

    def history(self, root: str, folder: str) -> Iterator[FoundSource | SkippedPath]:
        """What :meth:`walk` of ``root`` would yield of the commits of the repository in ``folder``, and of the trouble
        with them; nothing without one. Raises :class:`~assistant.contracts.errors.BadPath` as :meth:`walk`."""
        ...

    def observe(self, root: str) -> RootSigns:
        """What can be told of a remembered folder without looking into it. Never raises."""
        ...

    def stat(self, address: SourceAddress) -> FileStat | None:
        """``None``: it is gone, or is no longer a regular file."""
        ...

    def fetch(self, address: SourceAddress) -> bytes:
        """The bytes of the source. Never blocks on a pipe or a device.

        Raises :class:`~assistant.contracts.errors.UnreadableSource` (gone, too large, permission denied, ...).
        """
        ...


class VectorIndex(Protocol):
    """Nearest vectors of one space: a projection of the record store. Queries may run side by side; a write
    excludes everything else (the adapter locks)."""

    @property
    def applied(self) -> int:
        """Sequence number of the last journal entry this index holds, durable or not."""
        ...

    def __len__(self) -> int:
        """Live vectors."""
        ...

    def add(self, labels: Sequence[Label], vectors: Vectors, applied: int) -> None:
        """Add or overwrite. ``vectors``: float32, ``(n, dim)``, unit rows; raises ``ValueError`` for another width,
        NaN, infinity or zero rows, and then adds nothing. Not kept by reference."""
        ...

    def remove(self, labels: Sequence[Label], applied: int) -> None:
        """Forget labels; unknown ones are ignored."""
        ...

    def search(self, vector: Vectors, k: int, among: Sequence[Label] | None = None) -> list[tuple[Label, float]]:
        """The ``k`` (>= 0) nearest by cosine, best first, ties by label; fewer when there are fewer.

        ``vector``: float32, ``(dim,)``, unit length. ``among`` restricts to these labels, exactly.
        """
        ...

    def similarity(self, vector: Vectors, labels: Sequence[Label]) -> Mapping[Label, float]:
        """Cosine of ``vector`` to each label that is known."""
        ...

    def publish(self) -> None:
        """Make the present state durable, atomically. Raises
        :class:`~assistant.contracts.errors.StorageFailed`; the previous state then stays."""
        ...


class TermEntry(Protocol):
    """What the term index needs of an item."""

    @property
    def key(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def language(self) -> str | None: ...
    @property
    def modality(self) -> str: ...
    @property
    def timestamp_s(self) -> int: ...


class TermIndex(Protocol):
    """Words to items (BM25): a projection of the record store. One writer; searches see the last commit."""

    @property
    def applied(self) -> int:
        """Sequence number of the last journal entry that is committed."""
        ...

    def __len__(self) -> int: ...

    def apply(self, put: Iterable[TermEntry], drop: Iterable[ItemKey], applied: int) -> None:
        """Add or replace ``put``, remove ``drop``, and commit all of it with the watermark, or nothing.
        Raises :class:`~assistant.contracts.errors.StorageFailed`."""
        ...

    def search(
        self,
        terms: Mapping[str, float],
        exact: Sequence[str],
        phrases: Sequence[str],
        k: int,
        filters: Filters | None = None,
        modality: Sequence[str] = (),
        among: Sequence[ItemKey] | None = None,
    ) -> list[tuple[ItemKey, float]]:
        """The best ``k`` by BM25, best first.

        ``terms``: words of the question with weights, not yet analysed. ``exact``: identifiers to be found whole.
        ``phrases``: words that must stand together (they add to the score). ``among`` scores only these items.
        """
        ...

    def count(self, filters: Filters, modality: Sequence[str]) -> int:
        """How many items the filters let through."""
        ...

    def matching(self, filters: Filters, modality: Sequence[str], limit: int) -> list[ItemKey]:
        """Up to ``limit`` items the filters let through, in no order."""
        ...

    def frequency(self, stem: str) -> int:
        """Number of items whose text holds ``stem`` (a result of :meth:`analyse`); 0 when none does."""
        ...

    def analyse(self, text: str) -> list[str]:
        """The stems ``text`` is indexed under, in order, repeats kept."""
        ...

"""The term index on Tantivy: a projection of the record store; BM25 over words, identifiers and titles.

Only this module and :mod:`assistant.memory.term_fields` import ``tantivy``. Queries are built from terms, never parsed,
so no query text can be a bomb. The watermark is a document of its own, written in the same commit as what it stands
for. Tokenisers are not stored with an index and are registered at every opening.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import tantivy

from assistant.contracts.documents import Modality
from assistant.contracts.errors import DamagedIndex, StorageFailed
from assistant.contracts.ids import ItemKey
from assistant.core import words
from assistant.memory.durable import make_folder, move, remove_tree, write_synced
from assistant.memory.segments import dead_share, remove_leftovers, verify_segments
from assistant.memory.term_fields import ancestors, exact_analyser, prose_analyser, schema, title_text

if TYPE_CHECKING:
    from assistant.contracts.items import Filters
    from assistant.contracts.ports import TermEntry

SCHEMA_NAME = "terms-1"
"""Changes whenever fields or tokenisers change; another name on disk means a rebuild."""
_HEAP_BYTES = 64_000_000
_WATERMARK = "watermark"
MAX_TERMS = 128
_NEVER = 1 << 62
_REMEMBERED_STEMS = 8192
"""How often each of so many stems occurs is remembered, until something is written."""
_MODALITIES = get_args(Modality)


class TantivyTerms:
    """See :class:`assistant.contracts.ports.TermIndex`. A damaged index is started anew, empty, and ``damage`` says
    why; the caller refills it from the records. ``title_boost`` and so on are the weights of the fields."""

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        title_boost: float = 0.5,
        exact_boost: float = 2.0,
        phrase_boost: float = 3.0,
    ) -> None:
        self._folder = folder
        self._read_only = read_only
        self._boosts = (title_boost, exact_boost, phrase_boost)
        self._lock = threading.Lock()
        self.damage: list[str] = []
        self._analyser = prose_analyser()
        self._writer: tantivy.IndexWriter | None = None
        try:
            self._open()
        except (ValueError, OSError) as error:
            self.damage.append(f"The term index could not be opened ({error}).")
            if read_only:
                raise DamagedIndex(self.damage[-1]) from error
            self.clear()

    def _open(self) -> None:
        marker = self._folder / "schema-name"
        if not self._read_only:
            for leftover in (_aside(self._folder), self._folder.with_name(f"{self._folder.name}.old")):
                remove_tree(leftover)
        fresh = not self._folder.exists()
        if not fresh and (not marker.exists() or marker.read_text() != SCHEMA_NAME):
            raise ValueError("made by another version")
        if fresh:
            if self._read_only:
                raise ValueError("it does not exist yet")
            make_folder(self._folder)
            write_synced(marker, SCHEMA_NAME.encode())
        if not self._read_only:
            verify_segments(self._folder)
            remove_leftovers(self._folder)
        self._schema = schema()
        with _panics_are_errors():
            self._index = tantivy.Index(self._schema, path=str(self._folder))
            self._index.register_tokenizer("prose", self._analyser)
            self._index.register_tokenizer("exact", exact_analyser())
            self.refresh()

    def clear(self) -> None:
        """Throw the index away and start an empty one."""
        with self._lock:
            with suppress(ValueError):
                self._close_writer()
            try:
                remove_tree(self._folder)
                self._open()
            except (ValueError, OSError) as error:
                raise _refused(error) from error

    def beside(self) -> TantivyTerms:
        """An empty index like this one, in a folder beside it, to be filled and then to :meth:`give_place` to."""
        folder = _aside(self._folder)
        remove_tree(folder)
        title, exact, phrase = self._boosts
        return TantivyTerms(folder, title_boost=title, exact_boost=exact, phrase_boost=phrase)

    def give_place(self, other: TantivyTerms) -> None:
        """Let ``other``, made by :meth:`beside`, take the place of this index; it is used no more. Searches that are
        under way end on the old one. Raises :class:`~assistant.contracts.errors.StorageFailed`; the old index, or an
        empty one that is to be filled again, is then in use."""
        old = self._folder.with_name(f"{self._folder.name}.old")
        with self._lock:
            try:
                other.close()
                self._close_writer()
                remove_tree(old)
                move(self._folder, old)
                move(other._folder, self._folder)
                self._open()
                remove_tree(old)
            except (ValueError, OSError) as error:
                raise _refused(error) from error

    @property
    def applied(self) -> int:
        return self._applied

    def __len__(self) -> int:
        count = int(self._index.searcher().num_docs)
        return count - 1 if self._applied else count

    def refresh(self) -> None:
        """See what another process has committed meanwhile."""
        self._index.reload()
        self._applied = self._read_watermark()
        self._frequencies: dict[str, int] = {}

    def _read_watermark(self) -> int:
        searcher = self._index.searcher()
        hits = searcher.search(tantivy.Query.term_query(self._schema, "mark", _WATERMARK), 1).hits
        return int(searcher.doc(hits[0][1])["applied"][0]) if hits else 0

    @property
    def dead_share(self) -> float:
        """Dropped and replaced items among all that the files hold, 0..1."""
        return dead_share(self._folder)

    # writing

    def apply(self, put: Iterable[TermEntry], drop: Iterable[ItemKey], applied: int) -> None:
        with self._lock:
            try:
                with _panics_are_errors():
                    if self._writer is None:
                        self._writer = self._index.writer(_HEAP_BYTES, 1)
                    for key in drop:
                        self._writer.delete_documents_by_term("key", int(key))
                    for entry in put:
                        self._writer.delete_documents_by_term("key", int(entry.key))
                        self._writer.add_document(self._document(entry))
                    self._writer.delete_documents_by_term("mark", _WATERMARK)
                    self._writer.add_document(tantivy.Document(mark=_WATERMARK, applied=applied))
                    self._writer.commit()
            except (ValueError, OSError) as error:
                self._roll_back()
                raise _refused(error) from error
            except BaseException:
                self._roll_back()
                raise
            self._index.reload()
            self._applied = applied
            self._frequencies = {}

    def _roll_back(self) -> None:
        writer, self._writer = self._writer, None  # the next change gets a new one
        with suppress(ValueError, OSError), _panics_are_errors():
            if writer is not None:
                writer.rollback()
                writer.wait_merging_threads()
            remove_leftovers(self._folder)

    @staticmethod
    def _document(entry: TermEntry) -> tantivy.Document:
        text, context = words.normalise(entry.text), words.normalise(entry.context)
        names, humps = words.names(text)
        return tantivy.Document(
            key=int(entry.key),
            body="\n".join((text, *humps)),
            exact=" ".join((*words.names(context)[0], *names)),
            title=title_text(entry),
            kind=entry.kind,
            modality=entry.modality,
            language=entry.language or "",
            time=entry.timestamp_s,
            folder=ancestors(entry.path),
        )

    def close(self) -> None:
        with self._lock:
            self._close_writer()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None

    # searching

    def analyse(self, text: str) -> list[str]:
        return list(self._analyser.analyze(words.normalise(text)))

    def frequency(self, stem: str) -> int:
        known = self._frequencies
        if stem not in known:
            if len(known) >= _REMEMBERED_STEMS:
                known = self._frequencies = {}
            known[stem] = self._count(stem)
        return known[stem]

    def _count(self, stem: str) -> int:
        searcher = self._index.searcher()
        found = int(searcher.doc_freq("body", stem))
        written = sum(searcher.doc_freq("modality", one) for one in _MODALITIES)
        if not found or written == len(self):  # else these figures count items that were dropped or replaced, too
            return found
        query = tantivy.Query.term_query(self._schema, "body", stem)
        return int(searcher.search(query, 1, count=True).count or 0)  # type: ignore[attr-defined]

    def holding(self, keys: Sequence[int], stem: str | None = None) -> list[ItemKey]:
        """Those of ``keys`` that are in the index (and have ``stem`` in their text), ascending; one that is in it
        twice comes twice."""
        query = tantivy.Query.term_set_query(self._schema, "key", [int(key) for key in keys])
        if stem is not None:
            word = tantivy.Query.term_query(self._schema, "body", stem)
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, word)])
        return sorted(key for key, _ in self._run(query, 2 * len(keys)))

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
        wanted = self._wanted(terms, exact, phrases)
        if wanted is None or k <= 0 or (among is not None and not among):
            return []
        clauses = self._filter_clauses(filters, modality)
        if among is not None:  # a query each: three times as fast as one for the set of them
            keys = [tantivy.Query.term_query(self._schema, "key", int(key)) for key in among]
            any_key = tantivy.Query.boolean_query([(tantivy.Occur.Should, key) for key in keys])
            clauses.append((tantivy.Occur.Must, tantivy.Query.const_score_query(any_key, 0.0)))
        if not clauses:  # by itself it passes over what cannot be among the best
            return self._run(wanted, k)
        return self._run(tantivy.Query.boolean_query([(tantivy.Occur.Must, wanted), *clauses]), k)

    def count(self, filters: Filters, modality: Sequence[str]) -> int:
        with self._damage_is_told():
            searcher = self._index.searcher()
            return int(searcher.search(self._matching(filters, modality), 1, count=True).count or 0)  # type: ignore[attr-defined]

    def matching(self, filters: Filters, modality: Sequence[str], limit: int) -> list[ItemKey]:
        return [ItemKey(key) for key, _ in self._found(self._matching(filters, modality), limit)]

    def _matching(self, filters: Filters, modality: Sequence[str]) -> tantivy.Query:
        clauses = self._filter_clauses(filters, modality)
        if not clauses:
            clauses = [(tantivy.Occur.Must, tantivy.Query.all_query())]
        clauses.append((tantivy.Occur.MustNot, tantivy.Query.term_query(self._schema, "mark", _WATERMARK)))
        return tantivy.Query.boolean_query(clauses)

    def _run(self, query: tantivy.Query, k: int) -> list[tuple[ItemKey, float]]:
        found = [(ItemKey(key), score) for key, score in self._found(query, k) if key]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def _found(self, query: tantivy.Query, k: int) -> Iterator[tuple[int, float]]:
        """Keys and scores of the best ``k``; key 0 for the watermark."""
        if k <= 0:
            return iter(())
        with self._damage_is_told():
            searcher = self._index.searcher()
            hits = searcher.search(query, k, count=False).hits
            keys = searcher.fast_field_values("key", [address for _, address in hits])
        return zip((int(key or 0) for key in keys), (score for score, _ in hits), strict=True)

    @contextmanager
    def _damage_is_told(self) -> Iterator[None]:
        try:
            with _panics_are_errors():
                yield
        except (ValueError, OSError) as error:
            raise DamagedIndex(f"The term index cannot be searched ({error}).") from error

    def _wanted(self, terms: Mapping[str, float], exact: Sequence[str], phrases: Sequence[str]) -> tantivy.Query | None:
        title_boost, exact_boost, phrase_boost = self._boosts
        weights: dict[str, float] = {}
        for word, weight in terms.items():
            for stem in self.analyse(word):
                weights[stem] = weights.get(stem, 0.0) + weight
        should: list[tuple[tantivy.Occur, tantivy.Query]] = []

        def offer(query: tantivy.Query, boost: float) -> None:
            if boost > 0:
                should.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, boost)))

        for stem, weight in list(weights.items())[:MAX_TERMS]:
            offer(tantivy.Query.term_query(self._schema, "body", stem), weight)
            offer(tantivy.Query.term_query(self._schema, "title", stem), weight * title_boost)
        for name in list(exact)[:MAX_TERMS]:
            offer(tantivy.Query.term_query(self._schema, "exact", words.normalise(name).lower()), exact_boost)
        for phrase in list(phrases)[:MAX_TERMS]:
            stems: list[str | tuple[int, str]] = list(self.analyse(phrase)[:MAX_TERMS])
            if len(stems) > 1:
                offer(tantivy.Query.phrase_query(self._schema, "body", stems), phrase_boost)
            elif stems:
                offer(tantivy.Query.term_query(self._schema, "body", stems[0]), phrase_boost)
        return tantivy.Query.boolean_query(should) if should else None

    def _filter_clauses(
        self, filters: Filters | None, modality: Sequence[str]
    ) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        queries: list[tantivy.Query] = []

        def any_of(field: str, values: Iterable[str]) -> None:
            wanted = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, field, value)) for value in values]
            if wanted:
                queries.append(tantivy.Query.boolean_query(wanted))

        any_of("modality", modality)
        if filters is not None:
            any_of("folder", (path.rstrip(os.sep) or os.sep for path in filters.paths))
            any_of("kind", filters.kinds)
            any_of("language", (language.lower() for language in filters.languages))
            if filters.since or filters.until:
                since = int(filters.since.timestamp()) if filters.since else -_NEVER
                until = int(filters.until.timestamp()) if filters.until else _NEVER
                queries.append(tantivy.Query.range_query(self._schema, "time", tantivy.FieldType.Integer, since, until))
        return [(tantivy.Occur.Must, tantivy.Query.const_score_query(query, 0.0)) for query in queries]


@contextmanager
def _panics_are_errors() -> Iterator[None]:
    """The library panics on some damage; Python gets that as a BaseException of a class that cannot be imported."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError(f"the library gave up: {error}") from error


def _refused(error: Exception) -> StorageFailed:
    return StorageFailed(
        f"The term index could not be written: {error}.",
        kept="The memory store holds everything; the index catches up at the next start.",
        remedy="Check free space and permissions of the data folder.",
    )


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.tmp")

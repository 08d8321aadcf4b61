"""The registrar: what is remembered, what could not be read, and forgetting with proof."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.actors.librarian import common_root
from assistant.contracts.errors import BadPath
from assistant.contracts.items import Filters, ItemMeta, MemoryItem, SourceRef, Sparse
from assistant.contracts.reports import Forgotten, Problem, RootStatus, Status
from assistant.core.weighing import Lexicon
from assistant.memory.citing import cite_of
from assistant.memory.tidying import size_of

if TYPE_CHECKING:
    from assistant.actors.librarian import Librarian
    from assistant.core.parameters import RecallParameters
    from assistant.memory.fabric import Fabric


class Registrar:
    def __init__(self, fabric: Fabric, librarian: Librarian, data_folder: Path) -> None:
        self._fabric = fabric
        self._librarian = librarian
        self._data_folder = data_folder

    def status(
        self, model: tuple[str, bool, str], reranker: tuple[str, bool], parameters: RecallParameters, *, problems: bool
    ) -> Status:
        """``model``: name, whether it is installed, fingerprint. ``reranker``: name and whether it is installed.
        ``problems``: name each, not only their number."""
        sources, items, troubled = Counter[str](), Counter[str](), Counter[str]()
        found: list[Problem] = []
        with self._fabric.records.read() as view:
            for source in view.sources():
                sources[source.root] += source.problem is None
                items[source.root] += len(source.items)
                troubled[source.root] += source.problem is not None
                if source.problem is not None:
                    found.append(Problem(path=str(source.address), reason=source.problem))
                elif source.notes:
                    found.append(Problem(path=str(source.address), reason="; ".join(source.notes)))
            roots, total = view.roots(), view.count("items")
            for root in roots:
                troubled[root.path] += len(root.away)
                found += [Problem(path=one.path, reason=one.reason) for one in root.away]
            pending = view.count_pending(self._fabric.space.fingerprint)
            pending_items = sum(
                len(view.holders(content, total)) for content, _ in view.pending(self._fabric.space.fingerprint)
            )
            revision = view.revision
        name, installed, fingerprint = model
        return Status(
            revision=revision,
            roots=tuple(
                RootStatus(
                    path=root.path,
                    added_at=root.added_at,
                    sources=sources[root.path],
                    items=items[root.path],
                    problems=troubled[root.path],
                )
                for root in roots
            ),
            sources=sources.total(),
            items=total,
            searchable_by_words=len(self._fabric.terms),
            searchable_by_meaning=total - pending_items,
            pending_vectors=pending,
            problems=tuple(sorted(found, key=lambda problem: problem.path)) if problems else (),
            problem_count=troubled.total(),
            model=name,
            model_installed=installed,
            fingerprint=fingerprint,
            reranker=reranker[0],
            reranker_installed=reranker[1],
            parameters=f"{parameters.name} v{parameters.version}",
            store_bytes=size_of(self._data_folder),
            data_folder=str(self._data_folder),
            busy=self._fabric.read_only,
        )

    def item(self, item_id: str) -> MemoryItem | None:
        """One remembered piece, with its vector ("text" or "code", when it has one) and the stems it is found by,
        weighted by frequency in the piece and rarity in the memory; ``None`` when there is none of this name."""
        terms, fingerprint = self._fabric.terms, self._fabric.space.fingerprint
        with self._fabric.records.read() as view:
            key = view.key_of(item_id)
            record = None if key is None else view.item(key)
            if record is None:
                return None
            vector = view.vector(fingerprint, record.content)
        lexicon = Lexicon(terms.analyse, terms.frequency, len(terms))
        counts = Counter(terms.analyse(record.text))
        weights = {stem: count * lexicon.weight(stem) for stem, count in counts.items()}
        ranked = sorted(weights, key=lambda stem: (-weights[stem], stem))
        space = "code" if record.modality == "code" else "text"
        return MemoryItem(
            id=record.id,
            modality=record.modality,
            source=SourceRef(
                path=record.path,
                repo=record.path if record.commit else None,
                commit=record.commit or None,
                timestamp=datetime.fromtimestamp(record.timestamp_s, UTC),
            ),
            embeddings={space: tuple(float(value) for value in vector[1])} if vector else {},
            sparse=Sparse(terms=tuple(ranked), weights=tuple(round(weights[stem], 4) for stem in ranked)),
            meta=ItemMeta(
                project=record.root,
                language=record.language,
                scope=" > ".join(record.scope) or None,
                kind=record.kind,
                chunk=record.chunk,
                title=record.title,
            ),
            text=record.text,
            cite=cite_of(record),
        )

    def forget(self, path: str) -> Forgotten:
        """Forget a folder or file. Raises :class:`~assistant.contracts.errors.BadPath` when nothing below it is
        remembered."""
        sources, items, roots = self._librarian.forget(path)
        with self._fabric.records.read() as view:
            known = [root.path for root in view.roots()]
        if not sources and not roots:
            raise BadPath(
                f"Nothing at or below {path} is remembered.",
                remedy=f"Remembered: {', '.join(known)}." if known else "Nothing is remembered at all.",
            )
        left = len(self._fabric.terms.matching(Filters(paths=(path,)), (), 10))
        above = common_root(path, known)
        returns = (
            f"It lies in {above}, which is still remembered, and will be read again at the next `assistant add` unless "
            f"{above}/.assistantignore names it."
            if above
            else ""
        )
        return Forgotten(
            path=path,
            sources=sources,
            items=items,
            proof=f"asked again for everything at or below it: {left} found",
            returns=returns,
        )

"""The vector index on hnswlib: a projection of the record store, published in atomic generations.

Only this module imports ``hnswlib``. What the library does not do is done here: it is not safe to query while adding
(a lock), saves without sync and without an error (size and checksum are read back), loads damaged files without a
word (a manifest guards them), raises when fewer than ``k`` results exist (clamped), and takes NaN (refused).
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hnswlib
import numpy as np

from assistant.contracts.errors import DamagedIndex, StorageFailed
from assistant.contracts.ids import Label
from assistant.memory.durable import make_folder, move, remove_tree, sync_folder, write_synced

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assistant.core.parameters import RecallParameters

KEEP_GENERATIONS = 2
MAX_DEAD_SHARE = 0.2
"""Removed vectors are only marked; beyond this share the index is built anew from the live ones."""
REBUILT_AT_ONCE = 4096
ADD_AT_ONCE = 64
"""Searches get their turn after so many vectors."""
_GROWTH = 1.5
_FIRST_CAPACITY = 1024
_EF_SEARCH_PER_K = 2
_COSINE_DECIMALS = 6
_LENGTH_TOLERANCE = 1e-3


class HnswVectors:
    """See :class:`assistant.contracts.ports.VectorIndex`. ``folder`` belongs to one fingerprint.

    ``damage`` names generations that were not good; what is missing is replayed by the caller from the records.
    ``unsaved`` counts the changes since the last :meth:`publish`.

    Thread-safe. Whoever changes or saves the index holds ``_writers``; ``_lock`` is held by a search, and by a change
    for some vectors at a time only, so that nobody who asks waits for a rebuild or for the disk.
    """

    def __init__(self, folder: Path, dim: int, parameters: RecallParameters, *, read_only: bool = False) -> None:
        self._folder = folder
        self._dim = dim
        self._parameters = parameters
        self._read_only = read_only
        self._writers = threading.RLock()
        self._lock = threading.RLock()
        self._index: Any = None
        self._live: set[int] = set()
        self._dead: set[int] = set()
        self._exact: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None
        self._applied = 0
        self._published = 0
        self.unsaved = 0
        self.damage: list[str] = []
        self._load_newest()
        if self._index is None:
            self._reset(_FIRST_CAPACITY)

    @property
    def applied(self) -> int:
        return self._applied

    @property
    def published(self) -> int:
        """Watermark of the newest durable generation; 0 when there is none."""
        return self._published

    def __len__(self) -> int:
        return len(self._live)

    def labels(self) -> list[Label]:
        """Live labels, ascending."""
        with self._lock:
            return [Label(label) for label in sorted(self._live)]

    def add(self, labels: Sequence[Label], vectors: NDArray[np.float32], applied: int) -> None:
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.shape != (len(labels), self._dim):
            raise ValueError(f"expected shape {(len(labels), self._dim)}, got {rows.shape}")
        if not unit_rows_in(rows).all():
            raise ValueError("vectors must be finite and of unit length")
        with self._writers:
            for start in range(0, len(labels), ADD_AT_ONCE):
                with self._lock:
                    self._put(labels[start : start + ADD_AT_ONCE], rows[start : start + ADD_AT_ONCE])
            self._applied = max(self._applied, applied)

    def _put(self, labels: Sequence[int], rows: NDArray[np.float32]) -> None:
        self._reserve(len(labels))
        for label in self._dead.intersection(labels):
            self._index.unmark_deleted(label)
            self._dead.discard(label)
        threads = 1 if len(labels) < ADD_AT_ONCE else -1
        self._index.add_items(rows, np.asarray(labels, dtype=np.int64), num_threads=threads)
        self._live.update(labels)
        self.unsaved += len(labels)
        self._exact = None

    def remove(self, labels: Sequence[Label], applied: int) -> None:
        with self._writers, self._lock:
            for label in self._live.intersection(labels):
                self._index.mark_deleted(label)
                self._live.discard(label)
                self._dead.add(label)
                self.unsaved += 1
                self._exact = None
            self._applied = max(self._applied, applied)

    def search(
        self, vector: NDArray[np.float32], k: int, among: Sequence[Label] | None = None
    ) -> list[tuple[Label, float]]:
        with self._lock:
            if among is not None:
                wanted = [label for label in dict.fromkeys(among) if label in self._live]
                return self._rank(np.asarray(wanted, dtype=np.int64), self._rows(wanted), vector, k)
            k = min(k, len(self._live))
            if k <= 0:
                return []
            if len(self._live) <= self._parameters.exact_below:
                if self._exact is None:
                    everything = sorted(self._live)
                    self._exact = (np.asarray(everything, dtype=np.int64), self._rows(everything))
                return self._rank(*self._exact, vector, k)
            self._index.set_ef(max(self._parameters.hnsw_ef_search, _EF_SEARCH_PER_K * k))
            try:
                labels, distances = self._index.knn_query(vector.reshape(1, -1), k=k, num_threads=1)
            except RuntimeError:  # the graph reached fewer than k live vectors
                everything = sorted(self._live)
                return self._rank(np.asarray(everything, dtype=np.int64), self._rows(everything), vector, k)
            order = np.lexsort((labels[0], distances[0]))
            scores = 1.0 - distances[0][order].astype(np.float64)
            return [
                (Label(label), score) for label, score in zip(labels[0][order].tolist(), scores.tolist(), strict=True)
            ]

    def similarity(self, vector: NDArray[np.float32], labels: Sequence[Label]) -> Mapping[Label, float]:
        with self._lock:
            known = [label for label in dict.fromkeys(labels) if label in self._live]
            return dict(zip(known, (self._rows(known) @ vector).tolist(), strict=True))

    def _rows(self, labels: Sequence[int]) -> NDArray[np.float32]:
        if not labels:
            return np.empty((0, self._dim), dtype=np.float32)
        return np.asarray(self._index.get_items(list(labels), return_type="numpy"), dtype=np.float32)

    @staticmethod
    def _rank(
        labels: NDArray[np.int64], rows: NDArray[np.float32], vector: NDArray[np.float32], k: int
    ) -> list[tuple[Label, float]]:
        k = min(k, len(labels))
        if k <= 0:
            return []
        scores = np.round(rows @ vector, _COSINE_DECIMALS)  # the last bits depend on where in the array a row stands
        if k < len(labels):
            chosen = np.argpartition(-scores, k - 1)[:k]
            chosen = np.flatnonzero(scores >= scores[chosen].min())
        else:
            chosen = np.arange(len(labels))
        order = chosen[np.lexsort((labels[chosen], -scores[chosen]))][:k]
        return [(Label(int(labels[i])), float(scores[i])) for i in order]

    def _reset(self, capacity: int) -> None:
        self._index = self._empty(capacity)
        self._live, self._dead, self._exact = set(), set(), None

    def _empty(self, capacity: int) -> Any:
        index = hnswlib.Index(space="ip", dim=self._dim)
        index.init_index(
            max_elements=capacity,
            M=self._parameters.hnsw_m,
            ef_construction=self._parameters.hnsw_ef_construction,
            random_seed=100,
        )
        return index

    def clear(self) -> None:
        """Forget everything, for a refill from the records."""
        with self._writers, self._lock:
            self._reset(_FIRST_CAPACITY)
            self._applied = 0
            self.unsaved = 1

    def _reserve(self, more: int) -> None:
        needed = self._index.get_current_count() + more
        if needed > self._index.get_max_elements():
            self._index.resize_index(max(needed, int(self._index.get_max_elements() * _GROWTH)))

    def rebuild(self) -> None:
        """Build the graph anew from the live vectors; removed ones are then gone from memory too. Until it is done,
        searches use the old one, and both are in memory."""
        with self._writers:
            labels = sorted(self._live)
            fresh = self._empty(max(_FIRST_CAPACITY, len(labels)))
            for start in range(0, len(labels), REBUILT_AT_ONCE):
                some = labels[start : start + REBUILT_AT_ONCE]
                with self._lock:
                    rows = self._rows(some)
                fresh.add_items(rows, np.asarray(some, dtype=np.int64))
            with self._lock:
                self._index = fresh
                self._live, self._dead, self._exact = set(labels), set(), None
                self.unsaved += 1

    @property
    def dead_share(self) -> float:
        """Removed vectors among all that are in the graph, 0..1."""
        with self._lock:
            return len(self._dead) / max(1, len(self._dead) + len(self._live))

    # durable generations

    def publish(self) -> None:
        if self._read_only:
            return
        with self._writers:
            if self.dead_share > MAX_DEAD_SHARE:
                self.rebuild()
            try:
                self._write_generation()
            except OSError as error:
                raise StorageFailed(
                    f"The vector index could not be saved: {error}.",
                    kept="The vectors themselves are safe in the memory store; the index catches up at the next start.",
                    remedy="Check free space and permissions of the data folder.",
                ) from error

    def _write_generation(self) -> None:
        temporary = self._folder / f".tmp-{os.getpid()}-{threading.get_ident()}"
        remove_tree(temporary)
        make_folder(temporary)
        try:
            path = temporary / "index.bin"
            self._index.save_index(str(path))
            size = path.stat().st_size if path.exists() else 0
            if size != self._index.index_file_size():
                raise OSError(f"wrote {size} of {self._index.index_file_size()} bytes")
            manifest = {
                "applied": self._applied,
                "size_bytes": size,
                "blake2b": _checksum(path),
                "dim": self._dim,
                "live": sorted(self._live),
                "dead": sorted(self._dead),
            }
            write_synced(path, None)
            sealed = {**manifest, "sum": _manifest_sum(manifest)}
            write_synced(temporary / "manifest.json", json.dumps(sealed).encode())
            sync_folder(temporary)
            target = self._folder / f"gen-{self._applied:016d}"
            remove_tree(target)
            move(temporary, target)
        except BaseException:
            with suppress(OSError):
                remove_tree(temporary)
            raise
        self._published = self._applied
        self.unsaved = 0
        with suppress(OSError):  # tried again the next time
            self._remove_generations(KEEP_GENERATIONS)

    def drop_generations(self, keep: int) -> None:
        """Remove all but the ``keep`` newest generations from disk. Raises
        :class:`~assistant.contracts.errors.StorageFailed` when one is left."""
        try:
            self._remove_generations(keep)
        except OSError as error:
            raise StorageFailed(
                f"An older vector index could not be removed: {error}.",
                kept="The memory store is as it should be.",
                remedy="Check the permissions of the data folder, then run the command again.",
            ) from error

    def _remove_generations(self, keep: int) -> None:
        for path in self._generations()[keep:]:
            remove_tree(path)

    def _generations(self) -> list[Path]:
        return sorted(self._folder.glob("gen-*"), reverse=True)

    def _load_newest(self) -> None:
        if not self._read_only:
            for leftover in self._folder.glob(".tmp-*"):
                with suppress(OSError):
                    remove_tree(leftover)
        for path in self._generations():
            try:
                self._load(path)
            except DamagedIndex as error:
                self.damage.append(str(error))
                self._index = None
                if not self._read_only:
                    with suppress(OSError):
                        remove_tree(path)
            else:
                return

    def _load(self, folder: Path) -> None:
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
            if manifest.pop("sum") != _manifest_sum(manifest):
                raise DamagedIndex(f"The manifest of vector index {folder.name} does not match its checksum.")
            path = folder / "index.bin"
            live, dead = set(manifest["live"]), set(manifest["dead"])
            if path.stat().st_size != manifest["size_bytes"] or _checksum(path) != manifest["blake2b"]:
                raise DamagedIndex(f"Vector index {folder.name} does not match its checksum.")
            if manifest["dim"] != self._dim:
                raise DamagedIndex(f"Vector index {folder.name} has {manifest['dim']} dimensions, not {self._dim}.")
            index = hnswlib.Index(space="ip", dim=self._dim)
            index.load_index(str(path), max_elements=max(_FIRST_CAPACITY, len(live) + len(dead)))
            applied = int(manifest["applied"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise DamagedIndex(f"Vector index {folder.name} cannot be read ({error}).") from error
        self._index, self._live, self._dead = index, live, dead
        self._applied = self._published = applied


def unit_rows_in(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the rows ``(n, dim)`` are finite and of unit length, to a thousandth."""
    lengths = np.linalg.norm(rows, axis=1)
    found: NDArray[np.bool_] = np.isfinite(lengths) & (np.abs(lengths - 1.0) <= _LENGTH_TOLERANCE)
    return found


def _manifest_sum(manifest: Mapping[str, object]) -> str:
    return hashlib.blake2b(json.dumps(manifest, sort_keys=True).encode(), digest_size=16).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()

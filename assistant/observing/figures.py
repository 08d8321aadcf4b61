"""Figures in Prometheus' text format, made of one status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from assistant.contracts.process import ProcessStatus
    from assistant.contracts.reports import Status

PREFIX = "assistant"


def as_text(status: Status, cpu_s: float, resident_bytes: int, open_files: int) -> str:
    """The figures of a status. ``cpu_s``: processor time of the process so far."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest

    class Collector:
        def collect(self) -> Iterable[Metric]:
            return _metrics(status, cpu_s, resident_bytes, open_files)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    return generate_latest(registry).decode()


def _metrics(status: Status, cpu_s: float, resident_bytes: int, open_files: int) -> Iterator[Metric]:
    yield _gauge("revision", "Last committed change of the memory", status.revision)
    yield _gauge("sources", "Remembered sources", status.sources)
    yield _gauge("items", "Remembered pieces", status.items)
    yield _gauge("pending_vectors", "Pieces that wait for a vector", status.pending_vectors)
    yield _gauge("problems", "Sources that could not be read", status.problem_count)
    yield _gauge("store_bytes", "Size of the memory on disk", status.store_bytes)
    yield _counter("cpu_seconds", "Processor time of the process", cpu_s)
    yield _gauge("resident_bytes", "Resident memory of the process", resident_bytes)
    yield _gauge("open_files", "Open file descriptors of the process", open_files)
    if status.process is not None:
        yield from _of_process(status.process)


def _of_process(process: ProcessStatus) -> Iterator[Metric]:
    yield _gauge("clients", "Clients at the door", process.clients)
    yield _gauge("lexical_behind", "Pieces that cannot be searched by words yet", process.lexical_behind)
    yield _gauge("vector_behind", "Vectors that cannot be searched yet", process.vector_behind)
    yield _gauge("embedding_per_second", "Pieces embedded a second, measured last", process.embedding.per_s or 0.0)
    yield _gauge("failed_jobs", "Jobs that were given up", process.failed_jobs)
    yield _gauge("alarms", "Things a person should look at", len(process.alarms))
    waiting = _labelled("mailbox_waiting", "Messages that wait", "actor")
    handled = _labelled_counter("messages", "Messages handled", "actor")
    failed = _labelled_counter("failures", "Messages that failed", "actor")
    dropped = _labelled_counter("dropped", "Events lost because a mailbox was full", "actor")
    restarts = _labelled_counter("restarts", "Restarts", "actor")
    for actor in process.actors:
        waiting.add_metric([actor.name], actor.queue.waiting)
        handled.add_metric([actor.name], actor.handled)
        failed.add_metric([actor.name], actor.failed)
        dropped.add_metric([actor.name], actor.queue.dropped)
        restarts.add_metric([actor.name], actor.restarts)
    yield from (waiting, handled, failed, dropped, restarts)
    busy = _labelled("pool_busy", "Threads at work", "pool")
    queued = _labelled("pool_waiting", "Work that waits for a thread", "pool")
    done = _labelled_counter("pool_done", "Work done", "pool")
    for pool in process.pools:
        busy.add_metric([pool.name], pool.busy)
        queued.add_metric([pool.name], pool.waiting)
        done.add_metric([pool.name], pool.done)
    yield from (busy, queued, done)


def _gauge(name: str, words: str, value: float) -> Metric:
    from prometheus_client.metrics_core import GaugeMetricFamily

    return GaugeMetricFamily(f"{PREFIX}_{name}", words, value)


def _counter(name: str, words: str, value: float) -> Metric:
    from prometheus_client.metrics_core import CounterMetricFamily

    return CounterMetricFamily(f"{PREFIX}_{name}", words, value)


def _labelled(name: str, words: str, label: str):  # type: ignore[no-untyped-def]  # a family of an untyped module
    from prometheus_client.metrics_core import GaugeMetricFamily

    return GaugeMetricFamily(f"{PREFIX}_{name}", words, labels=[label])


def _labelled_counter(name: str, words: str, label: str):  # type: ignore[no-untyped-def]
    from prometheus_client.metrics_core import CounterMetricFamily

    return CounterMetricFamily(f"{PREFIX}_{name}", words, labels=[label])

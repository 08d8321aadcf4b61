"""Figures in Prometheus' format, spans in OpenTelemetry's."""

from __future__ import annotations

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from assistant.contracts.process import ActorStatus, EmbeddingStatus, PoolStatus, ProcessStatus, QueueStatus
from assistant.contracts.reports import Status
from assistant.observing.figures import as_text
from assistant.observing.traces import Tracer, open_tracer
from assistant.testing.ledgers import line


def status() -> Status:
    queue = QueueStatus(name="looking", waiting=2, most=64, peak=3, taken=9, dropped=1)
    process = ProcessStatus(
        pid=1,
        started_at="",
        door="",
        clients=4,
        lexical_revision=8,
        vector_revision=5,
        lexical_behind=1,
        vector_behind=4,
        embedding=EmbeddingStatus(pending=7, batch=128, per_s=2.5),
        actors=(ActorStatus(name="looking", state="running", queue=queue, handled=9, failed=2, restarts=1),),
        pools=(PoolStatus(name="files", threads=4, busy=1, waiting=2, most_waiting=64, done=11),),
        alarms=("look",),
    )
    return Status(
        revision=9,
        roots=(),
        sources=3,
        items=20,
        searchable_by_words=20,
        searchable_by_meaning=13,
        pending_vectors=7,
        problem_count=1,
        model="m",
        model_installed=True,
        fingerprint="f",
        reranker="default",
        reranker_installed=True,
        parameters="p",
        store_bytes=1000,
        data_folder="/d",
        busy=False,
        process=process,
    )


def test_the_text_is_what_prometheus_reads() -> None:
    text = as_text(status(), 1.5, 2_000_000, 30)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["assistant_revision",] == 9
    assert found["assistant_cpu_seconds_total",] == 1.5
    assert found["assistant_vector_behind",] == 4
    assert found["assistant_mailbox_waiting", "looking"] == 2
    assert found["assistant_dropped_total", "looking"] == 1
    assert found["assistant_pool_done_total", "files"] == 11
    assert all(name[0].startswith("assistant_") for name in found)


def test_without_a_process_there_are_the_figures_of_the_memory() -> None:
    text = as_text(status().model_copy(update={"process": None}), 0, 0, 0)
    assert "assistant_items 20.0" in text
    assert "mailbox" not in text


def test_a_turn_is_a_trace_and_a_cause_a_parent() -> None:
    exporter = InMemorySpanExporter()
    tracer = Tracer(exporter, "1")
    tracer.line(1, line(1).model_copy(update={"took_s": 0.5}))
    tracer.line(1, line(2, 1).model_copy(update={"took_s": 0.2, "failed": "no"}))
    tracer.line(1, line(3, 1))  # an event
    tracer.line(2, line(4).model_copy(update={"took_s": 0.1}))
    tracer.close()
    first, second, other = exporter.get_finished_spans()
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id
    assert first.context.trace_id == second.context.trace_id != other.context.trace_id
    assert second.status.description == "no"
    assert first.end_time - first.start_time == 500_000_000  # type: ignore[operator]


def test_without_a_collector_nothing_is_traced() -> None:
    assert open_tracer("", "1") is None

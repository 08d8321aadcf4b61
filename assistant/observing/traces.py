"""OpenTelemetry traces, a span for each command, when the user has named a collector; else nothing is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.contracts.errors import BadSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from assistant.contracts.process import StoryLine


class Tracer:
    """Turns lines of the journal into spans: a turn is a trace, what caused a command is its parent."""

    def __init__(self, exporter: SpanExporter, version: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource({"service.name": "assistant", "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("assistant")
        self._contexts: dict[int, Any] = {}

    def line(self, turn_id: int, line: StoryLine) -> None:
        """Tell of a command that was handled; other lines are passed over."""
        from opentelemetry import trace
        from opentelemetry.trace import Status, StatusCode

        if line.took_s is None:
            return
        end_ns = _nanoseconds(line.at) + int(line.took_s * 1e9)
        parent = self._contexts.get(line.cause or 0) or self._contexts.get(-turn_id)
        span = self._tracer.start_span(
            line.message,
            context=parent,
            start_time=_nanoseconds(line.at),
            attributes={"assistant.turn": turn_id, "assistant.number": line.number, "assistant.about": line.about},
        )
        if line.failed:
            span.set_status(Status(StatusCode.ERROR, line.failed))
        context = trace.set_span_in_context(span)
        if len(self._contexts) > 10_000:
            self._contexts.clear()
        self._contexts[line.number] = context
        self._contexts.setdefault(-turn_id, context)
        span.end(end_ns)

    def close(self) -> None:
        """Send what was not sent yet, for some seconds at most."""
        self._provider.force_flush(3000)
        self._provider.shutdown()


def open_tracer(endpoint: str, version: str) -> Tracer | None:
    """A tracer that sends to an OTLP collector over HTTP; ``None`` when no ``endpoint`` is named. Raises
    :class:`~assistant.contracts.errors.BadSettings` when the extra is not installed."""
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise BadSettings(
            "The setting trace_endpoint needs OpenTelemetry, which is not installed.",
            remedy="Install it with: pip install 'assistant[telemetry]'",
        ) from error
    return Tracer(OTLPSpanExporter(endpoint=endpoint), version)


def _nanoseconds(at: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(at).timestamp() * 1e9)

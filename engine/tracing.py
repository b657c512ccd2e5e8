"""Traces: each call's spans (:mod:`engine.spans`) to a collector, over OTLP/HTTP.

They are made when a call is over, with the times of its journal, and sent in batches by a thread of
the exporter's. A collector that is slow or gone costs traces, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace import export as sending
from opentelemetry.trace import Span as Sent
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from engine.afterwards import FinishedCall
from engine.observing_settings import TracingSettings
from engine.spans import Span, spans_of

SEND_S = 2.0
"""For one batch; and for what is left when the service ends."""

_QUEUE_MOST = 20_000
_NS_PER_MS = 1_000_000
_KINDS: Mapping[str, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
    "server": SpanKind.SERVER,
}


class Tracing:
    """Sends the calls of one worker; a :class:`~engine.afterwards.Reader`."""

    def __init__(self, settings: TracingSettings) -> None:
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=SEND_S)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service}), shutdown_on_exit=False
        )
        self._batches = sending.BatchSpanProcessor(exporter, max_queue_size=_QUEUE_MOST)
        self._provider.add_span_processor(self._batches)
        self._tracer = self._provider.get_tracer("antiphon")

    def read(self, call: FinishedCall) -> None:
        """Hand one call's spans to the exporter, which drops them where it is behind."""
        sent: dict[Span, Sent] = {}
        for span in spans_of(call.lines):
            sent[span] = self._begun(span, call.began_ns, sent)
        for span, one in sent.items():
            one.end(_at(span.end_ms or span.start_ms, call.began_ns))

    def _begun(self, span: Span, began_ns: int, sent: Mapping[Span, Sent]) -> Sent:
        parent = set_span_in_context(sent[span.parent]) if span.parent is not None else None
        one = self._tracer.start_span(
            span.name,
            context=parent,
            kind=_KINDS[span.kind],
            attributes=span.attributes,
            start_time=_at(span.start_ms, began_ns),
        )
        for name, at_ms in span.marks:
            one.add_event(name, timestamp=_at(at_ms, began_ns))
        if span.failed:
            one.set_status(Status(StatusCode.ERROR))
            one.set_attribute("error.type", span.failed)
        return one

    def missed(self) -> None:
        """A call without a trace; the metrics count them."""

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _at(at_ms: float, began_ns: int) -> int:
    return began_ns + round(at_ms * _NS_PER_MS)

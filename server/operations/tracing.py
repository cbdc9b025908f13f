"""Which requests are traced, and the spans of their traces for OpenTelemetry.

Imported if tracing.otlp_url is set: the libraries cost 9 MB and a fifth of a second.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ocr_engine.tracing import Interval, Trace, continued, new_id, parsed
from server.version import VERSION

SEND_SECONDS = 2.0  # for one batch of spans
STOP_SECONDS = 3.0  # for the last spans, when the server stops
EVERY_SECONDS = 1.0
MAX_QUEUE = 2048  # spans that wait; more are dropped
SERVER, NODE, WORKER = "ocr-server", "ocr-node", "ocr-worker"  # the services of traces

_SCOPE = InstrumentationScope("ocr-server", VERSION)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

Attributes = Mapping[str, str | int]

log = logging.getLogger("server.tracing")


class Tracing:
    """Begins traces, and sends them when their request has ended.

    exporter: sends batches of spans. sample: the part of the requests without a trace of their own
    that is traced. service: what this process is. draw: random numbers from 0 to 1.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        sample: float,
        service: str = SERVER,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._sample = sample
        self._service = service
        self._draw = draw
        self._exporter = Reporting(exporter)
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=MAX_QUEUE,
            schedule_delay_millis=EVERY_SECONDS * 1000,
            max_export_batch_size=512,
        )

    def begin(self, header: str | None) -> Trace | None:
        """The trace of a request with this header `traceparent`; None if it is not traced.

        A valid header decides with its flag `sampled`; otherwise the server does.
        """
        if parsed(header)[0]:
            return continued(header)
        return Trace(new_id(128), new_id(64)) if self._draw() < self._sample else None

    def finish(
        self,
        trace: Trace,
        whole: Interval,
        attributes: Attributes | None = None,
        failed: bool = False,
    ) -> None:
        """Send the spans of a request that has ended, or of an image that a node has read."""
        for span in spans_of(trace, whole, attributes or {}, failed, self._service):
            self._processor.on_end(span)

    async def run(self) -> None:
        """Wait until cancelled, then send what is left, for a few seconds at most."""
        try:
            await asyncio.Event().wait()
        finally:
            sending = threading.Thread(target=self._processor.shutdown, daemon=True)
            sending.start()
            deadline = time.monotonic() + STOP_SECONDS
            while sending.is_alive() and time.monotonic() < deadline:
                await asyncio.sleep(0.02)
            self._exporter.give_up()


class Reporting(SpanExporter):
    """Sends spans with another exporter; the log says when that begins to fail, and when it ends.

    Used by the thread of the processor.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False
        self._stopped = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        if self._stopped:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("the receiver of traces does not take them; spans are lost")
        elif self._away and not away:
            log.warning("the receiver of traces takes them again")
        self._away = away
        return result

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()

    def give_up(self) -> None:
        """Send nothing more, and do not wait for what is being sent."""
        if not self._stopped:
            self._stopped = True
            self._exporter.shutdown()


def build_tracing(otlp_url: str, sample: float, service: str) -> Tracing:
    """Traces that go to an OTLP receiver over HTTP."""
    # Reporting says when it fails; these say it for each batch.
    for name in ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(endpoint=f"{otlp_url}/v1/traces", timeout=SEND_SECONDS)
    return Tracing(exporter, sample, service)


def spans_of(
    trace: Trace, whole: Interval, attributes: Attributes, failed: bool, service: str
) -> Iterator[ReadableSpan]:
    """The spans of a request: the whole, its parts, and theirs; service: of this process."""
    offset = time.time_ns() - time.monotonic_ns()

    def made(
        interval: Interval,
        span_id: int,
        parent_id: int,
        resource: Resource,
        given: Attributes | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> ReadableSpan:
        return ReadableSpan(
            interval.name,
            context=SpanContext(trace.trace_id, span_id, False, _SAMPLED),
            parent=SpanContext(trace.trace_id, parent_id, False, _SAMPLED) if parent_id else None,
            resource=resource,
            attributes=given,
            kind=kind,
            status=Status(StatusCode.ERROR) if failed and given is attributes else Status(),
            start_time=int(interval.began * 1e9) + offset,
            end_time=int(interval.ended * 1e9) + offset,
            instrumentation_scope=_SCOPE,
        )

    own = resource_of(service, os.getpid())
    kind = SpanKind.CONSUMER if service == NODE else SpanKind.SERVER
    yield made(whole, trace.span_id, trace.parent_id, own, attributes, kind)
    for span in trace.spans:
        resource = own if span.pid is None else resource_of(WORKER, span.pid)
        span_id = new_id(64)
        yield made(span.whole, span_id, trace.span_id, resource)
        for part in span.parts:
            yield made(part, new_id(64), span_id, resource)


@functools.lru_cache(maxsize=128)
def resource_of(service: str, pid: int) -> Resource:
    """The process in which something has happened, with what OTEL_RESOURCE_ATTRIBUTES says."""
    return Resource.create(
        {"service.name": service, "service.version": VERSION, "process.pid": pid}
    )

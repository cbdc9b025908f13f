"""A receiver of traces: OTLP over HTTP, with the messages of OpenTelemetry."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it has arrived; ids as hexadecimal text. began, ended: Unix nanoseconds."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    began: int
    ended: int
    service: str
    pid: int
    failed: bool
    attributes: dict[str, str | int] = field(hash=False)


class OtlpReceiver:
    """Keeps the spans that are sent to `url`, while it is entered."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.bodies = 0
        self.status = 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> OtlpReceiver:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What tracing.otlp_url is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def trace(self, trace_id: str, pid: int | None = None) -> dict[str, ReceivedSpan]:
        """The spans of one trace by name, of one process or of all."""
        return {
            span.name: span
            for span in list(self.spans)
            if span.trace_id == trace_id and pid in (None, span.pid)
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.bodies += 1
                if receiver.status == 200:
                    assert self.path == "/v1/traces"
                    receiver.spans += _spans_in(body)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler


def _spans_in(body: bytes) -> list[ReceivedSpan]:
    request = ExportTraceServiceRequest.FromString(body)
    found = []
    for group in request.resource_spans:
        of = {each.key: each.value for each in group.resource.attributes}
        for scope in group.scope_spans:
            for span in scope.spans:
                attributes: dict[str, str | int] = {
                    each.key: each.value.string_value or each.value.int_value
                    for each in span.attributes
                }
                found.append(
                    ReceivedSpan(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.start_time_unix_nano,
                        span.end_time_unix_nano,
                        of["service.name"].string_value,
                        of["process.pid"].int_value,
                        span.status.code == 2,
                        attributes,
                    )
                )
    return found

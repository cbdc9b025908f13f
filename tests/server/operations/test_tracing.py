"""Which requests are traced, and what is sent of them."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ocr_engine.tracing import Interval, Span, Trace, parsed
from server.operations.tracing import MAX_QUEUE, Reporting, Tracing
from tests.support.checkout import ROOT
from tests.support.watching import wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{PARENT}-01"


class Kept(SpanExporter):
    """Keeps the spans; result: what it answers. gate: it waits for it."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS
        self.gate = threading.Event()
        self.gate.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.gate.wait(20)
        self.spans += spans
        return self.result

    def shutdown(self) -> None:
        self.gate.set()


def tracing(sample: float = 1.0, exporter: SpanExporter | None = None) -> Tracing:
    return Tracing(exporter or Kept(), sample, draw=lambda: 0.5)


def stop(traces: Tracing) -> None:
    """End as the server does."""

    async def run() -> None:
        running = asyncio.ensure_future(traces.run())
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (HEADER, (int(TRACE, 16), int(PARENT, 16), True)),
        (f"00-{TRACE}-{PARENT}-00", (int(TRACE, 16), int(PARENT, 16), False)),
        (f"00-{TRACE}-{PARENT}-03", (int(TRACE, 16), int(PARENT, 16), True)),
        (f"cc-{TRACE}-{PARENT}-01-of-a-later-version", (int(TRACE, 16), int(PARENT, 16), True)),
        (f"00-{TRACE}-{PARENT}-01-more", (0, 0, False)),
        (f"ff-{TRACE}-{PARENT}-01", (0, 0, False)),
        (f"00-{TRACE.upper()}-{PARENT}-01", (0, 0, False)),
        (f"00-{'0' * 32}-{PARENT}-01", (0, 0, False)),
        (f"00-{TRACE}-{'0' * 16}-01", (0, 0, False)),
        (f"{HEADER},{HEADER}", (0, 0, False)),
        ("x" * 8000, (0, 0, False)),
        (f"{HEADER}\n", (0, 0, False)),
        ("", (0, 0, False)),
        (None, (0, 0, False)),
    ],
)
def test_a_header_is_valid_or_ignored(header: str | None, expected: tuple[int, int, bool]) -> None:
    assert parsed(header) == expected


def test_the_client_decides_whether_its_trace_is_continued_and_the_server_about_others() -> None:
    never, sometimes = tracing(0.0), tracing(0.6)
    continued = never.begin(HEADER)
    assert continued is not None
    assert continued.traceparent.startswith(f"00-{TRACE}-") and continued.traceparent != HEADER
    assert f"{continued.parent_id:016x}" == PARENT
    assert sometimes.begin(f"00-{TRACE}-{PARENT}-00") is None
    assert never.begin(None) is None and never.begin("nonsense") is None
    begun = sometimes.begin(None)
    assert begun is not None and begun.parent_id == 0
    stop(never)
    stop(sometimes)


def test_the_spans_of_a_request_are_a_tree_over_its_processes() -> None:
    kept = Kept()
    traces = tracing(exporter=kept)
    trace = Trace(1, 2, 3)
    trace.note("queue", 10.25, 10.5)
    parts = [Interval("det", 10.5, 11.0), Interval("rec", 11.0, 12.0)]
    trace.spans.append(Span(Interval("recognize", 10.5, 12.0), parts, pid=77))
    traces.finish(
        trace, Interval("POST /ocr", 10.0, 12.5), {"http.response.status_code": 503}, True
    )
    stop(traces)
    by_name = {span.name: span for span in kept.spans}
    parents = {name: span.parent.span_id if span.parent else None for name, span in by_name.items()}
    whole, recognize = by_name["POST /ocr"], by_name["recognize"]
    assert whole.context is not None and recognize.context is not None
    assert parents == {
        "POST /ocr": 3,
        "queue": 2,
        "recognize": 2,
        "det": recognize.context.span_id,
        "rec": recognize.context.span_id,
    }
    assert {span.context.trace_id for span in kept.spans if span.context} == {1}
    assert not whole.status.is_ok and recognize.status.is_unset
    services = {name: span.resource.attributes["service.name"] for name, span in by_name.items()}
    assert services["det"] == "ocr-worker" and services["queue"] == "ocr-server"
    assert by_name["det"].resource.attributes["process.pid"] == 77
    assert whole.start_time is not None and whole.end_time is not None
    assert whole.end_time - whole.start_time == 2_500_000_000


@pytest.mark.faults(126)
def test_spans_that_cannot_be_sent_are_dropped_and_the_server_stops_all_the_same() -> None:
    kept = Kept()
    kept.gate.clear()  # a receiver that hangs
    traces = tracing(exporter=kept)
    for _ in range(2 * MAX_QUEUE):
        traces.finish(Trace(1, 2), Interval("a", 0, 1), {})
    stop(traces)
    assert len(kept.spans) <= 2 * 512 + MAX_QUEUE


def test_the_log_says_when_spans_begin_to_be_lost_and_when_no_more_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "server.tracing")
    kept = Kept()
    exporter = Reporting(kept)
    kept.result = SpanExportResult.FAILURE
    for _ in range(3):
        exporter.export([])
    kept.result = SpanExportResult.SUCCESS
    exporter.export([])
    assert [record.getMessage() for record in caplog.records] == [
        "the receiver of traces does not take them; spans are lost",
        "the receiver of traces takes them again",
    ]


def test_without_the_setting_nothing_of_it_is_imported() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from server.app import build_context\n"
        "from server.settings.settings import Settings\n"
        "context = build_context(Settings(), lambda: None)\n"
        "print(context.tracing, [each for each in sys.modules if 'opentelemetry' in each])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None []\n"


def test_threads_of_traces_end_with_them() -> None:
    before = threading.active_count()
    traces = tracing()
    stop(traces)
    wait_until(lambda: threading.active_count() == before, "the end of the thread")

"""The values of /metrics, and their documentation."""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from ocr_engine.pool.exits import EXIT_LABELS
from server.operations.metrics import Metrics
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until

OPERATIONS = ROOT / "docs" / "operations.md"
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def samples(server: LiveServer) -> dict[str, float]:
    """Every value by its name and labels."""
    text = server.get("/metrics").body.decode()
    return {f"{name}{{{labels}}}": float(value) for name, labels, value in SAMPLE.findall(text)}


def test_it_is_prometheus_text(wide: LiveServer) -> None:
    answer = wide.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# TYPE ocr_requests_total counter" in answer.body
    assert wide.request("HEAD", "/metrics").status == 200


def test_what_happened_is_counted(wide: LiveServer, tmp_path: Path) -> None:
    before = samples(wide)

    def more(name: str) -> float:
        return samples(wide)[name] - before.get(name, 0.0)

    image = card("counted")
    assert [wide.upload(image).status for _ in range(3)] == [200, 200, 200]
    assert wide.upload(b"8BPS").status == 415
    assert wide.get("/nowhere").status == 404
    good, bad = 'ocr_requests_total{code="200",error=""}', (
        'ocr_requests_total{code="415",error="unsupported_format"}'
    )  # fmt: skip
    wait_until(lambda: (more(good), more(bad)) == (3, 1), "four requests")
    assert more("ocr_recognitions_total{}") == 1
    assert more('ocr_cache_requests_total{result="hit"}') == 2
    assert more('ocr_cache_requests_total{result="miss"}') == 1
    assert more("ocr_request_seconds_count{}") == 4
    assert more('ocr_stage_seconds_count{stage="det"}') == 1
    assert more('ocr_stage_seconds_count{stage="queue"}') == 1


def test_which_requests_have_failed() -> None:
    metrics = Metrics()
    for status, error in (
        (200, ""),
        (415, "unsupported_format"),
        (499, "client_left"),
        (503, "queue_full"),
        (503, "starting"),
        (503, "draining"),
        (503, "worker_crashed"),
        (504, "ocr_timeout"),
    ):
        metrics.count_request(status, error, 0.1)
    assert metrics.outcomes() == (8, 2)


def test_the_state_is_shown(wide: LiveServer) -> None:
    now = samples(wide)
    assert now['ocr_workers{state="ready"}'] == wide.number
    assert now["ocr_queue_depth{}"] == now["ocr_running{}"] == now["ocr_inflight_bytes{}"] == 0
    pids = {worker["pid"] for worker in wide.get("/healthz").json["workers"]}
    assert {name for name in now if name.startswith("ocr_worker_rss_bytes")} == {
        f'ocr_worker_rss_bytes{{pid="{pid}"}}' for pid in pids
    }
    assert now["process_resident_memory_bytes{}"] > 10e6
    assert now["process_open_fds{}"] > 5


def test_starts_of_workers_are_counted(wide: LiveServer) -> None:
    before = samples(wide)
    assert before["ocr_worker_start_seconds_count{}"] >= wide.number
    assert before["ocr_worker_start_seconds_sum{}"] > 0
    everything = 'ocr_worker_start_seconds_bucket{le="+Inf"}'
    assert before[everything] == before["ocr_worker_start_seconds_count{}"]
    pid = wide.get("/healthz").json["workers"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: samples(wide)[everything] > before[everything], "another worker")
    killed = 'ocr_worker_restarts_total{reason="sigkill"}'
    assert samples(wide)[killed] == before[killed] + 1


def test_reasons_are_shown_before_there_is_a_first_restart(wide: LiveServer) -> None:
    now = samples(wide)
    shown = {f'ocr_worker_restarts_total{{reason="{label}"}}' for label in EXIT_LABELS}
    assert shown <= now.keys()


def test_the_room_on_the_disks_is_shown(wide: LiveServer) -> None:
    free = samples(wide)['ocr_disk_free_bytes{folder="temporary"}']
    assert abs(free - shutil.disk_usage(tempfile.gettempdir()).free) < 1 << 30


def test_every_metric_is_documented_and_every_documented_one_exists(wide: LiveServer) -> None:
    body = wide.get("/metrics").body.decode()
    shown = set(re.findall(r"^# TYPE (ocr_\w+) ", body, re.MULTILINE))
    told = set(re.findall(r"`(ocr_\w+)`", OPERATIONS.read_text(encoding="utf-8")))
    assert told == shown


@pytest.mark.parametrize("path", ["/metrics/", "/metricsx"])
def test_nothing_else_is_there(wide: LiveServer, path: str) -> None:
    assert wide.get(path).status == 404

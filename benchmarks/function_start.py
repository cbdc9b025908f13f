"""The time of a cold start of a function: seconds from exec to the first text.

    python benchmarks/function_start.py [--starts 6] [--workers 2]

AWS's client for Python runs the handler, against a Runtime API on this machine; the event with an
image is there before it starts. Each start is compared with one of the server alone, until /readyz,
as `make coldstart` measures it. The first start of each has no compiled models.
Writes results/function_start.json. Nothing else may run on the machine.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from cold_start import parse
from machine import write_results
from server_under_test import ROOT, Verdict, serving
from throughput import settings

from tests.support.function_events import function_url
from tests.support.lambda_runtime import FunctionInstance, Runtime

IMAGE = ROOT / "imgs" / "sign.jpg"
FACTOR, MORE_SECONDS = 2.0, 0.5  # of the server's own start, at most


def main() -> int:
    """Start both alternately; print all starts, and the medians of those after the first."""
    arguments = parse(__doc__)
    alone, functions = [], []
    with tempfile.TemporaryDirectory(prefix="ocr-cache-") as folder:
        for number in range(arguments.starts):
            os.environ["XDG_CACHE_HOME"] = f"{folder}/server"
            with serving(settings("openvino", arguments.workers)) as server:
                alone.append(server.seconds_to_ready)
            os.environ["XDG_CACHE_HOME"] = f"{folder}/function"
            state = Path(folder) / str(number)
            state.mkdir()
            functions.append(_seconds_to_text(state, arguments.workers))
            print(f"server {alone[-1]:.2f} s, function {functions[-1]:.2f} s", flush=True)
    verdict = Verdict()
    for name, ready, text in (
        ("first start", alone[0], functions[0]),
        ("median of the others", statistics.median(alone[1:]), statistics.median(functions[1:])),
    ):
        limit = FACTOR * ready + MORE_SECONDS
        shown = f"server {ready:.2f} s, function {text:.2f} s; limit {limit:.2f} s"
        verdict.row(name, shown, text <= limit)
    write_results(
        "function_start",
        {
            "workers": arguments.workers,
            "seconds_to_ready": alone,
            "seconds_to_text": functions,
        },
    )
    return verdict.print()


def _seconds_to_text(folder: Path, workers: int) -> float:
    """Start an instance, wait for the text of its first image, and end it."""
    headers = [("Content-Type", "image/jpeg")]
    event = function_url("POST", "/ocr", "", headers, IMAGE.read_bytes())
    environment = {"OCR_OCR__PROCESS__NUMBER": str(workers)}
    with Runtime() as runtime:
        waiting = runtime.send(event)
        start = time.perf_counter()
        with FunctionInstance(folder, runtime, environment):
            outcome = waiting.result(60)
            seconds = time.perf_counter() - start
    assert json.loads(outcome.result["body"])["data"]["text"], outcome
    return seconds


if __name__ == "__main__":
    sys.exit(main())

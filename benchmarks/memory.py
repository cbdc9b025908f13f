"""The memory of workers after many images of mixed sizes, and its growth.

    python benchmarks/memory.py [--images 500] [--workers 2] [--seed 1]

Images from 100x30 to 4000x3000 pixels, log-uniform in area, are sent to a server with its default
settings and its cache off. After every 25 images and their answers, the workers' PSS (memory; a
page shared by n processes counts 1/n) is measured twice: after the idle trim (2 seconds), which
returns memory but keeps compiled shapes, and after the idle reset (30 to 40 seconds), which also
discards those. An idle reset prepares the shapes of the last image, which make a difference of up
to 18 MB, so all workers recognize the same page before it. PSS is also sampled in between for its
peak. Growth is the slope of a line through the values after idle resets of the last 200 images
(least squares), because this memory is never returned. After idle trims, memory is a sawtooth, as
compiled shapes accumulate until they are discarded. Writes results/memory.json.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from machine import write_results
from mixed_sizes import mixed_sizes
from process_costs import peak_rss_mb, pss_mb, wait_until_quiet
from scenarios import PAGES
from server_under_test import ROOT, ServerUnderTest, Verdict, drive, serving
from workloads import distinct

sys.path[:0] = [str(ROOT)]

from ocr_engine.worker.idle import IDLE_RESET_SECONDS, IDLE_RESET_SPREAD_SECONDS  # noqa: E402
from ocr_engine.worker.spec import IDLE_TRIM_SECONDS  # noqa: E402

EVERY = 25
LAST = 200
LAST_PAGE = "sign_en_parking.png"
LAST_TIMES = 3  # for each worker, so that each has it
MAX_PSS_MB = 450.0
MAX_GROWTH_MB = 2.0  # per 100 images
SAMPLE_SECONDS = 0.1
TRIM_SECONDS = IDLE_TRIM_SECONDS + 0.5
RESET_SECONDS = IDLE_RESET_SECONDS + IDLE_RESET_SPREAD_SECONDS + 0.5
MAX_BODY_MB = 40
MAX_SECONDS = 120  # timeout of an image; only memory is measured


class Sample(NamedTuple):
    """PSS by pid after this many images, after the idle trim and after the idle reset."""

    images: int
    after_trim: dict[int, float]
    after_reset: dict[int, float]


class PeakWatch:
    """Samples the workers' PSS in a thread, at low cost."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.peaks = dict.fromkeys(pids, 0.0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            for pid in self.peaks:
                with contextlib.suppress(OSError):
                    self.peaks[pid] = max(self.peaks[pid], pss_mb(pid))


def main() -> int:
    """Send, print a table and the verdict."""
    arguments = _parse()
    verdict = Verdict()
    with serving(_settings(arguments.workers)) as server:
        pids = server.worker_pids()
        print(
            f"{'images':>8}  PSS of each worker after idle trim, and after idle reset", flush=True
        )
        with PeakWatch(pids) as watch:
            samples = list(send(server, arguments))
        figures = {
            **judge(samples, verdict),
            "highest_pss_mb_at_work": list(watch.peaks.values()),
            "highest_rss_mb": [peak_rss_mb(pid) for pid in server.worker_pids()],
            "front_end_pss_mb": pss_mb(server.pid),
            "samples": [
                {
                    "images": sample.images,
                    "after_trim_pss_mb": [*sample.after_trim.values()],
                    "after_reset_pss_mb": [*sample.after_reset.values()],
                }
                for sample in samples
            ],
        }
        replaced = set(server.worker_pids()) != set(pids)
    verdict.row("highest at work", _listed(watch.peaks.values()))
    verdict.row("workers replaced", str(replaced), not replaced)
    given = {"images": arguments.images, "seed": arguments.seed}
    write_results("memory", {**given, **figures})
    return verdict.print()


def _settings(workers: int) -> dict[str, Any]:
    """Default settings with larger bodies, longer timeouts, and no cache or recycling by count."""
    return {
        "web_server": {"max_body_mb": MAX_BODY_MB},
        "ocr": {
            "process": {"number": workers, "max_task_number": 0, "timeout_seconds": MAX_SECONDS}
        },
        "service": {"time": 0},
    }


def send(server: ServerUnderTest, arguments: argparse.Namespace) -> Iterator[Sample]:
    """Send all images, EVERY at a time; yields the workers' memory before, between and after."""
    made = mixed_sizes(arguments.images, arguments.seed)
    sent = 0
    yield _sample(server, sent)
    while batch := list(islice(made, EVERY)):
        drive(server.port, batch, 2 * arguments.workers)
        sent += len(batch)
        sample = _sample(server, sent)
        yield sample
        kept = (_listed(by.values()) for by in (sample.after_trim, sample.after_reset))
        print(f"{sent:8}  {'; '.join(kept)}", flush=True)


def judge(samples: Sequence[Sample], verdict: Verdict) -> dict[str, Any]:
    """Check the workers' memory at the end, its peak, and its growth over the last images."""
    count, after_trim, after_reset = samples[-1]
    window = [sample for sample in samples if sample.images > count - LAST]
    at = [sample.images for sample in window]
    growth = []
    for pid in after_reset:
        kept = [sample.after_reset.get(pid, 0.0) for sample in window]
        growth.append(100 * statistics.linear_regression(at, kept).slope)
    largest = [max(sample.after_trim.get(pid, 0.0) for sample in samples) for pid in after_trim]
    at_end = list(after_trim.values())
    verdict.row(f"after {count}", _listed(at_end), max(at_end) <= MAX_PSS_MB)
    verdict.row("largest", _listed(largest), max(largest) <= MAX_PSS_MB)
    verdict.row(
        "after idle reset", _listed(after_reset.values()), max(after_reset.values()) <= MAX_PSS_MB
    )
    shown = ", ".join(f"{slope:+.2f}" for slope in growth)
    verdict.row("MB per 100", f"{shown} over the last {LAST}", max(growth) < MAX_GROWTH_MB)
    return {
        "pss_mb_at_end": at_end,
        "pss_mb_after_reset": list(after_reset.values()),
        "pss_mb_largest": largest,
        "growth_mb_per_100": growth,
    }


def _sample(server: ServerUnderTest, sent: int) -> Sample:
    """Wait for the idle trim and, after the last page, for the idle reset."""
    after_trim = _pss_after(server, TRIM_SECONDS)
    last = (PAGES / LAST_PAGE).read_bytes()
    drive(server.port, distinct([last], LAST_TIMES * server.workers), 2 * server.workers)
    return Sample(sent, after_trim, _pss_after(server, RESET_SECONDS))


def _pss_after(server: ServerUnderTest, seconds: float) -> dict[int, float]:
    time.sleep(seconds)
    wait_until_quiet(server.worker_pids())
    return {pid: pss_mb(pid) for pid in server.worker_pids()}


def _listed(megabytes: Any) -> str:
    return ", ".join(f"{value:.0f}" for value in megabytes) + " MB"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""Compares the images/s of N workers with one worker, over HTTP.

    python benchmarks/throughput.py [--workers 2] [--rounds 3] [--every 3] [--engine openvino]

Each round runs both servers (A B A B …) with the cache off: one worker with one client and all
pages, and N workers with 4 N clients and N times all pages, so that both take about the same time.
The median of the rounds' ratios counts. Nothing else may run on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from server_under_test import ROOT, Load, drive, serving

PAGES = ROOT / "tests" / "data" / "pages.json"


@dataclass(frozen=True)
class Run:
    """The results of one server on all pages."""

    load: Load
    cpu_per_image: float
    seconds_to_ready: float
    rss_mb: int


def main() -> int:
    """Print a line per run and the ratio of the medians."""
    arguments = _parse()
    names = [page["file"] for page in json.loads(PAGES.read_text(encoding="utf-8"))["pages"]]
    images = [(PAGES.parent / "pages" / name).read_bytes() for name in names[:: arguments.every]]
    workers = arguments.workers
    ratios = []
    for _ in range(arguments.rounds):
        one = run(arguments.engine, 1, 1, images)
        _print(1, 1, one)
        many = run(arguments.engine, workers, 4 * workers, images * workers)
        _print(workers, 4 * workers, many)
        ratios.append(many.load.per_second / one.load.per_second)
    each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"{workers} workers / 1 worker: {statistics.median(ratios):.3f} times the images/s ({each})"
    )
    return 0


def run(engine: str, workers: int, clients: int, images: list[bytes]) -> Run:
    """Run one server, warmed up with one image per worker, on all images."""
    with serving(settings(engine, workers)) as server:
        drive(server.port, images[:1] * workers, workers)
        before = server.cpu_seconds()
        load = drive(server.port, images, clients)
        cpu = server.cpu_seconds() - before
        rss = max(worker["rss_mb"] for worker in server.health()["workers"])
        return Run(load, cpu / len(images), server.seconds_to_ready, rss)


def settings(engine: str, workers: int) -> dict[str, Any]:
    """Settings without a cache."""
    process = {"number": workers, "max_task_number": 0}
    return {"ocr": {"engine": engine, "process": process}, "service": {"time": 0}}


def _print(workers: int, clients: int, done: Run) -> None:
    latency = statistics.median(done.load.latencies) * 1000
    print(
        f"{workers} workers, {clients} clients: {done.load.per_second:.3f} images/s, "
        f"median {latency:.0f} ms, {done.cpu_per_image:.3f} CPU s/image, "
        f"ready after {done.seconds_to_ready:.2f} s, largest worker {done.rss_mb} MiB",
        flush=True,
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=3, help="take each Nth page")
    parser.add_argument("--engine", default="openvino")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""What workers keep after many pictures of mixed sizes, and whether they grow.

    python benchmarks/memory.py [--pictures 500] [--workers 2] [--seed 1]

Pictures from 100x30 to 4000x3000 pixels, log-uniform in area, are sent to a server at its default
settings with its cache off. After every 10 all answers are waited for, and when the workers are
idle again, their PSS (memory, a page that n processes share counts 1/n) is read: what they keep,
once they had a pause to give the rest back. In between it is sampled for the highest value. Growth
is the slope of a line through the last 200 pictures (least squares). What is compiled for sizes
adds up until it goes at once, so memory is a saw; the slope of its floor, the least of every five
pauses, tells whether anything stays for good. Writes results/memory.json.
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
from typing import Any

from machine import write_results
from mixed_sizes import mixed_sizes
from process_costs import peak_rss_mb, pss_mb, wait_until_quiet
from server_under_test import ServerUnderTest, Verdict, drive

EVERY = 10
SHOWN_EVERY = 50
LAST = 200
FLOOR_PAUSES = 5
MAX_PSS_MB = 450.0
MAX_GROWTH_MB = 2.0  # per 100 pictures
SAMPLE_SECONDS = 0.1
PAUSE_SECONDS = 2.5  # workers begin to give memory back after two seconds
MAX_BODY_MB = 40

Sample = tuple[int, dict[int, float]]  # after so many pictures, PSS by pid


class PeakWatch:
    """Samples the workers' PSS in a thread; what it costs is little and the same for all."""

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
    with ServerUnderTest(_settings(arguments.workers)) as server:
        pids = server.worker_pids()
        print(f"{'pictures':>8}  PSS of each worker", flush=True)
        with PeakWatch(pids) as watch:
            samples = list(send(server, arguments))
        figures = {
            **judge(samples, verdict),
            "highest_pss_mb_at_work": list(watch.peaks.values()),
            "highest_rss_mb": [peak_rss_mb(pid) for pid in server.worker_pids()],
            "front_end_pss_mb": pss_mb(server.pid),
            "samples": [{"pictures": count, "pss_mb": [*by.values()]} for count, by in samples],
        }
        replaced = set(server.worker_pids()) != set(pids)
    verdict.row("highest at work", _listed(watch.peaks.values()))
    verdict.row("workers replaced", str(replaced), not replaced)
    given = {"pictures": arguments.pictures, "seed": arguments.seed}
    write_results("memory", {**given, **figures})
    return verdict.print()


def _settings(workers: int) -> dict[str, Any]:
    """The defaults, but for the cache and larger bodies; workers are not replaced by count."""
    return {
        "web_server": {"max_body_mb": MAX_BODY_MB},
        "ocr": {"process": {"number": workers, "max_task_number": 0}},
        "service": {"time": 0},
    }


def send(server: ServerUnderTest, arguments: argparse.Namespace) -> Iterator[Sample]:
    """Send all pictures, EVERY at a time; what the workers hold before, between and after."""
    made = mixed_sizes(arguments.pictures, arguments.seed)
    sent = 0
    yield 0, _pss(server)
    while batch := list(islice(made, EVERY)):
        drive(server.port, batch, 2 * arguments.workers)
        sent += len(batch)
        time.sleep(PAUSE_SECONDS)
        wait_until_quiet(server.worker_pids())
        sample = _pss(server)
        yield sent, sample
        if sent % SHOWN_EVERY == 0:
            print(f"{sent:8}  {_listed(sample.values())}", flush=True)


def judge(samples: Sequence[Sample], verdict: Verdict) -> dict[str, Any]:
    """The workers at the end, at their largest, and their growth over the last pictures."""
    count, last = samples[-1]
    window = [(at, by) for at, by in samples if at > count - LAST]
    at = [sample[0] for sample in window]
    kept = {pid: [by.get(pid, 0.0) for _, by in window] for pid in last}
    growth = [100 * statistics.linear_regression(at, values).slope for values in kept.values()]
    floors = [_floor_growth(at, values) for values in kept.values()]
    largest = [max(by.get(pid, 0.0) for _, by in samples) for pid in last]
    at_end = list(last.values())
    verdict.row(f"after {count}", _listed(at_end), max(at_end) <= MAX_PSS_MB)
    verdict.row("largest", _listed(largest), max(largest) <= MAX_PSS_MB)
    for name, slopes in (("MB per 100", growth), ("of the floor", floors)):
        shown = ", ".join(f"{slope:+.2f}" for slope in slopes)
        verdict.row(name, f"{shown} over the last {LAST}", max(slopes) < MAX_GROWTH_MB)
    return {
        "pss_mb_at_end": at_end,
        "pss_mb_largest": largest,
        "growth_mb_per_100": growth,
        "floor_growth_mb_per_100": floors,
    }


def _floor_growth(at: Sequence[int], values: Sequence[float]) -> float:
    """MB per 100 pictures of the least of every FLOOR_PAUSES pauses."""
    least = [min(values[first : first + FLOOR_PAUSES]) for first in range(0, len(at), FLOOR_PAUSES)]
    return 100 * statistics.linear_regression(at[::FLOOR_PAUSES], least).slope


def _pss(server: ServerUnderTest) -> dict[int, float]:
    return {pid: pss_mb(pid) for pid in server.worker_pids()}


def _listed(megabytes: Any) -> str:
    return ", ".join(f"{value:.0f}" for value in megabytes) + " MB"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

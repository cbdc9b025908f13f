"""Checks the server with four times as many images as it can recognize, with real models.

    python benchmarks/overload.py [--minutes 5] [--factor 4] [--peak-minutes 1] [--workers 2]
                                  [--poisson] [--seed 1]

The peak is the throughput of 8 clients in a closed loop. It is measured before and after, because
the speed of a machine drifts; in between, requests arrive at a multiple of it. Every request is a
separate recognition. Exit status 1 if a check failed. Nothing else may run on the machine.
"""

from __future__ import annotations

import asyncio
import random
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import dataclass, field

from server_under_test import ServerUnderTest, Verdict, serving
from uploads import light_pages, uploads

from tests.support.arrivals import (
    Client,
    Load,
    arrival_times,
    closed_loop,
    listed,
    open_loop,
    percentile,
)
from tests.support.watching import rss_mb

PEAK_CLIENTS = 8
QUEUE_SECONDS = 60.0
TASK_SECONDS = 30.0
MIN_GOODPUT = 0.9
MAX_REFUSAL_SECONDS = 0.02
MAX_GROWTH_MB = 10.0
SAMPLE_SECONDS = 1.0
REPORT_SECONDS = 60.0


@dataclass
class Memory:
    """The front end's resident memory over a load, sampled once a second."""

    pid: int
    samples: list[float] = field(default_factory=list)

    async def watch(self) -> None:
        """Sample until cancelled; print the memory once a minute."""
        every = round(REPORT_SECONDS / SAMPLE_SECONDS)
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.samples.append(rss_mb(self.pid))
            if len(self.samples) % every == 0:
                print(f"front end {self.samples[-1]:.0f} MiB", flush=True)

    def growth(self) -> float:
        """The difference between the peaks of the second and the first half."""
        half = len(self.samples) // 2
        return max(self.samples[half:]) - max(self.samples[:half])


class Overload:
    """Peak, overload, peak again, against one server."""

    def __init__(self, server: ServerUnderTest, verdict: Verdict, arguments: Namespace) -> None:
        self._server = server
        self._verdict = verdict
        self._arguments = arguments
        self._client = Client(server.port)
        images = {name: page.image for name, page in light_pages().items()}
        self._random = random.Random(arguments.seed)
        self._requests = uploads(images, self._random)
        self._memory = Memory(server.pid)

    async def run(self) -> None:
        """Run all phases and check them."""
        seconds = self._arguments.minutes * 60
        await self._peak(seconds=10)  # compiles the images' shapes before the measurement
        before, first = rss_mb(self._server.pid), await self._peak()
        print(f"peak before: {first.good_per_second:.2f}/s", flush=True)
        rate = self._arguments.factor * first.good_per_second
        watch = asyncio.ensure_future(self._memory.watch())
        times = arrival_times(rate, seconds, self._random if self._arguments.poisson else None)
        load = await open_loop(self._client, self._requests, times, seconds)
        watch.cancel()
        last = await self._peak()
        print(f"peak after: {last.good_per_second:.2f}/s", flush=True)
        self._client.close()
        self._judge_goodput(load, (first, last), rate)
        self._judge_refusals(load)
        self._judge_accepted(load)
        self._judge_memory(before)

    async def _peak(self, seconds: float | None = None) -> Load:
        seconds = self._arguments.peak_minutes * 60 if seconds is None else seconds
        load = await closed_loop(self._client, self._requests, PEAK_CLIENTS, seconds)
        if len(load.good) != len(load.answers):
            raise RuntimeError(f"the server refuses {PEAK_CLIENTS} clients: {load.outcomes()}")
        return load

    def _judge_goodput(self, load: Load, peaks: tuple[Load, Load], rate: float) -> None:
        row, (first, last) = self._verdict.row, (peak.good_per_second for peak in peaks)
        peak = (first + last) / 2
        share = load.good_per_second / peak
        others = load.outcomes().keys() - {"200", "503 queue_full", "504 queue_timeout"}
        row("peak", f"{first:.2f}/s before, {last:.2f}/s after, mean {peak:.2f}/s")
        row("load", f"{rate:.2f}/s for {load.seconds:.0f} s, {rate / peak:.2f} times the peak")
        row("sent", f"{len(load.answers)}: {listed(load.outcomes())}", not others)
        row("lost", str(load.lost), load.lost == 0)
        row("goodput", f"{load.good_per_second:.2f}/s, {share:.3f} of peak", share >= MIN_GOODPUT)

    def _judge_refusals(self, load: Load) -> None:
        row = self._verdict.row
        refused = [answer for answer in load.answers if answer.status == 503]
        slow = percentile((answer.seconds for answer in refused), 99) > MAX_REFUSAL_SECONDS
        waits = [answer.headers.get("retry-after", "") for answer in refused]
        known = sorted(int(wait) for wait in waits if wait.isdigit() and int(wait) > 0)
        row("refused", _milliseconds(answer.seconds for answer in refused), not slow)
        row("client late", _milliseconds(answer.late for answer in load.answers))
        told = f"{known[0]} to {known[-1]} s, " if known else ""
        missing = len(waits) - len(known)
        row("Retry-After", f"{told}missing {missing} times", missing == 0 and bool(refused))

    def _judge_accepted(self, load: Load) -> None:
        """Check accepted requests: those that were not refused, including later timeouts."""
        accepted = [a.seconds for a in load.answers if a.status != 503 and not a.lost]
        deadline = QUEUE_SECONDS + TASK_SECONDS
        p50, p99 = percentile(accepted, 50), percentile(accepted, 99)
        text = f"p50 {p50:.1f} s, p99 {p99:.1f} s, max {percentile(accepted, 100):.1f} s; "
        text += f"deadline {deadline:g} s"
        self._verdict.row("accepted", text, p99 <= deadline)

    def _judge_memory(self, before: float) -> None:
        after, most, grown = rss_mb(self._server.pid), max(self._memory.samples), 0.0
        if len(self._memory.samples) > 1:
            grown = self._memory.growth()
        text = f"{before:.0f} MiB before, {after:.0f} after, {most:.0f} at most, "
        text += f"second half {grown:+.1f} over the first"
        self._verdict.row("front end", text, grown <= MAX_GROWTH_MB)


def _milliseconds(seconds: Iterable[float]) -> str:
    known = sorted(seconds)
    shown = ((name, percentile(known, percent)) for name, percent in _SHOWN)
    return ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in shown)


_SHOWN = (("p50", 50), ("p99", 99), ("max", 100))


def main() -> int:
    """Run, stop the server, print the table."""
    arguments = _parse()
    process = {
        "number": arguments.workers,
        "max_task_number": 0,
        "queue_timeout_seconds": QUEUE_SECONDS,
        "timeout_seconds": TASK_SECONDS,
    }
    verdict = Verdict()
    with serving({"ocr": {"process": process}, "service": {"time": 0}}) as server:
        asyncio.run(Overload(server, verdict, arguments).run())
    verdict.row("exit status", str(server.exit_status), server.exit_status == 0)
    return verdict.print()


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--factor", type=float, default=4)
    parser.add_argument("--peak-minutes", type=float, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--poisson", action="store_true", help="not at equal distances")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

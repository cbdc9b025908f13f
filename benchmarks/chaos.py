"""Checks that no request is lost or wrong while workers are killed, with real models under load.

    python benchmarks/chaos.py [--minutes 10] [--baseline-minutes 5] [--kill-every 2]
                               [--workers 2] [--spares 1] [--rate R] [--faults kill|all]
                               [--seed 1] [--slow]

It measures the peak, then the same load (40 % of the peak) without and with faults. Every request
is a separate recognition. After each minute the load pauses and the invariant is checked.
--faults all also stops workers for long times and in bursts, breaks connections and sends broken
images. --slow: images that take a second each, see kills.py. Exit status 1 if a check failed; p95,
p99 and recovery are checked only with --faults kill. Nothing else may run on the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import statistics
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Coroutine

import kills
from server_under_test import ROOT, ServerUnderTest, Verdict, serving
from uploads import light_pages, upload, uploads
from worker_faults import POLL_SECONDS, TASK_SECONDS, Faults, judge_latency, latency

from tests.support.arrivals import (
    Answer,
    Client,
    Load,
    arrival_times,
    closed_loop,
    listed,
    open_loop,
    percentile,
)
from tests.support.invariant import Invariant

sys.path[:0] = [str(ROOT / "tools")]

from text_accuracy import character_accuracy  # noqa: E402

SHARE_OF_PEAK = 0.4
SEGMENT_SECONDS = 60.0
MIN_ACCURACY, MAX_REFUSED = 0.98, 0.001


class Chaos:
    """The phases of one run against one server."""

    def __init__(self, server: ServerUnderTest, verdict: Verdict, arguments: Namespace) -> None:
        self._server = server
        self._verdict = verdict
        self._arguments = arguments
        self._client = Client(server.port)
        self._pages = light_pages()
        self._texts: dict[str, str] = {}
        self._restarts_before: Counter[str] = Counter()
        self._faults = Faults(server, self._client, arguments.seed)
        images = {name: page.image for name, page in self._pages.items()}
        self._requests = uploads(images, random.Random(arguments.seed))

    async def run(self) -> None:
        """Peak, load without faults, load with faults."""
        arguments = self._arguments
        await self._read_alone()
        clients = 4 * self._server.workers
        peak = await closed_loop(self._client, self._requests, clients, arguments.peak_seconds)
        rate = arguments.rate or SHARE_OF_PEAK * peak.good_per_second
        self._verdict.row("load", f"{rate:.2f} requests/s; peak {peak.good_per_second:.2f}/s")
        known = self._pages["sign_en_parking.png"].image
        invariant = Invariant.of(self._server, known, self._server.workers)
        loading = await self._loading_seconds()
        calm = await self._load(rate, arguments.baseline_minutes * 60)
        print(f"without faults: {latency(calm.good)}", flush=True)
        stormy: list[Answer] = []
        broken: list[list[str]] = []
        left = arguments.minutes * 60
        while left > 0:
            load = await self._stormy_load(rate, min(left, SEGMENT_SECONDS))
            broken.append(await asyncio.to_thread(invariant.broken))
            stormy += load.answers
            left -= load.seconds
            print(f"{len(broken)}: {dict(load.outcomes())}, {latency(load.good)}", *broken[-1:])
            sys.stdout.flush()
        self._judge(calm, Load(arguments.minutes * 60, tuple(stormy)))
        self._judge_server(loading, broken)
        self._client.close()

    async def _read_alone(self) -> None:
        """Recognize the pages without load: checks them, and keeps them for comparison."""
        slowest = 0.0
        compared = []
        for name, page in self._pages.items():
            answer = await self._client.ask(upload(name, page.image))
            self._texts[name] = answer.text
            slowest = max(slowest, answer.seconds)
            rows = await self._client.ask(upload(name, page.image, "/ocr?order=raster"))
            compared.append((page.lines, rows.text.split("\n")))  # known lines are in this order
        accuracy = character_accuracy(compared)
        text = f"{len(self._pages)}, slowest {slowest:.2f} s, characters right {accuracy:.4f}"
        self._verdict.row("pages alone", text, accuracy >= MIN_ACCURACY)

    async def _loading_seconds(self) -> float:
        """Seconds that a process needs to load the models without load, after three kills."""
        watch = self._faults.watch
        async with _during(watch.run()):
            for _ in range(3):
                while not watch.victims():
                    await asyncio.sleep(POLL_SECONDS)
                self._faults.kill()
                await self._faults.settle()
        workers = self._server.health()["workers"]
        seconds = [float(each["start_seconds"]) for each in workers if each["start_seconds"]]
        loading = statistics.median(seconds)
        watch.recoveries.clear()
        self._faults.done.clear()
        self._restarts_before = self._restarts()
        return loading

    def _restarts(self) -> Counter[str]:
        return Counter(self._server.health()["restarts"])

    async def _load(self, rate: float, seconds: float) -> Load:
        return await open_loop(self._client, self._requests, arrival_times(rate, seconds), seconds)

    async def _stormy_load(self, rate: float, seconds: float) -> Load:
        faults, arguments = self._faults, self._arguments
        async with _during(faults.watch.run()):
            async with _during(faults.inflict(arguments.kill_every, arguments.faults == "kill")):
                load = await self._load(rate, seconds)
            await faults.settle()
        return load

    def _judge(self, calm: Load, stormy: Load) -> None:
        """Check what the clients saw."""
        row, faults = self._verdict.row, self._faults
        answers = (*calm.answers, *stormy.answers)
        sent, outcomes = len(stormy.answers), stormy.outcomes()
        wrong = [a.name for a in answers if a.status == 200 and a.text != self._texts[a.name]]
        refused = sum(answer.status == 503 for answer in stormy.answers)
        overdue = outcomes["504 ocr_timeout"]
        others = sent - len(stormy.good) - refused - overdue - stormy.lost
        all_good = len(calm.good) == len(calm.answers)
        expected = others == 0 and overdue <= faults.done["stops"]
        row("without faults", f"{len(calm.answers)} sent: {listed(calm.outcomes())}", all_good)
        row("with faults", f"{sent} sent: {listed(outcomes)}", expected)
        row("lost", str(calm.lost + stormy.lost), calm.lost + stormy.lost == 0)
        row("wrong texts", f"{len(wrong)} {sorted(set(wrong)) or ''}", not wrong)
        share = refused / sent
        row("503", f"{refused}, {share:.3%}", share <= MAX_REFUSED)
        judge_latency(self._verdict, calm.good, stormy.good, self._arguments.faults == "kill")
        if faults.broken:
            fine = not any(outcome.startswith(("500", "lost")) for outcome in faults.broken)
            row("broken images", listed(faults.broken), fine)

    def _judge_server(self, loading: float, broken: list[list[str]]) -> None:
        """Check how the server recovered."""
        row, recoveries = self._verdict.row, self._faults.watch.recoveries
        row("faults", listed(self._faults.done), self._faults.done["kills"] > 0)
        row("restarts", listed(self._restarts() - self._restarts_before))
        longest, usual = max(recoveries, default=0.0), percentile(recoveries, 50)
        text = f"p50 {usual:.2f} s, max {longest:.2f} s; model load + 1 s: {loading + 1:.2f} s"
        soon = longest <= loading + 1 or self._arguments.faults == "all"
        row("recovery", text, soon)
        held = broken.count([])
        problems = "; ".join(itertools.chain(*broken))
        row("invariant", f"held {held} of {len(broken)} times {problems}", held == len(broken))


@contextlib.asynccontextmanager
async def _during(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run the work until the end of the block; if the work fails, so does the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def main() -> int:
    """Run, stop the server, print the table."""
    arguments = _parse()
    if arguments.slow:
        return kills.run(arguments)
    process = {
        "number": arguments.workers,
        "spares": arguments.spares,
        "max_task_number": 0,
        "timeout_seconds": TASK_SECONDS[arguments.faults],
    }
    verdict = Verdict()
    with serving({"ocr": {"process": process}, "service": {"time": 0}}) as server:
        asyncio.run(Chaos(server, verdict, arguments).run())
    verdict.row("exit status", str(server.exit_status), server.exit_status == 0)
    return verdict.print()


def _parse() -> Namespace:
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--baseline-minutes", type=float, default=5)
    parser.add_argument("--peak-seconds", type=float, default=30)
    parser.add_argument("--kill-every", type=float, default=2, help="seconds")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--spares", type=int, default=1)
    parser.add_argument("--slow", action="store_true", help="images of a second, see kills.py")
    parser.add_argument("--clients", type=int, default=kills.CLIENTS, help="with --slow")
    parser.add_argument("--rate", type=float, help="requests/s (40 %% of the measured peak)")
    parser.add_argument("--faults", choices=("kill", "all"), default="kill")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

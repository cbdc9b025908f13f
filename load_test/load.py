"""Runs all scenarios of a load test, one at a time, on one event loop."""

from __future__ import annotations

import asyncio
import random
import resource
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load_test.answers import Judge, Tally
from load_test.errors import CannotStart
from load_test.loops import Amount, Run, arrival_times, closed_loop, open_loop
from load_test.requests import PreparedImage, RequestTemplate
from load_test.summary import Summary, summarise
from load_test.traffic import Request, Scenario, Traffic
from ocr_client.connection import CONNECT_SECONDS, Address, Connection, look_up
from ocr_client.interrupt import until_interrupted
from ocr_client.progress import Progress, clock_time

PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The summary of a scenario, and its latencies in seconds."""

    summary: Summary
    latencies: Sequence[float]


class LoadTest:
    """Runs the scenarios; `results` has those of finished scenarios."""

    def __init__(self, args: Namespace, files: Sequence[Path]) -> None:
        self.results: list[ScenarioResult] = []
        self._args = args
        self._files = files
        self._judge = Judge()
        self._images: list[PreparedImage] = []

    async def run(self, begin: Callable[[], None], finish: Callable[[LoadTest], None]) -> bool:
        """Run all scenarios; calls `begin` first, and `finish` after each scenario.

        Returns True after Ctrl-C; a second Ctrl-C ends the process. CannotStart if there is no
        server.
        """
        args = self._args
        _allow_many_connections()
        self._address = await find_server(args.url.hostname, args.url.port or 80, args.url.geturl())
        target = f"{args.url.path}/ocr_service"
        template = RequestTemplate(self._address.host, target, args.mode, args.fields, args.headers)
        self._images = [PreparedImage(path, template) for path in self._files]
        begin()
        return await until_interrupted(self._all(finish))

    async def _all(self, finish: Callable[[LoadTest], None]) -> None:
        for scenario in self._args.scenarios:
            tally, early = Tally(), Tally()
            try:
                await self._scenario(scenario, tally, early)
            finally:
                for reason in early.reasons.elements():
                    tally.failed(0.0, reason)
                if tally.done:
                    summary = summarise(scenario.name, tally, self._args.rate)
                    self.results.append(ScenarioResult(summary, tally.latencies))
                    finish(self)

    async def _scenario(self, scenario: Scenario, tally: Tally, early: Tally) -> None:
        """Fill the cache, warm up and measure; `early` counts requests before the measurement."""
        randomness = random.Random(self._args.seed)
        traffic = Traffic(scenario, self._images, randomness)
        if to_cache := traffic.cache_requests():
            run = self._run(iter(to_cache), Amount(requests=len(to_cache)), early)
            await self._watched("fill cache", run, closed_loop(run, 1))
        if self._args.warm_up is not None:
            other = Traffic(scenario, self._images, randomness)
            run = self._run(other, self._args.warm_up, early)
            await self._watched("warm-up", run, self._loop(run, randomness))
        run = self._run(traffic, self._args.amount, tally)
        await self._watched(scenario.name, run, self._loop(run, randomness))

    def _run(self, traffic: Iterator[Request], amount: Amount, tally: Tally) -> Run:
        return Run(self._address, traffic, amount, self._args.timeout, self._judge, tally)

    def _loop(self, run: Run, randomness: random.Random) -> Coroutine[Any, Any, None]:
        args = self._args
        if args.rate is None:
            return closed_loop(run, args.clients)
        return open_loop(run, arrival_times(args.rate, args.arrivals, randomness))

    async def _watched(self, label: str, run: Run, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop with a progress bar."""
        watching = asyncio.ensure_future(self._watch(Progress(sys.stderr, f"{label:10}"), run))
        try:
            await loop
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, progress: Progress, run: Run) -> None:
        began = asyncio.get_running_loop().time()
        try:
            while not self._args.quiet:
                elapsed = asyncio.get_running_loop().time() - began
                progress.show(*_state(run, elapsed))
                await asyncio.sleep(PROGRESS_SECONDS)
        finally:
            progress.clear()


async def find_server(host: str, port: int, url: str) -> Address:
    """The server's address; CannotStart if nothing listens there."""
    try:
        address = await look_up(host, port)
        connection = Connection(address)
        await connection.connect()
    except TimeoutError:
        reason = f"no connection within {CONNECT_SECONDS:g} s"
    except OSError as error:
        reason = str(error.strerror or error)
    else:
        connection.close()
        return address
    raise CannotStart(
        f"no server at {url} ({reason}); start it with `make serve` or `ocr-server`, or set --url"
    )


def _state(run: Run, elapsed: float) -> tuple[float | None, str]:
    """The completed share, and the note next to the progress bar."""
    tally, (requests, seconds) = run.tally, run.amount
    shares = [tally.done / requests] if requests else []
    shares += [elapsed / seconds] if seconds else []
    share = max(shares)
    done = f"{tally.done}/{requests}" if requests else f"{tally.done}"
    note = f"{done}  {len(tally.ended) / elapsed if elapsed else 0:.1f}/s"
    if 0 < share < 1:
        note += f"  ETA {clock_time(elapsed / share - elapsed)}"
    elif tally.done < tally.sent:
        note += f"  {tally.sent - tally.done} in progress"
    if tally.failures:
        note += f"  {tally.failures} failed"
    return share, note


def _allow_many_connections() -> None:
    """Raise the soft limit on open files to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 1 << 16) if hard != resource.RLIM_INFINITY else 1 << 16
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

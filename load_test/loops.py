"""Closed loop (a number of clients) and open loop (a rate of requests).

In an open loop, latencies count from the time when a request was due. Otherwise a stalling server
would slow the load test down, and hide the latencies of waiting clients (coordinated omission).
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from load_test.answers import Judge, Tally
from load_test.traffic import Request
from ocr_client.connection import Address, Connection, NoAnswer
from ocr_client.kept_connections import KeptConnections

Arrivals = Literal["constant", "poisson"]
RETRY_SECONDS = 0.05


class Amount(NamedTuple):
    """The amount of load: a number of requests, a time in seconds, or both."""

    requests: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """`50 requests` or `30 s`."""
        if self.requests is not None:
            return f"{self.requests} request{'s' if self.requests != 1 else ''}"
        return f"{self.seconds:g} s"


@dataclass(slots=True)
class Run:
    """One run of a loop: its traffic, server, timeout and counts."""

    address: Address
    traffic: Iterator[Request]
    amount: Amount
    timeout: float
    judge: Judge
    tally: Tally
    start: float = 0.0

    async def ask(self, connection: Connection, request: Request, due: float) -> None:
        """Send a request; its latency counts from `due`, a time of the event loop's clock."""
        self.tally.sent += 1
        try:
            reply = await connection.exchange(request.data, self.timeout)
        except NoAnswer as error:
            now = asyncio.get_running_loop().time()
            self.tally.failed(now - self.start, str(error))
            return
        outcome = reply.header(b"x-cache").lower()
        if outcome:
            self.tally.cache[outcome] += 1
        failure = self.judge.failure(request.image, reply)
        if failure:
            self.tally.failed(reply.ended - self.start, failure)
        else:
            self.tally.good(request, reply.ended - self.start, reply.ended - due)

    def requests(self) -> Iterator[Request]:
        """The traffic, limited to the number of requests."""
        return itertools.islice(self.traffic, self.amount.requests)


async def closed_loop(run: Run, clients: int) -> None:
    """Connect all clients first; then each waits for its answer before it sends again."""
    loop = asyncio.get_running_loop()
    connections = [
        Connection(run.address) for _ in range(min(clients, run.amount.requests or clients))
    ]
    await asyncio.gather(*(each.connect() for each in connections), return_exceptions=True)
    requests = run.requests()
    run.start = loop.time()
    end = run.start + (math.inf if run.amount.seconds is None else run.amount.seconds)

    async def client(connection: Connection) -> None:
        while loop.time() < end and (request := next(requests, None)) is not None:
            failures = run.tally.failures
            await run.ask(connection, request, loop.time())
            if not connection.is_open and run.tally.failures > failures:
                await asyncio.sleep(RETRY_SECONDS)  # no busy loop if the server is down

    try:
        await asyncio.gather(*map(client, connections))
    finally:
        for each in connections:
            each.close()


async def open_loop(run: Run, times: Iterable[float]) -> None:
    """Send each request when it is due, and wait for all answers at the end."""
    loop = asyncio.get_running_loop()
    connections = KeptConnections(run.address)
    in_progress: set[asyncio.Task[None]] = set()
    run.start = loop.time()
    try:
        for at, request in zip(times, run.requests(), strict=False):
            if run.amount.seconds is not None and at >= run.amount.seconds:
                break
            due = run.start + at
            await asyncio.sleep(max(0.0, due - loop.time()))
            run.tally.late.append(loop.time() - due)
            asking = loop.create_task(_ask_over(connections, run, request, due))
            in_progress.add(asking)
            asking.add_done_callback(in_progress.discard)
        await asyncio.gather(*in_progress)
    finally:
        for asking in in_progress:
            asking.cancel()
        connections.close()


def arrival_times(rate: float, arrivals: Arrivals, randomness: random.Random) -> Iterator[float]:
    """When requests are due, in seconds: at equal intervals, or as a Poisson process."""
    if arrivals == "constant":
        yield from (number / rate for number in itertools.count())
    at = 0.0
    while True:
        yield at
        at += randomness.expovariate(rate)


async def _ask_over(connections: KeptConnections, run: Run, request: Request, due: float) -> None:
    connection = connections.take()
    await run.ask(connection, request, due)
    connections.release(connection)

"""How requests follow each other: a number of clients (closed loop), or a rate (open loop).

In an open loop seconds count from the moment at which a request was due, so that a server that
stalls cannot slow its own examiner down and hide what waiting clients would have seen.
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
    """How much is sent: a number of requests, or whatever fits into so many seconds."""

    requests: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """`50 requests` or `30 s`."""
        if self.requests is not None:
            return f"{self.requests} request{'s' if self.requests != 1 else ''}"
        return f"{self.seconds:g} s"


@dataclass(slots=True)
class Run:
    """One run of a loop: what it sends, to whom, how long it waits, and what it has counted."""

    address: Address
    traffic: Iterator[Request]
    amount: Amount
    timeout: float
    judge: Judge
    tally: Tally
    start: float = 0.0

    async def ask(self, connection: Connection, request: Request, due: float) -> None:
        """One exchange; its latency counts from `due`, a time of the loop's clock."""
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
        """What is sent, as far as a number of requests limits it."""
        return itertools.islice(self.traffic, self.amount.requests)


async def closed_loop(run: Run, clients: int) -> None:
    """Clients that each wait for an answer before they send again; all are connected first."""
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
                await asyncio.sleep(RETRY_SECONDS)  # a server that is gone is not asked in a spin

    try:
        await asyncio.gather(*map(client, connections))
    finally:
        for each in connections:
            each.close()


async def open_loop(run: Run, times: Iterable[float]) -> None:
    """Each request at its time, however many are still under way; waits for all answers."""
    loop = asyncio.get_running_loop()
    connections = KeptConnections(run.address)
    under_way: set[asyncio.Task[None]] = set()
    run.start = loop.time()
    try:
        for at, request in zip(times, run.requests(), strict=False):
            if run.amount.seconds is not None and at >= run.amount.seconds:
                break
            due = run.start + at
            await asyncio.sleep(max(0.0, due - loop.time()))
            run.tally.late.append(loop.time() - due)
            asking = loop.create_task(_ask_over(connections, run, request, due))
            under_way.add(asking)
            asking.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
    finally:
        for asking in under_way:
            asking.cancel()
        connections.close()


def arrival_times(rate: float, arrivals: Arrivals, randomness: random.Random) -> Iterator[float]:
    """Seconds at which requests are due: at equal distances, or as a Poisson process."""
    if arrivals == "constant":
        yield from (number / rate for number in itertools.count())
    at = 0.0
    while True:
        yield at
        at += randomness.expovariate(rate)


async def _ask_over(connections: KeptConnections, run: Run, request: Request, due: float) -> None:
    connection = connections.take()
    await run.ask(connection, request, due)
    connections.give_back(connection)

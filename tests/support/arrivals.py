"""A client whose requests arrive at a rate, whether or not the server keeps up; one event loop.

Every request is counted once: by the status and code of its answer, or as lost. Its time counts
from when it was due, so that a stalling server cannot slow the client down and hide latencies.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ocr_client.connection import (
    Address,
    AnswerTimeout,
    Connection,
    NoAnswer,
    NoConnection,
    NotHttp,
)
from ocr_client.kept_connections import KeptConnections

ANSWER_SECONDS = 150.0
CONNECTED_AT_ONCE = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request; the name identifies the image or case."""

    name: str
    body: bytes = b""
    method: str = "POST"
    path: str = "/ocr"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The bytes on the wire."""
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: localhost\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request; status 0 and a reason in `lost` if there was none.

    due: when it should have been sent, in seconds from the start of the load. late: seconds from
    then until it was sent. seconds: from due to the end of the answer. Header names are in lower
    case.
    """

    name: str
    due: float
    late: float
    seconds: float
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lost: str = ""

    @property
    def outcome(self) -> str:
        """`200`, `503 queue_full` or `lost: timeout`."""
        if self.lost:
            return f"lost: {self.lost}"
        if self.status < 400:
            return str(self.status)
        try:
            return f"{self.status} {self.json['error']['code']}"
        except (ValueError, KeyError, TypeError):
            return f"{self.status} without a code"

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The recognized text."""
        return str(self.json["data"]["text"])


@dataclass(frozen=True, slots=True)
class Load:
    """All answers of a load that lasted `seconds`; the last ones may arrive later."""

    seconds: float
    answers: tuple[Answer, ...]

    @property
    def good(self) -> list[Answer]:
        """The answers with status 200."""
        return [answer for answer in self.answers if answer.status == 200]

    @property
    def good_per_second(self) -> float:
        """Answers with status 200 per second that arrived during the load."""
        return sum(a.due + a.seconds <= self.seconds for a in self.good) / self.seconds

    @property
    def lost(self) -> int:
        """How many requests had no answer."""
        return sum(bool(answer.lost) for answer in self.answers)

    def outcomes(self) -> Counter[str]:
        """The number of answers by outcome."""
        return Counter(answer.outcome for answer in self.answers)


def percentile(seconds: Iterable[float], percent: float) -> float:
    """A percentile by nearest rank; nan if there are no values."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else math.nan


def listed(counts: Counter[str]) -> str:
    """`9 x 200, 1 x 503 queue_full`."""
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "none"


class Client:
    """Sends requests to a server on this machine over persistent connections."""

    def __init__(self, port: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._port = port
        self._address = Address(socket.AF_INET, ("127.0.0.1", port), f"127.0.0.1:{port}")
        self._answer_seconds = answer_seconds
        self._kept = KeptConnections(self._address)

    async def ask(
        self, request: Request, due: float | None = None, start: float | None = None
    ) -> Answer:
        """Send now and wait for the answer; due and start are times of the loop's clock."""
        sent = asyncio.get_running_loop().time()
        due = sent if due is None else due
        since = due - (due if start is None else start)
        connection = self._kept.take()
        try:
            reply = await connection.exchange(request.encode(), self._answer_seconds)
        except NoAnswer as error:
            seconds = asyncio.get_running_loop().time() - due
            return Answer(request.name, since, sent - due, seconds, lost=_reason(error))
        self._kept.release(connection)
        headers = {name.decode(): value.decode("latin-1") for name, value in reply.headers.items()}
        seconds = reply.ended - due
        return Answer(request.name, since, sent - due, seconds, reply.status, headers, reply.body)

    async def connect(self, count: int) -> None:
        """Open this many connections, a few at a time, as the kernel's backlog is short."""
        for _ in range(0, count, CONNECTED_AT_ONCE):
            some = [Connection(self._address) for _ in range(min(CONNECTED_AT_ONCE, count))]
            count -= len(some)
            await asyncio.gather(*(each.connect() for each in some))
            for each in some:
                each.idle_since = asyncio.get_running_loop().time()
                self._kept.release(each)

    async def abandon(self, request: Request, share: float, seconds: float) -> None:
        """Send the first part of the bytes, wait, and break the connection."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        data = request.encode()
        writer.write(data[: int(len(data) * share)])
        await asyncio.sleep(seconds)
        writer.transport.abort()

    def close(self) -> None:
        """Close the idle connections."""
        self._kept.close()


def run(port: int, load: Callable[[Client], Awaitable[T]]) -> T:
    """Run a load with a new client."""

    async def loaded() -> T:
        client = Client(port)
        try:
            return await load(client)
        finally:
            client.close()

    return asyncio.run(loaded())


def _reason(error: NoAnswer) -> str:
    """Why a request is lost, in a few words for counting."""
    if isinstance(error, AnswerTimeout):
        return "timeout"
    if isinstance(error, NoConnection):
        return "no connection"
    return "not HTTP" if isinstance(error, NotHttp) else "connection broken"


def arrival_times(
    rate: float, seconds: float, randomness: random.Random | None = None
) -> Iterator[float]:
    """When requests arrive: at equal intervals, or as a Poisson process with randomness."""
    at = 0.0
    for number in itertools.count(1):
        if at >= seconds:
            return
        yield at
        at = at + randomness.expovariate(rate) if randomness else number / rate


async def open_loop(
    client: Client, requests: Iterator[Request], times: Iterable[float], seconds: float
) -> Load:
    """Send each request when it is due; wait for all answers at the end."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    under_way = []
    for at, request in zip(times, requests, strict=False):
        await asyncio.sleep(max(0.0, start + at - loop.time()))
        under_way.append(asyncio.ensure_future(client.ask(request, start + at, start)))
    await asyncio.sleep(max(0.0, start + seconds - loop.time()))
    return Load(seconds, tuple(await asyncio.gather(*under_way)))


async def closed_loop(
    client: Client, requests: Iterator[Request], clients: int, seconds: float
) -> Load:
    """Keep this many requests in progress for this long; wait for the last answers."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    answers: list[Answer] = []

    async def one_after_the_other() -> None:
        while loop.time() - start < seconds and (request := next(requests, None)) is not None:
            answers.append(await client.ask(request, start=start))

    await asyncio.gather(*(one_after_the_other() for _ in range(clients)))
    return Load(seconds, tuple(answers))

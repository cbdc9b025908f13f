"""A client whose requests arrive at a rate, whether or not the server keeps up; one event loop.

Every request is counted once: by the status and code of its answer, or as lost. Its seconds count
from the moment at which it was due, so that a server that stalls cannot slow its own examiner down.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGES = Path(__file__).resolve().parent.parent / "tests" / "data" / "pages.json"
LIGHT_KINDS = ("sign", "poster", "label", "receipt", "screenshot")
HEAVY_PAGES = {"receipt_zh_noodles.png", "screenshot_zh_settings.jpg", "screenshot_en_terminal.png"}
KEPT_SECONDS = 5.0  # idle connections; the server closes them at 10 s
ANSWER_SECONDS = 150.0

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_Raw = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """A picture of the project and its known lines."""

    picture: bytes
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; the name says which picture or case it is."""

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
    """What became of one request; status 0 and a reason in `lost` if no answer came.

    due: seconds from the start of the load at which it was to be sent. late: seconds after that at
    which it was. seconds: from due to the end of the answer. Names of headers are in lower case.
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
        """The text that was read."""
        return str(self.json["data"]["text"])


@dataclass(frozen=True, slots=True)
class Load:
    """All answers of a load that was kept up for `seconds`; the last ones may come later."""

    seconds: float
    answers: tuple[Answer, ...]

    @property
    def good(self) -> list[Answer]:
        """Those with status 200."""
        return [answer for answer in self.answers if answer.status == 200]

    @property
    def good_per_second(self) -> float:
        """Answers with status 200 per second, those that came while the load was kept up."""
        return sum(a.due + a.seconds <= self.seconds for a in self.good) / self.seconds

    @property
    def lost(self) -> int:
        """How many requests had no answer."""
        return sum(bool(answer.lost) for answer in self.answers)

    def outcomes(self) -> Counter[str]:
        """How often each outcome was seen."""
        return Counter(answer.outcome for answer in self.answers)


def percentile(seconds: Iterable[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank); nan of nothing."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] if ordered else math.nan


def listed(counts: Counter[str]) -> str:
    """`9 x 200, 1 x 503 queue_full`."""
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "none"


class Client:
    """Sends requests to a server on this machine over connections that are kept."""

    def __init__(self, port: int, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.port = port
        self._answer_seconds = answer_seconds
        self._idle: list[tuple[float, _Connection]] = []

    async def ask(
        self, request: Request, due: float | None = None, start: float | None = None
    ) -> Answer:
        """Send now and wait for the answer; due and start are times of the loop's clock."""
        now = asyncio.get_running_loop().time
        sent = now()
        due = sent if due is None else due
        lost = ""
        raw: _Raw = (0, {}, b"")
        try:
            raw = await asyncio.wait_for(self._exchange(request), self._answer_seconds)
        except TimeoutError:
            lost = "timeout"
        except ConnectionRefusedError:
            lost = "connection refused"
        except (OSError, EOFError):
            lost = "connection broken"
        except (ValueError, asyncio.LimitOverrunError):
            lost = "not HTTP"
        since = due - (due if start is None else start)
        return Answer(request.name, since, sent - due, now() - due, *raw, lost)

    async def abandon(self, request: Request, share: float, seconds: float) -> None:
        """Send the first share of the bytes, wait so long, and break the connection."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = request.encode()
        writer.write(data[: int(len(data) * share)])
        await asyncio.sleep(seconds)
        writer.transport.abort()

    async def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            _, (_, writer) = self._idle.pop()
            writer.close()
            await writer.wait_closed()

    async def _exchange(self, request: Request) -> _Raw:
        """One request and its answer; the body is not waited for, an answer may come before it."""
        reader, writer = await self._connect()
        keep = False
        try:
            writer.write(request.encode())
            raw = await _read_answer(reader)
            keep = raw[1].get("connection", "").lower() != "close"
            return raw
        finally:
            if keep:
                self._idle.append((time.monotonic(), (reader, writer)))
            else:
                writer.close()

    async def _connect(self) -> _Connection:
        """The connection used last, unless the server has closed it or is about to."""
        while self._idle:
            since, (reader, writer) = self._idle.pop()
            if time.monotonic() - since < KEPT_SECONDS and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _read_answer(reader: asyncio.StreamReader) -> _Raw:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(status_line.split(" ")[1]) if status_line.startswith("HTTP/1.1 ") else 0
    if not 200 <= status < 600:
        raise ValueError(f"not a status line: {status_line[:80]!r}")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    length = 0 if status in (204, 304) else int(headers["content-length"])
    return status, headers, await reader.readexactly(length)


def arrival_times(
    rate: float, seconds: float, randomness: random.Random | None = None
) -> Iterator[float]:
    """When requests arrive: at equal distances, or as a Poisson process if there is randomness."""
    at = 0.0
    for number in itertools.count(1):
        if at >= seconds:
            return
        yield at
        at = at + randomness.expovariate(rate) if randomness else number / rate


async def open_loop(
    client: Client, requests: Iterator[Request], times: Iterable[float], seconds: float
) -> Load:
    """Send each request at its time, however many are still under way; wait for all answers."""
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
    """Keep so many requests under way for so long; wait for the last answers."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    answers: list[Answer] = []

    async def one_after_the_other() -> None:
        while loop.time() - start < seconds and (request := next(requests, None)) is not None:
            answers.append(await client.ask(request, start=start))

    await asyncio.gather(*(one_after_the_other() for _ in range(clients)))
    return Load(seconds, tuple(answers))


def light_pages() -> dict[str, Page]:
    """Pages that take a worker half a second or so each, by name."""
    pages = json.loads(PAGES.read_text(encoding="utf-8"))["pages"]
    return {
        page["file"]: Page((PAGES.parent / "pages" / page["file"]).read_bytes(), (*page["lines"],))
        for page in pages
        if page["kind"] in LIGHT_KINDS and page["file"] not in HEAVY_PAGES
    }


def uploads(pictures: Mapping[str, bytes], randomness: random.Random) -> Iterator[Request]:
    """Endless uploads: all pictures in random order, again and again, no two of them equal."""
    numbers = itertools.count()
    while True:
        for name in randomness.sample(sorted(pictures), len(pictures)):
            yield upload(name, varied(pictures[name], next(numbers)))


def upload(name: str, picture: bytes) -> Request:
    """The picture as the body of POST /ocr."""
    return Request(name, picture, headers={"Content-Type": "application/octet-stream"})


def varied(picture: bytes, number: int) -> bytes:
    """The same pixels with another MD5: a JPEG or PNG with a numbered comment."""
    note = b"arrival %d" % number
    if picture.startswith(b"\xff\xd8"):  # behind SOI
        return picture[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + picture[2:]
    chunk = b"tEXtComment\0" + note  # behind IHDR, which ends at byte 33
    framed = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return picture[:33] + framed + picture[33:]

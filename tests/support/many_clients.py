"""Many clients at once: connections on one event loop, and requests that arrive at a rate."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import parse_headers

from tests.support.http_client import Reply, upload_request


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer, and how many seconds after its request was due it was there."""

    reply: Reply
    seconds: float


class Connection:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to a server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def upload(self, picture: bytes) -> Reply:
        """Send a picture and wait for the answer."""
        self._writer.write(upload_request(picture))
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, _, fields = head.partition(b"\r\n")
        headers = parse_headers(io.BytesIO(fields))
        body = await self._reader.readexactly(int(headers["Content-Length"]))
        return Reply(int(status.split()[1]), headers, body)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def connect(port: int, count: int) -> list[Connection]:
    """So many connections; not all at once, since the kernel's queue of new ones is short."""
    connections: list[Connection] = []
    while len(connections) < count:
        some = min(50, count - len(connections))
        connections += await asyncio.gather(*(Connection.open(port) for _ in range(some)))
    return connections


async def closed_loop(
    port: int, pictures: Iterator[bytes], clients: int, seconds: float
) -> list[Timed]:
    """Clients that send their next picture when the last one is answered."""
    deadline = time.monotonic() + seconds

    async def client(connection: Connection) -> list[Timed]:
        answers = []
        while time.monotonic() < deadline:
            started = time.monotonic()
            reply = await connection.upload(next(pictures))
            answers.append(Timed(reply, time.monotonic() - started))
        connection.close()
        return answers

    done = await asyncio.gather(*map(client, await connect(port, clients)))
    return list(itertools.chain.from_iterable(done))


async def open_loop(
    port: int, pictures: Iterator[bytes], per_second: float, seconds: float
) -> list[Timed]:
    """Requests that come at a constant rate, whether or not the ones before are answered."""

    async def request(picture: bytes, due: float) -> Timed:
        await asyncio.sleep(due - time.monotonic())
        connection = await Connection.open(port)
        try:
            reply = await connection.upload(picture)
        finally:
            connection.close()
        return Timed(reply, time.monotonic() - due)

    start = time.monotonic()
    count = round(per_second * seconds)
    return await asyncio.gather(
        *(request(next(pictures), start + number / per_second) for number in range(count))
    )

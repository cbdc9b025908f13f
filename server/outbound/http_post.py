"""One POST of JSON, of whose answer little more than the status is read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from urllib.parse import SplitResult

from server.outbound.http_exchange import exchange, explained

MAX_REPLY_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer; body: its first 64 KiB, or nothing if it did not arrive in time."""

    status: int
    body: bytes


async def post(
    url: SplitResult,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    seconds: float,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Send JSON to the first of these addresses that accepts a connection.

    ExchangeError if none does, or the answer is not HTTP. seconds: for everything. url, tls: see
    exchange().
    """
    sent = {"Content-Type": "application/json; charset=utf-8", **headers}
    with explained(seconds):
        async with (
            asyncio.timeout(seconds) as limit,
            exchange("POST", url, addresses, sent, body, tls) as reply,
        ):
            read = await _read_body(reply.stream, reply.headers, limit.when())
            return Reply(reply.status, read)


async def _read_body(
    reader: asyncio.StreamReader, headers: Message, deadline: float | None
) -> bytes:
    """The first bytes of the body; empty if they do not come, as the status is enough."""
    try:
        async with asyncio.timeout_at(deadline):
            if "chunked" in str(headers.get("Transfer-Encoding", "")).lower():
                return await _read_chunks(reader)
            length = int(headers.get("Content-Length", MAX_REPLY_BYTES))
            return await _read_up_to(reader, min(length, MAX_REPLY_BYTES))
    except (TimeoutError, OSError, ValueError, EOFError):
        return b""


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while (size := int((await reader.readline()).split(b";")[0], 16)) > 0:
        body += await reader.readexactly(min(size, MAX_REPLY_BYTES - len(body)))
        if len(body) == MAX_REPLY_BYTES:
            break
        await reader.readline()
    return body


async def _read_up_to(reader: asyncio.StreamReader, size: int) -> bytes:
    body = b""
    while len(body) < size and (more := await reader.read(size - len(body))):
        body += more
    return body

"""One GET whose whole body is wanted, up to a limit."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from email.message import Message
from http.client import HTTPException
from urllib.parse import SplitResult

from server.outbound.http_exchange import ExchangeError, exchange, explained

PIECE_BYTES = 1 << 16

_LENGTH = re.compile(r"\d{1,19}", re.ASCII)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")

# Reserves memory for so many bytes.
Reserve = Callable[[int], AbstractContextManager[None]]


class TooLong(ExchangeError):
    """The body is larger than the limit."""


class BadStatus(ExchangeError):
    """The status is not 200. is_redirect: it names another address."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its host answered {status}")
        self.is_redirect = 300 <= status < 400


async def get(
    url: SplitResult,
    addresses: Sequence[str],
    max_bytes: int,
    seconds: float,
    reserve: Reserve,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """The body of the answer with the status 200, of at most max_bytes.

    ExchangeError if there is none: also BadStatus and TooLong. reserve: called before the body is
    read; what it raises is passed on. seconds: for everything. url, tls: see exchange().
    """
    headers = {"Accept-Encoding": "identity"}
    with explained(seconds):
        async with (
            asyncio.timeout(seconds),
            exchange("GET", url, addresses, headers, tls=tls) as reply,
        ):
            if reply.status != 200:
                raise BadStatus(reply.status)
            if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise ExchangeError("its answer is compressed, although that was not asked for")
            length = _length(reply.headers)
            if length is not None and length > max_bytes:
                raise TooLong(f"it has {length} bytes; at most {max_bytes} are accepted")
            with reserve(max_bytes if length is None else length):
                pieces = _pieces(reply.stream, reply.headers, length)
                return await _joined(pieces, length, max_bytes)


def _length(headers: Message) -> int | None:
    """The length of the body; None if only its end will tell."""
    if "Transfer-Encoding" in headers or "Content-Length" not in headers:
        return None
    text = str(headers["Content-Length"]).strip()
    if not _LENGTH.fullmatch(text):
        raise HTTPException
    return int(text)


def _pieces(
    reader: asyncio.StreamReader, headers: Message, length: int | None
) -> AsyncIterator[bytes]:
    encoding = str(headers.get("Transfer-Encoding", "")).strip().lower()
    if not encoding:
        return _plain(reader, length)
    if encoding != "chunked":
        raise HTTPException
    return _chunks(reader)


async def _plain(reader: asyncio.StreamReader, length: int | None) -> AsyncIterator[bytes]:
    left = length
    while left is None or left > 0:
        piece = await reader.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
        if not piece:
            return
        yield piece
        left = None if left is None else left - len(piece)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = _CHUNK_SIZE.fullmatch(await reader.readuntil(b"\r\n"))
        if line is None:
            raise HTTPException
        left = int(line[1], 16)
        if left == 0:
            return
        while left > 0:
            piece = await reader.read(min(left, PIECE_BYTES))
            if not piece:
                raise ExchangeError("its answer is not complete")
            yield piece
            left -= len(piece)
        if await reader.readexactly(2) != b"\r\n":
            raise HTTPException


async def _joined(pieces: AsyncIterator[bytes], length: int | None, max_bytes: int) -> bytes:
    found: list[bytes] = []
    total = 0
    async with aclosing(pieces):  # type: ignore[type-var]
        async for piece in pieces:
            total += len(piece)
            if total > max_bytes:
                raise TooLong(f"it is larger than the limit of {max_bytes} bytes")
            found.append(piece)
    if length is not None and total < length:
        raise ExchangeError("its answer is not complete")
    return b"".join(found)

"""One POST to someone else's server: it connects only to given addresses and follows no redirect.

It uses asyncio's streams instead of an HTTP client, because the connection must go to the addresses
that were checked, and because commands send alerts too, and should not import Tornado for that.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BytesIO
from urllib.parse import SplitResult

from server.version import VERSION

MAX_REPLY_BYTES = 1 << 16
MAX_INTERIM_REPLIES = 5
PORTS = {"http": 80, "https": 443}

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")


class PostError(Exception):
    """There is no answer; the message is short and contains nothing of URL or answer."""


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
    """Send JSON to the first of these addresses that accepts a connection; PostError if none does.

    url: of http or https. With https, the certificate must be valid for its host. seconds: for
    everything. tls: None for the system's certificate authorities.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            reader, writer = await _connect(url, addresses, tls)
            try:
                writer.write(_request(url, headers, body))
                status, reply_headers = await _read_head(reader)
                return Reply(status, await _read_body(reader, reply_headers, limit.when()))
            finally:
                writer.transport.abort()  # without waiting for the end of TLS
    except TimeoutError:
        raise PostError(f"no answer within {seconds:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise PostError(f"its certificate is not valid: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise PostError(f"TLS failed: {error.reason}") from None
    except asyncio.LimitOverrunError:
        raise PostError("the headers of its answer are too large") from None
    except (asyncio.IncompleteReadError, HTTPException):
        raise PostError("its answer is not HTTP/1.1") from None
    except OSError as error:
        raise PostError(f"no connection: {_reason(error)}") from None


@functools.cache
def system_tls() -> ssl.SSLContext:
    """Certificates are checked with the system's authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


def port_of(url: SplitResult) -> int:
    """The port of a URL of http or https."""
    return url.port or PORTS[url.scheme]


def _reason(error: OSError) -> str:
    """The reason without the address, which asyncio puts into its messages."""
    if isinstance(error, socket.gaierror):
        return error.strerror or "unknown host"
    return os.strerror(error.errno) if error.errno else "the server does not answer"


async def _connect(
    url: SplitResult, addresses: Sequence[str], tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    encrypted = url.scheme == "https"
    if encrypted and tls is None:
        tls = await asyncio.to_thread(system_tls)  # reads files
    failure = OSError()
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address,
                port_of(url),
                limit=MAX_REPLY_BYTES,
                ssl=tls if encrypted else None,
                server_hostname=url.hostname if encrypted else None,
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


def _request(url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"POST {target} HTTP/1.1"]
    all_headers = {
        "Host": url.netloc.rpartition("@")[2],
        "User-Agent": f"concurrent-ocr-server/{VERSION}",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Accept": "*/*",
        "Connection": "close",
        **headers,
    }
    lines += [f"{name}: {value}" for name, value in all_headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, Message]:
    """Status and headers of the answer, after interim ones such as 100 Continue."""
    for _ in range(MAX_INTERIM_REPLIES):
        head = await reader.readuntil(b"\r\n\r\n")
        line = _STATUS_LINE.match(head)
        if line is None:
            raise HTTPException
        if not line[1].startswith(b"1"):
            return int(line[1]), parse_headers(BytesIO(head[line.end() :]))
    raise HTTPException


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

"""One HTTP/1.1 exchange with someone else's server, at given addresses only.

It uses asyncio's streams instead of an HTTP client, because the connection must go to the addresses
that were checked, and because commands send alerts too, and should not import Tornado for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BytesIO
from typing import NamedTuple
from urllib.parse import SplitResult

from server.version import VERSION

MAX_HEAD_BYTES = 1 << 16
MAX_INTERIM_REPLIES = 5
PORTS = {"http": 80, "https": 443}

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n")


class ExchangeError(Exception):
    """There is no answer; the message is short and contains nothing of URL or answer."""


class Reply(NamedTuple):
    """The head of an answer, and the stream with its body."""

    status: int
    headers: Message
    stream: asyncio.StreamReader


@contextlib.contextmanager
def explained(seconds: float) -> Iterator[None]:
    """Turn all errors of an exchange into ExchangeError; seconds: its time limit."""
    try:
        yield
    except TimeoutError:
        raise ExchangeError(f"no answer within {seconds:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise ExchangeError(f"its certificate is not valid: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise ExchangeError(f"TLS failed: {error.reason}") from None
    except asyncio.LimitOverrunError:
        raise ExchangeError("the headers of its answer are too large") from None
    except (asyncio.IncompleteReadError, HTTPException):
        raise ExchangeError("its answer is not HTTP/1.1") from None
    except OSError as error:
        raise ExchangeError(f"no connection: {_reason(error)}") from None


@contextlib.asynccontextmanager
async def exchange(
    method: str,
    url: SplitResult,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes = b"",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Reply]:
    """Send a request to the first of these addresses that accepts a connection.

    url: of http or https. With https, the certificate must be valid for its host. tls: None for the
    system's certificate authorities. Redirects are not followed. The connection ends with the
    context. Raises many kinds of errors; use it within explained().
    """
    reader, writer = await _connect(url, addresses, tls)
    try:
        writer.write(_request(method, url, headers, body))
        status, reply_headers = await _read_head(reader)
        yield Reply(status, reply_headers, reader)
    finally:
        writer.transport.abort()  # without waiting for the end of TLS


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
                limit=MAX_HEAD_BYTES,
                ssl=tls if encrypted else None,
                server_hostname=url.hostname if encrypted else None,
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


def _request(method: str, url: SplitResult, headers: Mapping[str, str], body: bytes) -> bytes:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{method} {target} HTTP/1.1"]
    all_headers = {
        "Host": url.netloc.rpartition("@")[2],
        "User-Agent": f"concurrent-ocr-server/{VERSION}",
        "Accept": "*/*",
        "Connection": "close",
        **headers,
    }
    if body:
        all_headers["Content-Length"] = str(len(body))
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

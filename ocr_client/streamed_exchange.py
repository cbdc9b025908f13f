"""One exchange over HTTP/1.1: the request comes from a file, the answer is read line by line.

Neither is in memory as a whole. Both happen at the same time, so an early answer (413, 503) arrives
although the request has not been sent completely.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

from ocr_client.connection import (
    CONNECT_SECONDS,
    RECEIVE_BYTES,
    Address,
    AnswerHead,
    AnswerTimeout,
    BrokenAnswer,
    NoConnection,
    NotHttp,
)

MAX_LINE_BYTES = 256 << 20
MAX_ERROR_BYTES = 1 << 20


class StreamedAnswer:
    """The answer to a request. Every method may raise NoAnswer.

    seconds: how long each part may take.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self.status = 0
        self.headers: Mapping[bytes, bytes] = {}
        self._address = address
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._sending: asyncio.Task[None] | None = None
        self._received = bytearray()
        self._head: AnswerHead | None = None

    async def send(self, request: Iterable[bytes]) -> None:
        """Connect and send the parts of a request; returns when the head of its answer is there."""
        self._socket = await self._connected()
        self._sending = asyncio.ensure_future(self._send(request))
        try:
            while (head := AnswerHead.read_head(self._received)) is None:
                await self._receive()
        except ValueError:
            raise NotHttp("the answer is not HTTP/1.1") from None
        del self._received[: head.start]
        self.status, self.headers, self._head = head.status, head.headers, head

    async def body(self) -> bytes:
        """The whole body of an error; BrokenAnswer if it is longer than MAX_ERROR_BYTES."""
        body = bytearray()
        async for part in self._parts():
            body += part
            if len(body) > MAX_ERROR_BYTES:
                raise BrokenAnswer("the answer is too long")
        return bytes(body)

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The lines of the body, each as soon as it is complete."""
        waiting = bytearray()
        searched = 0
        async for part in self._parts():
            waiting += part
            while (end := waiting.find(b"\n", searched)) >= 0:
                yield bytes(waiting[:end])
                del waiting[: end + 1]
                searched = 0
            searched = len(waiting)
            if searched > MAX_LINE_BYTES:
                raise BrokenAnswer("a line of the answer is too long")

    async def close(self) -> None:
        """Close the connection."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _connected(self) -> socket.socket:
        fresh = socket.socket(self._address.family, socket.SOCK_STREAM)
        try:
            fresh.setblocking(False)
            connecting = self._loop.sock_connect(fresh, self._address.sockaddr)
            await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except TimeoutError:
            fresh.close()
            raise NoConnection(f"no reply within {CONNECT_SECONDS:g} s") from None
        except OSError as error:
            fresh.close()
            raise NoConnection(error.strerror or str(error)) from None
        except BaseException:
            fresh.close()
            raise
        return fresh

    async def _send(self, request: Iterable[bytes]) -> None:
        """Send the parts, which are read in a thread; a generator is closed also if it is early."""
        assert self._socket is not None
        parts = iter(request)
        reading: asyncio.Future[bytes] | None = None
        try:
            while True:
                reading = self._loop.run_in_executor(None, next, parts, b"")
                try:
                    part = await asyncio.shield(reading)
                except OSError:  # the file cannot be read any more
                    self._socket.shutdown(socket.SHUT_RDWR)
                    raise
                if not part:
                    return
                try:
                    await self._loop.sock_sendall(self._socket, part)
                except OSError:  # the server has closed, but its answer may have arrived
                    return
        finally:
            if reading is not None:
                await asyncio.wait([reading])  # a generator that runs cannot be closed
            if isinstance(parts, Generator):
                parts.close()

    async def _receive(self) -> None:
        """Wait for more bytes; BrokenAnswer at the end."""
        assert self._socket is not None
        try:
            receiving = self._loop.sock_recv(self._socket, RECEIVE_BYTES)
            piece = await asyncio.wait_for(receiving, self._seconds)
        except TimeoutError:
            raise AnswerTimeout(f"no answer within {self._seconds:g} s") from None
        except OSError as error:
            raise BrokenAnswer(f"no answer: the connection broke ({error.strerror})") from None
        if not piece:
            raise BrokenAnswer("no answer: the server closed the connection")
        self._received += piece

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        """The body in parts, without the lengths of its chunks."""
        assert self._head is not None, "send() comes first"
        if not self._head.is_chunked:
            left = self._head.end - self._head.start
            while left > 0:
                if not self._received:
                    await self._receive()
                part = self._taken(left)
                left -= len(part)
                yield part
            return
        while size := await self._chunk_size():
            while len(self._received) < size + 2:
                await self._receive()
            yield self._taken(size)
            del self._received[:2]

    async def _chunk_size(self) -> int:
        while (end := self._received.find(b"\r\n")) < 0:
            await self._receive()
        line = self._taken(end)
        del self._received[:2]
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            raise NotHttp("the answer is not HTTP/1.1") from None

    def _taken(self, size: int) -> bytes:
        part = bytes(self._received[:size])
        del self._received[:size]
        return part

"""An exchange whose request comes from a file."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

from ocr_client.connection import request_head
from ocr_client.streamed_exchange import StreamedAnswer
from tests.support.handled_server import head_of, serving

TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"


def test_a_file_is_closed_with_an_early_answer_also_while_it_is_read() -> None:
    reads, answered, closed = threading.Event(), threading.Event(), threading.Event()

    def request(head: bytes) -> Iterator[bytes]:
        try:
            yield head
            reads.set()
            answered.wait(10)
            yield b"part"
            yield b"never asked for"
        finally:
            closed.set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(TOO_LARGE)
        await writer.drain()

    async def run() -> None:
        async with serving(answer) as address:
            exchange = StreamedAnswer(address, 5)
            await exchange.send(request(request_head("POST", "/ocr", address.host, {}, 100)))
            assert exchange.status == 413
            assert await exchange.body() == b"{}"
            await asyncio.to_thread(reads.wait, 10)
            closing = asyncio.ensure_future(exchange.close())
            await asyncio.sleep(0)
            assert not closed.is_set()
            answered.set()
            await closing
            assert closed.is_set()

    asyncio.run(run())

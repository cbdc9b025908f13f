"""A server that speaks OpenAI's chat completions, as vLLM does, with faults where a test asks."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

CUT = "cut"
RESET = "reset"


@dataclass(frozen=True)
class Asked:
    """A request. size: width and height of its image. attempt: how often this image has come."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str
    image: bytes
    attempt: int

    @property
    def prompt(self) -> str:
        """The text next to the image."""
        return str(self.body["messages"][-1]["content"][1]["text"])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image that was sent."""
        with Image.open(io.BytesIO(self.image)) as image:
            return image.size


@dataclass(frozen=True)
class Said:
    """What is answered. fault: CUT: half of the body; RESET: no answer. hold: wait for `go`."""

    content: str | None = ""
    finish_reason: str | None = "stop"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None
    fault: str = ""
    hold: bool = False
    seconds: float = 0.0

    def body(self) -> bytes:
        """The body of the answer."""
        if self.raw is not None:
            return self.raw
        message = {"role": "assistant", "content": self.content}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


def size_as_text(asked: Asked) -> Said:
    """The size of the image that was sent."""
    return Said("read {}x{}".format(*asked.size))


class VisionServer:
    """`with VisionServer(answer) as server:` listens on loopback, on a loop in a thread.

    open, peak: requests that are being answered, and the most of them. left: requests whose client
    closed the connection before it was answered.
    """

    def __init__(self, answer: Callable[[Asked], Said] = size_as_text) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.open = 0
        self.peak = 0
        self.left = 0
        self._seen: dict[bytes, int] = {}

    def __enter__(self) -> VisionServer:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)))
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def go(self) -> None:
        """Answer the requests that are held."""
        self._loop.call_soon_threadsafe(self._go.set)

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._go = asyncio.Event(), asyncio.Event()
        self._serving: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port: int = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False if the connection ends."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        raw_headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        url = body["messages"][-1]["content"][0]["image_url"]["url"]
        image = base64.b64decode(url.partition(",")[2], validate=True)
        self._seen[image] = self._seen.get(image, 0) + 1
        named = {name.lower(): value for name, value in raw_headers.items()}
        asked = Asked(body, named, head[0].split()[1], image, self._seen[image])
        self.asked.append(asked)
        self.open += 1
        self.peak = max(self.peak, self.open)
        try:
            return await self._say(self.answer(asked), reader, writer)
        finally:
            self.open -= 1

    async def _say(
        self, said: Said, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if said.hold and not await self._held(reader):
            return False
        await asyncio.sleep(said.seconds)
        if said.fault == RESET:
            return False
        body = said.body()
        lines = [f"HTTP/1.1 {said.status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in said.headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.write(body[: len(body) // 2] if said.fault == CUT else body)
        await writer.drain()
        return said.fault != CUT

    async def _held(self, reader: asyncio.StreamReader) -> bool:
        """Wait until go(); False if the client leaves meanwhile."""
        going = asyncio.ensure_future(self._go.wait())
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({going, leaving}, return_when=asyncio.FIRST_COMPLETED)
        going.cancel()
        if leaving.done() and not self._go.is_set():
            self.left += 1
            return False
        leaving.cancel()
        return not leaving.done()

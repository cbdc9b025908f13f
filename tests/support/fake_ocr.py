"""A small real server that counts requests and has configurable faults."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

FREEZE_SECONDS = 0.3


class FakeOcr:
    """The requests that the fake server received, and its faults."""

    def __init__(self) -> None:
        self.digests: list[str] = []
        self.uncached: list[bool] = []  # the request said no-cache
        self.connections: set[object] = set()
        self.fail_every = 0
        self.odd_text_at = 0
        self.drop_at = 0
        self.answer: bytes | None = None
        self.together = 0  # answer no request before this many have arrived
        self.freeze_at = 0  # block the whole server for FREEZE_SECONDS at this request
        self.everybody = asyncio.Event()
        self.url = ""


class OcrHandler(RequestHandler):
    def initialize(self, fake: FakeOcr) -> None:
        self.fake = fake

    def image(self) -> bytes:
        if self.request.headers["Content-Type"] == "application/json":
            fields = json.loads(self.request.body)
            assert fields["file_type"] == "base64"
            return base64.b64decode(fields["image"], validate=True)
        if self.get_body_argument("file_type") == "filename":
            return Path(self.get_body_argument("filename")).read_bytes()
        assert self.get_body_argument("file_type") == "file"
        return bytes(self.request.files["file"][0]["body"])

    async def post(self) -> None:
        fake, image = self.fake, self.image()
        Image.open(io.BytesIO(image)).load()
        digest = hashlib.md5(image).hexdigest()
        cache = "hit" if digest in fake.digests else "miss"
        fake.digests.append(digest)
        fake.uncached.append(self.request.headers.get("Cache-Control") == "no-cache")
        fake.connections.add(self.request.connection.context.address)  # type: ignore[union-attr]
        count = len(fake.digests)
        if count == fake.freeze_at:
            time.sleep(FREEZE_SECONDS)
        if count >= fake.together:
            fake.everybody.set()
        await asyncio.wait_for(fake.everybody.wait(), 5)
        if count == fake.drop_at:
            self.detach().close()
            return
        self.set_header("X-Cache", cache)
        if fake.fail_every and count % fake.fail_every == 0:
            self.set_status(503)
            self.set_header("Retry-After", "2")
            error = {"code": "queue_full", "message": "the queue is full", "request_id": str(count)}
            self.finish({"status": "error", "error": error})
            return
        text = "another text" if count == fake.odd_text_at else "a text"
        data = {"text": text, "confidence": 0.9, "width": 1, "height": 1, "lines": []}
        answer = {"status": "success", "data": data, "cache": cache, "md5": digest}
        self.finish(answer if fake.answer is None else fake.answer)


@contextmanager
def serving() -> Iterator[FakeOcr]:
    """A server on its own event loop, in a thread."""
    fakes: list[FakeOcr] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve() -> None:
        fake, stop = FakeOcr(), asyncio.Event()
        routes = [("/ocr_service", OcrHandler, {"fake": fake})]
        server = HTTPServer(Application(routes, log_function=lambda handler: None))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        fake.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        fakes.append(fake)
        loops.append((asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(5)
    yield fakes[0]
    loop, stop = loops[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(5)
    assert not thread.is_alive()

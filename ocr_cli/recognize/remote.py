"""Recognizes images through a running server, with two concurrent requests per worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlencode

from ocr_cli.recognize import refusals
from ocr_cli.recognize.reader import (
    DocumentInput,
    ImageReading,
    Outline,
    OutputOptions,
    ReaderUnavailable,
    ReadingError,
)
from ocr_cli.recognize.refusals import BUSY_SECONDS, LATER, MISMATCH, pause_of, problem_of
from ocr_cli.recognize.remote_pages import RemotePages
from ocr_client.connection import (
    AnswerTimeout,
    NoAnswer,
    NoConnection,
    Response,
    look_up,
    request_head,
)
from ocr_client.kept_connections import KeptConnections
from ocr_engine.result import Document
from ocr_engine.result_json import from_json
from server.formats.pages import PageResult

REQUESTS_PER_WORKER = 2
PROBE_SECONDS = 10.0
START_SECONDS = 120.0
MAX_DRAWN_PIXELS = 10**9  # the server has already checked its own limit
_WHOLE_DOCUMENT = {"format": "json", "layout": "true", "order": "raster", "text": "lines"}


class ServerReader:
    """Sends every image to POST /ocr; see Reader. concurrency: 0 means two per worker."""

    def __init__(
        self, url: SplitResult, output_options: OutputOptions, concurrency: int, seconds: float
    ) -> None:
        self._url = url
        self._output_options = output_options
        self._seconds = seconds
        self.fingerprint = ""
        self.concurrency = concurrency

    async def probe(self) -> None:
        """Get the server's engine and number of workers; ReaderUnavailable without a server."""
        where = self._url.geturl()
        try:
            self._address = await look_up(self._url.hostname or "", self._url.port or 80)
            self._connections = KeptConnections(self._address)
            health = await self._health()
            self.fingerprint = json.dumps(health["engine"], sort_keys=True)
            workers = len(health["workers"])
        except (OSError, NoAnswer) as error:
            reason = error.reason if isinstance(error, NoConnection) else str(error)
            raise ReaderUnavailable(
                f"no server at {where} ({reason}); start one, or remove --url"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise ReaderUnavailable(f"the server at {where} is not an OCR server") from None
        self.concurrency = self.concurrency or max(REQUESTS_PER_WORKER * workers, 2)

    async def start(self, images: int) -> None:
        """Do nothing, because the server is already running."""

    async def read(self, image: bytes) -> ImageReading:
        """Recognize an image; ReadingError with the server's code, or ReaderUnavailable.

        Boxes are drawn here, because the server would have to recognize the image again.
        """
        body = await self._ask(image)
        try:
            answer = json.loads(body)
            document = from_json(answer["data"])
            reading = ImageReading(document, str(answer["md5"]), float(answer["elapsed_ms"]))
        except (ValueError, KeyError, TypeError):
            raise ReadingError("bad_answer", MISMATCH) from None
        if not self._output_options.drawing:
            return reading
        return replace(reading, drawing=await asyncio.to_thread(_drawn, image, document))

    def pages(self, document: DocumentInput) -> AsyncGenerator[Outline | PageResult, None]:
        """See Reader."""
        remote = RemotePages(self._url, self._address, self._output_options, self._seconds)
        return remote.pages(document)

    async def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    async def _ask(self, image: bytes) -> bytes:
        """The body of a 200; retries while the server is overloaded or restarts."""
        query = urlencode({**self._output_options.options, **_WHOLE_DOCUMENT})
        loop = asyncio.get_running_loop()
        began = answered = loop.time()
        while True:
            try:
                reply = await self._exchange("POST", f"/ocr?{query}", image, self._seconds)
            except AnswerTimeout as error:
                raise ReadingError("no_answer", str(error)) from None
            except NoAnswer as error:
                if loop.time() - answered > refusals.GONE_SECONDS:
                    raise ReaderUnavailable(
                        f"the server at {self._url.geturl()} does not answer ({error})"
                    ) from None
                await asyncio.sleep(1.0)
                continue
            if reply.status == 200:
                return reply.body
            code, message = problem_of(reply)
            answered = loop.time()
            if code not in LATER or answered - began > BUSY_SECONDS:
                raise ReadingError(code, message)
            await asyncio.sleep(pause_of(reply))

    async def _health(self) -> dict[str, Any]:
        """The answer of /healthz, after the server has loaded its models."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            reply = await self._exchange("GET", "/healthz", b"", PROBE_SECONDS)
            health: dict[str, Any] = json.loads(reply.body)
            if health["engine"] is not None:
                return health
            if asyncio.get_running_loop().time() > deadline:
                raise NoAnswer(f"not ready within {START_SECONDS:g} s")
            await asyncio.sleep(0.2)

    async def _exchange(self, method: str, target: str, body: bytes, seconds: float) -> Response:
        connection = self._connections.take()
        headers = {"Content-Type": "application/octet-stream"} if body else {}
        path = self._url.path + target
        head = request_head(method, path, self._address.host, headers, len(body))
        reply = await connection.exchange(head + body, seconds)
        self._connections.release(connection)
        return reply


def _drawn(image: bytes, document: Document) -> bytes:
    from ocr_engine.images.decode import decode
    from ocr_engine.images.decoders import lift_pixel_limit
    from ocr_engine.images.drawing import draw_page

    lift_pixel_limit()
    (page,) = document.pages
    return draw_page(decode(image, MAX_DRAWN_PIXELS).pixels, page)

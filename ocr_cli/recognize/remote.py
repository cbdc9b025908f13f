"""Reads through a running server: as many requests at once as it has workers, and as many more."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlencode

from ocr_cli.recognize.reader import ImageReading, ReaderGone, ReadingError, Wanted
from ocr_client.connection import (
    AnswerTimeout,
    NoAnswer,
    NoConnection,
    Reply,
    look_up,
    request_head,
)
from ocr_client.kept_connections import KeptConnections
from ocr_engine.result import Document
from ocr_engine.result_json import from_json

REQUESTS_PER_WORKER = 2
LOOK_SECONDS = 10.0
START_SECONDS = 120.0
GONE_SECONDS = 30.0  # a server that restarts is back by then
BUSY_SECONDS = 600.0
MAX_PAUSE_SECONDS = 30.0
MAX_DRAWN_PIXELS = 10**9  # the server has its own limit and has read it
_LATER = {"queue_full", "draining", "starting", "rate_limited", "queue_timeout"}


class ServerReader:
    """POST /ocr for every image; see Reader. at_once: 0 asks the server how many."""

    def __init__(self, url: SplitResult, wanted: Wanted, at_once: int, seconds: float) -> None:
        self._url = url
        self._wanted = wanted
        self._seconds = seconds
        self.fingerprint = ""
        self.at_once = at_once

    async def look(self) -> None:
        """Look whether there is a server, and what reads there; ReaderGone if there is none."""
        where = self._url.geturl()
        try:
            self._address = await look_up(self._url.hostname or "", self._url.port or 80)
            self._connections = KeptConnections(self._address)
            health = await self._health()
            self.fingerprint = json.dumps(health["engine"], sort_keys=True)
            workers = len(health["workers"])
        except (OSError, NoAnswer) as error:
            reason = error.reason if isinstance(error, NoConnection) else str(error)
            raise ReaderGone(
                f"no server at {where} ({reason}); start one, or leave --url out"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise ReaderGone(f"what answers at {where} is no OCR server") from None
        self.at_once = self.at_once or max(REQUESTS_PER_WORKER * workers, 2)

    async def start(self, images: int) -> None:
        """A server is ready as it is."""

    async def read(self, image: bytes) -> ImageReading:
        """Ask for its lines; ReadingError with the server's code, ReaderGone if it is away.

        Boxes are drawn here: the server would read the image once more for that.
        """
        body = await self._ask(image)
        try:
            answer = json.loads(body)
            document = from_json(answer["data"])
            reading = ImageReading(document, str(answer["md5"]), float(answer["elapsed_ms"]))
        except (ValueError, KeyError, TypeError):
            message = "not the answer that docs/api.md describes"
            raise ReadingError("bad_answer", message) from None
        if not self._wanted.drawing:
            return reading
        return replace(reading, drawing=await asyncio.to_thread(_drawn, image, document))

    async def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    async def _ask(self, image: bytes) -> bytes:
        """The body of a 200; asks again while the server is full or restarts."""
        query = urlencode({"format": "json", **self._wanted.options})
        loop = asyncio.get_running_loop()
        began = answered = loop.time()
        while True:
            try:
                reply = await self._exchange("POST", f"/ocr?{query}", image, self._seconds)
            except AnswerTimeout as error:
                raise ReadingError("no_answer", str(error)) from None
            except NoAnswer as error:
                if loop.time() - answered > GONE_SECONDS:
                    raise ReaderGone(
                        f"the server at {self._url.geturl()} is gone ({error})"
                    ) from None
                await asyncio.sleep(1.0)
                continue
            if reply.status == 200:
                return reply.body
            code, message = _problem(reply)
            answered = loop.time()
            if code not in _LATER or answered - began > BUSY_SECONDS:
                raise ReadingError(code, message)
            await asyncio.sleep(_pause(reply))

    async def _health(self) -> dict[str, Any]:
        """/healthz, once the server has loaded its models."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            reply = await self._exchange("GET", "/healthz", b"", LOOK_SECONDS)
            health: dict[str, Any] = json.loads(reply.body)
            if health["engine"] is not None:
                return health
            if asyncio.get_running_loop().time() > deadline:
                raise NoAnswer(f"not ready within {START_SECONDS:g} s")
            await asyncio.sleep(0.2)

    async def _exchange(self, method: str, target: str, body: bytes, seconds: float) -> Reply:
        connection = self._connections.take()
        headers = {"Content-Type": "application/octet-stream"} if body else {}
        path = self._url.path + target
        head = request_head(method, path, self._address.host, headers, len(body))
        reply = await connection.exchange(head + body, seconds)
        self._connections.give_back(connection)
        return reply


def _drawn(image: bytes, document: Document) -> bytes:
    from ocr_engine.images.decode import decode
    from ocr_engine.images.decoders import lift_pixel_limit
    from ocr_engine.images.drawing import draw_page

    lift_pixel_limit()
    (page,) = document.pages
    return draw_page(decode(image, MAX_DRAWN_PIXELS).pixels, page)


def _problem(reply: Reply) -> tuple[str, str]:
    try:
        error = json.loads(reply.body)["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return f"http_{reply.status}", "not the answer that docs/api.md describes"


def _pause(reply: Reply) -> float:
    """What Retry-After says, within reason."""
    seconds = reply.header(b"retry-after")
    return min(float(seconds), MAX_PAUSE_SECONDS) if seconds.isdigit() else 1.0

"""Recognizes pages of documents through a running server, which streams them as they are ready."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import SplitResult

from ocr_cli.recognize import refusals
from ocr_cli.recognize.reader import (
    DocumentInput,
    Outline,
    OutputOptions,
    ReaderUnavailable,
    ReadingError,
)
from ocr_cli.recognize.refusals import BUSY_SECONDS, LATER, MISMATCH, pause_of, problem_of
from ocr_client.connection import Address, AnswerTimeout, NoAnswer, Response, request_head
from ocr_client.streamed_exchange import StreamedAnswer
from ocr_engine.result import Recognition
from ocr_engine.result_json import from_json
from server.errors import BadPages
from server.formats.pages import PageProblem, PageResult, page_facts
from server.formats.stored import encode_result
from server.intake.page_list import MOST_RANGES, chosen_pages

_BLOCK_BYTES = 1 << 20
_ALL_PAGES = "1-"


class RemotePages:
    """Sends documents to POST /ocr. seconds: how long each part of an answer may take."""

    def __init__(
        self, url: SplitResult, address: Address, output_options: OutputOptions, seconds: float
    ) -> None:
        self._url = url
        self._address = address
        self._output_options = output_options
        self._seconds = seconds

    async def pages(self, document: DocumentInput) -> AsyncGenerator[Outline | PageResult, None]:
        """See Reader; asks again for what is missing while the server is busy or restarts."""
        reading = _Reading(document, self._output_options.document.pages)
        if document.page_count:
            yield reading.outline_of(document.page_count, document.md5)
        loop = asyncio.get_running_loop()
        began = answered = loop.time()
        while reading.is_missing_pages():
            try:
                async with aclosing(self._events(document, reading.pages_field())) as events:
                    async for event in events:
                        began = answered = loop.time()
                        found = await reading.read(event)
                        if found is not None:
                            yield found
            except AnswerTimeout as error:
                raise ReadingError("no_answer", str(error)) from None
            except NoAnswer as error:
                if loop.time() - answered > refusals.GONE_SECONDS:
                    where = self._url.geturl()
                    raise ReaderUnavailable(
                        f"the server at {where} does not answer ({error})"
                    ) from None
                await asyncio.sleep(1.0)
            except _Refused as refused:
                answered = loop.time()
                if refused.code not in LATER or answered - began > BUSY_SECONDS:
                    raise ReadingError(refused.code, refused.message) from None
                await asyncio.sleep(refused.pause)

    async def _events(
        self, document: DocumentInput, pages: str
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of one answer; NoAnswer if it breaks off, _Refused if the server says no."""
        answer = StreamedAnswer(self._address, self._seconds)
        try:
            await answer.send(self._request(document, pages))
            if answer.status != 200:
                body = await answer.body()
                reply = Response(answer.status, answer.headers, body, 0.0)
                raise _Refused(*problem_of(reply), pause_of(reply))
            async with aclosing(answer.lines()) as lines:
                async for line in lines:
                    event = _event(line)
                    if event["event"] == "end":
                        return
                    if event["event"] == "error":
                        error = event["error"]
                        raise _Refused(str(error["code"]), str(error["message"]), 1.0)
                    yield event
        finally:
            await answer.close()

    def _request(self, document: DocumentInput, pages: str) -> Iterator[bytes]:
        """The parts of the request: a form, as the password must not be in the query."""
        choices = self._output_options.document
        fields = {
            **self._output_options.options,
            "format": "ndjson",
            "layout": "true",
            "order": "raster",
            "text": "lines",
            "dpi": str(choices.dpi),
            "text_layer": choices.text_layer,
        }
        if pages or document.kind != "pdf":
            fields["pages"] = pages or _ALL_PAGES
        if choices.password:
            fields["password"] = choices.password
        boundary = secrets.token_hex(16)
        start, end = _form(fields, boundary)
        with document.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = request_head(
                "POST",
                self._url.path + "/ocr",
                self._address.host,
                {"Content-Type": f"multipart/form-data; boundary={boundary}"},
                len(start) + size + len(end),
            )
            yield head + start
            while block := file.read(_BLOCK_BYTES):
                yield block
        yield end


class _Refused(Exception):
    """The server does not read the document, or not now."""

    def __init__(self, code: str, message: str, pause: float) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.pause = pause


class _Reading:
    """What is known of a document, and which of its pages are there. wanted: as in `pages`."""

    def __init__(self, document: DocumentInput, wanted: str) -> None:
        self._wanted = wanted
        self._done = set(document.done)
        self._outline: Outline | None = None

    def outline_of(self, page_count: int, md5: str) -> Outline:
        """The outline of a document with so many pages."""
        try:
            pages = chosen_pages(self._wanted, page_count)
        except BadPages as error:
            raise ReadingError(error.code, error.message) from None
        self._outline = Outline(page_count, pages, md5)
        return self._outline

    def is_missing_pages(self) -> bool:
        """Whether there is something to ask for."""
        return self._outline is None or not self._done.issuperset(self._outline.pages)

    def pages_field(self) -> str:
        """What to ask for: the pages that are missing, or the first of them if there are many."""
        if self._outline is None:
            return self._wanted
        return listed([page for page in self._outline.pages if page not in self._done])

    async def read(self, event: Mapping[str, Any]) -> Outline | PageResult | None:
        """What an event says that is new; ReadingError if it does not match docs/documents.md."""
        try:
            if event["event"] == "meta":
                if self._outline is not None:
                    return None
                return self.outline_of(int(event["page_count"]), str(event["md5"]))
            page = int(event["page"])
            self._done.add(page)
            if event["event"] == "page_error":
                error = event["error"]
                problem = PageProblem(code=str(error["code"]), message=str(error["message"]))
                return PageResult(page, problem=problem)
            facts = page_facts(event["source"], event.get("dpi"))
            return PageResult(page, await encode_result(Recognition(from_json(event)), 0.0, facts))
        except (ValueError, KeyError, TypeError):
            raise ReadingError("bad_answer", MISMATCH) from None


def listed(pages: Sequence[int]) -> str:
    """Pages as in the field `pages`, in at most MOST_RANGES ranges."""
    ranges = []
    for _, group in itertools.groupby(enumerate(pages), lambda each: each[1] - each[0]):
        run = [page for _, page in group]
        ranges.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ",".join(ranges[:MOST_RANGES])


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
        if not isinstance(event, dict) or not isinstance(event["event"], str):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise ReadingError("bad_answer", MISMATCH) from None
    return event


def _form(fields: Mapping[str, str], boundary: str) -> tuple[bytes, bytes]:
    """What is sent before the file, and after it."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="document"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()

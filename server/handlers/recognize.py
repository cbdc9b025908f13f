"""POST /ocr_service and POST /ocr: a picture in, its text out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ocr_engine.errors import PoolDraining
from server.body import Form, unique_fields
from server.context import ServerContext
from server.errors import BadField, MissingFile
from server.formats import Envelope
from server.handlers.base import StreamedHandler
from server.handlers.jobs import job_json
from server.request_fields import OPTION_CHECKS, OcrRequest, parse_request
from server.service import Ticket

JOB_RETRY_AFTER = 1
_QUERY_FIELDS = ("format", "block_flag", "timeout_ms", *OPTION_CHECKS)


class OcrServiceHandler(StreamedHandler):
    """The fields of the 2021 server: file_type, filename, block_flag and the options."""

    def initialize(self, context: ServerContext) -> None:
        """See BaseHandler.initialize."""
        super().initialize(context)
        self._started = time.perf_counter()
        self._ticket: Ticket | None = None
        self._counted = False
        self._gone = False

    def prepare(self) -> None:
        """Count the request in, then see StreamedHandler.prepare."""
        self.context.open_requests += 1
        self._counted = True
        super().prepare()

    async def post(self) -> None:
        """Answer with the text, or with the job that will have it."""
        if self.refused or self.reader is None:
            return
        try:
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the picture to another one")
            request = await self._read_request()
            ticket = await self.context.service.submit(request)
            if self._gone and request.block:
                ticket.leave()
                return
            if request.block:
                await self._send_answer(ticket, request)
            else:
                self._send_job(ticket, request)
        except asyncio.CancelledError:
            return  # the client is gone
        except Exception as error:
            self.send_problem(error)

    def on_connection_close(self) -> None:
        """The client went away: queued work that nobody else wants is dropped."""
        super().on_connection_close()
        self._gone = True
        if self._ticket is not None:
            self._ticket.leave()
        self._count_out()

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Count the request out when its answer has left, so that draining waits for that."""
        flushed = super().finish(chunk)
        flushed.add_done_callback(lambda _: self._count_out())
        return flushed

    def _count_out(self) -> None:
        if self._counted:
            self._counted = False
            self.context.open_requests -= 1

    async def _read_request(self) -> OcrRequest:
        assert self.reader is not None
        form = self.merge_query(await self.reader.finish())
        read_cache = "no-cache" not in self.request.headers.get("Cache-Control", "").lower()
        return parse_request(form, self.context.default_options, read_cache)

    def merge_query(self, form: Form) -> Form:
        """Fields come in the body only; a query string would be silently ignored."""
        if self.request.query:
            raise BadField("the fields belong into the body, not into the query string")
        return form

    async def _send_answer(self, ticket: Ticket, request: OcrRequest) -> None:
        self._ticket = ticket
        answer = await ticket.answer()
        self._ticket = None
        envelope = Envelope(ticket.outcome, self._elapsed_ms(), self.request_id)
        self.send_answer(answer, request.format, envelope)

    def _send_job(self, ticket: Ticket, request: OcrRequest) -> None:
        job = self.context.jobs.create(ticket, request.format)
        url = f"/jobs/{job.job_id}"
        self.set_header("Location", url)
        self.set_header("Operation-Location", url)
        self.set_header("Retry-After", str(JOB_RETRY_AFTER))
        self.set_header("X-Cache", ticket.outcome)
        body = {"status": "accepted", "job": job_json(job), "request_id": self.request_id}
        self.send_json(body, 202)

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._started) * 1000


class OcrHandler(OcrServiceHandler):
    """The same without the old names: multipart, a raw picture, or JSON; options in the query."""

    raw_picture = True

    def merge_query(self, form: Form) -> Form:
        """The options of the query string, beside the picture of the body."""
        query = self.query_fields(_QUERY_FIELDS)
        if "filename" in form.fields or "file_type" in form.fields:
            raise BadField("file_type and filename belong to /ocr_service; send the picture itself")
        if form.upload is not None and not form.upload.data:
            raise MissingFile("the body is empty; send the picture's bytes in it")
        return Form(unique_fields([*form.fields.items(), *query.items()]), form.upload)

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
from server.request_fields import OPTION_CHECKS, Format, parse_request
from server.service import Ticket

JOB_RETRY_AFTER = 1
CLIENT_LEFT = 499  # as nginx logs it
_QUERY_FIELDS = ("format", "block_flag", "timeout_ms", *OPTION_CHECKS)


class OcrServiceHandler(StreamedHandler):
    """The fields of the 2021 server: file_type, filename, block_flag and the options."""

    def initialize(self, context: ServerContext) -> None:
        """See BaseHandler.initialize."""
        super().initialize(context)
        self._started = time.perf_counter()
        self._ticket: Ticket | None = None
        self._open = False
        self._gone = False

    def prepare(self) -> None:
        """Count the request in, then see StreamedHandler.prepare."""
        self.context.open_requests += 1
        self._open = True
        super().prepare()

    async def post(self) -> None:
        """Answer with the text, or with the job that will have it."""
        if self.refused or self.reader is None:
            return
        try:
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the picture to another one")
            self._ticket, block, chosen = await self._submit()
            if not block:
                self._send_job(self._ticket, chosen)
            elif self._gone:
                self._ticket.leave()
            else:
                await self._send_answer(self._ticket, chosen)
        except asyncio.CancelledError:
            pass  # the client left while its answer was awaited
        except Exception as error:
            self.send_problem(error)
        finally:
            self.drop_body()

    def on_connection_close(self) -> None:
        """The client went away: queued work that nobody else wants is dropped."""
        super().on_connection_close()
        self._gone = True
        if self._ticket is not None:
            self._ticket.leave()
        self.drop_body()
        if self.refused:
            self._close(self.get_status(), self.error_code)
        self._close(CLIENT_LEFT, "client_left")

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        """Count the request out when its answer has left, so that draining waits for that."""
        if self._gone and not self.refused:
            self.set_status(CLIENT_LEFT, "Client Left")  # nobody hears it but the log
        flushed = super().finish(chunk)
        flushed.add_done_callback(lambda _: self._close(self.get_status(), self.error_code))
        return flushed

    def _close(self, status: int, error: str) -> None:
        """Count the request out, once."""
        if self._open:
            self._open = False
            self.context.open_requests -= 1
            self.context.metrics.count_request(status, error, self.request.request_time())

    async def _submit(self) -> tuple[Ticket, bool, Format]:
        """The ticket, whether to wait, and the format; no other trace of the body is left."""
        assert self.reader is not None
        form = self.merge_query(await self.reader.finish())
        read_cache = "no-cache" not in self.request.headers.get("Cache-Control", "").lower()
        request = parse_request(form, self.context.default_options, read_cache)
        ticket = await self.context.service.submit(request)
        self.drop_body()
        return ticket, request.block, request.format

    def merge_query(self, form: Form) -> Form:
        """Fields come in the body only; a query string would be silently ignored."""
        if self.request.query:
            raise BadField("the fields belong into the body, not into the query string")
        return form

    async def _send_answer(self, ticket: Ticket, chosen: Format) -> None:
        answer = await ticket.answer()
        self._ticket = None
        envelope = Envelope(ticket.outcome, self._elapsed_ms(), self.request_id)
        await self.send_answer(answer, chosen, envelope)

    def _send_job(self, ticket: Ticket, chosen: Format) -> None:
        self._ticket = None
        job = self.context.jobs.create(ticket, chosen)
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

"""POST /ocr_service and POST /ocr: a picture in, its text out."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from ocr_engine.errors import PoolDraining
from server.body import BodyReader, Form
from server.context import ServerContext
from server.errors import BadField, MissingFile
from server.fields import query_fields, unique_fields
from server.formats import Envelope
from server.handlers.exchange import Exchange
from server.jobs import job_json
from server.replies import (
    Reply,
    answer_reply,
    is_long,
    json_reply,
    rendered_reply,
)
from server.request_fields import OPTION_FIELDS, Format, OcrRequest, parse_request
from server.request_scope import RequestScope
from server.service import Ticket

JOB_RETRY_AFTER = 1
_QUERY_FIELDS = ("format", "block_flag", "timeout_ms", *OPTION_FIELDS)


class OcrServiceExchange(Exchange):
    """The fields of the 2021 server: file_type, filename, block_flag and the options."""

    def __init__(
        self, context: ServerContext, request: HTTPServerRequest, scope: RequestScope
    ) -> None:
        super().__init__(context, request, scope)
        self._ticket: Ticket | None = None
        self._answering: asyncio.Task[None] | None = None

    def body_complete(self, reader: BodyReader) -> None:
        """Answer at once what was answered a moment ago; all else in a task."""
        try:
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the picture to another one")
            asked = None if reader.is_long else self._parse(reader.finish())
            ticket = None if asked is None else self.context.service.recall(asked)
            kept = ticket.ready if asked and asked.block and ticket else None
            if asked and ticket and kept and not is_long(kept, asked.format):
                reply = answer_reply(kept, asked.format, self._envelope(ticket))
            else:
                self._answering = asyncio.ensure_future(self._answer(reader, asked, ticket))
                return
        except Exception as error:
            reply = self.problem(error)
        self.drop_body()
        self.send(reply)

    def on_connection_close(self) -> None:
        """Queued work that nobody else wants is dropped."""
        super().on_connection_close()
        if self._ticket is not None:
            self._ticket.leave()

    def merge_query(self, form: Form) -> Form:
        """Fields come in the body only; a query string would be silently ignored."""
        if self.request.query:
            raise BadField("the fields belong into the body, not into the query string")
        return form

    def _parse(self, form: Form) -> OcrRequest:
        read_cache = "no-cache" not in self.request.headers.get("Cache-Control", "").lower()
        return parse_request(self.merge_query(form), self.context.default_options, read_cache)

    async def _answer(
        self, reader: BodyReader, asked: OcrRequest | None, ticket: Ticket | None
    ) -> None:
        try:
            if asked is None:
                asked = self._parse(await asyncio.to_thread(reader.finish))
            self._ticket = ticket or await self.context.service.submit(asked)
            self.drop_body()
            reply = await self._reply(self._ticket, asked)
        except asyncio.CancelledError:
            return  # the client left while its answer was awaited
        except Exception as error:
            reply = self.problem(error)
        finally:
            self._answering = None
            self.drop_body()
        self.send(reply)

    async def _reply(self, ticket: Ticket, asked: OcrRequest) -> Reply:
        """The text, or the job that will have it."""
        if not asked.block:
            self._ticket = None
            return self._job_reply(ticket, asked.format)
        if self.gone:
            ticket.leave()
        answer = await ticket.answer()
        return await rendered_reply(answer, asked.format, self._envelope(ticket))

    def _envelope(self, ticket: Ticket) -> Envelope:
        return Envelope(ticket.outcome, self.scope.elapsed_ms(), self.scope.request_id)

    def _job_reply(self, ticket: Ticket, chosen: Format) -> Reply:
        job = self.context.jobs.create(ticket, chosen)
        url = f"/jobs/{job.job_id}"
        headers = {
            "Location": url,
            "Operation-Location": url,
            "Retry-After": str(JOB_RETRY_AFTER),
            "X-Cache": ticket.outcome,
        }
        body = {"status": "accepted", "job": job_json(job), "request_id": self.scope.request_id}
        return json_reply(body, 202, headers)


class OcrExchange(OcrServiceExchange):
    """The same without the old names: multipart, a raw picture, or JSON; options in the query."""

    raw_picture = True

    def merge_query(self, form: Form) -> Form:
        """The options of the query string, beside the picture of the body."""
        query = query_fields(self.request.query_arguments, _QUERY_FIELDS)
        if "filename" in form.fields or "file_type" in form.fields:
            raise BadField("file_type and filename belong to /ocr_service; send the picture itself")
        if form.upload is not None and not form.upload.data:
            raise MissingFile("the body is empty; send the picture's bytes in it")
        return Form(unique_fields([*form.fields.items(), *query.items()]), form.upload)


class ExchangeRoute(Router):
    """Gives each request an exchange of its own; a target in the table of routes."""

    def __init__(self, kind: type[OcrServiceExchange]) -> None:
        self._kind = kind

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> OcrServiceExchange:
        """Called by Tornado with what the route table says."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        return self._kind(context, request, RequestScope.enter(context, request, recognition=True))


OcrServiceHandler = ExchangeRoute(OcrServiceExchange)
OcrHandler = ExchangeRoute(OcrExchange)

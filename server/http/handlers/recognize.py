"""POST /ocr_service and POST /ocr: recognition in the dialect of the route."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from ocr_engine.errors import PoolDraining
from server.http.context import ServerContext
from server.http.dialects.dialect import Dialect, DialectFactory
from server.http.gate import require
from server.http.handlers.exchange import Exchange
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.service.flights import Ticket


class RecognizeExchange(Exchange):
    """Answers with a result, or starts a job."""

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        dialect: Dialect,
    ) -> None:
        super().__init__(context, request, scope, dialect)
        self._ticket: Ticket | None = None
        self._answering: asyncio.Task[None] | None = None

    def body_complete(self, reader: BodyReader) -> None:
        """Answer cache hits synchronously; schedule a task for everything else."""
        try:
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the image to another server")
            asked = None if reader.is_long else self._allowed(reader.finish())
            user = self.scope.principal.user
            ticket = None if asked is None else self.context.service.recall(asked, user)
            kept = ticket.ready if asked and asked.block and ticket else None
            if asked and ticket and kept and not self.dialect.is_long(kept, asked):
                reply = self.dialect.render(kept, asked, ticket.outcome)
            else:
                self._answering = asyncio.ensure_future(self._answer(reader, asked, ticket))
                return
        except Exception as error:
            reply = self.problem(error)
        self.drop_body()
        self.send(reply)

    def on_connection_close(self) -> None:
        """Drop queued work that nobody else waits for."""
        super().on_connection_close()
        if self._ticket is not None:
            self._ticket.leave()

    async def _answer(
        self, reader: BodyReader, asked: OcrRequest | None, ticket: Ticket | None
    ) -> None:
        try:
            if asked is None:
                asked = self._allowed(await asyncio.to_thread(reader.finish))
            self._ticket = ticket or await self.context.service.submit(
                asked, self.scope.principal.turn(background=not asked.block)
            )
            self.drop_body()
            reply = await self._reply(self._ticket, asked)
        except asyncio.CancelledError:
            return  # the client disconnected while its answer was awaited
        except Exception as error:
            reply = self.problem(error)
        finally:
            self._answering = None
            self.drop_body()
        self.send(reply)

    def _allowed(self, form: Form) -> OcrRequest:
        """The request in a form; NotAllowed if the user may not make it."""
        asked = self.dialect.parse(form)
        for needed in asked.scopes:
            require(self.scope.principal, needed)
        return asked

    async def _reply(self, ticket: Ticket, asked: OcrRequest) -> Reply:
        """The result, or the job that will have it."""
        if not asked.block:
            self._ticket = None
            return self.dialect.accepted(self.context.jobs.create(ticket, asked.format))
        if self.gone:
            ticket.leave()
        answer = await ticket.answer()
        render = self.dialect.render
        if self.dialect.is_long(answer, asked):
            return await asyncio.to_thread(render, answer, asked, ticket.outcome)
        return render(answer, asked, ticket.outcome)


class ExchangeRoute(Router):
    """Creates an exchange for each request; a target in the route table."""

    def __init__(self, dialect: DialectFactory) -> None:
        self._dialect = dialect

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> RecognizeExchange:
        """Called by Tornado with the arguments of the route."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        scope = RequestScope.enter(context, request, recognition=True)
        dialect = self._dialect(context, request, scope)
        return RecognizeExchange(context, request, scope, dialect)

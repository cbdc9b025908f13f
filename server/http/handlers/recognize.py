"""POST /ocr_service and POST /ocr: recognition in the dialect of the route."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from ocr_engine.errors import PoolDraining
from server.errors import BadField
from server.formats.answer import Answer
from server.http.context import ServerContext
from server.http.dialects.dialect import Dialect, DialectFactory, for_documents
from server.http.gate import require
from server.http.handlers.exchange import Exchange
from server.http.handlers.incoming_body import finished
from server.http.handlers.once import answer_once, fingerprint_of, idempotency_key
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.intake.request import OcrRequest
from server.jobs.record import Claim, Jobs, Kept
from server.service.flights import Ticket


class RecognizeExchange(Exchange):
    """Answers with a result, or starts a job."""

    dialect: Dialect

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        dialect: Dialect,
    ) -> None:
        super().__init__(context, request, scope, dialect)
        self._ticket: Ticket | None = None
        self._has_document = False

    def body_complete(self, reader: BodyReader) -> None:
        """Answer cache hits synchronously; schedule a task for everything else."""
        try:
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the image to another server")
            if reader.spooled is not None:
                self.answer_with(self._answer_spooled(reader))
                return
            key = idempotency_key(self.request.headers)
            if key is not None:
                self.answer_with(self._answer_once(reader, key))
                return
            asked = None if reader.is_long else self._allowed(reader.finish())
            ticket = None
            fresh = asked is not None and (asked.keep_image or asked.document.pages)
            if asked and asked.block and not fresh:
                ticket = self.context.service.recall(asked, self.scope.principal.user)
            kept = ticket.ready if ticket else None
            if asked and ticket and kept and not self.dialect.is_long(kept, asked):
                self.scope.cached = 1
                reply = self.dialect.render(kept, asked, ticket.outcome)
            else:
                self.answer_with(self._answer(reader, asked, ticket))
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
        if self._has_document:
            self.stop_answering()

    async def recognized(self, form: Form) -> Reply:
        """The result of the request in this form, or the job that will have it."""
        return await self._reply(self._allowed(form))

    async def _answer(
        self, reader: BodyReader, asked: OcrRequest | None, ticket: Ticket | None
    ) -> Reply:
        known = asked or self._allowed(await finished(reader))
        return await self._reply(known, ticket)

    async def _answer_spooled(self, reader: BodyReader) -> Reply:
        """Answer a request with a large document."""
        await self._body.flush()
        key = idempotency_key(self.request.headers)
        if key is not None:
            return await self._answer_once(reader, key)
        return await self._answer(reader, None, None)

    async def _answer_once(self, reader: BodyReader, key: str) -> Reply:
        """Answer a request with an Idempotency-Key."""
        form = await finished(reader)
        asked = self._allowed(form)
        if asked.block and asked.rendering.format == "ndjson":
            raise BadField("format = ndjson: with an Idempotency-Key, send block_flag=false, too")
        user = self.scope.principal.user

        async def replay(jobs: Jobs, kept: Kept) -> Reply:
            return self.dialect.accepted(await jobs.get(user, kept.job_id or ""))

        return await answer_once(
            self.context,
            user,
            key,
            await fingerprint_of(self.request, form),
            lambda claim: self._reply(asked, claim=claim),
            replay,
        )

    async def _reply(
        self, asked: OcrRequest, ticket: Ticket | None = None, claim: Claim | None = None
    ) -> Reply:
        """The result, or the job that will have it."""
        return await (self._result(asked, ticket) if asked.block else self._accepted(asked, claim))

    def _allowed(self, form: Form) -> OcrRequest:
        """The request in a form; NotAllowed if the user may not make it."""
        asked = self.dialect.parse(form)
        for needed in asked.scopes:
            require(self.scope.principal, needed)
        return asked

    async def _accepted(self, asked: OcrRequest, claim: Claim | None) -> Reply:
        """The job that will have the result."""
        jobs = await self.context.jobs.open()
        principal, documents = self.scope.principal, self.context.documents
        if asked.webhook_url is not None:
            await self.context.webhook_guard.admit(asked.webhook_url, principal.user)
        document = await documents.find(asked, principal.user)
        if document is None:
            job = await jobs.accept(asked, principal, claim)
        else:
            try:
                for_documents(self.dialect).check_document(asked)
                await self.context.converter.check_document(
                    document.file.descriptor, asked.rendering
                )
                if self.scope.admission is not None:
                    await self.scope.admission.take_more(len(document.pages) - 1)
                job = await jobs.accept_document(asked, document, principal, claim)
            finally:
                documents.forget(document)
        self.scope.audit("job_created", job.job_id, self.scope.received)
        self.scope.is_job = True
        return self.dialect.accepted(job)

    async def _result(self, asked: OcrRequest, ticket: Ticket | None) -> Reply:
        """The result; ticket: of the cached result, if there is one."""
        if ticket is None:
            self._has_document = True  # until it is known
            user = self.scope.principal.user
            document = await self.context.documents.find(asked, user)
            if document is not None:
                from server.http.handlers.document_answer import DocumentAnswer

                answering = DocumentAnswer(self.context, self.scope, self.dialect, asked, document)
                return await answering.reply()
            self._has_document = False
        turn = self.scope.principal.turn(asked.priority)
        ticket = self._ticket = ticket or await self.context.service.submit(asked, turn)
        if not asked.keep_image:
            self.drop_body()
        if self.gone:
            ticket.leave()
        answer = await ticket.answer()
        self._note_work(ticket, answer)
        answer = await self.context.converter.converted(answer, asked.rendering)
        render = self.dialect.render
        if self.dialect.is_long(answer, asked):
            return await asyncio.to_thread(render, answer, asked, ticket.outcome)
        return render(answer, asked, ticket.outcome)

    def _note_work(self, ticket: Ticket, answer: Answer) -> None:
        """Note whether the result was cached, or how long its recognition took, for usage."""
        self.scope.cached = int(ticket.outcome != "miss")
        if not self.scope.cached:
            spent = (each for name, each in answer.stages.items() if name != "queue")
            self.scope.recognition_seconds = sum(spent)


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

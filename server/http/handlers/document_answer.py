"""The answer to a request with a document: all pages together, or one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from ocr_engine.errors import DocumentBroken
from server.documents.open_document import OpenDocument
from server.documents.reading import DocumentReading, PageOutcome
from server.documents.written import WrittenDocument
from server.formats.answer import CacheOutcome
from server.formats.converting import ConvertedDocument
from server.formats.json_text import LINES_TYPE, dump
from server.formats.pages import DocumentFacts, PageResult, first_event, last_event, page_event
from server.formats.registry import OUTPUT_FORMATS
from server.http.context import ServerContext
from server.http.dialects.dialect import Dialect, DocumentDialect, for_documents
from server.http.errors import public_error
from server.http.replies import Reply, converted_reply, failed_pages, logged_problem
from server.http.request_scope import RequestScope
from server.intake.request import OcrRequest


class DocumentAnswer:
    """Reads the pages of one request; nothing is read after its client has left."""

    def __init__(
        self,
        context: ServerContext,
        scope: RequestScope,
        dialect: Dialect,
        asked: OcrRequest,
        document: OpenDocument,
    ) -> None:
        self._context = context
        self._scope = scope
        self._dialect = dialect
        self._asked = asked
        self._document = document
        self._done: list[PageOutcome] = []
        self._held = 0

    async def reply(self) -> Reply:
        """The reply; if no page has a result, the error of the first one is raised."""
        documents = self._context.documents
        try:
            dialect = for_documents(self._dialect)
            dialect.check_document(self._asked)
            streams = self._asked.rendering.format == "ndjson"
            if not streams:
                documents.check_waiting(self._document)
            if self._scope.admission is not None:
                await self._scope.admission.take_more(len(self._document.pages) - 1)
            turn = self._scope.principal.turn(self._asked.priority)
            reading = documents.reading(self._document, self._asked, turn)
            if streams:
                headers = {"Content-Type": LINES_TYPE, "X-Accel-Buffering": "no"}
                return Reply(200, headers, (), stream=self._events(reading))
            if OUTPUT_FORMATS[self._asked.rendering.format].pdf_mode is not None:
                return await self._as_file(reading)
            return await self._together(reading, dialect)
        except BaseException:
            documents.forget(self._document)
            raise

    async def _together(self, reading: DocumentReading, dialect: DocumentDialect) -> Reply:
        try:
            async for outcome in reading.outcomes(ordered=True):
                self._hold(outcome)
                self._done.append(outcome)
            self._note_work()
            self._check_some()
            failed, facts = self._failed(), self._facts()
            pages = [each.result for each in self._done]
            content_type, body = await asyncio.to_thread(
                dialect.render_document, pages, self._asked, facts
            )
        finally:
            self._context.inflight.received -= self._held
            self._context.documents.forget(self._document)
        named = failed_pages([each.result.page for each in failed])
        return Reply(200, {"Content-Type": content_type, **self._headers(), **named}, body)

    async def _as_file(self, reading: DocumentReading) -> Reply:
        """The document in a format that is converted."""
        document, service = self._document, self._context.service
        owner = service.results.owner(self._scope.principal.user)
        try:
            written = WrittenDocument(service.files, document, self._asked, owner)
            made = await self._written_before(reading, written)
            if made is None:
                made = await self._written_now(reading, written)
        finally:
            self._context.documents.forget(document)
            if self._done:
                self._note_work()
        return converted_reply(made, self._headers())

    async def _written_before(
        self, reading: DocumentReading, written: WrittenDocument
    ) -> ConvertedDocument | None:
        """The file that was written from the results that are cached, if there is one."""
        outcomes = await reading.recalled() if written.is_kept else None
        if outcomes is None:
            return None
        made = written.find(outcome.result for outcome in outcomes)
        if made is not None:
            self._done += map(_without_result, outcomes)
        return made

    async def _written_now(
        self, reading: DocumentReading, written: WrittenDocument
    ) -> ConvertedDocument:
        """The file, whose pages are written as they are ready."""
        outcomes = reading.outcomes(ordered=True)
        try:
            made = await self._context.converter.converted_document(
                self._document.file.descriptor,
                self._results(outcomes, written),
                self._asked.rendering,
                self._asked.timeout_seconds,
            )
        finally:
            await outcomes.aclose()
        if self._document.has_changed():
            raise DocumentBroken("the file was changed while it was read; send it again")
        written.keep(made)
        return made

    async def _results(
        self, outcomes: AsyncGenerator[PageOutcome, None], written: WrittenDocument
    ) -> AsyncGenerator[PageResult, None]:
        """The result of each page; the error of the first one if no page has a result."""
        async for outcome in outcomes:
            self._done.append(_without_result(outcome))
            written.add(outcome.result)
            yield outcome.result
        self._check_some()

    async def _events(self, reading: DocumentReading) -> AsyncGenerator[bytes, None]:
        """A line for each page as soon as it is ready."""
        outcomes = reading.outcomes(self._asked.document.ordered)
        rendering = self._asked.rendering
        try:
            yield first_event(self._facts())
            async for outcome in outcomes:
                self._done.append(_without_result(outcome))
                if rendering.is_plain:
                    yield page_event(outcome.result, rendering)
                else:
                    yield await asyncio.to_thread(page_event, outcome.result, rendering)
            yield last_event(self._facts())
        except Exception as error:
            problem = logged_problem(error, self._scope.request_id)
            shown = {"code": problem.code, "message": problem.message}
            yield dump({"event": "error", "error": shown}) + b"\n"
        finally:
            await outcomes.aclose()
            self._context.documents.forget(self._document)
            self._note_work()

    def _check_some(self) -> None:
        """Raise the error of the first page if no page has a result."""
        if len(failed := self._failed()) == len(self._done):
            assert failed[0].error is not None
            raise failed[0].error

    def _headers(self) -> dict[str, str]:
        return {
            "X-Cache": self._outcome(),
            "Server-Timing": f"total;dur={self._scope.elapsed_ms():.1f}",
        }

    def _facts(self) -> DocumentFacts:
        document = self._document
        return DocumentFacts(
            kind=document.kind,
            page_count=document.page_count,
            pages=len(document.pages),
            failed=len(self._failed()),
            md5=document.digests.md5,
            request_id=self._scope.request_id,
            outcome=self._outcome(),
            elapsed_ms=self._scope.elapsed_ms(),
        )

    def _failed(self) -> list[PageOutcome]:
        return [each for each in self._done if each.error is not None]

    def _outcome(self) -> CacheOutcome:
        """`miss` if a page was read for this request, `hit` if all pages were cached."""
        found = {each.outcome for each in self._done if each.error is None}
        return "miss" if "miss" in found or not found else "joined" if "joined" in found else "hit"

    def _hold(self, outcome: PageOutcome) -> None:
        """Count the bytes of a result that waits for the others."""
        size = 0 if outcome.result.result is None else outcome.result.result.size_bytes
        self._context.inflight.received += size
        self._held += size

    def _note_work(self) -> None:
        """Note what the pages cost, for usage and quota."""
        scope = self._scope
        scope.pages = sum(each.error is None for each in self._done)
        scope.cached = int(self._outcome() != "miss")
        scope.recognition_seconds = sum(each.seconds for each in self._done)
        for each in self._done:
            self._context.metrics.count_page(each.outcome or "failed")
        if scope.admission is not None:
            answers = [(_status(each), each.outcome or "") for each in self._done]
            unread = len(self._document.pages) - len(self._done)
            scope.admission.give_back([*answers, *[(503, "")] * unread])


def _without_result(outcome: PageOutcome) -> PageOutcome:
    return replace(outcome, result=PageResult(outcome.result.page))


def _status(outcome: PageOutcome) -> int:
    return 200 if outcome.error is None else public_error(outcome.error).status

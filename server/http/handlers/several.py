"""A request with several images, and documents where the API reads them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocr_engine.engine import Turn
from ocr_engine.errors import PoolDraining
from server.http.dialects.dialect import ReadImage, SeveralImages
from server.http.errors import PublicError, public_error
from server.http.gate import require
from server.http.handlers.incoming_body import finished
from server.http.handlers.task_exchange import TaskExchange
from server.http.replies import Reply, logged_problem
from server.intake.body import BodyReader
from server.intake.request import OcrRequest

if TYPE_CHECKING:
    from server.documents.open_document import OpenDocument


class SeveralExchange(TaskExchange):
    """Recognizes the images of one request; the pool has at most one more than it has workers.

    If the client leaves, those that no worker has begun are dropped.
    """

    dialect: SeveralImages
    _pages = 0
    _held = 0  # bytes of the pages of documents, which wait for the others

    async def answer(self, reader: BodyReader) -> Reply:
        """See TaskExchange."""
        if self.context.draining:
            raise PoolDraining("the server is stopping; send the images to another server")
        asked = self.dialect.parse_all(await finished(reader))
        for needed in {scope for each in asked for scope in each.scopes}:
            require(self.scope.principal, needed)
        if self.scope.admission is not None:
            await self.scope.admission.take_more(len(asked) - 1)
        try:
            read = await self._read_all(asked)
            self.drop_body()
            return await asyncio.to_thread(self.dialect.render_all, read)
        finally:
            self.context.inflight.received -= self._held

    async def _read_all(self, asked: Sequence[OcrRequest]) -> list[ReadImage | PublicError]:
        """The results, or errors, in the order of the requests."""
        found: dict[int, ReadImage | PublicError] = {}
        waiting = iter(enumerate(asked))
        self.scope.images = 0

        async def work() -> None:
            for number, each in waiting:
                found[number] = await self._read(each)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(asked), self.context.service.engine.capacity + 1)):
                group.create_task(work())
        if self.scope.pages is not None:  # there was a document
            self.scope.pages = self._pages
        read = [found[number] for number in range(len(asked))]
        self._note_failures([each for each in read if isinstance(each, PublicError)])
        return read

    async def _read(self, asked: OcrRequest) -> ReadImage | PublicError:
        principal = self.scope.principal
        turn = principal.turn(asked.priority)
        try:
            if self.dialect.reads_documents:
                document = await self.context.documents.find(asked, principal.user)
                if document is not None:
                    return await self._read_document(document, asked, turn)
            ticket = await self.context.service.submit(asked, turn)
            answer = await ticket.answer()
        except Exception as error:
            return logged_problem(error, self.scope.request_id)
        self.scope.images += 1
        self._pages += 1
        if ticket.outcome == "miss":
            spent = (each for name, each in answer.stages.items() if name != "queue")
            self.scope.recognition_seconds += sum(spent)
        else:
            self.scope.cached += 1
        return [answer.result]

    async def _read_document(
        self, document: OpenDocument, asked: OcrRequest, turn: Turn
    ) -> ReadImage:
        """The pages of a document; the error of the first one if no page has a result."""
        documents, admission = self.context.documents, self.scope.admission
        try:
            documents.check_waiting(document)
            if admission is not None:
                await admission.take_more(len(document.pages) - 1)
            outcomes = documents.reading(document, asked, turn).outcomes(ordered=True)
            async with contextlib.aclosing(outcomes):
                done = []
                async for outcome in outcomes:
                    size = outcome.result.result.size_bytes if outcome.result.result else 0
                    self.context.inflight.received += size
                    self._held += size
                    done.append(outcome)
        finally:
            documents.forget(document)
        errors = [each.error for each in done if each.error is not None]
        for each in done:
            self.context.metrics.count_page(each.outcome or "failed")
        if len(errors) == len(done):
            if admission is not None:  # for the first one, the error of the whole counts
                admission.give_back([(public_error(each).status, "") for each in errors[1:]])
            raise errors[0]
        if admission is not None:
            shown = [
                200 if each.error is None else public_error(each.error).status for each in done
            ]
            found = [each.outcome or "" for each in done]
            admission.give_back(list(zip(shown, found, strict=True)))
        self.scope.images += 1
        self.scope.cached += int(all(each.outcome != "miss" for each in done))
        self.scope.recognition_seconds += sum(each.seconds for each in done)
        self._pages += len(done) - len(errors)
        self.scope.pages = self._pages  # again when all are read
        return [each.result.result for each in done]

    def _note_failures(self, problems: Sequence[PublicError]) -> None:
        """Note the images without a result, for usage and quota."""
        self.scope.failures = [problem.code for problem in problems]
        if self.scope.admission is not None:
            self.scope.admission.give_back([(problem.status, "") for problem in problems])

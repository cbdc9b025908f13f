"""POST /batches starts a batch; POST /batch waits for the results of all files."""

from __future__ import annotations

import dataclasses
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Router

from server.blobs.spool import Spool
from server.blobs.store import Inputs
from server.formats.json_text import JSON_TYPE, dump
from server.http.context import ServerContext
from server.http.dialects.batches import BatchApi, CommonFields, WaitingBatchApi
from server.http.gate import require
from server.http.handlers.batch_work import BatchWork, FileAnswer
from server.http.handlers.files_exchange import FilesExchange
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.jobs.batch_record import Batches, BatchFile
from server.jobs.record import Claim


class BatchesExchange(FilesExchange):
    """Makes jobs of all files."""

    also_needs = ("jobs",)
    _batches: Batches | None = None

    async def inputs(self) -> Inputs:
        """See FilesExchange: the blobs of jobs."""
        jobs = await self.context.jobs.open()
        self._batches = jobs.batches()
        return self._batches.inputs

    async def reply(
        self, common: CommonFields, files: list[BatchFile], claim: Claim | None
    ) -> Reply:
        """See FilesExchange."""
        assert self._batches is not None  # a file has arrived
        return await self.accepted(self._batches, files, common, claim)


class WaitingBatchExchange(FilesExchange):
    """Answers with the results of all files, or starts a job for each."""

    _spool: Spool | None = None
    _is_waiting = False

    async def inputs(self) -> Inputs:
        """See FilesExchange: a spool, as the images are needed only until the answer."""
        self._spool = Spool()
        return self._spool

    async def reply(
        self, common: CommonFields, files: list[BatchFile], claim: Claim | None
    ) -> Reply:
        """See FilesExchange."""
        if not common.block:
            require(self.scope.principal, "jobs")
            batches = (await self.context.jobs.open()).batches()
            return await self.accepted(batches, await self._moved(files, batches), common, claim)
        await self.take_quota(len(files))
        return await self._results(files, common)

    def on_connection_close(self) -> None:
        """Drop the files that no worker has begun to recognize."""
        super().on_connection_close()
        if self._is_waiting:
            self.stop_answering()

    async def _results(self, files: list[BatchFile], common: CommonFields) -> Reply:
        assert self._spool is not None
        turn = self.scope.principal.turn(int(common.fields.get("priority", 0)))
        request_id = self.scope.request_id
        work = BatchWork(self.context, files, common, self._spool, turn, request_id)
        self._is_waiting = True
        try:
            answers = await work.run()
        finally:
            self._is_waiting = False
            work.release()
        self._count(answers)
        return self._written(answers)

    def _written(self, answers: list[FileAnswer]) -> Reply:
        rest = {
            "elapsed_ms": round(self.scope.elapsed_ms(), 1),
            "request_id": self.scope.request_id,
        }
        parts = [b'{"status":"success","results":[']
        for number, answer in enumerate(answers):
            parts += [b","] * bool(number)
            parts += answer.body
        parts.append(b"]," + dump(rest)[1:])
        return Reply(200, {"Content-Type": JSON_TYPE}, tuple(parts))

    def _count(self, answers: list[FileAnswer]) -> None:
        """Note what the files cost, for usage and quota."""
        self.scope.images = sum(not answer.code for answer in answers)
        self.scope.cached = sum(answer.outcome in ("hit", "joined") for answer in answers)
        self.scope.recognition_seconds = sum(answer.seconds for answer in answers)
        self.scope.failures = [answer.code for answer in answers if answer.code]
        if self.scope.admission is not None:
            self.scope.admission.give_back([(each.status, each.outcome) for each in answers])

    async def _moved(self, files: list[BatchFile], batches: Batches) -> list[BatchFile]:
        """The files, with their images in the blobs of jobs."""
        assert self._spool is not None
        moved: list[BatchFile] = []
        try:
            for file in files:
                blob = ""
                if file.blob:
                    blob = await batches.inputs.put(await self._spool.get(file.blob))
                moved.append(dataclasses.replace(file, blob=blob))
        except BaseException:
            await batches.inputs.delete([file.blob for file in moved if file.blob])
            raise
        return moved

    async def _delete(self) -> None:
        await super()._delete()
        if self._spool is not None:
            self._spool.close()


class FilesRoute(Router):
    """Creates an exchange for each POST; a target in the route table."""

    def __init__(self, exchange: type[FilesExchange], dialect: type[BatchApi]) -> None:
        self._exchange = exchange
        self._dialect = dialect

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> FilesExchange:
        """Called by Tornado with the arguments of the route."""
        context: ServerContext = kwargs["target_kwargs"]["context"]
        scope = RequestScope.enter(context, request, recognition=True)
        return self._exchange(context, request, scope, self._dialect(context, request, scope))


BATCHES_ROUTE = FilesRoute(BatchesExchange, BatchApi)
BATCH_ROUTE = FilesRoute(WaitingBatchExchange, WaitingBatchApi)

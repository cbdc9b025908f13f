"""Recognizes the files of one request, a few at a time, and writes their results as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocr_engine.engine import Turn, concurrency
from ocr_engine.errors import QueueFull
from server.blobs.store import Inputs
from server.errors import BadField
from server.formats.answer import Answer, Body
from server.formats.data_json import json_data
from server.formats.json_text import dump
from server.formats.rendering import Rendering
from server.http.context import ServerContext
from server.http.dialects.batches import CommonFields
from server.http.errors import error_of_code
from server.http.replies import is_long, logged_problem
from server.intake.request import OcrRequest
from server.jobs.batch_record import BatchFile
from server.jobs.record import JobError
from server.service.flights import Ticket

if TYPE_CHECKING:
    from server.http.batch_bodies import FileProblem

RETRY_SECONDS = 0.5  # while the queue is full


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The answer for one file. outcome: of the cache. seconds: of recognition, if it is a miss."""

    body: Body
    status: int = 200
    code: str = ""
    outcome: str = ""
    seconds: float = 0.0


class BatchWork:
    """The files of one request; the pool has at most one more of them than it has workers.

    Call release() when the answers have been sent or dropped.
    """

    def __init__(
        self,
        context: ServerContext,
        files: Sequence[BatchFile],
        common: CommonFields,
        inputs: Inputs,
        turn: Turn,
        request_id: str,
    ) -> None:
        self._context = context
        self._files = files
        self._common = common
        self._inputs = inputs
        self._turn = turn
        self._request_id = request_id
        self._answers: dict[int, FileAnswer] = {}
        self._held = 0

    async def run(self) -> list[FileAnswer]:
        """All answers, in the order of the files."""
        waiting = iter(enumerate(self._files))
        at_once = min(len(self._files), concurrency(self._context.service.engine) + 1)
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._work(waiting))
        return [self._answers[number] for number in range(len(self._files))]

    def release(self) -> None:
        """Stop counting the results as bytes in memory."""
        self._context.inflight.received -= self._held
        self._held = 0

    async def _work(self, waiting: Iterator[tuple[int, BatchFile]]) -> None:
        for number, file in waiting:
            self._answers[number] = await self._answer(file)

    async def _answer(self, file: BatchFile) -> FileAnswer:
        if file.error is not None:
            return _problem(file.error, error_of_code(file.error.code, "").status)
        try:
            request = self._common.request(file, self._inputs)
            if request.rendering.format != "json":
                raise BadField("format: /batch answers in JSON; for others, send block_flag=false")
            ticket = await self._submit(request)
            answer = await ticket.answer()
            self._hold(answer)
        except Exception as error:
            shown = logged_problem(error, self._request_id)
            return _problem(shown, shown.status)
        if is_long(answer, request.rendering):
            return await asyncio.to_thread(_result, ticket, answer, request.rendering)
        return _result(ticket, answer, request.rendering)

    async def _submit(self, request: OcrRequest) -> Ticket:
        """A ticket; if the queue is full, this waits for as long as the image might wait in it."""
        loop = asyncio.get_running_loop()
        patience = self._context.settings.ocr.process.queue_timeout_seconds
        latest = loop.time() + min(patience, request.timeout_seconds or patience)
        while True:
            try:
                return await self._context.service.submit(request, self._turn)
            except QueueFull:
                if loop.time() + RETRY_SECONDS > latest:
                    raise
            await asyncio.sleep(RETRY_SECONDS)

    def _hold(self, answer: Answer) -> None:
        """Count the bytes of a result that waits for the others; QueueFull if they are too many."""
        size = len(answer.result.json)
        self._context.inflight.check(size)
        self._context.inflight.received += size
        self._held += size


def _result(ticket: Ticket, answer: Answer, rendering: Rendering) -> FileAnswer:
    rest = dump({"cache": ticket.outcome, "md5": answer.digests.md5})
    data = json_data(answer.result, rendering)
    body = (b'{"status":"success","data":', data, b"," + rest[1:])
    spent = 0.0
    if ticket.outcome == "miss":
        spent = sum(each for name, each in answer.stages.items() if name != "queue")
    return FileAnswer(body, outcome=ticket.outcome, seconds=spent)


def _problem(error: JobError, status: int) -> FileAnswer:
    body: FileProblem = {"status": "error", "error": {"code": error.code, "message": error.message}}
    return FileAnswer((dump(body),), status, error.code)

"""Reads the pages of a document: in order, a few at a time, each like an image of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ocr_engine.documents.renderers import Renderers
from ocr_engine.engine import Turn
from ocr_engine.errors import (
    EngineError,
    PageFailed,
    PageKillsRenderers,
    PageTimeout,
    PoolDraining,
    PoolStarting,
    QueueFull,
    QueueTimeout,
)
from server.documents.open_document import OpenDocument
from server.documents.page_source import DocumentPage
from server.documents.problems import Explain
from server.errors import ServiceError
from server.formats.answer import CacheOutcome
from server.formats.pages import PageProblem, PageResult
from server.intake.request import OcrRequest
from server.service.service import OcrService

MOST_LOST = 10  # pages in a row that end their renderers, after which no more are drawn
RETRY_SECONDS = 0.5  # while the queue is full
MOST_RETRY_SECONDS = 2.0
AT_ONCE = 50  # cached pages that are looked up without a pause

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """How a page was read. seconds: of its recognition, if there was one. error: why it failed."""

    result: PageResult
    outcome: CacheOutcome | None = None
    seconds: float = 0.0
    error: Exception | None = None


class DocumentReading:
    """Reads these pages until it is closed; it does not read ahead of a slow consumer.

    A page that is drawn waits for its turn outside of the backlog, where only the next one is. So
    another image of the user waits for one page of each document at most. Of a document with
    several pages, nobody waits for a single one: images that somebody waits for are preferred.
    max_pixels: of a page. explain: turns an error into what clients see. begun: whether a page was
    found or begun.
    """

    def __init__(
        self,
        document: OpenDocument,
        request: OcrRequest,
        turn: Turn,
        pages: Sequence[int],
        service: OcrService,
        renderers: Renderers,
        max_pixels: int,
        explain: Explain,
    ) -> None:
        self.begun = False
        self._document = document
        self._request = replace(request, keep_image=False)
        self._turn = replace(turn, background=True) if len(document.pages) > 1 else turn
        self._pages = pages
        self._service = service
        self._renderers = renderers
        self._max_pixels = max_pixels
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        patience = request.timeout_seconds
        self._deadline = None if patience is None else self._loop.time() + patience
        at_once = service.engine.capacity
        self._ahead = asyncio.Semaphore(at_once)  # of the workers: drawn or being drawn
        self._unread = asyncio.Semaphore(2 * at_once + 2)  # by the consumer
        self._done: asyncio.Queue[PageOutcome | Exception] = asyncio.Queue()
        self._work: set[asyncio.Task[None]] = set()
        self._lost = 0

    async def outcomes(self, ordered: bool = False) -> AsyncGenerator[PageOutcome, None]:
        """Each page when it is ready, or in order; PoolDraining if the server stops."""
        self._start(self._schedule())
        early: dict[int, PageOutcome] = {}
        due = deque(self._pages if ordered else ())
        try:
            for _ in self._pages:
                outcome = await self._done.get()
                if isinstance(outcome, Exception):
                    raise outcome
                if not ordered:
                    yield outcome
                    self._unread.release()
                    continue
                early[outcome.result.page] = outcome
                while due and due[0] in early:
                    yield early.pop(due.popleft())
                    self._unread.release()
        finally:
            await self.close()

    async def recalled(self) -> list[PageOutcome] | None:
        """All pages, in order, if all are cached; otherwise None."""
        found = []
        for page in self._pages:
            outcome = self._recalled(page, self._source(page, asyncio.Event()))
            if outcome is None:
                return None
            found.append(outcome)
            if len(found) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return found

    async def close(self) -> None:
        """Drop what waits; what a worker has begun, it reads to its end, and the result is kept."""
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)

    async def _schedule(self) -> None:
        """Begin one page after the other."""
        before = asyncio.Event()
        before.set()
        for page in self._pages:
            await self._unread.acquire()
            entered = asyncio.Event()
            source = self._source(page, before)
            known = self._recalled(page, source)
            if known is not None:
                self._done.put_nowait(known)
                continue
            await self._ahead.acquire()
            request = replace(self._request, source=source)
            self._start(self._read(page, request, entered))
            before = entered

    def _recalled(self, page: int, source: DocumentPage) -> PageOutcome | None:
        """The page, if it is cached."""
        request = replace(self._request, source=source)
        ticket = self._service.recall(request, self._turn.user)
        if ticket is None or ticket.ready is None:
            return None
        self.begun = True
        return PageOutcome(PageResult(page, ticket.ready.result), "hit")

    async def _read(self, page: int, request: OcrRequest, entered: asyncio.Event) -> None:
        """Read one page. entered: is set when the next page may enter the backlog."""

        def enter() -> None:
            if not entered.is_set():
                entered.set()
                self._ahead.release()

        def begin() -> None:
            self.begun = True
            enter()

        outcome: PageOutcome | Exception
        try:
            outcome = await self._outcome(page, request, begin)
            self._lost = 0
        except PoolDraining as error:
            outcome = error
        except Exception as error:
            if not isinstance(error, ServiceError | EngineError):
                log.error("page %d of a document failed", page, exc_info=error)
            outcome = self._failed(page, error)
        finally:
            enter()
        self._done.put_nowait(outcome)

    async def _outcome(
        self, page: int, request: OcrRequest, begin: Callable[[], None]
    ) -> PageOutcome:
        """Read a page; while there is no room for it, it waits."""
        while True:
            left = self._seconds_left()
            if left == 0:
                raise QueueTimeout("the time of the request is over")
            if self._lost >= MOST_LOST:
                raise PageFailed(f"not drawn, as {MOST_LOST} pages in a row could not be drawn")
            try:
                ticket = await self._service.submit(
                    replace(request, timeout_seconds=left), self._turn
                )
                ticket.when_started(begin)
                answer = await ticket.answer()
            except QueueFull as error:
                pause = min(error.retry_after or RETRY_SECONDS, MOST_RETRY_SECONDS)
            except (PoolStarting, QueueTimeout):
                pause = RETRY_SECONDS
            else:
                spent = 0.0
                if ticket.outcome == "miss":
                    spent = sum(each for name, each in answer.stages.items() if name != "queue")
                return PageOutcome(PageResult(page, answer.result), ticket.outcome, spent)
            await asyncio.sleep(pause if left is None else min(pause, left))

    def _failed(self, page: int, error: Exception) -> PageOutcome:
        self._lost += isinstance(error, PageKillsRenderers | PageTimeout)
        shown = self._explain(error)
        problem = PageProblem(code=shown.code, message=shown.message)
        return PageOutcome(PageResult(page, problem=problem), error=error)

    def _source(self, page: int, before: asyncio.Event) -> DocumentPage:
        """before: is set when the page before this one has left the backlog."""
        granularity = self._request.options.granularity
        return DocumentPage(
            self._document, page, self._renderers, self._max_pixels, granularity, before.wait
        )

    def _seconds_left(self) -> float | None:
        """Until the deadline, 0 if it has passed; None if there is none."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - self._loop.time())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work_ended)

    def _work_ended(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            assert isinstance(error, Exception)
            self._done.put_nowait(error)

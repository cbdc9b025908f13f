"""The renderers of this process: started when a document comes, ended when none has come for long.

Documents take turns: while several wait, each has one renderer at a time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ocr_engine.documents.document import DocumentFile
from ocr_engine.documents.messages import (
    Failed,
    Open,
    Opened,
    PageImage,
    PageText,
    ReadPage,
    Reply,
)
from ocr_engine.documents.process import RendererLost, RendererProcess
from ocr_engine.documents.spec import RendererSpec
from ocr_engine.errors import (
    DOCUMENT_ERRORS,
    IMAGE_ERRORS,
    DocumentBroken,
    EngineError,
    PageFailed,
    PageKillsRenderers,
    PageTimeout,
    PoolDraining,
    RecognitionFailed,
)
from ocr_engine.pool.exits import ExitReason, WorkerExit

MOST_ATTEMPTS = 3  # if renderers are killed from outside
IDLE_SECONDS = 30.0
CLOSE_SECONDS = 3.0

log = logging.getLogger(__name__)


RendererState = Literal["starting", "idle", "busy"]


@dataclass(frozen=True, slots=True)
class RendererStats:
    """Figures of one renderer."""

    pid: int | None
    state: RendererState
    pages_done: int
    rss_mb: int


@dataclass(frozen=True, slots=True)
class RenderingStats:
    """The renderers at one moment. restarts: ended renderers by reason. waiting: requests."""

    renderers: Sequence[RendererStats]
    restarts: Mapping[str, int]
    waiting: int


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request that waits for a renderer."""

    document: DocumentFile
    renderer: asyncio.Future[RendererProcess]


class Renderers:
    """Opens and draws documents. most: how many processes there may be. Used on one event loop."""

    def __init__(self, spec: RendererSpec, most: int, idle_seconds: float = IDLE_SECONDS) -> None:
        self.most = most
        self._spec = spec
        self._idle_seconds = idle_seconds
        self._all: list[RendererProcess] = []
        self._idle: list[RendererProcess] = []
        self._waiting: list[_Waiting] = []
        self._turns: dict[int, int] = {}  # when documents last had a renderer, as a number
        self._numbers = itertools.count(1)
        self._restarts: Counter[str] = Counter()
        self._runs: set[asyncio.Task[Reply]] = set()
        self._leaving: set[RendererProcess] = set()
        self._ending: asyncio.TimerHandle | None = None
        self._closed = False

    def prepare(self) -> None:
        """Start a renderer if there is none: a document is coming."""
        if not self._all and not self._closed:
            self._idle.append(self._started())
            self._end_idle_later()

    async def open(self, document: DocumentFile) -> int:
        """Open a document; how many pages it has. A DocumentError if it cannot be opened."""
        reply = await self._reply(
            document, Open(document.number, document.kind, document.password), "the document"
        )
        if not isinstance(reply, Opened):
            raise _error(reply)
        return reply.pages

    async def read_page(self, document: DocumentFile, asked: ReadPage) -> PageImage | PageText:
        """A page; PageFailed, PageTimeout, or an ImageError."""
        reply = await self._reply(document, asked, f"page {asked.page}")
        if not isinstance(reply, PageImage | PageText):
            raise _error(reply)
        return reply

    def forget(self, document: DocumentFile) -> None:
        """Close a document wherever it is open."""
        self._turns.pop(document.number, None)
        for renderer in self._all:
            renderer.close_document(document.number)

    def stats(self) -> RenderingStats:
        """Figures for metrics and /healthz."""
        return RenderingStats(
            [
                RendererStats(
                    each.pid,
                    "starting" if not each.ready else "busy" if each.busy else "idle",
                    each.pages_done,
                    each.rss_mb,
                )
                for each in self._all
            ],
            dict(self._restarts),
            len(self._waiting),
        )

    async def close(self) -> None:
        """End all renderers; requests that wait end with PoolDraining."""
        self._closed = True
        if self._ending is not None:
            self._ending.cancel()
        for waiting in self._waiting:
            waiting.renderer.cancel()
        for renderer in (*self._all, *self._leaving):
            renderer.kill(ExitReason.SHUTDOWN, "shutdown")
        deadline = asyncio.get_running_loop().time() + CLOSE_SECONDS
        while (self._all or self._leaving) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    async def _reply(self, document: DocumentFile, request: Open | ReadPage, what: str) -> Reply:
        """The renderer's answer. what: the page or the document, for messages.

        A renderer that was killed from outside is not the document's fault: then another one tries.
        """
        for attempt in range(1, MOST_ATTEMPTS + 1):
            renderer = await self._renderer(document)
            run = asyncio.ensure_future(self._run(renderer, document, request))
            self._runs.add(run)
            run.add_done_callback(self._run_ended)
            try:
                return await asyncio.shield(run)
            except RendererLost as lost:
                if lost.ended.reason is ExitReason.SHUTDOWN:
                    raise PoolDraining("the server is stopping") from None
                if attempt == MOST_ATTEMPTS or _is_at_fault(lost.ended):
                    raise self._lost(lost.ended, request, what) from None
        raise AssertionError("the last attempt returns or raises")

    async def _run(
        self, renderer: RendererProcess, document: DocumentFile, request: Open | ReadPage
    ) -> Reply:
        """Have a renderer do this; it is free again afterwards, also if nobody waits any more."""
        self._turns[document.number] = next(self._numbers)
        try:
            return await renderer.run(document, request)
        finally:
            if renderer in self._all:
                self._free(renderer)

    def _run_ended(self, run: asyncio.Task[Reply]) -> None:
        self._runs.discard(run)
        if not run.cancelled():
            run.exception()  # mark it as retrieved: perhaps nobody waits for it any more

    async def _renderer(self, document: DocumentFile) -> RendererProcess:
        """A free renderer, preferably one that has the document open; waits if all are busy."""
        if self._closed:
            raise PoolDraining("the server is stopping")
        if self._idle:
            chosen = next((each for each in self._idle if each.has_open(document)), self._idle[0])
            self._idle.remove(chosen)
            return chosen
        if len(self._all) < self.most:
            return self._started()
        waiting = _Waiting(document, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            return await waiting.renderer
        except asyncio.CancelledError:
            if self._closed and not _is_cancelled():
                raise PoolDraining("the server is stopping") from None
            renderer = waiting.renderer
            if renderer.done() and not renderer.cancelled():  # it came together with the end
                self._free(renderer.result())
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def _free(self, renderer: RendererProcess) -> None:
        """Give a renderer to whoever is next: the document whose last turn was longest ago."""
        waiting = [each for each in self._waiting if not each.renderer.done()]
        if waiting:
            chosen = min(waiting, key=lambda each: self._turns.get(each.document.number, 0))
            self._waiting.remove(chosen)
            chosen.renderer.set_result(renderer)
            return
        self._idle.append(renderer)
        self._end_idle_later()

    def _started(self) -> RendererProcess:
        renderer = RendererProcess(self._spec, self._on_exit)
        self._all.append(renderer)
        renderer.start()
        return renderer

    def _on_exit(self, renderer: RendererProcess, ended: WorkerExit) -> None:
        if renderer in self._leaving:
            self._leaving.remove(renderer)
            return
        self._all.remove(renderer)
        if renderer in self._idle:
            self._idle.remove(renderer)
        if ended.reason is ExitReason.SHUTDOWN:
            return
        self._restarts[ended.label] += 1
        log.warning("renderer %s %s", renderer.pid, ended.detail)
        if self._waiting and not self._closed:
            self._free(self._started())

    def _end_idle_later(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(self._idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        """Let all renderers leave that have nothing to do."""
        for renderer in self._idle:
            self._all.remove(renderer)
            self._leaving.add(renderer)
            renderer.stop()
        self._idle.clear()

    def _lost(self, ended: WorkerExit, request: Open | ReadPage, what: str) -> EngineError:
        """The error for a request that ended its renderer."""
        opens = isinstance(request, Open)
        if _is_overdue(ended):
            done = "opened" if opens else "drawn"
            return PageTimeout(f"{what} was not {done} within {self._spec.page_seconds:g} s")
        if ended.reason is ExitReason.NOT_STARTED:
            return RecognitionFailed("no renderer can be started; the server's log has the reason")
        reason = f"{what} cannot be {'opened' if opens else 'drawn'}"
        broken = DocumentBroken if opens else PageKillsRenderers
        return broken(f"{reason}: it is broken, or needs too much memory")


def _error(reply: Reply) -> EngineError:
    """The error that a renderer has reported."""
    if not isinstance(reply, Failed):
        return RecognitionFailed("a renderer has answered something else")
    known: Mapping[str, type[EngineError]] = {**DOCUMENT_ERRORS, **IMAGE_ERRORS}
    return known.get(reply.code, PageFailed)(reply.message)


def _is_overdue(ended: WorkerExit) -> bool:
    return ended.reason is ExitReason.DEADLINE or ended.signal == "SIGXCPU"


def _is_at_fault(ended: WorkerExit) -> bool:
    """Whether the document has ended its renderer."""
    return ended.self_inflicted or _is_overdue(ended)


def _is_cancelled() -> bool:
    """Whether the current task is being cancelled itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

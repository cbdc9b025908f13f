"""Recognizes pages of documents with renderers and workers of this command, without a server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine, Sequence
from pathlib import Path
from typing import Any

from cache.keys import ImageHasher
from cache.stored_result import StoredResult
from ocr_cli.recognize.reader import DocumentInput, Outline, OutputOptions, ReadingError
from ocr_cli.recognize.slots import Slots
from ocr_engine.documents.document import DocumentFile
from ocr_engine.documents.renderers import Renderers
from ocr_engine.engine import Engine
from ocr_engine.errors import EngineError, PageFailed, PageKillsRenderers, PageTimeout
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition
from server.documents.open_document import OpenDocument
from server.documents.page_source import DocumentPage
from server.errors import ServiceError
from server.formats.pages import PageProblem, PageResult
from server.formats.stored import encode_result
from server.intake.page_list import chosen_pages
from server.intake.request import SourceFile

MOST_LOST = 10  # pages in a row that end their renderers, after which no more are drawn
_BLOCK_BYTES = 1 << 20


class LocalPages:
    """Draws pages and has them recognized, those of earlier documents first.

    at_once: how many pages are drawn, or wait, or are being read. max_pixels: of a page.
    """

    def __init__(
        self,
        engine: Engine,
        renderers: Renderers,
        options: RecognitionOptions,
        output_options: OutputOptions,
        at_once: int,
        max_pixels: int,
    ) -> None:
        self._engine = engine
        self._renderers = renderers
        self._options = options
        self._choices = output_options.document
        self._slots = Slots(at_once)
        self._max_pixels = max_pixels

    async def pages(self, document: DocumentInput) -> AsyncGenerator[Outline | PageResult, None]:
        """See Reader."""
        file = await asyncio.to_thread(_opened, document.path)
        opened = DocumentFile(file.descriptor, document.kind, self._choices.password)
        try:
            count = await self._renderers.open(opened)
            wanted = chosen_pages(self._choices.pages, count)
        except (EngineError, ServiceError) as error:
            raise ReadingError(error.code, error.message) from None
        yield Outline(count, wanted, file.digests.md5)
        source = OpenDocument(
            opened, file.digests, file.size, count, wanted, self._choices, file.changed_at
        )
        missing = [page for page in wanted if page not in document.done]
        reading = _DocumentReading(self, source, document.place)
        try:
            reading.begin(missing)
            for _ in missing:
                yield await reading.next()
                reading.taken()
        finally:
            await reading.close()
            self._renderers.forget(opened)

    async def take_slot(self, place: int, page: int) -> None:
        """Wait until a page may be drawn."""
        await self._slots.take((place, page))

    def give_back_slot(self) -> None:
        """A page has been read, and its result taken."""
        self._slots.give_back()

    async def read(self, document: OpenDocument, page: int) -> StoredResult:
        """Draw and recognize a page, or take its text; EngineError if it fails."""
        granularity = self._options.granularity
        source = DocumentPage(
            document, page, self._renderers, self._max_pixels, granularity, _at_once
        )
        image = await source.read("")
        recognition = image.recognition
        if recognition is None:
            found = await self._engine.submit(image.data, self._options).future
            assert isinstance(found, Recognition), "the workers are those of this process"
            recognition = found
        return await encode_result(recognition, self._options.shown_score, image.artifacts)


class _DocumentReading:
    """The pages of one document that are being read."""

    def __init__(self, pages: LocalPages, document: OpenDocument, place: int) -> None:
        self._pages = pages
        self._document = document
        self._place = place
        self._done: asyncio.Queue[PageResult | Exception] = asyncio.Queue()
        self._work: set[asyncio.Task[None]] = set()
        self._slots = 0
        self._lost = 0

    def begin(self, pages: Sequence[int]) -> None:
        """Read these pages, a few at a time."""
        self._start(self._begin(pages))

    async def next(self) -> PageResult:
        """The next page that is ready."""
        done = await self._done.get()
        if isinstance(done, Exception):
            raise done
        return done

    def taken(self) -> None:
        """The page has been stored, so that another one may be drawn."""
        self._slots -= 1
        self._pages.give_back_slot()

    async def close(self) -> None:
        """Drop all work."""
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)
        while self._slots:
            self.taken()

    async def _begin(self, pages: Sequence[int]) -> None:
        for page in pages:
            await self._pages.take_slot(self._place, page)
            self._slots += 1
            self._start(self._read(page))

    async def _read(self, page: int) -> None:
        try:
            if self._lost >= MOST_LOST:
                raise PageFailed(f"not drawn, as {MOST_LOST} pages in a row could not be drawn")
            done = PageResult(page, await self._pages.read(self._document, page))
            self._lost = 0
        except (EngineError, ServiceError) as error:
            self._lost += isinstance(error, PageKillsRenderers | PageTimeout)
            problem = PageProblem(code=error.code, message=error.message)
            done = PageResult(page, problem=problem)
        self._done.put_nowait(done)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            assert isinstance(error, Exception)
            self._done.put_nowait(error)


def _opened(path: Path) -> SourceFile:
    """The file, hashed; blocks."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        hasher = ImageHasher()
        place = 0
        while block := os.pread(descriptor, _BLOCK_BYTES, place):
            hasher.update(block)
            place += len(block)
    except BaseException:
        os.close(descriptor)
        raise
    return SourceFile(descriptor, status.st_size, hasher.digests(), status.st_ctime_ns)


async def _at_once() -> None:
    """Pages need not wait for their turn: slots see to that."""

"""Reads one document page by page, and writes it in its formats.

Only the pages in work are in memory: those that are done are in a file (pages_file.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.pages_file import PagesFile
from ocr_cli.recognize.reader import DocumentInput, Outline, OutputOptions, Reader, ReadingError
from ocr_cli.recognize.rendering import rendered_document
from ocr_engine.errors import DocumentEncrypted, EngineError
from server.errors import ServiceError
from server.formats.pages import DocumentFacts, PageProblem, PageResult, facts_of
from server.formats.pdf.order import RecognizedPage
from server.formats.registry import OUTPUT_FORMATS

PASSWORD_HINT = (
    "the document is encrypted; give its password with --password, or with --password-file FILE"
)


class DocumentWork:
    """One document. when_ready: is called with its outline, and with each page.

    problems: pages that have no result, and why. failed: formats that could not be written.
    changes: what a format could not have of the document.
    """

    def __init__(
        self,
        file: InputFile,
        document: DocumentInput,
        store: PagesFile,
        reader: Reader,
        output_options: OutputOptions,
        when_ready: Callable[[Outline | PageResult], None],
    ) -> None:
        self.problems: dict[int, PageProblem] = {}
        self.failed: dict[str, EngineError | ServiceError] = {}
        self.changes: list[str] = []
        self._file = file
        self._document = document
        self._store = store
        self._reader = reader
        self._output_options = output_options
        self._when_ready = when_ready
        self._outline: Outline | None = None
        self._news = asyncio.Event()
        self._began = time.perf_counter()

    async def run(self, targets: Mapping[str, Path]) -> None:
        """Read it, and write these formats there.

        ReadingError as soon as there is nothing that can be written.
        """
        writing: list[asyncio.Future[None]] = []
        try:
            for format, path in targets.items():
                if OUTPUT_FORMATS[format].pdf_mode is not None:
                    opened = asyncio.Event()
                    writing.append(asyncio.ensure_future(self._write_pdf(format, path, opened)))
                    await opened.wait()
            await self._read(targets)
            await asyncio.gather(*writing)
            for format, path in targets.items():
                if OUTPUT_FORMATS[format].pdf_mode is None:
                    await asyncio.to_thread(self._write, format, path)
            self._check(targets)
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    def _check(self, targets: Mapping[str, Path]) -> None:
        """ReadingError if all formats have failed."""
        if len(self.failed) == len(targets):
            error = next(iter(self.failed.values()))
            raise ReadingError(error.code, error.message)

    async def _read(self, targets: Mapping[str, Path]) -> None:
        """Read what is missing; ReadingError if no page has a result."""
        self._check(targets)
        try:
            async with aclosing(self._reader.pages(self._document)) as events:
                async for event in events:
                    await self._take(event)
                    self._check(targets)
        except ReadingError as error:
            is_locked = error.code == DocumentEncrypted.code
            if is_locked and not self._output_options.document.password:
                raise ReadingError(error.code, PASSWORD_HINT) from None
            raise
        assert self._outline is not None, "a reader yields the outline first"
        if len(self.problems) == len(self._outline.pages):
            problem = self.problems[self._outline.pages[0]]
            raise ReadingError(problem["code"], problem["message"])

    async def _take(self, event: Outline | PageResult) -> None:
        if isinstance(event, Outline):
            await asyncio.to_thread(self._store.describe, event.page_count, event.md5)
            self._outline = event
        elif event.result is not None:
            await asyncio.to_thread(self._store.add, event.page, event.result)
        elif event.problem is not None:
            self.problems[event.page] = event.problem
        self._when_ready(event)
        self._news.set()
        self._news = asyncio.Event()

    async def _write_pdf(self, format: str, target: Path, opened: asyncio.Event) -> None:
        """Write a PDF while pages are read. opened: is set when its source is open, or has failed.

        So a document that cannot be written again fails before it is read.
        """
        from server.formats.pdf.process import write_pdf

        make_mode = OUTPUT_FORMATS[format].pdf_mode
        assert make_mode is not None
        mode = make_mode(self._output_options.rendering)
        try:
            pages = self._recognized(opened)
            written = await write_pdf(self._document.path, pages, mode, target)
            self.changes += written.changes
        except (EngineError, ServiceError) as error:
            self.failed[format] = error
        finally:
            opened.set()

    async def _recognized(self, opened: asyncio.Event) -> AsyncIterator[RecognizedPage]:
        """The pages that were read, in order; a page with text of its own keeps that."""
        opened.set()
        while self._outline is None:
            await self._news.wait()
        for page in self._outline.pages:
            while not (self._store.has(page) or page in self.problems):
                await self._news.wait()
            if page in self.problems:
                continue
            result = await asyncio.to_thread(self._store.result, page)
            if facts_of(result)["source"] == "ocr":
                yield RecognizedPage(page, result)

    def _write(self, format: str, target: Path) -> None:
        assert self._outline is not None
        outline = self._outline
        facts = DocumentFacts(
            kind=self._document.kind,
            page_count=outline.page_count,
            pages=len(outline.pages),
            failed=len(self.problems),
            md5=outline.md5,
            request_id="",
            elapsed_ms=(time.perf_counter() - self._began) * 1000,
        )
        rendering = replace(self._output_options.rendering, format=format)
        with target.open("wb") as stream:
            for part in rendered_document(format, self._file, self._pages(), rendering, facts):
                stream.write(part)

    def _pages(self) -> Iterator[PageResult]:
        assert self._outline is not None
        for page in self._outline.pages:
            if page in self.problems:
                yield PageResult(page, problem=self.problems[page])
            else:
                yield PageResult(page, self._store.result(page))

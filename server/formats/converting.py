"""Formats that are written from the image or document again, in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from ocr_engine.errors import QueueTimeout
from server.blobs.unnamed_file import UnnamedFile, unnamed_file
from server.errors import BadField
from server.formats.answer import Answer
from server.formats.pages import PageResult, facts_of
from server.formats.pdf.order import RecognizedPage
from server.formats.registry import OUTPUT_FORMATS
from server.formats.rendering import Rendering


@dataclass(frozen=True, slots=True)
class ConvertedDocument:
    """A document that was written. changes: what the format could not have of it.

    failed: the pages without a result.
    """

    file: UnnamedFile
    media_type: str
    changes: tuple[str, ...]
    failed: tuple[int, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return self.file.size


class Converter:
    """Converts answers to such formats. at_once: how many; documents: how many more of these."""

    def __init__(self, at_once: int, documents: int = 1) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._documents = asyncio.Semaphore(documents)

    async def converted(self, answer: Answer, rendering: Rendering) -> Answer:
        """The answer as its format needs it; itself for most formats.

        BadField if the image is needed and not there; the errors of the conversion.
        """
        row = OUTPUT_FORMATS[rendering.format]
        if row.convert is None:
            return answer
        if answer.image is None:
            raise BadField(
                f"format = {row.name}: it is made of the image, which is not kept with this "
                f"result; send the image with format={row.name}"
            )
        async with self._turns:
            return await row.convert(answer, rendering)

    async def check_document(self, source: int, rendering: Rendering) -> None:
        """The error if a document (a descriptor) cannot be converted to its format."""
        if OUTPUT_FORMATS[rendering.format].pdf_mode is not None:
            from server.formats.pdf.process import check_source

            async with self._turns:
                await check_source(source)

    async def converted_document(
        self,
        source: int,
        pages: AsyncIterator[PageResult],
        rendering: Rendering,
        seconds: float | None = None,
    ) -> ConvertedDocument:
        """A document (a descriptor) in a format that is converted, with the text of these pages.

        No page is asked for before the document is accepted. A page without a result, and one whose
        result is its own text, stays as it is. seconds: how long it may wait for its turn;
        QueueTimeout.
        """
        from server.formats.pdf.process import write_pdf

        row = OUTPUT_FORMATS[rendering.format]
        assert row.pdf_mode is not None, "the caller sees to that"
        mode = row.pdf_mode(rendering)
        failed: list[int] = []

        async def recognized() -> AsyncGenerator[RecognizedPage, None]:
            async for page in pages:
                result = page.result
                if result is None:
                    failed.append(page.page)
                elif facts_of(result)["source"] == "text_layer":
                    result = None
                yield RecognizedPage(page.page, result)

        async with self._turn_of_document(seconds):
            file = await unnamed_file()
            async with contextlib.aclosing(recognized()) as given:
                made = await write_pdf(source, given, mode, file.descriptor)
        return ConvertedDocument(file, row.media_type, made.changes, tuple(failed))

    @contextlib.asynccontextmanager
    async def _turn_of_document(self, seconds: float | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                await self._documents.acquire()
        except TimeoutError:
            raise QueueTimeout("the time of the request is over") from None
        try:
            yield
        finally:
            self._documents.release()

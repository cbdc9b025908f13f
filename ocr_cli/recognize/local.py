"""Recognizes images with worker processes of this command, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import TYPE_CHECKING

from cache.keys import digest
from ocr_cli.recognize.reader import (
    DocumentInput,
    ImageReading,
    Outline,
    OutputOptions,
    ReaderUnavailable,
    ReadingError,
)
from ocr_engine.cores import usable_cores
from ocr_engine.engine import Engine
from ocr_engine.errors import EngineError
from ocr_engine.result import Recognition
from server.formats.pages import PageResult
from server.formats.stored import arranged
from server.intake.request_fields import parse_options
from server.settings.engine import build_engine, default_options, engine_settings
from server.settings.named_sets import find_set
from server.settings.settings import Settings

if TYPE_CHECKING:
    from ocr_cli.recognize.local_pages import LocalPages
    from ocr_engine.documents.renderers import Renderers

IMAGES_PER_WORKER = 3  # one being recognized, one waiting, one being read or written
PAGES_PER_WORKER = 2  # one being recognized, one being drawn or waiting
PATIENCE_SECONDS = 3600.0


class InProcessReader:
    """Recognizes images in a worker pool; see Reader."""

    def __init__(self, settings: Settings, output_options: OutputOptions) -> None:
        self._settings = settings
        self._output_options = output_options
        self._engine: Engine | None = None
        self._renderers: Renderers | None = None
        self._pages: LocalPages | None = None
        self.fingerprint = ""
        self.concurrency = 1

    async def probe(self) -> None:
        """Find the models; BadField for an invalid option, ModelError for missing models."""
        asked = self._output_options
        options = parse_options(asked.options, default_options(self._settings))
        if asked.rendering.drop_score is not None:
            options = replace(options, shown_score=asked.rendering.drop_score)
        self._options = replace(options, draw=asked.drawing)
        named = find_set(self._settings, options.models) if options.models else None
        engine = engine_settings(self._settings, named)
        self.fingerprint = f"{engine.fingerprint()} {options.fingerprint()}"

    async def start(self, images: int) -> None:
        """Start at most one worker per image; ReaderUnavailable if none can load the models.

        Each image uses one core. Idle cores could help with the last few images, but only if models
        were compiled for that before the first image, which takes longer than it saves.
        """
        ocr = self._settings.ocr
        number = min(images, ocr.process.number or usable_cores())
        process = replace(
            ocr.process,
            number=number,
            spares=0,
            idle_cores=False,
            queue_size=10**6,
            queue_timeout_seconds=PATIENCE_SECONDS,
        )
        self._engine = build_engine(replace(self._settings, ocr=replace(ocr, process=process)))
        self.concurrency = IMAGES_PER_WORKER * number
        self._engine.start()
        failure = asyncio.ensure_future(self._engine.failure())
        while not self._engine.ready():
            await asyncio.wait((failure,), timeout=0.02)
            if failure.done():
                raise ReaderUnavailable(failure.result())
        failure.cancel()

    async def read(self, image: bytes) -> ImageReading:
        """Recognize an image in a worker; ReadingError if it fails."""
        assert self._engine is not None, "start() must be called first"
        try:
            recognition = await self._engine.submit(image, self._options).future
        except EngineError as error:
            raise ReadingError(error.code, error.message) from None
        assert isinstance(recognition, Recognition), "the workers are those of this process"
        digests = await asyncio.to_thread(digest, image)
        seconds = sum(each for stage, each in recognition.stages.items() if stage != "queue")
        milliseconds = round(seconds * 1000, 1)
        document = arranged(recognition.result, self._options.shown_score, None)
        return ImageReading(document, digests.md5, milliseconds, recognition.drawing)

    def pages(self, document: DocumentInput) -> AsyncGenerator[Outline | PageResult, None]:
        """See Reader."""
        if self._pages is None:
            self._pages = self._local_pages()
        return self._pages.pages(document)

    async def close(self) -> None:
        """Stop the workers and the renderers."""
        if self._renderers is not None:
            await self._renderers.close()
        if self._engine is not None:
            await self._engine.close()

    def _local_pages(self) -> LocalPages:
        """Imported and started when the first document comes."""
        from ocr_cli.recognize.local_pages import LocalPages
        from ocr_engine.documents.renderers import Renderers
        from ocr_engine.documents.spec import RendererSpec

        assert self._engine is not None, "start() must be called first"
        asked = self._settings.documents
        spec = RendererSpec(asked.page_seconds, asked.memory_mb)
        self._renderers = Renderers(spec, asked.renderers or usable_cores())
        return LocalPages(
            self._engine,
            self._renderers,
            replace(self._options, draw=False),
            self._output_options,
            PAGES_PER_WORKER * self._engine.capacity,
            self._settings.ocr.max_pixels,
        )

"""Reads with workers of this process, as the server does, but without HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cache.keys import digest
from ocr_cli.recognize.reader import ImageReading, ReaderGone, ReadingError, Wanted
from ocr_engine.cores import usable_cores
from ocr_engine.engine import Engine
from ocr_engine.errors import EngineError
from server.intake.request_fields import parse_options
from server.settings.engine import build_engine, default_options, engine_settings
from server.settings.settings import Settings

IMAGES_PER_WORKER = 3  # one is read, one waits, one is on its way from or to the disk
PATIENCE_SECONDS = 3600.0


class InProcessReader:
    """A pool of workers; see Reader."""

    def __init__(self, settings: Settings, wanted: Wanted) -> None:
        self._settings = settings
        self._wanted = wanted
        self._engine: Engine | None = None
        self.fingerprint = ""
        self.at_once = 1

    async def look(self) -> None:
        """Find the models; BadField for an option that is wrong, ModelError for a model."""
        options = parse_options(self._wanted.options, default_options(self._settings))
        self._options = replace(options, draw=self._wanted.drawing)
        engine = engine_settings(self._settings)
        self.fingerprint = f"{engine.fingerprint()} {options.fingerprint()}"

    async def start(self, images: int) -> None:
        """Load the models in no more workers than there are images; ReaderGone if none can.

        Each image has one core: what idle ones would give to the last few images is less than
        what their compilations take at the start.
        """
        ocr = self._settings.ocr
        number = min(images, ocr.process.number or usable_cores())
        process = replace(
            ocr.process,
            number=number,
            idle_cores=False,
            queue_size=10**6,
            queue_timeout_seconds=PATIENCE_SECONDS,
        )
        self._engine = build_engine(replace(self._settings, ocr=replace(ocr, process=process)))
        self.at_once = IMAGES_PER_WORKER * number
        self._engine.start()
        failure = asyncio.ensure_future(self._engine.failure())
        while not self._engine.ready():
            await asyncio.wait((failure,), timeout=0.02)
            if failure.done():
                raise ReaderGone(failure.result())
        failure.cancel()

    async def read(self, image: bytes) -> ImageReading:
        """Read it in a worker; ReadingError says why not."""
        assert self._engine is not None, "start() comes first"
        try:
            recognition = await self._engine.submit(image, self._options).future
        except EngineError as error:
            raise ReadingError(error.code, error.message) from None
        digests = await asyncio.to_thread(digest, image)
        seconds = sum(each for stage, each in recognition.stages.items() if stage != "queue")
        milliseconds = round(seconds * 1000, 1)
        return ImageReading(recognition.result, digests.md5, milliseconds, recognition.drawing)

    async def close(self) -> None:
        """End the workers."""
        if self._engine is not None:
            await self._engine.close()

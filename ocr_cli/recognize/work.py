"""Reads, recognizes and writes many images concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_cli.recognize.images import ImageFile
from ocr_cli.recognize.reader import (
    ImageReading,
    OutputOptions,
    Reader,
    ReaderUnavailable,
    ReadingError,
)
from ocr_cli.recognize.rendering import line_of_json, rendered
from ocr_cli.recognize.results import OrderedOutput, Origin, ResultFolder
from ocr_client.progress import Progress, clock_time
from ocr_engine.cores import usable_cores
from ocr_engine.errors import EngineError
from ocr_engine.result_json import with_blocks
from server.errors import ServiceError
from server.formats.answer import Answer
from server.formats.converting import Converter
from server.formats.json_text import dump
from server.formats.registry import OUTPUT_FORMATS, needs_image


@dataclass(slots=True)
class Failure:
    """An image that failed, and why."""

    image: ImageFile
    code: str
    message: str


@dataclass(slots=True)
class Outcome:
    """The progress of a run; seconds: recognition time, without loading the models.

    changes: what a format could not have of an image.
    """

    total: int
    read: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    changes: list[tuple[ImageFile, str]] = field(default_factory=list)
    seconds: float = 0.0
    unavailable: str = ""

    @property
    def done(self) -> int:
        """How many images were recognized or failed."""
        return self.read + len(self.failures)


class Work:
    """Recognizes the images with a started Reader; `outcome` has the progress."""

    def __init__(
        self,
        images: Sequence[ImageFile],
        reader: Reader,
        output_options: OutputOptions,
        output: ResultFolder | OrderedOutput,
        progress: Progress | None,
    ) -> None:
        self.outcome = Outcome(total=len(images))
        self._todo: Iterator[tuple[int, ImageFile]] = enumerate(images)
        self._has_heads = len(images) > 1
        self._reader = reader
        self._output_options = output_options
        self._format = output_options.formats[0]
        self._output = output
        self._converter = Converter(usable_cores())
        self._progress = progress
        self._began = time.perf_counter()

    async def run(self) -> None:
        """Process all images; stops early if the reader is unavailable, see outcome."""
        self._began = time.perf_counter()
        tasks = [
            asyncio.ensure_future(self._process_images()) for _ in range(self._reader.concurrency)
        ]
        try:
            await asyncio.gather(*tasks)
        except ReaderUnavailable as error:
            self.outcome.unavailable = str(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.outcome.seconds = time.perf_counter() - self._began
            if self._progress is not None:
                self._progress.clear()

    async def _process_images(self) -> None:
        """Process images one at a time; files are read and written in threads."""
        for place, image in self._todo:
            self._show()
            try:
                await self._one(place, image)
                self.outcome.read += 1
            except ReadingError as error:
                self._fail(place, image, error.code, error.message)
            except BrokenPipeError:  # nobody reads standard output any more
                raise
            except OSError as error:
                message = f"{error.strerror}: {error.filename or image.display_name}"
                self._fail(place, image, "file_error", message)
            self._show()

    async def _one(self, place: int, image: ImageFile) -> None:
        if isinstance(self._output, OrderedOutput):
            reading = await self._recognize(image)
            content = await asyncio.to_thread(self._rendered, self._format, image, reading)
            self._print(place, self._head(image) + content)
            return
        origin = await asyncio.to_thread(self._output.origin, image)
        reading = await self._recognize(image)
        await asyncio.to_thread(self._write, self._output, image, origin, reading)

    async def _recognize(self, image: ImageFile) -> ImageReading:
        data = await asyncio.to_thread(image.read)
        if not data:
            raise ReadingError("missing_file", "the file is empty")
        reading = await self._reader.read(data)
        if not needs_image(self._format):
            return reading
        reading = await self._converted(data, reading)
        self.outcome.changes += ((image, change) for change in reading.changes)
        return reading

    async def _converted(self, image: bytes, reading: ImageReading) -> ImageReading:
        """The reading with its image in the output format."""
        result = StoredResult(dump(with_blocks(reading.document)))
        answer = Answer(result, Digests(reading.md5, ""), image=image)
        try:
            answer = await self._converter.converted(answer, self._output_options.rendering)
        except (EngineError, ServiceError) as error:
            raise ReadingError(error.code, error.message) from None
        converted = answer.result.artifacts[OUTPUT_FORMATS[self._format].media_type]
        return replace(reading, converted=converted, changes=answer.changes)

    def _write(
        self, folder: ResultFolder, image: ImageFile, origin: Origin, reading: ImageReading
    ) -> None:
        outputs = {
            each: self._rendered(each, image, reading) for each in self._output_options.formats
        }
        folder.write(image, origin, outputs)

    def _rendered(self, format: str, image: ImageFile, reading: ImageReading) -> bytes:
        return rendered(format, image, reading, self._output_options.rendering)

    def _head(self, image: ImageFile) -> bytes:
        """A line with the image's name before its text, if there are several images."""
        if not self._has_heads or self._format != "text":
            return b""
        return f"==> {image.display_name} <==\n".encode("utf-8", "surrogateescape")

    def _fail(self, place: int, image: ImageFile, code: str, message: str) -> None:
        self.outcome.failures.append(Failure(image, code, message))
        if isinstance(self._output, OrderedOutput):
            error = {"status": "error", "error": {"code": code, "message": message}}
            self._print(place, line_of_json(image, error) if self._format == "json" else b"")

    def _print(self, place: int, content: bytes) -> None:
        assert isinstance(self._output, OrderedOutput)
        if self._progress is not None:
            self._progress.clear()
        self._output.put(place, content)

    def _show(self) -> None:
        if self._progress is None:
            return
        outcome = self.outcome
        elapsed = time.perf_counter() - self._began
        rate = outcome.done / elapsed if elapsed else 0.0
        note = f"{outcome.done}/{outcome.total}  {rate:.2f} images/s"
        if outcome.failures:
            note += f"  {len(outcome.failures)} failed"
        if outcome.done and outcome.done < outcome.total:
            note += f"  ETA {clock_time((outcome.total - outcome.done) / rate)}"
        self._progress.show(outcome.done / outcome.total, note)

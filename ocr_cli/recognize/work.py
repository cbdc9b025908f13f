"""Reads, recognizes and writes many images and documents concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from cache.keys import Digests
from cache.stored_result import StoredResult
from ocr_cli.recognize.documents import Documents
from ocr_cli.recognize.inputs import InputFile
from ocr_cli.recognize.origin import Origin
from ocr_cli.recognize.outcome import Failure, Outcome
from ocr_cli.recognize.reader import (
    ImageReading,
    OutputOptions,
    Reader,
    ReaderUnavailable,
    ReadingError,
)
from ocr_cli.recognize.rendering import line_of_json, rendered
from ocr_cli.recognize.results import OrderedOutput, Results, write_results
from ocr_cli.recognize.run_progress import RunProgress
from ocr_engine.cores import usable_cores
from ocr_engine.errors import EngineError
from ocr_engine.result_json import with_blocks
from server.errors import BadPages, ServiceError
from server.formats.answer import Answer
from server.formats.converting import Converter
from server.formats.json_text import dump
from server.formats.registry import OUTPUT_FORMATS, needs_image
from server.intake.page_list import chosen_pages

_BLOCK_BYTES = 1 << 20


class Work:
    """Recognizes the files with a started Reader; `outcome` has the progress.

    again: read pages again that an interrupted run has read.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        reader: Reader,
        output_options: OutputOptions,
        output: Results | OrderedOutput,
        outcome: Outcome,
        progress: RunProgress,
        again: bool,
    ) -> None:
        self.outcome = outcome
        self._todo: Iterator[tuple[int, InputFile]] = enumerate(files)
        self._has_heads = len(files) > 1
        self._reader = reader
        self._output_options = output_options
        self._output = output
        self._converter = Converter(usable_cores())
        self._documents = Documents(reader, output_options, outcome, progress, again)
        self._documents_at_once = asyncio.Semaphore(max(2, reader.concurrency // 2))
        self._progress = progress
        self._began = time.perf_counter()

    async def run(self) -> None:
        """Process all files; stops early if the reader is unavailable, see outcome."""
        self._began = time.perf_counter()
        tasks = [asyncio.ensure_future(self._process()) for _ in range(self._reader.concurrency)]
        try:
            await asyncio.gather(*tasks)
        except ReaderUnavailable as error:
            self.outcome.unavailable = str(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.outcome.seconds = time.perf_counter() - self._began
            self._progress.clear()

    async def _process(self) -> None:
        """Process files one at a time; they are read and written in threads."""
        for place, file in self._todo:
            self._progress.show()
            try:
                if await asyncio.to_thread(self._is_document, file):
                    async with self._documents_at_once:
                        await self._document(place, file)
                else:
                    await self._image(place, file)
                    self.outcome.pages += 1
                self.outcome.read += 1
            except ReadingError as error:
                self._fail(place, file, error.code, error.message)
            except BrokenPipeError:  # nobody reads standard output any more
                raise
            except OSError as error:
                message = f"{error.strerror}: {error.filename or file.display_name}"
                self._fail(place, file, "file_error", message)
            self._progress.ended(place, file)
            self._progress.show()

    async def _document(self, place: int, file: InputFile) -> None:
        if isinstance(self._output, OrderedOutput):
            content = await self._documents.to_print(place, file)
            self._print(place, _parts(self._head(file), content))
        else:
            await self._documents.to_files(self._output, place, file)

    async def _image(self, place: int, image: InputFile) -> None:
        formats = self._output_options.formats
        if isinstance(self._output, OrderedOutput):
            reading = await self._recognize(image)
            content = await asyncio.to_thread(self._rendered, formats[0], image, reading)
            self._print(place, (self._head(image), content))
            return
        origin = await asyncio.to_thread(self._output.origins.of_result, image)
        reading = await self._recognize(image)
        await asyncio.to_thread(self._write, self._output, image, origin, reading)

    async def _recognize(self, image: InputFile) -> ImageReading:
        data = await asyncio.to_thread(image.read)
        if not data:
            raise ReadingError("missing_file", "the file is empty")
        try:
            chosen_pages(self._output_options.document.pages, 1)
        except BadPages as error:
            raise ReadingError(error.code, error.message) from None
        reading = await self._reader.read(data)
        for format in filter(needs_image, self._output_options.formats):
            reading = await self._converted(format, data, reading)
        self.outcome.changes += ((image, change) for change in reading.changes)
        return reading

    async def _converted(self, format: str, image: bytes, reading: ImageReading) -> ImageReading:
        """The reading with its image in this format, too."""
        result = StoredResult(dump(with_blocks(reading.document)))
        answer = Answer(result, Digests(reading.md5, ""), image=image)
        rendering = replace(self._output_options.rendering, format=format)
        try:
            answer = await self._converter.converted(answer, rendering)
        except (EngineError, ServiceError) as error:
            raise ReadingError(error.code, error.message) from None
        converted = answer.result.artifacts[OUTPUT_FORMATS[format].media_type]
        return replace(
            reading,
            converted={**reading.converted, format: converted},
            changes=(*reading.changes, *answer.changes),
        )

    def _write(
        self, results: Results, image: InputFile, origin: Origin, reading: ImageReading
    ) -> None:
        formats = self._output_options.formats
        outputs = {each: self._rendered(each, image, reading) for each in formats}
        write_results(results, image, origin, outputs)

    def _is_document(self, file: InputFile) -> bool:
        return file.document_kind is not None

    def _rendered(self, format: str, image: InputFile, reading: ImageReading) -> bytes:
        return rendered(format, image, reading, self._output_options.rendering)

    def _head(self, file: InputFile) -> bytes:
        """A line with the file's name before its text, if there are several files."""
        if not self._has_heads or self._output_options.formats[0] != "text":
            return b""
        return f"==> {file.display_name} <==\n".encode("utf-8", "surrogateescape")

    def _fail(self, place: int, file: InputFile, code: str, message: str) -> None:
        self.outcome.failed += 1
        self.outcome.failures.append(Failure(file, code, message))
        if isinstance(self._output, OrderedOutput):
            error = {"status": "error", "error": {"code": code, "message": message}}
            is_json = self._output_options.formats[0] == "json"
            self._print(place, (line_of_json(file, error),) if is_json else ())

    def _print(self, place: int, content: Iterable[bytes]) -> None:
        assert isinstance(self._output, OrderedOutput)
        self._progress.clear()
        self._output.put(place, content)


def _parts(head: bytes, content: BinaryIO) -> Iterator[bytes]:
    """The head and the content of an open file, which is closed then."""
    yield head
    with content:
        while part := content.read(_BLOCK_BYTES):
            yield part

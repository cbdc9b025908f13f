"""The way of many images: read from disk, recognized, written, as many at once as it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ocr_cli.recognize.images import ImageFile
from ocr_cli.recognize.reader import ImageReading, Reader, ReaderGone, ReadingError, Wanted
from ocr_cli.recognize.rendering import line_of_json, rendered
from ocr_cli.recognize.results import InOrder, Origin, ResultFolder
from ocr_client.progress import Progress, clock_time


@dataclass(slots=True)
class Failure:
    """An image that could not be read, and why."""

    image: ImageFile
    code: str
    message: str


@dataclass(slots=True)
class Outcome:
    """What has become of the images so far; seconds: of reading, without loading the models."""

    wanted: int
    read: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    gone: str = ""

    @property
    def done(self) -> int:
        """How many were tried."""
        return self.read + len(self.failures)


class Work:
    """Reads the images with a Reader that is started; `outcome` has what was done."""

    def __init__(
        self,
        images: Sequence[ImageFile],
        reader: Reader,
        wanted: Wanted,
        output: ResultFolder | InOrder,
        progress: Progress | None,
    ) -> None:
        self.outcome = Outcome(wanted=len(images))
        self._todo: Iterator[tuple[int, ImageFile]] = enumerate(images)
        self._has_heads = len(images) > 1
        self._reader = reader
        self._wanted = wanted
        self._format = wanted.formats[0]
        self._output = output
        self._progress = progress
        self._began = time.perf_counter()

    async def run(self) -> None:
        """Until all are done; ends early if the reader is gone, see outcome.gone."""
        self._began = time.perf_counter()
        lanes = [asyncio.ensure_future(self._lane()) for _ in range(self._reader.at_once)]
        try:
            await asyncio.gather(*lanes)
        except ReaderGone as error:
            self.outcome.gone = str(error)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            self.outcome.seconds = time.perf_counter() - self._began
            if self._progress is not None:
                self._progress.clear()

    async def _lane(self) -> None:
        """One image after the other; files are read and written off the loop."""
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
                message = f"{error.strerror}: {error.filename or image.shown}"
                self._fail(place, image, "file_error", message)
            self._show()

    async def _one(self, place: int, image: ImageFile) -> None:
        if isinstance(self._output, InOrder):
            reading = await self._recognize(image)
            content = await asyncio.to_thread(rendered, self._format, image, reading)
            self._print(place, self._head(image) + content)
            return
        origin = await asyncio.to_thread(self._output.origin, image)
        reading = await self._recognize(image)
        await asyncio.to_thread(self._write, self._output, image, origin, reading)

    async def _recognize(self, image: ImageFile) -> ImageReading:
        data = await asyncio.to_thread(image.read)
        if not data:
            raise ReadingError("missing_file", "there is nothing in it")
        return await self._reader.read(data)

    def _write(
        self, folder: ResultFolder, image: ImageFile, origin: Origin, reading: ImageReading
    ) -> None:
        outputs = {each: rendered(each, image, reading) for each in self._wanted.formats}
        folder.write(image, origin, outputs)

    def _head(self, image: ImageFile) -> bytes:
        """A line that says whose text follows, where there are several."""
        if not self._has_heads or self._format != "text":
            return b""
        return f"==> {image.shown} <==\n".encode("utf-8", "surrogateescape")

    def _fail(self, place: int, image: ImageFile, code: str, message: str) -> None:
        self.outcome.failures.append(Failure(image, code, message))
        if isinstance(self._output, InOrder):
            error = {"status": "error", "error": {"code": code, "message": message}}
            self._print(place, line_of_json(image, error) if self._format == "json" else b"")

    def _print(self, place: int, content: bytes) -> None:
        assert isinstance(self._output, InOrder)
        if self._progress is not None:
            self._progress.clear()
        self._output.put(place, content)

    def _show(self) -> None:
        if self._progress is None:
            return
        outcome = self.outcome
        elapsed = time.perf_counter() - self._began
        rate = outcome.done / elapsed if elapsed else 0.0
        note = f"{outcome.done}/{outcome.wanted}  {rate:.2f} images/s"
        if outcome.failures:
            note += f"  {len(outcome.failures)} failed"
        if outcome.done and outcome.done < outcome.wanted:
            note += f"  ETA {clock_time((outcome.wanted - outcome.done) / rate)}"
        self._progress.show(outcome.done / outcome.wanted, note)

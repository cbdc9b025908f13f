"""Reads stored images (objects) with the reader of the command `batch` or `watch`."""

from __future__ import annotations

import sys

from ocr_cli.recognize.reader import Reader, ReaderUnavailable, ReadingError
from server.objects.errors import ReadFailure
from server.objects.ledger import ObjectRow, Within
from server.objects.result import Reading
from server.objects.sources.source import OpenedObject


class ReaderRecognition:
    """See Recognize. unavailable: why no object can be read; empty if that is not so."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._started = False
        self.unavailable = ""

    async def start(self, objects: int) -> None:
        """Start the reader for this many objects; ReaderUnavailable if that fails."""
        await self._reader.start(objects)
        self._started = True

    def room(self) -> int:
        """How many objects keep the reader busy."""
        return self._reader.concurrency if self._started else 0

    async def __call__(self, opened: OpenedObject, row: ObjectRow) -> Reading:
        """See Recognize."""
        data = await opened.read()
        if not data:
            raise ReadFailure("missing_file", "the file is empty")
        try:
            found = await self._reader.read(data)
        except ReadingError as error:
            raise ReadFailure(error.code, error.message) from None
        except ReaderUnavailable as error:
            self.unavailable = str(error)
            raise ReadFailure("starting", str(error)) from None  # it waits, and is not at fault
        self.unavailable = ""
        return Reading(found.document, found.md5, found.milliseconds)


class Printed:
    """Prints a line for each finished object, or only for those that failed; see Counted."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self.failed = 0

    def __call__(self, row: ObjectRow, reading: Reading | None, code: str) -> Within | None:
        """See Counted; the ledger has nothing to add."""
        self.failed += bool(code)
        if code or not self._quiet:
            print(f"{row.key}: {code or 'done'}", file=sys.stderr, flush=True)
        return None

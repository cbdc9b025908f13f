"""What reads the images: the engine in this process's workers, or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocr_engine.result import Document
from server.formats.registry import OUTPUT_FORMATS

DRAWING = "image"
TEXT_FORMATS = [name for name, row in OUTPUT_FORMATS.items() if row.suffix and name != DRAWING]


class ReadingError(Exception):
    """This image cannot be read; `code` is that of docs/api.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ReaderGone(Exception):
    """Nothing can be read any more; the message is the one line that the user reads."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """In which formats, and with which options, under the names of docs/api.md."""

    formats: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def drawing(self) -> bool:
        """Whether the boxes are drawn over the image, too."""
        return DRAWING in self.formats


@dataclass(frozen=True, slots=True)
class ImageReading:
    """What was read in an image; milliseconds: of the recognition. drawing: a PNG or nothing."""

    document: Document
    md5: str
    milliseconds: float
    drawing: bytes = b""


class Reader(Protocol):
    """Reads one image; look() and start() before, close() after. Lives on one event loop.

    fingerprint differs where texts may differ. at_once: how many images keep it busy.
    """

    fingerprint: str
    at_once: int

    async def look(self) -> None:
        """Find out the fingerprint; ReaderGone if that fails."""

    async def start(self, images: int) -> None:
        """Make ready for so many images; ReaderGone if that fails. Sets at_once."""

    async def read(self, image: bytes) -> ImageReading:
        """Read it; ReadingError if it cannot be read, ReaderGone if none can."""

    async def close(self) -> None:
        """Stop, whatever is under way."""

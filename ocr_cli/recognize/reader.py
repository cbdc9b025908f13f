"""The interface of a reader, which recognizes images with local workers or through a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocr_engine.result import Document
from server.formats.registry import OUTPUT_FORMATS, needs_image
from server.formats.rendering import Rendering

DRAWING = "image"
FILE_FORMATS = [name for name, row in OUTPUT_FORMATS.items() if row.suffix and name != DRAWING]
TEXT_FORMATS = [name for name in FILE_FORMATS if not needs_image(name)]


class ReadingError(Exception):
    """This image cannot be recognized; `code` is an error code of docs/api.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ReaderUnavailable(Exception):
    """No image can be recognized; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The output formats and all options, with the names of docs/api.md.

    rendering: those of the options that need no recognition of their own.
    """

    formats: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)
    rendering: Rendering = Rendering()

    @property
    def drawing(self) -> bool:
        """Whether the image with drawn boxes is written, too."""
        return DRAWING in self.formats


@dataclass(frozen=True, slots=True)
class ImageReading:
    """The result of an image, without the lines below drop_score.

    milliseconds: recognition time. drawing: a PNG, or empty. converted: the image in a format that
    needs it again, or empty; changes: what that format could not have.
    """

    document: Document
    md5: str
    milliseconds: float
    drawing: bytes = b""
    converted: bytes = b""
    changes: tuple[str, ...] = ()


class Reader(Protocol):
    """Recognizes images, on one event loop. Call probe() and start() first, and close() last.

    fingerprint: changes whenever results may change. concurrency: how many images keep it busy.
    """

    fingerprint: str
    concurrency: int

    async def probe(self) -> None:
        """Set the fingerprint; ReaderUnavailable if that fails."""

    async def start(self, images: int) -> None:
        """Prepare for this many images and set concurrency; ReaderUnavailable if that fails."""

    async def read(self, image: bytes) -> ImageReading:
        """Recognize an image; ReadingError if this image fails, ReaderUnavailable if all do."""

    async def close(self) -> None:
        """Stop, also with work in progress."""

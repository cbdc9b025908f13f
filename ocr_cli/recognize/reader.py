"""The interface of a reader, which recognizes images and documents.

It does so with local workers, or through a server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ocr_engine.documents.kinds import Kind
from ocr_engine.result import Document
from server.formats.pages import PageResult
from server.formats.registry import OUTPUT_FORMATS, needs_image
from server.formats.rendering import Rendering
from server.intake.request import DocumentChoices

DRAWING = "image"
FILE_FORMATS = [name for name, row in OUTPUT_FORMATS.items() if row.suffix and name != DRAWING]
TEXT_FORMATS = [name for name in FILE_FORMATS if not needs_image(name)]


class ReadingError(Exception):
    """This file cannot be recognized; `code` is an error code of docs/api.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ReaderUnavailable(Exception):
    """Nothing can be recognized; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The output formats and all options, with the names of docs/api.md.

    rendering: those of the options that need no recognition of their own. document: those that only
    documents have.
    """

    formats: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)
    rendering: Rendering = Rendering()
    document: DocumentChoices = DocumentChoices()

    @property
    def drawing(self) -> bool:
        """Whether the image with drawn boxes is written, too."""
        return DRAWING in self.formats

    def formats_of(self, kind: Kind | None) -> Sequence[str]:
        """The formats that are written of a document of this kind, or of an image (None)."""
        return [each for each in self.formats if kind is None or each != DRAWING]


@dataclass(frozen=True, slots=True)
class ImageReading:
    """The result of an image, without the lines below drop_score.

    milliseconds: recognition time. drawing: a PNG, or empty. converted: the output in each format
    that is written from the image itself (pdf, pdfa). changes: what had to be dropped or converted
    because such a format does not allow it.
    """

    document: Document
    md5: str
    milliseconds: float
    drawing: bytes = b""
    converted: Mapping[str, bytes] = field(default_factory=dict)
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentInput:
    """A document to be read. place: earlier ones are read first.

    done: pages that need not be read. page_count, md5: if an earlier run has found them.
    """

    path: Path
    kind: Kind
    place: int
    done: frozenset[int] = frozenset()
    page_count: int = 0
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """A document that is open. page_count: of all of it. pages: those that are wanted."""

    page_count: int
    pages: Sequence[int]
    md5: str


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

    def pages(self, document: DocumentInput) -> AsyncGenerator[Outline | PageResult, None]:
        """Recognize a document: its outline, then each page that is not done, when it is ready.

        ReadingError if the document fails, ReaderUnavailable if all do.
        """

    async def close(self) -> None:
        """Stop, also with work in progress."""

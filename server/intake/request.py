"""A checked request, and the image in it: a source that knows how to be read.

A further kind of source is a class with the methods of ImageSource and a row in sources.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cache.keys import Digests
from ocr_engine.options import RecognitionOptions
from server.formats.registry import Format


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """An image that has been read; digests: None if they have not been computed on the way."""

    data: bytes
    digests: Digests | None = None


class ImageSource(Protocol):
    """Where the image of one request is. Used once: open, read unless it is known, close.

    All calls are made on the event loop; what blocks goes to a thread.
    """

    async def open(self) -> None:
        """Find the image; NotFound, or another ServiceError, where there is none."""

    def known_digests(self) -> Digests | None:
        """Its digests if they can be told at once, without reading it; also before open()."""

    def bytes_to_read(self) -> int:
        """How many bytes read() will add to those of the request's body; 0 if none or unknown."""

    async def read(self) -> ImageBytes:
        """All of the image; called once, after open(). A ServiceError if it is not accepted."""

    def close(self) -> None:
        """Give back what open() took; called whatever happens."""


@dataclass(frozen=True, slots=True)
class OcrRequest:
    """One request, checked. timeout_seconds: how long the client waits at most, None: no limit.

    read_cache: False reads past the cache (the answer is still stored).
    """

    source: ImageSource
    options: RecognitionOptions
    block: bool = True
    format: Format = "json"
    timeout_seconds: float | None = None
    read_cache: bool = True

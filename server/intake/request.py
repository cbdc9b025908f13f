"""A checked request, and the protocol of its image source.

A new kind of source is a class with the methods of ImageSource and a row in sources.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cache.keys import Digests
from ocr_engine.options import RecognitionOptions
from server.formats.rendering import Rendering
from server.principal import Scope


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image; digests: None if they have not been computed yet."""

    data: bytes
    digests: Digests | None = None


class ImageSource(Protocol):
    """The source of one request's image.

    Used once: open(), read() unless its digests are known already, close().

    All methods are called on the event loop; blocking work must run in a thread. scope: what a
    user needs for it. owner: as in CacheKey. Digests are remembered for each owner separately,
    because known digests make a request faster, which would show what other owners have sent.
    """

    @property
    def scope(self) -> Scope:
        """`filename` for files of the server, `read` for all others."""

    async def open(self) -> None:
        """Find the image; NotFound or another ServiceError if there is none."""

    def known_digests(self, owner: str) -> Digests | None:
        """The image's digests if they are known without reading it; may be called before open()."""

    def bytes_to_read(self) -> int:
        """How many bytes read() will add to the request's body; 0 if none or unknown."""

    async def read(self, owner: str) -> ImageBytes:
        """Read the whole image; called once, after open(). ServiceError if it is not accepted."""

    def close(self) -> None:
        """Release the resources of open(); always called."""


@dataclass(frozen=True, slots=True)
class OcrRequest:
    """A checked request. timeout_seconds: how long the client waits at most; None: no limit.

    read_cache: False skips the cache lookup (the result is still stored). priority: higher is read
    first, among the images of this user. webhook_url: gets a message when the job ends.
    keep_image: the answer needs the image again.
    """

    source: ImageSource
    options: RecognitionOptions
    block: bool = True
    rendering: Rendering = Rendering()
    timeout_seconds: float | None = None
    read_cache: bool = True
    priority: int = 0
    webhook_url: str | None = None
    keep_image: bool = False

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that the user needs for this request."""
        return (self.source.scope,) if self.block else (self.source.scope, "jobs")

"""A checked request, and the protocol of its image source.

A new kind of source is a class with the methods of ImageSource and a row in sources.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from cache.keys import Digests
from ocr_engine.documents.kinds import TextLayer
from ocr_engine.images.pixels import ImageData
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition
from server.formats.rendering import Rendering
from server.principal import Scope


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """The bytes of an image; digests: None if they have not been computed yet.

    artifacts: are stored with its result, by media type. recognition: the result itself, if it is
    known without reading the image.
    """

    data: ImageData
    digests: Digests | None = None
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    recognition: Recognition | None = None


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
class SourceFile:
    """A source as an open file; whoever has it closes the descriptor.

    changed_at: st_ctime_ns before it was hashed; None if nobody can change it.
    """

    descriptor: int
    size: int
    digests: Digests
    changed_at: int | None = None


@runtime_checkable
class FileSource(Protocol):
    """A source that can also be read as a file, as a document needs it; see ImageSource.

    open() may be called several times.
    """

    async def start(self) -> bytes:
        """The first START_BYTES of the file; called after open()."""

    async def as_file(self, owner: str) -> SourceFile:
        """The file; called after open(), instead of read(). ServiceError if it is not accepted."""


@dataclass(frozen=True, slots=True)
class DocumentChoices:
    """What is wanted of a document; images have no use for it.

    pages: as in the field `pages`; empty: all pages of a PDF, the first one of others. dpi: at
    which pages are drawn. text_layer: whether a page's own text may be its result. ordered: whether
    pages that are sent as they are ready wait for those before them.
    """

    pages: str = ""
    dpi: int = 200
    text_layer: TextLayer = "ocr"
    password: str = field(default="", repr=False)
    ordered: bool = False


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
    document: DocumentChoices = DocumentChoices()

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that the user needs for this request."""
        return (self.source.scope,) if self.block else (self.source.scope, "jobs")

"""A page of a document as the image of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cache.keys import Digests
from ocr_engine.documents.messages import PageImage, ReadPage
from ocr_engine.documents.renderers import Renderers
from ocr_engine.errors import PageFailed
from ocr_engine.options import Granularity
from ocr_engine.result import Recognition
from server.documents.open_document import OpenDocument
from server.formats.pages import page_facts
from server.intake.request import ImageBytes
from server.principal import Scope

_INCHES = 8.3 * 11.7  # of an A4 page


class DocumentPage:
    """Drawn when it is read; see ImageSource.

    turn: waits until the page may be submitted.
    """

    scope: Scope = "read"

    def __init__(
        self,
        document: OpenDocument,
        page: int,
        renderers: Renderers,
        max_pixels: int,
        granularity: Granularity,
        turn: Callable[[], Awaitable[object]],
    ) -> None:
        self._document = document
        self._page = page
        self._renderers = renderers
        self._max_pixels = max_pixels
        self._granularity: Granularity = granularity
        self._turn = turn
        self._digests = document.page_digests(page)
        self._image: ImageBytes | None = None

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        return self._digests

    def bytes_to_read(self) -> int:
        """See ImageSource: those of a usual page, as its size is not known before it is drawn."""
        if self._document.kind != "pdf" or self._image is not None:
            return 0
        return int(3 * _INCHES * self._document.choices.dpi**2)

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; may be called again if the image was refused."""
        if self._image is None:
            self._image = await self._drawn()
        await self._turn()
        return self._image

    def close(self) -> None:
        """See ImageSource."""

    async def _drawn(self) -> ImageBytes:
        choices = self._document.choices
        asked = ReadPage(
            self._document.file.number,
            self._page,
            choices.dpi,
            self._max_pixels,
            choices.text_layer,
            self._granularity,
        )
        page = await self._renderers.read_page(self._document.file, asked)
        if self._document.has_changed():
            raise PageFailed("the file was changed while it was read; send the request again")
        if isinstance(page, PageImage):
            return ImageBytes(page.image, self._digests, page_facts("ocr", page.dpi))
        facts = page_facts("text_layer", page.dpi)
        return ImageBytes(b"", self._digests, facts, Recognition(page.result))

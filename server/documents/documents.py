"""Finds documents among what clients send, and reads their pages.

The renderers are imported and started when the first document comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocr_engine.cores import usable_cores
from ocr_engine.documents.kinds import Kind, can_read_pdf, kind_of
from ocr_engine.engine import Turn
from ocr_engine.errors import PageFailed, UnsupportedFormat
from server.documents.kept import KeptDocument, KeptDocuments
from server.documents.problems import Explain
from server.errors import NotFound, TooManyPages, TooManyPagesToWait
from server.intake.page_list import chosen_pages
from server.intake.request import DocumentChoices, FileSource, OcrRequest, SourceFile
from server.service.service import OcrService
from server.settings.document_settings import DocumentSettings

if TYPE_CHECKING:
    from ocr_engine.documents.renderers import Renderers, RenderingStats
    from server.documents.open_document import OpenDocument
    from server.documents.reading import DocumentReading


FINEST_DPI = 600  # of pages to look at; their size is limited by their sides


class Documents:
    """The documents of this server. max_pixels: of a page.

    explain: turns an error into what clients see.
    """

    def __init__(
        self,
        service: OcrService,
        settings: DocumentSettings,
        max_pixels: int,
        explain: Explain,
    ) -> None:
        self.max_body_bytes = int(settings.max_body_mb * (1 << 20))
        self._service = service
        self._settings = settings
        self._max_pixels = max_pixels
        self._explain = explain
        self._renderers: Renderers | None = None
        keep_bytes = int(settings.keep_mb * (1 << 20))
        self.kept = KeptDocuments(keep_bytes, settings.keep_seconds, self.forget)
        self.most_kept_bytes = min(self.max_body_bytes, keep_bytes)

    def prepare(self) -> None:
        """A document is arriving: start what will open it."""
        self.renderers.prepare()

    async def find(self, request: OcrRequest, user: str) -> OpenDocument | None:
        """The document of a request, open; None if its source is an image.

        A ServiceError or EngineError if it is a document that is not accepted. Users: as in Turn.
        """
        source = request.source
        if not isinstance(source, FileSource):
            return None
        try:
            await source.open()
            kind = self._kind(await source.start(), request.document)
            if kind is None:
                return None  # submit() closes the source
            file = await source.as_file(self._service.results.owner(user))
        except BaseException:
            source.close()
            raise
        source.close()
        return await self.open(file, kind, request.document)

    async def open(self, file: SourceFile, kind: Kind, choices: DocumentChoices) -> OpenDocument:
        """Open a document; a DocumentError, BadPages or TooManyPages if it is not accepted."""
        from ocr_engine.documents.document import DocumentFile
        from server.documents.open_document import OpenDocument

        opened = DocumentFile(file.descriptor, kind, choices.password)
        count = await self.renderers.open(opened)
        try:
            pages = chosen_pages(choices.pages, count)
            most = self._settings.max_pages
            if len(pages) > most:
                raise TooManyPages(
                    f"{len(pages)} pages; at most {most} of a document are read: choose some with "
                    "the field `pages`"
                )
        except BaseException:
            self.renderers.forget(opened)
            raise
        return OpenDocument(opened, file.digests, file.size, count, pages, choices, file.changed_at)

    async def keep(self, request: OcrRequest, user: str) -> KeptDocument:
        """Keep the document of a request, for its user to look at; errors as in find()."""
        document = await self.find(request, user)
        if document is None:
            request.source.close()
            raise UnsupportedFormat(
                "the bytes are no document; accepted are PDF, TIFF and GIF; send images to /ocr"
            )
        try:
            return self.kept.add(document, user)
        except BaseException:
            self.forget(document)
            raise

    async def page_jpeg(self, document: OpenDocument, page: int, side: int) -> bytes:
        """A page to look at, with sides of at most so many pixels; NotFound, or as read_page()."""
        from ocr_engine.documents.messages import PageImage, ReadPage

        if page > document.page_count:
            raise NotFound(f"the document has {document.page_count} pages")
        asked = ReadPage(document.file.number, page, FINEST_DPI, self._max_pixels, side=side)
        shown = await self.renderers.read_page(document.file, asked)
        if document.has_changed():
            raise PageFailed("the file was changed after it was sent; send the request again")
        assert isinstance(shown, PageImage)
        assert isinstance(shown.image, bytes)
        return shown.image

    def check_waiting(self, document: OpenDocument) -> None:
        """TooManyPagesToWait for more pages than a request may wait for."""
        most = self._settings.sync_pages
        if len(document.pages) > most:
            raise TooManyPagesToWait(
                f"{len(document.pages)} pages; send more than {most} with block_flag=False, or "
                "with format=ndjson"
            )

    def reading(
        self,
        document: OpenDocument,
        request: OcrRequest,
        turn: Turn,
        pages: Sequence[int] | None = None,
    ) -> DocumentReading:
        """Reads the pages that are wanted, or only these."""
        from server.documents.reading import DocumentReading

        return DocumentReading(
            document,
            request,
            turn,
            document.pages if pages is None else pages,
            self._service,
            self.renderers,
            self._max_pixels,
            self._explain,
        )

    def forget(self, document: OpenDocument) -> None:
        """Nobody needs the document any more."""
        self.renderers.forget(document.file)

    def stats(self) -> RenderingStats | None:
        """The renderers; None if there has been no document."""
        return None if self._renderers is None else self._renderers.stats()

    async def close(self) -> None:
        """End the renderers, and drop the documents that are kept."""
        self.kept.clear()
        if self._renderers is not None:
            await self._renderers.close()

    @property
    def renderers(self) -> Renderers:
        """The renderers, from the first document on."""
        if self._renderers is None:
            from ocr_engine.documents.renderers import Renderers
            from ocr_engine.documents.spec import RendererSpec

            settings = self._settings
            spec = RendererSpec(settings.page_seconds, settings.memory_mb)
            self._renderers = Renderers(spec, settings.renderers or usable_cores())
        return self._renderers

    def _kind(self, start: bytes, choices: DocumentChoices) -> Kind | None:
        """The kind of document; None for an image, and for one of which only the first is read.

        BadPages if other pages of an image are asked for.
        """
        kind = kind_of(start)
        if kind == "pdf":
            return kind if can_read_pdf() else None
        if kind is None:
            chosen_pages(choices.pages, 1)
        return kind if choices.pages else None

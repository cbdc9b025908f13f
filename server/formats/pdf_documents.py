"""Documents written as searchable PDFs: what the parent imports before the first one."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass

from server.formats.pdf.order import PdfMode, RecognizedPage
from server.formats.rendering import Rendering


@dataclass(frozen=True, slots=True)
class PdfDocuments:
    """See DocumentConverter. pdfa: as PDF/A-2b."""

    pdfa: bool

    async def check(self, source: int) -> None:
        """See DocumentConverter."""
        from server.formats.pdf.process import check_source

        await check_source(source)

    async def convert(
        self, source: int, pages: AsyncIterable[RecognizedPage], rendering: Rendering, target: int
    ) -> tuple[str, ...]:
        """See DocumentConverter."""
        from server.formats.pdf.process import write_pdf

        mode = PdfMode(pdfa=self.pdfa, drop_score=rendering.drop_score, order=rendering.order)
        return (await write_pdf(source, pages, mode, target)).changes

"""The settings of documents."""

from __future__ import annotations

from dataclasses import dataclass

from server.settings.constraints import Number, WholeNumber
from server.settings.declared import setting


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """PDFs, and pages of TIFF and GIF: how large they may be, and who draws them.

    sync_pages: that a request may wait for. renderers: processes that draw; 0: one per core.
    page_seconds, memory_mb: to open a document, or to draw a page. keep_mb, keep_seconds: of
    documents that clients look at. written_mb: of PDFs that were written, for who asks again.
    """

    max_body_mb: float = setting(Number(0.001, 10**5), 256.0)
    max_pages: int = setting(WholeNumber(1, 10**6), 2000)
    sync_pages: int = setting(WholeNumber(1, 10**6), 50)
    renderers: int = setting(WholeNumber(0, 1024), 0)
    page_seconds: float = setting(Number(0.1, 3600), 20.0)
    memory_mb: int = setting(WholeNumber(0, 10**6), 1024)
    keep_mb: float = setting(Number(0, 10**6), 512.0)
    keep_seconds: float = setting(Number(1, 86_400), 600.0)
    written_mb: float = setting(Number(0, 10**6), 256.0)

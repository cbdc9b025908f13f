"""The document of a job in a format that is converted."""

from __future__ import annotations

import os

from server.formats.converting import ConvertedDocument, Converter
from server.formats.rendering import Rendering
from server.jobs.record import KeptPages


async def converted_job(
    kept: KeptPages, converter: Converter, rendering: Rendering
) -> ConvertedDocument:
    """Write it from its stored pages; Gone, and the errors of the conversion."""
    descriptor = await kept.open()
    pages = kept.read()
    try:
        return await converter.converted_document(descriptor, pages, rendering)
    finally:
        await pages.aclose()
        os.close(descriptor)

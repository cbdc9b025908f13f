"""Renderers in the test's own process, and what they answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ocr_engine.documents.document import DocumentFile
from ocr_engine.documents.kinds import START_BYTES, kind_of
from ocr_engine.documents.messages import PageImage, PageText, ReadPage
from ocr_engine.documents.renderers import Renderers
from ocr_engine.documents.spec import RendererSpec
from ocr_engine.images.decode import DecodedImage, decode
from tests.support.cards import said

SPEC = RendererSpec(page_seconds=3.0)

T = TypeVar("T")


def opened(data: bytes, password: str = "") -> DocumentFile:
    """A document in memory."""
    descriptor = os.memfd_create("document")
    os.write(descriptor, data)
    kind = kind_of(data[:START_BYTES])
    assert kind is not None
    return DocumentFile(descriptor, kind, password)


def with_renderers(
    test: Callable[[Renderers], Awaitable[T]],
    spec: RendererSpec = SPEC,
    most: int = 1,
    idle_seconds: float = 30.0,
) -> T:
    """Run a test with renderers, which are closed at its end."""

    async def run() -> T:
        renderers = Renderers(spec, most, idle_seconds)
        try:
            return await test(renderers)
        finally:
            await renderers.close()
            assert not renderers.stats().renderers, "a renderer does not end"

    return asyncio.run(run())


async def page_of(
    renderers: Renderers, data: bytes, page: int = 1, password: str = "", **asked: Any
) -> PageImage | PageText:
    """A page of a document that is opened for it."""
    document = opened(data, password)
    await renderers.open(document)
    return await renderers.read_page(document, ReadPage(document.number, page, **asked))


def pixels_of(page: PageImage | PageText) -> DecodedImage:
    """What a worker would read."""
    assert isinstance(page, PageImage)
    return decode(page.image, 100_000_000)


def text_of(page: PageImage | PageText) -> str:
    """The text of a card, or of a text layer."""
    return page.result.text if isinstance(page, PageText) else said(pixels_of(page))

"""Odd PDFs: each gives pages or a named error in time, and the next one is read."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from ocr_engine.documents.kinds import kind_of
from ocr_engine.documents.messages import ReadPage
from ocr_engine.documents.renderers import Renderers
from ocr_engine.documents.spec import RendererSpec
from ocr_engine.errors import DocumentError, ImageError
from tests.support.odd_pdfs import odd_pdfs
from tests.support.pdfs import card_pdf
from tests.support.rendering import opened, page_of, text_of, with_renderers

COUNT = 209
SPEC = RendererSpec(page_seconds=0.7, memory_mb=256)
MARGIN = 5.0  # for the machine; a page that hangs would take forever


@pytest.mark.slow
@pytest.mark.faults(93)
def test_odd_pdfs_give_an_answer_or_a_named_error_in_time() -> None:
    outcomes: Counter[str] = Counter()

    async def read(renderers: Renderers, name: str, data: bytes) -> None:
        if kind_of(data[:1024]) is None:
            outcomes["no document"] += 1
            return
        begun = time.monotonic()
        document = opened(data)
        try:
            count = await renderers.open(document)
            for page in range(1, min(count, 2) + 1):
                for text_layer in ("ocr", "auto"):
                    asked = ReadPage(document.number, page, 72, 4_000_000, text_layer)
                    await renderers.read_page(document, asked)
            outcomes["read"] += 1
        except (DocumentError, ImageError) as error:
            outcomes[error.code] += 1
        renderers.forget(document)
        assert time.monotonic() - begun < 2 * SPEC.page_seconds + MARGIN, name

    async def test(renderers: Renderers) -> None:
        waiting = iter(odd_pdfs(1, COUNT))

        async def work() -> None:
            for name, data in waiting:
                await read(renderers, name, data)

        await asyncio.gather(work(), work())
        assert text_of(await page_of(renderers, card_pdf(["the next one"]))) == "the next one"

    with_renderers(test, SPEC, most=2)
    assert outcomes.total() == COUNT
    assert outcomes["read"] > COUNT / 3
    assert outcomes["pdf_broken"] > 0
    assert outcomes["pdf_encrypted"] > 0

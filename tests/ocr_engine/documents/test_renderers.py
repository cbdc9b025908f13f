"""Renderers: what they draw, and that nothing but a page is lost when one ends."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Awaitable, Callable

import pikepdf
import pytest

from ocr_engine.documents.messages import PageImage, ReadPage
from ocr_engine.documents.renderers import Renderers
from ocr_engine.documents.spec import RendererSpec
from ocr_engine.errors import (
    DocumentBroken,
    DocumentEncrypted,
    PageFailed,
    PageKillsRenderers,
    PageTimeout,
    PoolDraining,
)
from tests.support.pdfs import (
    card_pdf,
    content_bomb,
    false_count,
    huge_page,
    image_bomb,
    many_pages,
    nested_forms,
    page_tree_loop,
    pdf_of,
    text_page,
)
from tests.support.rendering import opened, page_of, pixels_of, text_of, with_renderers
from tests.support.watching import is_alive, until

Test = Callable[[Renderers], Awaitable[None]]


def encrypted(user: str, owner: str = "owner") -> bytes:
    """A card that needs this password to be opened."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(card_pdf(["secret"]))) as pdf:
        pdf.save(written, encryption=pikepdf.Encryption(owner=owner, user=user))
    return written.getvalue()


def test_each_page_is_drawn_exactly() -> None:
    async def test(renderers: Renderers) -> None:
        document = opened(card_pdf(["first", "second", "third"]))
        assert await renderers.open(document) == 3
        for page, text in ((3, "third"), (1, "first"), (2, "second")):
            drawn = await renderers.read_page(document, ReadPage(document.number, page))
            assert text_of(drawn) == text
            assert drawn.dpi == 72  # no finer than its only image
        with pytest.raises(PageFailed, match="page 4"):
            await renderers.read_page(document, ReadPage(document.number, 4))

    with_renderers(test)


def test_rotation_and_crop_are_those_of_the_page() -> None:
    async def test(renderers: Renderers) -> None:
        turned = await page_of(renderers, card_pdf(["turned"], b"/Rotate 90"), dpi=72)
        width, height = pixels_of(turned).size
        assert (width, height) == (16, 64)
        lines = pdf_of([text_page(["a line"], entries=b"/CropBox[72 700 272 800]")])
        cropped = await page_of(renderers, lines, dpi=144)
        assert pixels_of(cropped).size == (400, 200)
        assert pixels_of(cropped).pixels.min() < 50  # the line is there

    with_renderers(test)


@pytest.mark.faults(93)
@pytest.mark.parametrize(
    "bomb", [nested_forms, content_bomb], ids=["nested forms", "endless content"]
)
def test_a_page_that_never_ends_is_ended(bomb: Callable[[], bytes]) -> None:
    async def test(renderers: Renderers) -> None:
        with pytest.raises((PageTimeout, PageKillsRenderers), match="page 1"):
            await page_of(renderers, bomb())
        assert text_of(await page_of(renderers, card_pdf(["next"]))) == "next"
        assert sum(renderers.stats().restarts.values()) == 1

    with_renderers(test, RendererSpec(1.0))


@pytest.mark.faults(94)
def test_a_page_that_needs_too_much_memory_is_ended() -> None:
    async def test(renderers: Renderers) -> None:
        with pytest.raises(PageFailed, match="page 1"):
            await page_of(renderers, content_bomb(60))
        assert text_of(await page_of(renderers, card_pdf(["next"]))) == "next"

    with_renderers(test, RendererSpec(30.0, memory_mb=64))


@pytest.mark.faults(95)
def test_a_huge_page_has_no_more_pixels_than_the_limit() -> None:
    async def test(renderers: Renderers) -> None:
        drawn = await page_of(renderers, huge_page(), max_pixels=1_000_000)
        width, height = pixels_of(drawn).size
        assert 980_000 < width * height <= 1_000_000
        assert drawn.dpi is not None
        assert drawn.dpi < 6
        large = await page_of(renderers, image_bomb(10_000), dpi=72)
        assert pixels_of(large).size == (595, 842)
        assert renderers.stats().restarts == {}

    with_renderers(test, RendererSpec(30.0))


@pytest.mark.faults(96)
def test_page_trees_that_lie() -> None:
    async def test(renderers: Renderers) -> None:
        with pytest.raises(PageFailed, match="page 1 is broken"):
            await page_of(renderers, page_tree_loop())
        document = opened(false_count())
        assert await renderers.open(document) == 1
        assert await renderers.open(opened(many_pages(3000))) == 3000
        with pytest.raises(DocumentBroken, match="no pages"):
            await renderers.open(opened(b"%PDF-1.7 and nothing else"))
        assert renderers.stats().restarts == {}

    with_renderers(test)


@pytest.mark.faults(97)
def test_encrypted_documents() -> None:
    async def test(renderers: Renderers) -> None:
        data = encrypted("secret")
        with pytest.raises(DocumentEncrypted, match="send its password"):
            await renderers.open(opened(data))
        with pytest.raises(DocumentEncrypted, match="the password is wrong"):
            await renderers.open(opened(data, "guessed"))
        assert text_of(await page_of(renderers, data, password="secret")) == "secret"
        assert text_of(await page_of(renderers, encrypted(""))) == "secret"

    with_renderers(test)


@pytest.mark.faults(98)
def test_a_renderer_that_is_killed_costs_nothing_but_time() -> None:
    async def test(renderers: Renderers) -> None:
        document = opened(card_pdf(["one", "two"]))
        await renderers.open(document)
        (renderer,) = renderers.stats().renderers
        assert renderer.pid is not None
        os.kill(renderer.pid, signal.SIGSTOP)
        reading = asyncio.ensure_future(renderers.read_page(document, ReadPage(document.number, 2)))
        await asyncio.sleep(0)
        os.kill(renderer.pid, signal.SIGKILL)
        assert text_of(await reading) == "two"
        assert renderers.stats().restarts == {"sigkill": 1}

    with_renderers(test)


def test_renderers_start_when_needed_and_end_when_idle() -> None:
    async def test(renderers: Renderers) -> None:
        assert renderers.stats().renderers == []
        await page_of(renderers, card_pdf(["a page"]))
        (renderer,) = renderers.stats().renderers
        assert renderer.pid is not None
        await until(lambda: not is_alive(renderer.pid or 0), "the renderer has left")
        assert renderers.stats().restarts == {}
        assert text_of(await page_of(renderers, card_pdf(["again"]))) == "again"

    with_renderers(test, idle_seconds=0.1)


def test_documents_take_turns() -> None:
    """One that asks for many pages does not keep the only renderer from another."""

    async def test(renderers: Renderers) -> None:
        long, short = opened(card_pdf(["a"] * 6)), opened(card_pdf(["b"]))
        await renderers.open(long)
        await renderers.open(short)
        order: list[str] = []

        async def read(name: str, page: int) -> None:
            document = long if name == "long" else short
            await renderers.read_page(document, ReadPage(document.number, page))
            order.append(name)

        await asyncio.gather(*(read("long", page) for page in range(1, 7)), read("short", 1))
        assert order.index("short") <= 2

    with_renderers(test)


def test_who_waits_when_the_server_stops_is_told() -> None:
    async def test() -> None:
        renderers = Renderers(RendererSpec(10.0), 1)
        document = opened(nested_forms())
        await renderers.open(document)
        asked = [
            asyncio.ensure_future(renderers.read_page(document, ReadPage(document.number, 1)))
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        await renderers.close()
        for each in asked:
            with pytest.raises(PoolDraining):
                await each

    asyncio.run(test())


def test_a_request_that_nobody_waits_for_frees_its_renderer() -> None:
    async def test(renderers: Renderers) -> None:
        document = opened(nested_forms())
        await renderers.open(document)
        reading = asyncio.ensure_future(renderers.read_page(document, ReadPage(document.number, 1)))
        await asyncio.sleep(0.05)
        reading.cancel()
        assert text_of(await page_of(renderers, card_pdf(["next"]))) == "next"

    with_renderers(test, RendererSpec(1.0))


def test_the_pixels_are_shared_and_cannot_be_taken_away() -> None:
    async def test(renderers: Renderers) -> None:
        drawn = await page_of(renderers, card_pdf(["shared"], b"/Rotate 180"))
        assert isinstance(drawn, PageImage)
        assert not isinstance(drawn.image, bytes)
        with pytest.raises(PermissionError):
            os.ftruncate(drawn.image.descriptor, 1)

    with_renderers(test)

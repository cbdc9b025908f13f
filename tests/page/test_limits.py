"""What the page says and refuses before it sends anything; a sample to try."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image
from playwright.sync_api import Page, Request, expect

from ocr_engine.images.header import accepted_formats
from tests.page.conftest import Visit, payload
from tests.page.scripted import rows, scene
from tests.support.live_server import LiveServer


def blank(width: int, height: int) -> bytes:
    """A small PNG of this size."""
    encoded = io.BytesIO()
    Image.new("1", (width, height), 1).save(encoded, "PNG")
    return encoded.getvalue()


def uploads(page: Page) -> list[str]:
    """The addresses of the uploads from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if "/ocr" in request.url:
            sent.append(request.url)

    page.on("request", note)
    return sent


def test_formats_and_limits_are_shown_before_the_upload(here: Visit) -> None:
    limits = here.page.locator("#limits")
    expect(limits).to_have_text(
        f"Reads {', '.join(accepted_formats())}: up to 1 MB and 40 megapixels each. "
        "PDFs and TIFFs of several pages: up to 256 MB."
    )
    expect(here.page.locator("#limits-scaled")).to_contain_text("over 4,000 pixels")
    here.read(scene(rows("another")))
    expect(here.page.locator("#choose-more")).to_have_attribute("title", limits.inner_text())


def test_an_image_of_too_many_pixels_is_not_sent(here: Visit) -> None:
    page = here.page
    sent = uploads(page)
    here.add(payload("plan.png", blank(8000, 6000)))
    expect(page.locator("#failure-text")).to_contain_text("more pixels than this server accepts")
    expect(page.locator("#failure-text")).to_contain_text("40 million")
    expect(page.locator("#result-facts")).to_contain_text("8,000 × 6,000")
    expect(page.locator("#try-again")).to_be_hidden()
    assert sent == []


def test_the_server_refuses_what_the_page_refuses(page_server: LiveServer) -> None:
    refused = page_server.upload(blank(8000, 6000))
    assert (refused.status, refused.json["error"]["code"]) == (413, "too_many_pixels")


def test_an_image_that_is_scaled_for_detection_says_so(here: Visit) -> None:
    here.read(scene(rows("wide"), width=4001, height=60))
    scaled = "scaled down to 4,000 pixels to find the text"
    expect(here.page.locator("#result-facts")).to_contain_text(scaled)
    here.read(scene(rows("less wide"), width=4000, height=60), name="other")
    expect(here.page.locator("#result-facts")).to_contain_text("4,000 × 60")
    expect(here.page.locator("#result-facts")).not_to_contain_text(scaled)


def test_a_sample_is_read_with_one_click(visit: Callable[..., Visit]) -> None:
    for locale, name in [("en-GB", "sample.png"), ("zh-CN", "示例.png")]:
        page = visit(locale=locale).page
        page.locator("#try-sample").click()
        expect(page.locator(".tray-row.done .tray-name")).to_have_text([name])
        shown = page.locator("#sheet-image")
        expect(shown).to_have_attribute("alt", name)
        assert shown.evaluate("async each => (await each.decode(), each.naturalWidth)") == 720

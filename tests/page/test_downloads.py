"""Downloads that the server writes: hOCR, TSV, ALTO and the image with boxes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Download, Page, Route, expect

from tests.page.conftest import Visit
from tests.page.scripted import ScriptedLine, rectangle, rows, scene
from tests.page.test_edit import edit
from tests.page.test_viewer import corners

MIXED = [
    ScriptedLine("certain", 0.99, rectangle(20, 40, 300, 30)),
    ScriptedLine("doubtful", 0.55, rectangle(20, 90, 300, 30)),
]
NAMES = {
    "Markdown": "scan-1.md",
    "hOCR": "scan-1.hocr",
    "Table of words": "scan-1.tsv",
    "ALTO": "scan-1.alto.xml",
    "Image with boxes": "scan-1.boxes.png",
}


def download(page: Page, kind: str) -> Download:
    """Choose this file in the menu."""
    if not page.locator("#more-exports").evaluate("menu => menu.open"):
        page.locator("#more-exports summary").click()
    with page.expect_download() as started:
        page.locator("#server-exports").get_by_role("button", name=kind).click()
    expect(page.locator("#notice")).to_have_text("Downloaded")
    return started.value


@pytest.mark.parametrize("kind", ["Markdown", "hOCR", "Table of words", "ALTO"])
def test_text_files_have_the_lines(here: Visit, kind: str) -> None:
    here.read(scene(MIXED), name="scan")
    file = download(here.page, kind)
    assert file.suggested_filename == NAMES[kind]
    content = Path(file.path()).read_text()
    assert "certain" in content
    assert "doubtful" in content
    if kind in ("hOCR", "ALTO"):
        ElementTree.fromstring(content)


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_the_menu_is_inside_of_its_panel(here: Visit, width: int) -> None:
    page = here.page
    page.set_viewport_size({"width": width, "height": 900})
    here.read(scene(MIXED))
    page.locator("#more-exports summary").click()
    left, top, right, bottom = corners(page.locator(".menu-list:visible"))
    panel_left, _, panel_right, _ = corners(page.locator("#result"))
    assert panel_left <= left < right <= panel_right
    assert top >= corners(page.locator("#more-exports summary"))[3] - 1
    assert bottom <= 900


def test_hidden_lines_are_left_out(here: Visit) -> None:
    here.read(scene(MIXED), name="scan")
    here.page.locator("#minimum-confidence").fill("60")
    with here.page.expect_request("**/ocr?*") as request:
        download(here.page, "Table of words")
    fields = parse_qs(urlsplit(request.value.url).query)
    assert fields == {"format": ["tsv"], "drop_score": ["0.6"]}


def test_the_image_with_boxes(here: Visit) -> None:
    here.read(scene(MIXED), name="scan")
    file = download(here.page, "Image with boxes")
    assert file.suggested_filename == NAMES["Image with boxes"]
    with Image.open(file.path()) as drawing:
        assert drawing.size == (800, 400)


def test_the_page_says_that_edits_are_not_in_these_files(here: Visit) -> None:
    page = here.page
    here.read(scene(rows("as read")))
    page.locator("#more-exports summary").click()
    expect(page.locator("#exports-unedited")).to_be_hidden()
    edit(page, 0, "as edited")
    page.locator("#more-exports summary").click()
    expect(page.locator("#exports-unedited")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#server-exports")).to_be_hidden()


def test_a_download_that_fails_says_why(here: Visit) -> None:
    here.failed_loads_expected = True
    page = here.page
    here.read(scene(MIXED))
    page.locator("#more-exports summary").click()
    body = '{"status":"error","error":{"code":"draining","message":"stopping","request_id":"r"}}'

    def refuse(route: Route) -> None:
        route.fulfill(status=503, content_type="application/json", body=body)

    page.route("**/ocr?*", refuse, times=1)
    page.get_by_role("button", name="hOCR").click()
    expect(page.locator("#notice")).to_contain_text("The server is shutting down")

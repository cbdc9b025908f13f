"""Rotating the shown image: it is read again, and boxes and text turn with it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.page.conftest import Visit
from tests.page.scripted import ScriptedLine, rectangle, rows, scene
from tests.page.test_viewer import SHOWN_SIZE, corners

WIDTH, HEIGHT = 800, 400
SIDEWAYS = ScriptedLine("on its side", 0.98, rectangle(100, 50, 30, 200))
# Left, top, right, bottom of the line on the rotated page.
TURNED = {
    0: (100, 50, 130, 250),
    90: (150, 100, 350, 130),
    180: (670, 150, 700, 350),
    270: (50, 670, 250, 700),
}


def asked(request: Request) -> dict[str, list[str]]:
    """The fields of the query, without the one that all uploads have."""
    fields = parse_qs(urlsplit(request.url).query)
    assert fields.pop("layout") == ["true"]
    return fields


def rotate(page: Page) -> dict[str, list[str]]:
    """Press the button; return the fields of the request."""
    with page.expect_request("**/ocr?*") as request:
        page.get_by_role("button", name="Rotate").click()
    expect(page.locator(".tray-row.done")).to_have_count(1)
    return asked(request.value)


def assert_turned(page: Page, angle: int) -> None:
    """The image, the box and the text are rotated by this angle."""
    sideways = angle in (90, 270)
    size = [HEIGHT, WIDTH] if sideways else [WIDTH, HEIGHT]
    assert page.locator("#sheet").evaluate(SHOWN_SIZE) == size
    left, top, right, _ = sheet = corners(page.locator("#sheet"))
    assert corners(page.locator("#sheet-image")) == pytest.approx(sheet, abs=1)
    scale = (right - left) / size[0]
    expected = [
        start + scale * at for start, at in zip((left, top) * 2, TURNED[angle], strict=True)
    ]
    assert corners(page.locator("polygon.box")) == pytest.approx(expected, abs=3)
    assert corners(page.locator(".text-line")) == pytest.approx(expected, abs=4)
    matrix = page.locator("#sheet-image").evaluate(
        "each => new DOMMatrix(getComputedStyle(each).transform)"
    )
    assert math.degrees(math.atan2(matrix["b"], matrix["a"])) % 360 == pytest.approx(angle)


def test_the_image_is_read_again_and_turns_with_its_boxes(here: Visit) -> None:
    here.read(scene([SIDEWAYS], WIDTH, HEIGHT))
    assert_turned(here.page, 0)
    for angle in (90, 180, 270, 0):
        assert rotate(here.page) == {"orientation": [str(angle)]}
        assert_turned(here.page, angle)


def test_a_page_that_the_server_turned_is_shown_upright(here: Visit) -> None:
    here.read(scene([SIDEWAYS], WIDTH, HEIGHT, angle=270))
    assert_turned(here.page, 270)
    expect(here.page.locator("#result-facts")).to_contain_text("rotated by 270°")
    assert rotate(here.page) == {"orientation": ["0"]}
    assert_turned(here.page, 0)


def test_of_several_turns_the_last_one_counts(here: Visit) -> None:
    page = here.page
    here.read(scene([SIDEWAYS], WIDTH, HEIGHT))
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    page.locator("#viewport").focus()
    for _ in range(3):
        page.keyboard.press("r")
    expect(page.locator("#sheet")).to_have_attribute("data-turn", "270")
    expect(page.locator(".tray-row.done")).to_have_count(1)
    uploads = [request for request in sent if "/ocr" in request.url]
    assert asked(uploads[-1]) == {"orientation": ["270"]}
    assert_turned(page, 270)


def test_downloads_keep_the_coordinates_of_the_file(here: Visit) -> None:
    here.read(scene([SIDEWAYS], WIDTH, HEIGHT))
    rotate(here.page)
    with here.page.expect_download() as download:
        here.page.locator("#export-json").click()
    data = json.loads(Path(download.value.path()).read_text())["data"]
    assert [tuple(corner) for corner in data["lines"][0]["box"]] == list(SIDEWAYS.box)
    assert (data["width"], data["height"], data["angle"]) == (WIDTH, HEIGHT, 90)


def test_other_images_are_not_rotated(here: Visit) -> None:
    here.read(scene(rows("one")), scene(rows("two")))
    with here.page.expect_request("**/ocr?*"):
        here.page.get_by_role("button", name="Rotate").click()
    expect(here.page.locator(".tray-row.done")).to_have_count(2)
    here.page.get_by_role("button", name="image-2.png").first.click()
    expect(here.page.locator("#sheet")).to_have_attribute("data-turn", "0")
    here.page.get_by_role("button", name="image-1.png").first.click()
    expect(here.page.locator("#sheet")).to_have_attribute("data-turn", "90")

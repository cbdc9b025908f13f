"""The image viewer: boxes and text layer, highlighting in both directions, zoom, keys."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import Visit, payload
from tests.page.scripted import ScriptedLine, rectangle, rows, scene
from tests.support.checkout import IMAGES

LINES = rows("first line", "second line", "third line")
TURNED = ScriptedLine(
    "turned by some degrees", 0.97, ((100, 100), (400, 180), (392, 210), (92, 130))
)
NATURAL_SIZE = "async each => (await each.decode(), [each.naturalWidth, each.naturalHeight])"
SHOWN_SIZE = "each => [each.offsetWidth, each.offsetHeight]"
TALL = ScriptedLine("from top to bottom", 0.97, rectangle(500, 50, 30, 300))


def corners(locator: Locator) -> Any:
    """Left, top, right, bottom on the screen."""
    box = locator.bounding_box()
    assert box is not None
    return (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])


def scale_of(page: Page) -> float:
    """The zoom factor of the image."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    return box["width"] / 800


def highlighted(page: Page, kind: str) -> dict[str, list[int]]:
    """The indices of highlighted lines in each view."""
    return {
        place: page.locator(f"{place} .{kind}").evaluate_all(
            "all => all.map(each => Number(each.dataset.line))"
        )
        for place in ("#lines", "#sheet-boxes", "#sheet-text")
    }


def in_all_views(line: int) -> dict[str, list[int]]:
    """The line highlighted in all views."""
    return {"#lines": [line], "#sheet-boxes": [line], "#sheet-text": [line]}


@pytest.fixture
def page(here: Visit) -> Page:
    """The page with an image of three lines."""
    here.read(scene(LINES))
    return here.page


def test_boxes_lie_where_the_server_says(page: Page) -> None:
    left, top, *_ = corners(page.locator("#sheet"))
    scale = scale_of(page)
    for index, line in enumerate(LINES):
        (x0, y0), _, (x1, y1), _ = line.box
        expected = [left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale]
        box = corners(page.locator("polygon.box").nth(index))
        text = corners(page.locator(".text-line").nth(index))
        assert text == pytest.approx(expected, abs=1.5)
        assert box == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("line", [TURNED, TALL], ids=["turned", "tall"])
def test_text_follows_its_box(here: Visit, line: ScriptedLine) -> None:
    here.read(scene([line]))
    text, box = (here.page.locator(name) for name in (".text-line", "polygon.box"))
    assert corners(text) == pytest.approx(corners(box), abs=4)
    matrix = text.evaluate("each => new DOMMatrix(getComputedStyle(each).transform)")
    angle = math.degrees(math.atan2(matrix["b"], matrix["a"]))
    assert angle == pytest.approx(14.9 if line is TURNED else 90, abs=0.2)


def test_hovering_a_line_highlights_its_box(page: Page) -> None:
    page.locator("#lines li").nth(1).hover()
    assert highlighted(page, "hovered") == in_all_views(1)
    page.locator("#result-name").hover()
    assert highlighted(page, "hovered") == {place: [] for place in in_all_views(0)}


def test_hovering_a_box_highlights_its_line(page: Page) -> None:
    page.locator(".text-line").nth(2).hover()
    assert highlighted(page, "hovered") == in_all_views(2)


def test_selecting_a_line_pans_to_its_box(page: Page) -> None:
    for _ in range(12):
        page.locator("#zoom-in").click()
    page.locator("#lines li").nth(2).click()
    assert highlighted(page, "active") == in_all_views(2)
    expect(page.locator("#lines li").nth(2)).to_have_attribute("aria-current", "true")
    expect(page.locator(".text-line").nth(2)).to_be_in_viewport()
    left, top, *_ = corners(page.locator("#viewport"))
    text_left, text_top, *_ = corners(page.locator(".text-line").nth(2))
    assert text_left >= left
    assert text_top >= top


def test_selecting_a_box_scrolls_the_list(here: Visit) -> None:
    lines = [ScriptedLine(f"{n}", 0.98, rectangle(10 + 60 * (n % 12), 20 + 60 * (n // 12), 50, 40))
             for n in range(36)]  # fmt: skip
    here.read(scene(lines, width=3000, height=400))
    row = here.page.locator("#lines li").nth(33)
    expect(row).not_to_be_in_viewport()
    here.page.locator(".text-line").nth(33).click()
    expect(row).to_be_in_viewport()
    assert highlighted(here.page, "active") == in_all_views(33)


def test_arrow_keys_move_through_the_lines(page: Page) -> None:
    page.locator("#lines li").first.focus()
    assert highlighted(page, "active") == in_all_views(0)
    for key, line in [("ArrowDown", 1), ("ArrowDown", 2), ("ArrowDown", 2), ("ArrowUp", 1),
                      ("Home", 0), ("End", 2)]:  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator("#lines li").nth(line)).to_be_focused()
        assert highlighted(page, "active") == in_all_views(line)


def test_only_one_line_is_in_the_tab_order(page: Page) -> None:
    rows = page.locator("#lines li")
    assert rows.evaluate_all("all => all.map(row => row.tabIndex)") == [0, -1, -1]
    rows.nth(2).click()
    assert rows.evaluate_all("all => all.map(row => row.tabIndex)") == [-1, -1, 0]


def test_text_can_be_selected_on_the_image(page: Page) -> None:
    left, top, right, bottom = corners(page.locator(".text-line").nth(1))
    page.mouse.move(left + 1, (top + bottom) / 2)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    page.mouse.move(right - 1, (top + bottom) / 2)
    page.mouse.up()
    assert page.evaluate("() => String(getSelection())") == "second line"


def test_all_text_of_the_image_is_copied_line_by_line(page: Page) -> None:
    page.evaluate("() => getSelection().selectAllChildren(document.getElementById('sheet-text'))")
    selected = page.evaluate("() => String(getSelection())").rstrip("\n")
    assert selected.split("\n") == ["first line", "second line", "third line"]


def test_zoom_by_buttons_keys_and_wheel(page: Page) -> None:
    fitted = scale_of(page)
    page.locator("#zoom-in").click()
    assert scale_of(page) == pytest.approx(fitted * 1.25, rel=0.01)
    page.locator("#zoom-out").click()
    assert scale_of(page) == pytest.approx(fitted, rel=0.01)
    page.locator("#viewport").focus()
    page.keyboard.press("+")
    assert scale_of(page) == pytest.approx(fitted * 1.25, rel=0.01)
    page.keyboard.press("1")
    assert scale_of(page) == pytest.approx(1, rel=0.01)
    expect(page.locator("#zoom-scale")).to_have_text("100%")
    page.keyboard.press("0")
    assert scale_of(page) == pytest.approx(fitted, rel=0.01)
    before = corners(page.locator(".text-line").first)
    page.mouse.move(before[0], before[1])
    page.mouse.wheel(0, -300)
    expect(page.locator("#viewport")).to_have_class("viewport zoomed")
    assert scale_of(page) > fitted * 1.3
    after = corners(page.locator(".text-line").first)
    assert after[:2] == pytest.approx(before[:2], abs=2), "the point under the mouse stays in place"


def test_dragging_and_arrow_keys_move_the_image(page: Page) -> None:
    page.locator("#zoom-scale").click()
    left, top, *_ = corners(page.locator("#sheet"))
    page.locator("#viewport").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    moved_left, moved_top, *_ = corners(page.locator("#sheet"))
    assert (moved_left - left, moved_top - top) == pytest.approx((60, 60), abs=1)
    bottom = corners(page.locator("#sheet"))[3]
    room = corners(page.locator("#viewport"))[0]
    page.mouse.move(room + 200, bottom - 20)
    page.mouse.down()
    page.mouse.move(room + 230, bottom - 60, steps=3)
    page.mouse.up()
    dragged_left, dragged_top, *_ = corners(page.locator("#sheet"))
    assert (dragged_left - moved_left, dragged_top - moved_top) == pytest.approx((30, -40), abs=1)


def test_arrow_keys_move_the_image(page: Page) -> None:
    page.locator("#viewport").focus()
    for key, moved in [("Right", (-60, 0)), ("Down", (0, -60)), ("Left", (60, 0)), ("Up", (0, 60))]:
        left, top, *_ = corners(page.locator("#sheet"))
        page.keyboard.press(f"Arrow{key}")
        moved_left, moved_top, *_ = corners(page.locator("#sheet"))
        assert (moved_left - left, moved_top - top) == pytest.approx(moved, abs=1), key


@pytest.mark.parametrize("confidence", [0.98, 0.85, 0.5])
@pytest.mark.parametrize(
    "colour", ["white", "black", "gray", "red", "blue", "#0f8a50", "#c98200", "#d32f2f", "#f4e8c8"]
)
def test_boxes_are_seen_on_any_colour(here: Visit, colour: str, confidence: float) -> None:
    """The edge of a box has a contrast of at least 3 to the ground (WCAG 1.4.11)."""
    here.read(scene([ScriptedLine("x", confidence, rectangle(200, 100, 400, 200))], colour=colour))
    left, top, _, bottom = corners(here.page.locator("polygon.box"))
    middle = (top + bottom) / 2
    edge = pixels(here.page, left - 10, middle - 10, 20)
    ground = luminance(ImageColor.getrgb(colour))
    levels = [luminance(edge.getpixel((x, y))) for x in range(20) for y in range(20)]
    contrasts = [(max(ground, each) + 0.05) / (min(ground, each) + 0.05) for each in levels]
    assert max(contrasts) >= 3


def test_the_edge_of_a_box_covers_no_text(here: Visit) -> None:
    """Inside of the box, the light edge is not drawn."""
    here.read(scene([ScriptedLine("x", 0.98, rectangle(200, 100, 400, 200))], colour="black"))
    left, top, _, bottom = corners(here.page.locator("polygon.box"))
    inside = pixels(here.page, round(left) + 3, (top + bottom) / 2, 8)
    assert max(luminance(inside.getpixel((x, 4))) for x in range(8)) < 0.05


def pixels(page: Page, left: float, top: float, side: int) -> Image.Image:
    """A square of the page, as it is on the screen."""
    shown = page.screenshot(clip={"x": left, "y": top, "width": side, "height": side})
    with Image.open(io.BytesIO(shown)) as shot:
        return shot.convert("RGB")


def luminance(colour: Any) -> float:
    """The relative luminance of a colour, as WCAG defines it."""
    red, green, blue = (linear(each / 255) for each in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(part: float) -> float:
    """One channel of sRGB, from 0 to 1, without its gamma."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def test_boxes_can_be_hidden(page: Page) -> None:
    box = page.locator("polygon.box").first
    expect(box).not_to_have_css("stroke-opacity", "0")
    page.get_by_role("button", name="Show boxes").click()
    expect(box).to_have_css("stroke-opacity", "0")
    page.locator("#lines li").first.hover()
    expect(box).not_to_have_css("stroke-opacity", "0")


def test_a_format_that_browsers_cannot_display(here: Visit) -> None:
    here.read(scene(LINES, format="TIFF"), name="scan")
    expect(here.page.locator("#sheet-note")).to_contain_text("The text is shown where it was found")
    shown = here.page.locator("#sheet").evaluate(SHOWN_SIZE)
    assert shown == [800, 400]
    expect(here.page.locator("polygon.box")).to_have_count(3)
    expect(here.page.locator(".text-line").first).not_to_have_css("color", "rgba(0, 0, 0, 0)")


@pytest.mark.parametrize("orientation", [1, 6])
def test_an_image_with_exif_orientation_is_upright(here: Visit, orientation: int) -> None:
    """The size after the browser's rotation equals the size in the answer."""
    image = Path(IMAGES / f"special_exif_{orientation}.jpg").read_bytes()
    here.add(payload("turned.jpg", image, "image/jpeg"))
    here.page.locator(".tray-row.done").wait_for()
    shown = here.page.locator("#sheet-image")
    expect(here.page.locator("#result-facts")).to_contain_text("×")
    natural = shown.evaluate(NATURAL_SIZE)
    assert natural == here.page.locator("#sheet").evaluate(SHOWN_SIZE)

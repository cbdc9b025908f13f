"""The text lies over what is shown, however the page is rotated and whatever its boxes are."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pikepdf import Array
from PIL import ImageChops

from ocr_engine.geometry import rotated
from ocr_engine.result import Page
from tests.support.made_pdfs import DRAWING, LETTER, made_pdf, saved
from tests.support.text_layers import (
    chars_line,
    in_pdfium,
    in_pypdf,
    lying,
    page_of_lines,
    rendered,
    shown_chars,
    written,
)

SCALE = 100 / 72
NEAR = 2 * SCALE  # two points in pixels

ODD_PAGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "origin": {"MediaBox": Array([-300, 100, 312, 892])},
    "crop box": {"CropBox": Array([50, 60, 500, 700])},
    "crop box outside": {"CropBox": Array([-100, 300, 5000, 6000])},
    "swapped corners": {"MediaBox": Array([612, 792, 0, 0]), "CropBox": Array([500, 60, 50, 700])},
    "empty box": {"MediaBox": Array([0, 0, 0, 0])},
    "broken box": {"MediaBox": Array([0, 0, 612])},
    "user unit": {"UserUnit": 2.5},
    "fractions": {"MediaBox": Array([0.25, 0.75, 595.28, 841.89])},
}


def recognized(pdf: Path, angle: int = 0) -> Page:
    """Lines at the edges of the page as it is shown; angle: see Page."""
    width, height = rendered(pdf, scale=SCALE).size
    if angle in (90, 270):
        width, height = height, width
    upright = page_of_lines(
        [
            chars_line("左上角 Top left", 20, 10, 24),
            chars_line("Small 8", width // 2, height // 2, 12),
            chars_line("右下角", width - 90, height - 40, 24),
        ],
        width,
        height,
    )
    return lying(upright, angle)


def assert_in_place(pdf: Path, page: Page, edges: int = 4) -> None:
    """Each character has this many of its edges where the page has them."""
    expected = [glyph for line in page.lines for glyph in line.glyphs or ()]
    found = shown_chars(pdf, SCALE)
    assert sorted(char.text for char in found) == sorted(glyph.text for glyph in expected)
    for glyph in expected:
        xs, ys = [x for x, _ in glyph.box], [y for _, y in glyph.box]
        place = min(xs), min(ys), max(xs), max(ys)
        distances = [
            sorted(abs(a - b) for a, b in zip(char[1:], place, strict=True))[edges - 1]
            for char in found
            if char.text == glyph.text
        ]
        assert min(distances) <= NEAR, (glyph, distances)


def same_pixels(before: Path, after: Path) -> bool:
    images = [rendered(each, scale=SCALE).convert("RGB") for each in (before, after)]
    return ImageChops.difference(*images).getbbox() is None


@pytest.mark.parametrize(
    ("name", "rotation"),
    [
        *itertools.product(ODD_PAGES, (0, 90, 180, 270)),
        *(("origin", odd) for odd in (-90, 450, 45)),
    ],
)
def test_text_of_odd_pages(tmp_path: Path, name: str, rotation: int) -> None:
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    before.write_bytes(saved(made_pdf(entries={**ODD_PAGES[name], "Rotate": rotation})))
    page = recognized(before)
    written(before, [page], target=after)
    assert same_pixels(before, after)
    assert_in_place(after, page)
    assert in_pdfium(after) == in_pypdf(after) == page.text


@pytest.mark.parametrize("angle", [90, 180, 270])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("name", ["crop box", "origin"])
def test_text_of_pages_that_do_not_lie_upright(
    tmp_path: Path, name: str, angle: int, rotation: int
) -> None:
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    entries = {**ODD_PAGES[name], "Rotate": rotation}
    before.write_bytes(saved(made_pdf(entries=entries)))
    page = recognized(before, angle)
    written(before, [page], target=after)
    assert same_pixels(before, after)
    assert_in_place(after, page, edges=3 if angle == 180 else 4)
    assert in_pdfium(after) == page.text


@pytest.mark.parametrize("box", [[0, 0, 612, 792], [-900, 100, -288, 892], [900, 700, 1692, 1312]])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_full_pages(tmp_path: Path, box: list[int], rotation: int) -> None:
    """So many lines that PDFium takes the text of a rotated page for level."""
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    entries = {"MediaBox": Array(box), "Rotate": rotation}
    before.write_bytes(saved(made_pdf(entries=entries)))
    width, height = rendered(before, scale=SCALE).size
    texts = ["第3页 a b 共40页", "Ill, i l 1 of 20 mm", "海风书店 每天十点开门"]
    lines = [
        chars_line(f"{n} {texts[n % 3]}", 30, 30 + 26 * n, 20) for n in range((height - 60) // 26)
    ]
    page = page_of_lines(lines, width, height)
    written(before, [page], target=after)
    assert in_pdfium(after) == in_pypdf(after) == page.text
    assert_in_place(after, page)


def test_pages_inherit_their_boxes(tmp_path: Path) -> None:
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    pdf = made_pdf(pages=2)
    for each in pdf.pages:
        del each.obj.MediaBox
    pdf.Root.Pages.MediaBox = Array([10, 20, 410, 520])
    pdf.Root.Pages.Rotate = 90
    before.write_bytes(saved(pdf))
    page = recognized(before)
    assert (page.width, page.height) == pytest.approx((500 * SCALE, 400 * SCALE), abs=1)
    written(before, [page], target=after)
    assert_in_place(after, page)


def test_content_that_leaves_the_graphics_state_changed(tmp_path: Path) -> None:
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    before.write_bytes(saved(made_pdf(b"Q Q q 0.1 0 0 0.1 300 300 cm " + DRAWING)))
    page = recognized(before)
    written(before, [page], target=after)
    assert same_pixels(before, after)
    assert_in_place(after, page)


@pytest.mark.parametrize("degrees", [-12, -1, 3, 30])
def test_text_of_slanted_lines(tmp_path: Path, degrees: float) -> None:
    before, after = tmp_path / "before.pdf", tmp_path / "after.pdf"
    before.write_bytes(saved(made_pdf()))
    page = slanted(recognized(before), degrees)
    written(before, [page], target=after)
    for glyph, char in zip(
        [glyph for line in page.lines for glyph in line.glyphs or ()],
        shown_chars(after, SCALE),
        strict=True,
    ):
        assert char.text == glyph.text
        middle = [sum(place) / 4 for place in zip(*glyph.box, strict=True)]
        found = (char.left + char.right) / 2, (char.bottom + char.top) / 2
        assert found == pytest.approx(middle, abs=NEAR)


def slanted(page: Page, degrees: float) -> Page:
    """The first line of the page, rotated around a point near the middle of the page."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    (line, *_) = page.lines

    def move(corner: tuple[int, int]) -> tuple[int, int]:
        dx, dy = corner[0] - 120, corner[1] - 20
        return round(400 + dx * cosine - dy * sine), round(500 + dx * sine + dy * cosine)

    def box(quad: Any) -> Any:
        return tuple(map(move, quad))

    glyphs = tuple(replace(glyph, box=box(glyph.box)) for glyph in line.glyphs or ())
    moved = replace(line, box=box(line.box), glyphs=glyphs)
    return page_of_lines([moved], page.width, page.height)


def test_the_made_pages_are_as_they_should_be() -> None:
    page = lying(page_of_lines([chars_line("甲乙", 10, 20)], 100, 200), 90)
    assert (page.width, page.height, page.angle) == (200, 100, 90)
    back = rotated(page.lines[0].box, 90, page.width, page.height)
    assert back == chars_line("甲乙", 10, 20).box
    assert LETTER == (0, 0, 612, 792)

"""The text of a page as lines, paragraphs, rows and code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ocr_engine.geometry import Quad, rotated
from ocr_engine.result import Block, Document, Line, Page
from server.formats.plain_text import text_of
from tests.support.made_pages import BLOCKS, DOCUMENT, SPANNING, line, page_of

RECEIPT = (
    Block((line("SHOP", 100, 10),)),
    Block((line("bread", 10, 40), line("2,40", 300, 42), line("salt", 10, 70))),
    Block((line("0,90", 300, 69), line("SUM", 10, 110), line("3,30", 200, 108))),
)
IN_ROWS = "SHOP\nbread\t2,40\nsalt\t0,90\nSUM\t3,30"


def code(text: str, column: int, row: int) -> Line:
    """A line of characters that are 10 pixels wide."""
    return line(text, 50 + 10 * column, 30 * row, width=10 * len(text))


def test_lines() -> None:
    assert text_of(page_of(*BLOCKS[:2]), "lines").splitlines()[:2] == [
        "A Trip # 1",
        "It rained all the mor-",
    ]


def test_paragraphs() -> None:
    assert text_of(DOCUMENT, "paragraphs") == "\n".join(
        [
            "A Trip # 1",
            "It rained all the morning, and then a s7ain",
            "我们到了北门。",
            "• bread",
            "• 2 * butter",
            "Item\tPrice",
            "milk\ta|b",
            "- 7 -",
        ]
    )


def test_rows_of_a_receipt() -> None:
    assert text_of(page_of(*RECEIPT), "rows") == IN_ROWS


def test_rows_do_not_cross_columns() -> None:
    left, right = Block((line("left", 10, 10),), area=0), Block((line("right", 200, 10),), area=1)
    assert text_of(page_of(left, right), "rows") == "left\nright"


def test_rows_of_a_table_are_its_cells() -> None:
    assert text_of(page_of(SPANNING), "rows").splitlines() == [
        "Fares & <fees>\t\t",
        "adults and children\t3,50\t",
        "\t4,00\t",
    ]


@pytest.mark.parametrize("slope", [-0.05, 0.05])
def test_rows_of_a_page_with_a_skew(slope: float) -> None:
    def skewed(each: Line) -> Line:
        (a, b), (c, d), (e, f), (g, h) = each.box
        quad: Quad = (
            (a, b + round(slope * a)),
            (c, d + round(slope * c)),
            (e, f + round(slope * e)),
            (g, h + round(slope * g)),
        )
        return replace(each, box=quad)

    blocks = [replace(block, lines=tuple(map(skewed, block.lines))) for block in RECEIPT]
    assert text_of(page_of(*blocks), "rows") == IN_ROWS


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_rows_of_a_page_that_is_turned(angle: int) -> None:
    width, height = (400, 500) if angle == 180 else (500, 400)

    def in_image(each: Line) -> Line:
        return replace(each, box=rotated(each.box, 360 - angle, 400, 500))

    blocks = tuple(replace(block, lines=tuple(map(in_image, block.lines))) for block in RECEIPT)
    document = Document((Page(width, height, blocks, angle=angle),))
    assert text_of(document, "rows") == IN_ROWS


def test_vertical_lines_are_no_row() -> None:
    columns = tuple(
        Line(text, 0.9, ((x, 10), (x + 20, 10), (x + 20, 300), (x, 300)))
        for text, x in (("右", 60), ("左", 30))
    )
    assert text_of(page_of(Block(columns)), "rows") == "右\n左"


def test_code_keeps_its_indentation() -> None:
    lines = [
        code("def area(a, b):", 0, 0),
        code("if a:", 4, 1),
        code("return a * b", 8, 2),
        code("# both", 24, 2),
        code("return 0", 4, 3),
    ]
    assert text_of(page_of(Block(tuple(lines))), "code") == "\n".join(
        [
            "def area(a, b):",
            "    if a:",
            "        return a * b    # both",
            "    return 0",
        ]
    )


def test_code_keeps_its_empty_lines() -> None:
    rows = (0, 1, 2, 4, 5, 8, 9, 20)
    lines = tuple(code(f"row {row}", 0, row) for row in rows)
    assert text_of(page_of(Block(lines)), "code") == (
        "row 0\nrow 1\nrow 2\n\nrow 4\nrow 5\n\n\nrow 8\nrow 9\n\n\nrow 20"
    )


def test_code_in_columns_has_no_empty_line_between_them() -> None:
    left = Block(tuple(code(f"left {row}", 0, row) for row in range(3)), area=0)
    right = Block(tuple(code(f"right {row}", 30, row) for row in range(3)), area=1)
    assert "\n\n" not in text_of(page_of(left, right), "code")


def test_a_wide_character_is_two_columns_of_code() -> None:
    wide = line("# 北门", 50, 0, width=60)
    lines = (wide, code("x = 1", 4, 1))
    assert text_of(page_of(Block(lines)), "code") == "# 北门\n    x = 1"


def test_code_without_a_character() -> None:
    assert text_of(page_of(Block((line("", 10, 10),))), "code") == ""


def test_pages_have_a_form_feed_between_them() -> None:
    page = page_of(*RECEIPT).pages[0]
    assert text_of(Document((page, page)), "rows") == f"{IN_ROWS}\f{IN_ROWS}"

"""Tables with rules and without, and the rules in an image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ocr_engine.images.decode import ImageArray
from ocr_engine.layout.rules import Rule, find_rules
from ocr_engine.result import Block, Line
from tests.support.layout_pages import column, laid_out, line, skewed, words

LEFT, TOP, WIDE, HIGH = 100, 200, 150, 50  # of the grid and of its cells


def cell(text: str, row: int, column: int) -> Line:
    return line(text, LEFT + WIDE * column + 12, TOP + HIGH * row + 12)


def grid_rules(rows: int, columns: int) -> list[Rule]:
    """The rules of each cell, in pieces, so that some can be left out."""
    across = [
        (LEFT + WIDE * x, TOP + HIGH * y, LEFT + WIDE * (x + 1), TOP + HIGH * y)
        for y in range(rows + 1)
        for x in range(columns)
    ]
    down = [
        (LEFT + WIDE * x, TOP + HIGH * y, LEFT + WIDE * x, TOP + HIGH * (y + 1))
        for x in range(columns + 1)
        for y in range(rows)
    ]
    return [*across, *down]


def texts(block: Block) -> dict[tuple[int, int], str]:
    """The text of each cell that has some."""
    assert block.table is not None
    return {
        (cell.row, cell.column): " ".join(block.lines[number].text for number in cell.lines)
        for cell in block.table.cells
        if cell.lines
    }


def the_table(blocks: tuple[Block, ...]) -> Block:
    (table,) = [block for block in blocks if block.type == "table"]
    return table


def test_a_ruled_table() -> None:
    lines = [cell(f"c{y}{x}", y, x) for y in range(3) for x in range(4)]
    lines += column("a", 100, 60, (60, 60, 20))
    block = the_table(laid_out(lines, rules=grid_rules(3, 4)))
    assert block.table is not None
    assert (block.table.rows, block.table.columns) == (3, 4)
    assert texts(block) == {(y, x): f"c{y}{x}" for y in range(3) for x in range(4)}


def test_missing_rules_join_cells() -> None:
    rules = grid_rules(3, 3)
    rules.remove((LEFT + WIDE, TOP, LEFT + WIDE, TOP + HIGH))  # the first two of the first row
    rules.remove((LEFT + 2 * WIDE, TOP + 2 * HIGH, LEFT + 3 * WIDE, TOP + 2 * HIGH))
    lines = [cell("head", 0, 0), cell("c02", 0, 2)]
    lines += [cell(f"c{y}{x}", y, x) for y in (1, 2) for x in range(2)] + [cell("tall", 1, 2)]
    block = the_table(laid_out(lines, rules=rules))
    assert block.table is not None
    spans = {
        (each.row, each.column): (each.row_span, each.column_span)
        for each in block.table.cells
        if (each.row_span, each.column_span) != (1, 1)
    }
    assert spans == {(0, 0): (1, 2), (1, 2): (2, 1)}
    assert texts(block)[1, 2] == "tall"


def test_a_line_over_several_cells_stays_whole_in_the_first() -> None:
    lines = [cell(f"c{y}{x}", y, x) for y in (0, 2) for x in range(3)]
    lines.append(line("joined", LEFT + 12, TOP + HIGH + 12, width=2.6 * WIDE))
    block = the_table(laid_out(lines, rules=grid_rules(3, 3)))
    assert texts(block)[1, 0] == "joined"
    assert (1, 1) not in texts(block)


def test_a_cell_of_two_lines() -> None:
    lines = [cell(f"c{y}{x}", y, x) for y in range(3) for x in range(3)]
    lines[4] = line("above", LEFT + WIDE + 12, TOP + HIGH + 1)
    lines.append(line("below", LEFT + WIDE + 12, TOP + HIGH + 25))
    block = the_table(laid_out(lines, rules=grid_rules(3, 3)))
    assert texts(block)[1, 1] == "above below"


@pytest.mark.parametrize("degrees", [-2, 2])
def test_a_skewed_ruled_table(degrees: float) -> None:
    lines = [cell(f"cell {y}{x} of it", y, x) for y in range(4) for x in range(4)]
    corners = [
        Line("", 0.0, ((int(ax), int(ay)), (int(bx), int(by)), (0, 0), (0, 0)))
        for ax, ay, bx, by in grid_rules(4, 4)
    ]
    rules = [(*each.box[0], *each.box[1]) for each in skewed(corners, degrees)]
    block = the_table(laid_out(skewed(lines, degrees), rules=rules))
    assert texts(block) == {(y, x): f"cell {y}{x} of it" for y in range(4) for x in range(4)}


def test_a_frame_around_text_is_no_table() -> None:
    frame = [(50.0, 50.0, 900.0, 50.0), (50.0, 500.0, 900.0, 500.0)]
    frame += [(50.0, 50.0, 50.0, 500.0), (900.0, 50.0, 900.0, 500.0)]
    blocks = laid_out(column("a", 60, 60, (80, 80, 80, 20)), rules=frame)
    assert [block.type for block in blocks] == ["text"]


def number_table(top: int, rows: int = 6) -> list[Line]:
    heads = [line(text, left, top) for text, left in (("Name", 100), ("Qty", 400), ("Sum", 700))]
    body = [
        line(text, left, top + 34 * row)
        for row in range(1, rows)
        for text, left in ((f"thing {row}", 100), (f"{row}7", 400), (f"{row}9.50", 700))
    ]
    return heads + body


def test_an_unruled_table_between_paragraphs() -> None:
    lines = column("a", 60, 60, (80, 80, 30)) + number_table(200)
    lines += column("b", 60, 460, (80, 80, 30))
    blocks = laid_out(lines)
    assert [block.type for block in blocks] == ["text", "table", "text"]
    table = blocks[1].table
    assert table is not None
    assert (table.rows, table.columns, table.heading_rows) == (6, 3, 1)
    assert texts(blocks[1])[3, 2] == "39.50"


def test_an_empty_cell_of_an_unruled_table() -> None:
    lines = [each for each in number_table(100) if each.text != "37"]
    assert (3, 1) not in texts(the_table(laid_out(lines)))


def test_the_lines_of_a_long_cell_stay_together() -> None:
    lines: list[Line] = []
    for row in range(5):
        top = 100 + 80 * row
        lines += [line(f"n{row}", 100, top), line(f"{row}8", 300, top)]
        lines += [line(words(f"t{row}", 30), 500, top), line(words(f"u{row}", 22), 500, top + 25)]
    block = the_table(laid_out(lines))
    assert block.table is not None
    assert block.table.rows == 5
    assert texts(block)[2, 2] == f"{words('t2', 30)} {words('u2', 22)}"


def test_the_pieces_of_a_cell_are_read_row_by_row() -> None:
    """Their middles may differ a little: the second piece of a row may lie higher."""
    lines = [each for each in number_table(100) if each.text != "thing 3"]
    lines += [line("one", 100, 202), line("two", 140, 199)]
    assert texts(the_table(laid_out(lines)))[3, 0] == "one two"


def test_the_table_of_a_page_in_columns_is_in_its_column() -> None:
    left = [line(words(f"a{n}", 44), 40, 60 + 30 * n) for n in range(8)]
    left += [
        line(text, x, 330 + 34 * row)
        for row in range(6)
        for text, x in ((f"thing {row}", 50), (f"{row}7", 200), (f"{row}9.50", 320))
    ]
    right = [line(words(f"b{n}", 44), 540, 64 + 31 * n) for n in range(15)]
    blocks = laid_out(left + right)
    kinds = [block.type for block in blocks if block.type == "table"]
    assert kinds == ["table"]
    order = [each.text.split()[0] for block in blocks for each in block.lines]
    assert order.index("b0") > order.index("59.50")


# --- rules in pixels


def drawn(rules: list[Rule], thickness: int = 1, grey: int = 0) -> ImageArray:
    """An image with lines of text and these rules."""
    pixels = np.full((1000, 1100, 3), 255, dtype=np.uint8)
    for number in range(12):
        for top in (30, 640):
            place = (60, top + 30 * number)
            text = "Lorem ipsum dolor sit amet consectetur adipiscing"
            cv2.putText(pixels, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 0, 0), 2)
    for ax, ay, bx, by in rules:
        ends = (round(ax), round(ay)), (round(bx), round(by))
        cv2.line(pixels, *ends, (grey, grey, grey), thickness)
    return pixels


def test_text_has_no_rules() -> None:
    assert find_rules(drawn([])) == ()


@pytest.mark.parametrize(("thickness", "grey"), [(1, 0), (1, 200), (3, 100)])
def test_the_rules_of_a_table_are_found(thickness: int, grey: int) -> None:
    rules: list[Rule] = [(100.0, y, 700.0, y) for y in (430.0, 480.0, 530.0)]
    rules += [(x, 430.0, x, 530.0) for x in (100.0, 400.0, 700.0)]
    found = find_rules(drawn(rules, thickness, grey))
    assert len(found) == 6
    for true, rule in zip(sorted(rules), sorted(found), strict=True):
        assert rule == pytest.approx(true, abs=5)


def test_the_rules_of_a_skewed_table_are_found() -> None:
    slope = np.tan(np.radians(2))
    rules: list[Rule] = [(100.0, y, 700.0, y + 600 * slope) for y in (430.0, 480.0, 530.0)]
    rules += [(x, 430.0, x - 120 * slope, 550.0) for x in (150.0, 400.0)]
    found = find_rules(drawn(rules, 2), float(np.radians(2)))
    across = [rule for rule in found if abs(rule[2] - rule[0]) > abs(rule[3] - rule[1])]
    assert len(across) == 3
    for true, rule in zip(sorted(rules)[:3], sorted(across), strict=True):
        assert rule == pytest.approx(true, abs=6)


def test_a_single_rule_is_not_looked_into() -> None:
    assert find_rules(drawn([(100.0, 480.0, 700.0, 480.0)])) == ()


def test_a_small_image_has_no_rules() -> None:
    assert find_rules(np.zeros((5, 5, 3), dtype=np.uint8)) == ()

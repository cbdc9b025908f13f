"""The layout set: how pages are scored."""

from __future__ import annotations

import random as stdlib_random

import layout as benchmark
import pytest

from layout_set.matching import Match, match_lines
from layout_set.score import PageScore, kendall_tau, page_score, text_errors
from layout_set.table_trees import Node, similarity, table_tree, tree_distance
from layout_set.truth import TrueBlock, TrueCell, TrueLine, TruePage
from ocr_engine.geometry import LevelBox, Quad
from ocr_engine.result import Block, Cell, Line, Table
from text_accuracy import edit_distance


def box(left: int, top: int, width: int = 100, height: int = 20) -> Quad:
    return LevelBox(left, top, left + width, top + height).quad


def line(text: str, quad: Quad) -> Line:
    return Line(text, 1.0, quad)


# Two columns of a paragraph each, below a title.
TITLE, A, B, C, D = box(0, 0, 220), box(0, 40), box(0, 70), box(120, 40), box(120, 70)
TWO_COLUMNS = TruePage(
    220,
    100,
    (
        TrueLine("title", TITLE, 0),
        TrueLine("one", A, 1),
        TrueLine("two", B, 1),
        TrueLine("three", C, 2),
        TrueLine("four", D, 2),
    ),
    (TrueBlock("title"), TrueBlock("text"), TrueBlock("text")),
)


def test_a_page_in_order_has_no_faults() -> None:
    blocks = (
        Block((line("title", TITLE),), "title"),
        Block((line("one", A), line("two", B))),
        Block((line("three", C), line("four", D))),
    )
    # The step to the next column is not a pair.
    assert page_score(TWO_COLUMNS, blocks) == PageScore(1.0, 0, 20, 0, 3, 3, (), 0, 5, 5)


def test_rows_across_two_columns_are_in_the_wrong_order() -> None:
    rows = [line("title", TITLE), line("one", A), line("three", C), line("two", B), line("four", D)]
    score = page_score(TWO_COLUMNS, (Block(tuple(rows)),))
    assert score.order == pytest.approx(1 - 2 * 1 / 10)
    assert score.wrong == edit_distance("titleonetwothreefour", "titleonethreetwofour")
    assert (score.joined, score.pairs) == (2, 3)  # the title is joined with the first line


def test_columns_read_from_the_right_are_in_the_wrong_order() -> None:
    right_first = [line("three", C), line("four", D), line("one", A), line("two", B)]
    blocks = (Block((line("title", TITLE),)), *(Block((each,)) for each in right_first))
    score = page_score(TWO_COLUMNS, blocks)
    assert score.order == pytest.approx(1 - 2 * 4 / 10)
    assert (score.joined, score.pairs) == (1, 3)


def test_lines_of_a_table_a_row_or_a_listing_are_not_pairs() -> None:
    blocks = (
        TrueBlock("cell", table=0),
        TrueBlock("cell", table=0),
        TrueBlock("row", row=0),
        TrueBlock("row", row=0),
        TrueBlock("code"),
    )
    quads = [box(0, 0), box(0, 30), box(0, 60), box(120, 60), box(0, 90), box(0, 120)]
    lines = tuple(TrueLine(str(place), quad, min(place, 4)) for place, quad in enumerate(quads))
    truth = TruePage(220, 150, lines, blocks, (((TrueCell(0, 0, 1, 1, "0")),),))
    found = tuple(Block((line(each.text, each.box),)) for each in lines)
    score = page_score(truth, found)
    # table to row, and row to listing
    assert (score.joined, score.pairs) == (2, 2)


def test_vertical_lines_are_pairs_from_the_right() -> None:
    quads = [box(80, 0, 20, 200), box(40, 0, 20, 200), box(80, 220, 20, 200)]
    lines = tuple(TrueLine(text, quad, 0) for text, quad in zip("日月火", quads, strict=True))
    truth = TruePage(100, 420, lines, (TrueBlock("text", vertical=True),))
    score = page_score(truth, (Block(tuple(line(each.text, each.box) for each in lines)),))
    assert (score.joined, score.pairs) == (1, 1)  # the third begins another register


def test_text_that_was_misread_is_not_a_fault_of_the_order() -> None:
    read = [line("title", TITLE), line("four", D), line("thr", C), line("one", A), line("two", B)]
    score = page_score(TWO_COLUMNS, tuple(Block((each,)) for each in read))
    assert score.misread == len("ee")
    assert score.wrong == edit_distance("titleonetwothreefour", "titlefourthronetwo")
    row = benchmark.kind_score("lists", [score], None, 1.0)
    assert row.read == pytest.approx(0.9)
    assert f"lists: text {row.text:.4f}, at least 0.873" in benchmark.missed_bounds([row])


def test_tau_counts_pairs() -> None:
    assert kendall_tau([(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0)]) == 1
    assert kendall_tau([(3, 0.0), (2, 0.0), (1, 0.0), (0, 0.0)]) == -1
    assert kendall_tau([(0, 0.0), (2, 0.0), (1, 0.0), (3, 0.0)]) == pytest.approx(4 / 6)
    assert kendall_tau([(5, 0.0)]) == 1
    assert kendall_tau([]) == 1


def test_tau_of_a_line_that_joins_two_follows_its_direction() -> None:
    assert kendall_tau([(0, 0.1), (0, 0.6)]) == 1
    assert kendall_tau([(0, 0.6), (0, 0.1)]) == -1


def test_a_line_found_in_two_parts_belongs_to_one_true_line() -> None:
    found = [box(2, 1, 40, 18), box(50, 3, 48, 18), box(0, 31)]
    assert match_lines([box(0, 0), box(0, 30)], found) == [
        [Match(0, 0.0), Match(1, 0.0)],
        [Match(2, 0.0)],
    ]


def test_a_line_across_the_gutter_belongs_to_both_true_lines() -> None:
    ((left,), (right,)) = match_lines([A, C], [box(0, 40, 220)])
    assert left == Match(0, 0.0)
    assert right.found == 0
    assert right.along == pytest.approx(120 / 220)


def test_a_line_that_was_not_found_is_counted_and_left_out() -> None:
    score = page_score(TWO_COLUMNS, (Block((line("one", A), line("two", B))),))
    assert (score.found, score.lines, score.order) == (2, 5, 1.0)
    assert score.wrong == len("titlethreefour")
    assert (score.joined, score.pairs) == (1, 1)


def test_text_is_compared_without_spaces_and_bullets() -> None:
    assert text_errors(["• one item"], ["oneitem"]) == (0, 7)
    assert text_errors(["oneitem"], ["● one  itern"]) == (2, 7)


def test_the_edit_distance_is_that_of_the_definition() -> None:
    def defined(first: str, second: str) -> int:
        row = list(range(len(second) + 1))
        for i, a in enumerate(first, 1):
            above, row[0] = row[0], i
            for j, b in enumerate(second, 1):
                above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
        return row[-1]

    generator = stdlib_random.Random(22)
    for length in (0, 1, 2, 63, 64, 65, 130):
        for other in (0, 1, 40, 64, 100):
            first = "".join(generator.choices("ab文c", k=length))
            second = "".join(generator.choices("ab文", k=other))
            assert edit_distance(first, second) == defined(first, second)
    assert edit_distance("kitten", "sitting") == 3


def table(*rows: str) -> Node:
    """A table of one-character cells."""
    return table_tree(
        TrueCell(y, x, 1, 1, text) for y, row in enumerate(rows) for x, text in enumerate(row)
    )


def test_equal_tables_are_alike() -> None:
    assert similarity(table("ab", "cd"), table("ab", "cd")) == 1


def test_a_changed_cell_costs_its_share_of_characters() -> None:
    first = table_tree([TrueCell(0, 0, 1, 1, "1234"), TrueCell(0, 1, 1, 1, "x")])
    second = table_tree([TrueCell(0, 0, 1, 1, "1235"), TrueCell(0, 1, 1, 1, "x")])
    assert tree_distance(first, second) == pytest.approx(1 / 4)
    assert similarity(first, second) == pytest.approx(1 - 0.25 / 3)  # tr and two cells


def test_a_lost_row_costs_its_nodes() -> None:
    assert tree_distance(table("ab", "cd", "ef"), table("ab", "ef")) == 3
    assert similarity(table("ab", "cd", "ef"), table("ab", "ef")) == pytest.approx(1 - 3 / 9)


def test_two_rows_in_one_cost_both_rows_and_the_one() -> None:
    assert tree_distance(table("ab", "cd"), table("abcd")) == 3


def test_another_span_costs_the_cell() -> None:
    wide = table_tree([TrueCell(0, 0, 1, 2, "a"), *(TrueCell(1, x, 1, 1, "b") for x in (0, 1))])
    narrow = table_tree([TrueCell(0, 0, 1, 1, "a"), *(TrueCell(1, x, 1, 1, "b") for x in (0, 1))])
    assert tree_distance(wide, narrow) == 1


def test_a_table_is_compared_with_the_block_that_has_its_lines() -> None:
    quads = [box(0, 0), box(120, 0), box(0, 30), box(120, 30)]
    lines = tuple(
        TrueLine(text, quad, n) for n, (text, quad) in enumerate(zip("abcd", quads, strict=True))
    )
    cells = tuple(TrueCell(n // 2, n % 2, 1, 1, text) for n, text in enumerate("abcd"))
    blocks = tuple(TrueBlock("cell", table=0) for _ in lines)
    truth = TruePage(220, 60, lines, blocks, (cells,))
    read = tuple(line(each.text, each.box) for each in lines)
    whole = Table(2, 2, tuple(Cell(n // 2, n % 2, (n,)) for n in range(4)))
    assert page_score(truth, (Block(read, "table", table=whole),)).tables == (1.0,)
    assert page_score(truth, (Block(read),)).tables == (0.0,)
    upper = Block(read[:2], "table", table=Table(1, 2, (Cell(0, 0, (0,)), Cell(0, 1, (1,)))))
    assert page_score(truth, (upper, Block(read[2:]))).tables == pytest.approx((1 - 3 / 6,))


def test_a_table_that_is_none_is_counted() -> None:
    cells = (Cell(0, 0, (0,)), Cell(0, 1, (1,)))
    found = Block((line("one", A), line("three", C)), "table", table=Table(1, 2, cells))
    assert page_score(TWO_COLUMNS, (found,)).extra == 1


def test_a_bound_that_is_missed_is_named() -> None:
    good = PageScore(1.0, 0, 100, 0, 10, 10, (1.0,), 0, 5, 5)
    bad = PageScore(0.9, 5, 100, 0, 9, 10, (0.8,), 0, 5, 5)
    rows = [
        benchmark.kind_score("ruled tables", [good], None, 1.0),
        benchmark.kind_score("unruled tables", [good, bad], None, 1.0),
    ]
    assert benchmark.missed_bounds(rows[:1]) == []
    assert benchmark.missed_bounds(rows[1:]) == [
        "unruled tables: order 0.9500, at least 0.98",
        "unruled tables: joined 0.9500, at least 0.97",
    ]

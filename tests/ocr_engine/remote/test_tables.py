"""Tables in the grammars of models: OTSL tags and HTML."""

from __future__ import annotations

import pytest

from ocr_engine.block_json import MAX_PLACES
from ocr_engine.remote.tables import TextCell, TextTable, is_table, parse_table, without_tags


def cells(table: TextTable | None) -> list[tuple[int, int, str, int, int]]:
    assert table is not None
    return [(c.row, c.column, c.text, c.row_span, c.column_span) for c in table.cells]


def covered(table: TextTable) -> list[tuple[int, int]]:
    """The places of all cells, as often as they are covered."""
    return sorted(
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    )


def test_otsl_cells_row_by_row() -> None:
    table = parse_table("<fcel>Item<fcel>Price<nl><fcel>Tea<fcel>3.50<nl>")
    assert cells(table) == [
        (0, 0, "Item", 1, 1),
        (0, 1, "Price", 1, 1),
        (1, 0, "Tea", 1, 1),
        (1, 1, "3.50", 1, 1),
    ]


def test_otsl_spans() -> None:
    table = parse_table("<fcel>A<lcel><fcel>B<nl><ucel><xcel><fcel>C<nl><fcel>D<ecel><fcel>E<nl>")
    assert table is not None
    assert cells(table)[:3] == [(0, 0, "A", 2, 2), (0, 2, "B", 1, 1), (1, 2, "C", 1, 1)]
    assert covered(table) == [(row, column) for row in range(3) for column in range(3)]


def test_otsl_heading_rows_and_ragged_rows() -> None:
    table = parse_table("<ched>A<ched>B<nl><fcel>1<nl><fcel>2<fcel>3<fcel>4")
    assert table is not None
    assert (table.rows, table.columns, table.heading_rows) == (3, 3, 1)
    assert covered(table) == [(row, column) for row in range(3) for column in range(3)]


def test_html_with_headings_and_spans() -> None:
    table = parse_table(
        "<table><thead><tr><th>A</th><th colspan='2'>B &amp; C</th></tr></thead>"
        "<tbody><tr><td rowspan=2>1</td><td>2<br/>3</td><td></td></tr><tr><td>4<td>5</tr></table>"
    )
    assert table is not None
    assert table.heading_rows == 1
    assert cells(table) == [
        (0, 0, "A", 1, 1),
        (0, 1, "B & C", 1, 2),
        (1, 0, "1", 2, 1),
        (1, 1, "2 3", 1, 1),
        (1, 2, "", 1, 1),
        (2, 1, "4", 1, 1),
        (2, 2, "5", 1, 1),
    ]


def test_a_table_in_a_cell_is_text() -> None:
    table = parse_table("<table><tr><td>a<table><tr><td>b</td></tr></table></td></tr></table>")
    assert cells(table) == [(0, 0, "ab", 1, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "<table><tr><td rowspan=9>a<td>b</tr><tr><td colspan=3>c</tr></table>",
        "<fcel>a<ucel><nl><lcel><fcel>b<xcel><nl>",
        "<table><tr><td>a</td></tr><tr><th>b</th><td>c</td></tr>",
        "<table><td>no row</td></table>",
    ],
    ids=["overlapping spans", "tags without a cell", "not closed", "no row"],
)
def test_every_place_of_an_odd_table_is_covered_once(text: str) -> None:
    table = parse_table(text)
    assert table is not None
    places = [(row, column) for row in range(table.rows) for column in range(table.columns)]
    assert covered(table) == places


@pytest.mark.parametrize(
    "text",
    [
        "plain text",
        "<table></table>",
        "<table><tr><td> </td></tr></table>",
        "<fcel><nl>",
        "<table>" + "<tr><td colspan=1000 rowspan=1000>x</td></tr>" * 2 + "</table>",
        "<fcel>x<nl>" * (MAX_PLACES + 1),
    ],
    ids=["text", "no rows", "no text", "empty otsl", "huge spans", "too many rows"],
)
def test_what_is_no_table_or_too_large(text: str) -> None:
    assert parse_table(text) is None


def test_the_text_of_a_table_that_cannot_be_parsed() -> None:
    assert without_tags("<tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>") == "a\tb\nc"
    assert without_tags("a<fcel>b<nl>c<nl>") == "a\tb\nc"
    assert is_table("x <TABLE>")
    assert not is_table("a < b")
    assert TextCell(0, 0).text == ""

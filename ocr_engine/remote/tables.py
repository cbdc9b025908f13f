"""Tables in the grammars of models: OTSL tags, or HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from ocr_engine.block_json import MAX_PLACES

MAX_SPAN = 1000

_OTSL = re.compile(r"<(fcel|ecel|lcel|ucel|xcel|ched|rhed|srow|nl)>")
_HEADINGS = ("ched",)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class TextCell:
    """A cell, and the number of rows and columns that it covers, from its first place."""

    row: int
    column: int
    text: str = ""
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class TextTable:
    """The cells of a table, row by row; each place is covered by one of them."""

    rows: int
    columns: int
    cells: tuple[TextCell, ...]
    heading_rows: int = 0


def is_table(text: str) -> bool:
    """Whether the text has the tags of a table."""
    return "<table" in text.lower() or _OTSL.search(text) is not None


def parse_table(text: str) -> TextTable | None:
    """The table in a text; None if there is none, or it is too large."""
    try:
        table = _from_html(text) if "<table" in text.lower() else _from_otsl(text)
    except OverflowError:
        return None
    return table if any(cell.text for cell in table.cells) else None


def without_tags(text: str) -> str:
    """A table that could not be parsed as text: a line for each row, with tabs between cells."""
    text = re.sub(r"(?i)</tr>|<nl>", "\n", text)
    text = re.sub(r"(?i)</t[dh]>|<[flexu]cel>|<xcel>|<ched>", "\t", text)
    lines = re.sub(r"<[^>]{0,200}>", "", text).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


@dataclass(slots=True)
class _Places:
    """The places of a table that are taken; OverflowError if there are too many."""

    taken: dict[int, set[int]] = field(default_factory=dict)
    count: int = 0

    def is_free(self, row: int, column: int) -> bool:
        return column not in self.taken.get(row, ())

    def take(self, cell: TextCell) -> None:
        self.count += cell.row_span * cell.column_span
        if self.count > MAX_PLACES:
            raise OverflowError
        for row in range(cell.row, cell.row + cell.row_span):
            columns = range(cell.column, cell.column + cell.column_span)
            self.taken.setdefault(row, set()).update(columns)


def _whole(cells: list[TextCell], heading_rows: int) -> TextTable:
    """The table of these cells, with empty ones in places that none covers."""
    rows = max((cell.row + cell.row_span for cell in cells), default=0)
    columns = max((cell.column + cell.column_span for cell in cells), default=0)
    if rows * columns > MAX_PLACES:
        raise OverflowError
    places = _Places()
    for cell in cells:
        places.take(cell)
    empty = [
        TextCell(row, column)
        for row in range(rows)
        for column in range(columns)
        if places.is_free(row, column)
    ]
    ordered = sorted([*cells, *empty], key=lambda cell: (cell.row, cell.column))
    return TextTable(rows, columns, tuple(ordered), min(heading_rows, rows))


def _from_otsl(text: str) -> TextTable:
    rows = list(_otsl_rows(text))
    cells: list[TextCell] = []
    places = _Places()
    heading_rows = 0
    for number, row in enumerate(rows):
        if row and heading_rows == number and all(tag in _HEADINGS for tag, _ in row):
            heading_rows += 1
        for column, (tag, content) in enumerate(row):
            if tag in ("lcel", "ucel", "xcel") or not places.is_free(number, column):
                continue
            cell = TextCell(
                number,
                column,
                _joined(content),
                _run(rows, number, column, 1, 0, "ucel"),
                _run(rows, number, column, 0, 1, "lcel"),
            )
            if not _fits(places, cell):
                cell = TextCell(number, column, cell.text)
            places.take(cell)
            cells.append(cell)
    return _whole(cells, heading_rows)


def _otsl_rows(text: str) -> Iterator[list[tuple[str, str]]]:
    """The rows of tags and their contents."""
    row: list[tuple[str, str]] = []
    pieces = _OTSL.split(text)
    for tag, content in zip(pieces[1::2], pieces[2::2], strict=True):
        if tag == "nl":
            yield row
            row = []
        else:
            row.append((tag, content))
    if row:
        yield row


def _run(
    rows: list[list[tuple[str, str]]], row: int, column: int, down: int, right: int, tag: str
) -> int:
    """How many places a cell covers in one direction.

    These are its own, and the places directly after it that have this tag.
    """
    length = 1
    while length < MAX_SPAN:
        below, beyond = row + down * length, column + right * length
        if below >= len(rows) or beyond >= len(rows[below]) or rows[below][beyond][0] != tag:
            break
        length += 1
    return length


def _fits(places: _Places, cell: TextCell) -> bool:
    return all(
        places.is_free(row, column)
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    )


def _from_html(text: str) -> TextTable:
    reader = _HtmlTable()
    reader.feed(text)
    reader.close()
    reader.end_cell()
    return _whole(reader.cells, reader.heading_rows)


class _HtmlTable(HTMLParser):
    """Collects the cells of the first table; tables within cells become text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.cells: list[TextCell] = []
        self.heading_rows = 0
        self._places = _Places()
        self._row = -1
        self._depth = 0
        self._in_head = False
        self._is_heading = True  # all cells of this row so far are headings
        self._open: TextCell | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called with each opening tag."""
        if tag == "table":
            self._depth += 1
        if self._depth > 1:
            return
        if tag == "thead":
            self._in_head = True
        elif tag == "tr":
            self._next_row()
        elif tag in ("td", "th"):
            self._begin_cell(tag, dict(attrs))
        elif tag == "br":
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """Called with each closing tag."""
        if self._depth == 1:
            if tag in ("td", "th", "tr", "table"):
                self.end_cell()
            if tag == "thead":
                self._in_head = False
        if tag == "table" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        """Called with the text between tags."""
        if self._open is not None:
            self._text.append(data)

    def end_cell(self) -> None:
        """The open cell has ended, with or without a closing tag."""
        if self._open is None:
            return
        cell, self._open = self._open, None
        text = _joined("".join(self._text))
        self._text = []
        cell = TextCell(cell.row, cell.column, text, cell.row_span, cell.column_span)
        if not _fits(self._places, cell):
            cell = TextCell(cell.row, cell.column, text)
        self._places.take(cell)
        self.cells.append(cell)

    def _next_row(self) -> None:
        self.end_cell()
        self._row += 1
        self._is_heading = True

    def _begin_cell(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.end_cell()
        if self._row < 0:
            self._next_row()
        self._is_heading = self._is_heading and (tag == "th" or self._in_head)
        if self._is_heading and self.heading_rows in (self._row, self._row + 1):
            self.heading_rows = self._row + 1
        elif self.heading_rows == self._row + 1:
            self.heading_rows = self._row
        column = 0
        while not self._places.is_free(self._row, column):
            column += 1
        spans = (_span(attributes.get(name)) for name in ("rowspan", "colspan"))
        self._open = TextCell(self._row, column, "", *spans)


def _span(text: str | None) -> int:
    found = re.fullmatch(r"\s*(\d{1,4})\s*", text or "", re.ASCII)
    return min(max(int(found[1]), 1), MAX_SPAN) if found else 1


def _joined(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()

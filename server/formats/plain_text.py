"""The text of a page, joined in the way that a request asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby

from ocr_engine.result import Block, Document, Page
from server.formats.joining import joined
from server.formats.rendering import TextForm
from server.formats.tables import cell_text, grid
from server.formats.text_rows import (
    PlacedLine,
    character_width,
    display_width,
    line_breaks,
    placed_blocks,
    rows_of,
)


def text_of(document: Document, form: TextForm) -> str:
    """The text of all pages, separated by form feeds."""
    return "\f".join(_WRITERS[form](page) for page in document.pages)


def block_text(block: Block) -> str:
    """A block as one paragraph; a table as its rows, with tabs between cells."""
    if block.table is None:
        return joined(line.text for line in block.lines)
    return "\n".join(_table_rows(block))


def _paragraphs(page: Page) -> str:
    return "\n".join(filter(None, map(block_text, page.blocks)))


def _rows(page: Page) -> str:
    """The cells of tables, and lines at the same height, have a tab between them."""
    texts: list[str] = []
    blocks = zip(page.blocks, placed_blocks(page), strict=True)
    for is_table, group in groupby(blocks, key=lambda pair: pair[0].table is not None):
        if is_table:
            texts += chain.from_iterable(_table_rows(block) for block, _ in group)
        else:
            rows = rows_of(chain.from_iterable(lines for _, lines in group))
            texts += ("\t".join(placed.line.text for placed in row) for row in rows)
    return "\n".join(texts)


def _code(page: Page) -> str:
    """Rows with blanks in front of lines and between them, and empty lines where some would fit."""
    lines = list(chain.from_iterable(placed_blocks(page)))
    width = character_width(lines)
    if not width:
        return page.text
    left = min(placed.left for placed in lines)
    rows = list(rows_of(lines))
    return "".join(
        "\n" * breaks + _with_blanks(row, left, width)
        for breaks, row in zip(line_breaks(rows), rows, strict=True)
    )


def _with_blanks(row: Iterable[PlacedLine], left: float, width: float) -> str:
    text = ""
    for placed in row:
        column = round((placed.left - left) / width)
        text += " " * max(column - display_width(text), bool(text)) + placed.line.text
    return text


def _table_rows(block: Block) -> Iterator[str]:
    """The rows that have text."""
    for row in grid(block):
        texts = ["" if cell is None else cell_text(block, cell) for cell in row]
        if any(texts):
            yield "\t".join(texts)


_WRITERS: Mapping[TextForm, Callable[[Page], str]] = {
    "lines": lambda page: page.text,
    "paragraphs": _paragraphs,
    "rows": _rows,
    "code": _code,
}

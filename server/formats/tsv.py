"""TSV in tesseract's style: a row for each page, block, paragraph, line and word.

Its blocks are the areas of the page, its paragraphs the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ocr_engine.geometry import LevelBox
from ocr_engine.result import Document, Page
from server.formats.typesetting import TypesetArea, TypesetLine, page_box, typeset_areas

COLUMNS = (
    "level", "page_num", "block_num", "par_num", "line_num", "word_num",
    "left", "top", "width", "height", "conf", "text",
)  # fmt: skip
HEADING = "\t".join(COLUMNS) + "\n"
PAGE, BLOCK, PARAGRAPH, LINE, WORD = range(1, 6)
NO_CONFIDENCE = "-1"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def render_tsv(document: Document) -> str:
    """Write the document as TSV with column names.

    A line without words becomes one word.
    """
    return "".join((HEADING, *map(page_rows, document.pages)))


def page_rows(page: Page) -> str:
    """The rows of one page."""
    return "".join(f"{row}\n" for row in _page_rows(page))


def _page_rows(page: Page) -> Iterator[str]:
    yield _row(PAGE, (page.number, 0, 0, 0, 0), page_box(page))
    for number, area in enumerate(typeset_areas(page), 1):
        yield from _area_rows(page.number, number, area)


def _area_rows(page_number: int, number: int, area: TypesetArea) -> Iterator[str]:
    yield _row(BLOCK, (page_number, number, 0, 0, 0), area.box)
    for paragraph, block in enumerate(area.blocks, 1):
        yield _row(PARAGRAPH, (page_number, number, paragraph, 0, 0), block.box)
        for line_number, line in enumerate(block.lines, 1):
            yield from _line_rows((page_number, number, paragraph, line_number), line)


def _line_rows(place: tuple[int, int, int, int], line: TypesetLine) -> Iterator[str]:
    yield _row(LINE, (*place, 0), line.box)
    for number, (word, box, _) in enumerate(line.words, 1):
        confidence = f"{word.confidence * 100:.2f}"
        text = _CONTROL.sub(" ", word.text)
        yield _row(WORD, (*place, number), box, confidence, text)


def _row(
    level: int,
    place: tuple[int, int, int, int, int],
    box: LevelBox,
    confidence: str = NO_CONFIDENCE,
    text: str = "",
) -> str:
    """One row; place: the numbers of page, block, paragraph, line and word, 0 if none."""
    sides = (box.left, box.top, box.right - box.left, box.bottom - box.top)
    return "\t".join((*map(str, (level, *place, *sides)), confidence, text))

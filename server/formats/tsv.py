"""TSV as tesseract writes it: a row for the page and for each block, paragraph, line and word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ocr_engine.result import OcrResult
from server.formats.page_layout import Block, LevelBox, Line, lay_out

TSV_TYPE = "text/tab-separated-values; charset=utf-8"
COLUMNS = (
    "level", "page_num", "block_num", "par_num", "line_num", "word_num",
    "left", "top", "width", "height", "conf", "text",
)  # fmt: skip
PAGE, BLOCK, PARAGRAPH, LINE, WORD = range(1, 6)
NO_CONFIDENCE = "-1"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def render_tsv(result: OcrResult) -> str:
    """The table, with a line of column names; a block is one paragraph.

    Where the words are not known, a line's text is one word.
    """
    rows = [
        "\t".join(COLUMNS),
        _row(PAGE, (0, 0, 0, 0), LevelBox(0, 0, result.width, result.height)),
    ]
    for number, block in enumerate(lay_out(result), 1):
        rows += _block_rows(number, block)
    return "\n".join(rows) + "\n"


def _block_rows(number: int, block: Block) -> Iterator[str]:
    yield _row(BLOCK, (number, 0, 0, 0), block.box)
    yield _row(PARAGRAPH, (number, 1, 0, 0), block.box)
    for line_number, line in enumerate(block.lines, 1):
        yield from _line_rows(number, line_number, line)


def _line_rows(block_number: int, number: int, line: Line) -> Iterator[str]:
    yield _row(LINE, (block_number, 1, number, 0), line.box)
    for word_number, word in enumerate(line.words, 1):
        place = (block_number, 1, number, word_number)
        text = _CONTROL.sub(" ", word.text)
        yield _row(WORD, place, word.box, f"{word.confidence * 100:.2f}", text)


def _row(
    level: int,
    place: tuple[int, int, int, int],
    box: LevelBox,
    confidence: str = NO_CONFIDENCE,
    text: str = "",
) -> str:
    """place: the numbers of block, paragraph, line and word."""
    sides = (box.left, box.top, box.right - box.left, box.bottom - box.top)
    return "\t".join((*map(str, (level, 1, *place, *sides)), confidence, text))

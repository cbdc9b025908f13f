"""hOCR as tesseract writes it: XHTML with the boxes in the titles of its elements.

The format: Breuel, Baierer, "hOCR - OCR Workflow and Output embedded in HTML", version 1.2.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import count

from ocr_engine.result import OcrResult
from server.formats.page_layout import (
    ASCENDERS,
    DESCENDERS,
    Block,
    LevelBox,
    Line,
    Word,
    lay_out,
    level_box,
)
from server.formats.xml_text import xml_text
from server.version import VERSION

HOCR_TYPE = "text/vnd.hocr+html; charset=utf-8"

_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title></title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
  <meta name='ocr-system' content='concurrent-ocr-server {version}'/>
  <meta name='ocr-capabilities' content='{capabilities}'/>
 </head>
 <body>
"""
_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"


def render_hocr(result: OcrResult, image: str) -> str:
    """The page; image is the name that it gives to the image.

    Where the words are not known, a line's text is one word: tools look for text in words.
    """
    blocks = lay_out(result)
    with_characters = any(line.chars for line in result.lines)
    capabilities = _CAPABILITIES + " ocrx_cinfo" * with_characters
    page = f'image "{image}"; bbox 0 0 {result.width} {result.height}; ppageno 0'
    lines, words = count(1), count(1)
    parts = [
        _HEAD.format(version=VERSION, capabilities=capabilities),
        f"  <div class='ocr_page' id='page_1' title='{_escaped(page)}'>\n",
        *(
            piece
            for number, block in enumerate(blocks, 1)
            for piece in _block(number, block, lines, words)
        ),
        "  </div>\n </body>\n</html>\n",
    ]
    return "".join(parts)


def _block(number: int, block: Block, lines: Iterator[int], words: Iterator[int]) -> Iterator[str]:
    box = _bbox(block.box)
    yield f"   <div class='ocr_carea' id='block_1_{number}' title=\"{box}\">\n"
    yield f"    <p class='ocr_par' id='par_1_{number}' title=\"{box}\">\n"
    for line in block.lines:
        yield from _line(next(lines), line, words)
    yield "    </p>\n   </div>\n"


def _line(number: int, line: Line, words: Iterator[int]) -> Iterator[str]:
    size = line.text_height
    level = f"baseline {_decimal(line.slope)} {line.offset}"
    runs = f"textangle {line.angle}" if line.angle else level
    title = (
        f"{_bbox(line.box)}; {runs}; x_size {size:.1f}; "
        f"x_descenders {size * DESCENDERS:.1f}; x_ascenders {size * ASCENDERS:.1f}"
    )
    yield f"     <span class='ocr_line' id='line_1_{number}' title=\"{title}\">"
    for word in line.words:
        yield from _word(next(words), word)
    yield "\n     </span>\n"


def _word(number: int, word: Word) -> Iterator[str]:
    title = f"{_bbox(word.box)}; x_wconf {round(word.confidence * 100)}"
    yield "\n      " if word.spaced else ""
    yield f"<span class='ocrx_word' id='word_1_{number}' title='{title}'>"
    if not word.characters:
        yield _escaped(word.text)
    for part in word.characters:
        boxes = " ".join(map(str, level_box(part.box)))
        title = f"x_bboxes {boxes}; x_conf {part.confidence * 100:.2f}"
        yield f"<span class='ocrx_cinfo' title='{title}'>{_escaped(part.text)}</span>"
    yield "</span>"


def _decimal(value: float) -> str:
    """Three decimals at most, and no powers of ten, which tools do not read."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def _bbox(box: LevelBox) -> str:
    return "bbox " + " ".join(map(str, box))


def _escaped(text: str) -> str:
    return html.escape(xml_text(text))

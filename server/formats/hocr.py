"""hOCR in tesseract's style: XHTML with the boxes in the titles of its elements.

The format: Breuel, Baierer, "hOCR - OCR Workflow and Output embedded in HTML", version 1.2.

It is written as text, because xml.etree.ElementTree has no DOCTYPE, writes all attributes in
double quotes, and writes `<title />`. Readers that expect tesseract's exact text would fail.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from ocr_engine.geometry import LevelBox, level_box
from ocr_engine.result import Document, Page
from server.formats.typesetting import (
    ASCENDERS,
    DESCENDERS,
    TypesetArea,
    TypesetLine,
    TypesetWord,
    page_box,
    typeset_areas,
)
from server.formats.xml_text import xml_text
from server.version import VERSION

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
TAIL = " </body>\n</html>\n"
_CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf"


class _Numbers(NamedTuple):
    """The page number and the counters for the ids of its paragraphs, lines and words."""

    page: int
    paragraphs: Iterator[int]
    lines: Iterator[int]
    words: Iterator[int]


def render_hocr(document: Document, image: str) -> str:
    """Write the document as hOCR; image is the image's name in the pages.

    A line without words becomes one word.
    """
    with_characters = any(line.glyphs for line in document.lines)
    pages = (render_page(page, image) for page in document.pages)
    return "".join([head(with_characters), *pages, TAIL])


def head(with_characters: bool) -> str:
    """What comes before the pages; with_characters: whether they may have the boxes of these."""
    capabilities = _CAPABILITIES + " ocrx_cinfo" * with_characters
    return _HEAD.format(version=VERSION, capabilities=capabilities)


def render_page(page: Page, image: str) -> str:
    """The element of one page."""
    return "".join(_page(page, image))


def _page(page: Page, image: str) -> Iterator[str]:
    title = f'image "{image}"; {_bbox(page_box(page))}; ppageno {page.number - 1}'
    numbers = _Numbers(page.number, count(1), count(1), count(1))
    yield f"  <div class='ocr_page' id='page_{page.number}' title='{_escaped(title)}'>\n"
    for number, area in enumerate(typeset_areas(page), 1):
        yield from _area(f"{page.number}_{number}", area, numbers)
    yield "  </div>\n"


def _area(number: str, area: TypesetArea, numbers: _Numbers) -> Iterator[str]:
    yield f"   <div class='ocr_carea' id='block_{number}' title=\"{_bbox(area.box)}\">\n"
    for block in area.blocks:
        paragraph = f"{numbers.page}_{next(numbers.paragraphs)}"
        yield f"    <p class='ocr_par' id='par_{paragraph}' title=\"{_bbox(block.box)}\">\n"
        for line in block.lines:
            yield from _line(line, numbers)
        yield "    </p>\n"
    yield "   </div>\n"


def _line(line: TypesetLine, numbers: _Numbers) -> Iterator[str]:
    size = line.text_height
    slope, offset = line.baseline
    runs = f"textangle {line.angle}" if line.angle else f"baseline {_decimal(slope)} {offset}"
    title = (
        f"{_bbox(line.box)}; {runs}; x_size {size:.1f}; "
        f"x_descenders {size * DESCENDERS:.1f}; x_ascenders {size * ASCENDERS:.1f}"
    )
    number = f"{numbers.page}_{next(numbers.lines)}"
    yield f"     <span class='ocr_line' id='line_{number}' title=\"{title}\">"
    for word in line.words:
        yield "\n      " if word.spaced else ""
        yield from _word(f"{numbers.page}_{next(numbers.words)}", word)
    yield "\n     </span>\n"


def _word(number: str, typeset_word: TypesetWord) -> Iterator[str]:
    word = typeset_word.word
    title = f"{_bbox(typeset_word.box)}; x_wconf {round(word.confidence * 100)}"
    yield f"<span class='ocrx_word' id='word_{number}' title='{title}'>"
    if not word.glyphs:
        yield _escaped(word.text)
    for glyph in word.glyphs:
        boxes = " ".join(map(str, level_box(glyph.box)))
        title = f"x_bboxes {boxes}; x_conf {glyph.confidence * 100:.2f}"
        yield f"<span class='ocrx_cinfo' title='{title}'>{_escaped(glyph.text)}</span>"
    yield "</span>"


def _decimal(value: float) -> str:
    """At most three decimals, without an exponent, which tools cannot read."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def _bbox(box: LevelBox) -> str:
    return "bbox " + " ".join(map(str, box))


def _escaped(text: str) -> str:
    return html.escape(xml_text(text))

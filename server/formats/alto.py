"""ALTO: XML with pages, blocks, lines and words, used by libraries and archives.

The format: ALTO Editorial Board, "Analyzed Layout and Text Object", 4.4, Library of Congress.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, get_args

from ocr_engine.geometry import LevelBox, level_box
from ocr_engine.result import BlockType, Document, Page
from server.formats.tables import cell_block, table_of
from server.formats.typesetting import (
    TypesetArea,
    TypesetBlock,
    TypesetLine,
    TypesetWord,
    page_box,
    typeset,
    typeset_areas,
)
from server.formats.xml_text import xml_text
from server.version import VERSION

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"

_PLACE = "{pages}"  # where pages are written later
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


class _Numbers(NamedTuple):
    """Counters for the IDs of groups of blocks, blocks, lines and words in the document."""

    groups: Iterator[int]
    blocks: Iterator[int]
    lines: Iterator[int]
    words: Iterator[int]


def render_alto(document: Document, image: str) -> bytes:
    """Write the document as ALTO; image is the image's name in the description.

    A line without words becomes one String. The blocks of an area are in a ComposedBlock, if there
    are several; the cells of a table always are. Tags say what a block is, unless it is plain text.
    """
    kinds = {block.type for page in document.pages for block in page.blocks} - {"text"}
    root, layout = _document(image, sorted(kinds))
    numbers = _Numbers(count(1), count(1), count(1), count(1))
    for page in document.pages:
        _add_page(layout, page, numbers)
    return _written(root)


class PageWriter:
    """Writes a document whose pages come one after the other. head, tail: before and after them.

    The tags of all kinds of blocks are in the head, as it is written before the blocks are known.
    """

    def __init__(self, image: str) -> None:
        kinds = sorted(each for each in get_args(BlockType) if each != "text")
        root, layout = _document(image, kinds)
        layout.text = _PLACE
        head, _, tail = _written(root).partition(_PLACE.encode())
        self.head = head + b"\n"
        self.tail = b" " + tail
        self._numbers = _Numbers(count(1), count(1), count(1), count(1))

    def page(self, page: Page) -> bytes:
        """The element of one page."""
        layout = ET.Element("Layout")
        element = _add_page(layout, page, self._numbers)
        ET.indent(layout, " ", level=1)
        element.tail = "\n"
        written: bytes = ET.tostring(element, encoding="utf-8", xml_declaration=False)
        return b"  " + written


def _document(image: str, kinds: Sequence[str]) -> tuple[ET.Element, ET.Element]:
    """The root element, and the one for the pages; kinds: of blocks that have tags."""
    root = ET.Element(
        "alto",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": _XSI,
            "xsi:schemaLocation": f"{NAMESPACE} {SCHEMA}",
            "SCHEMAVERSION": "4.4",
        },
    )
    _describe(root, image)
    if kinds:
        tags = ET.SubElement(root, "Tags")
        for kind in kinds:
            ET.SubElement(tags, "LayoutTag", {"ID": _tag(kind), "LABEL": kind})
    return root, ET.SubElement(root, "Layout")


def _written(root: ET.Element) -> bytes:
    ET.indent(root, " ")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _describe(root: ET.Element, image: str) -> None:
    """Add the measurement unit, the image's name and the software."""
    description = ET.SubElement(root, "Description")
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    source = ET.SubElement(description, "sourceImageInformation")
    ET.SubElement(source, "fileName").text = xml_text(image)
    processing = ET.SubElement(description, "Processing", {"ID": "ocr_1"})
    ET.SubElement(processing, "processingCategory").text = "contentGeneration"
    software = ET.SubElement(processing, "processingSoftware")
    ET.SubElement(software, "softwareName").text = "concurrent-ocr-server"
    ET.SubElement(software, "softwareVersion").text = VERSION


def _add_page(layout: ET.Element, page: Page, numbers: _Numbers) -> ET.Element:
    attributes = {"ID": f"page_{page.number}", "PHYSICAL_IMG_NR": str(page.number)}
    element = ET.SubElement(layout, "Page", attributes | _size(page.width, page.height))
    if page.blocks:
        element.set("PC", _confidence(page.confidence))
    space = ET.SubElement(element, "PrintSpace", _place(page_box(page)))
    for area in typeset_areas(page):
        _add_area(space, area, numbers)
    return element


def _add_area(space: ET.Element, area: TypesetArea, numbers: _Numbers) -> None:
    parent = _group(space, area.box, "area", numbers) if len(area.blocks) > 1 else space
    for block in area.blocks:
        if block.block.table is not None:
            _add_table(parent, block, numbers)
        else:
            _add_block(parent, block, numbers)


def _add_table(parent: ET.Element, block: TypesetBlock, numbers: _Numbers) -> None:
    """Add a group with a block for each cell that has text."""
    table = _group(parent, block.box, "table", numbers)
    table.set("TAGREFS", _tag("table"))
    for cell in table_of(block.block).cells:
        if cell.lines:
            _add_block(table, typeset(cell_block(block.block, cell)), numbers)


def _group(parent: ET.Element, box: LevelBox, kind: str, numbers: _Numbers) -> ET.Element:
    attributes = {"ID": f"group_{next(numbers.groups)}", **_place(box), "TYPE": kind}
    return ET.SubElement(parent, "ComposedBlock", attributes)


def _add_block(parent: ET.Element, block: TypesetBlock, numbers: _Numbers) -> None:
    attributes = {"ID": f"block_{next(numbers.blocks)}", **_place(block.box)}
    element = ET.SubElement(parent, "TextBlock", attributes)
    if block.block.type != "text":
        element.set("TAGREFS", _tag(block.block.type))
    angle, *others = {line.angle for line in block.lines}
    if angle and not others:
        element.set("ROTATION", str(angle))
    for line in block.lines:
        _add_line(element, line, numbers)


def _add_line(block: ET.Element, line: TypesetLine, numbers: _Numbers) -> None:
    attributes = {"ID": f"line_{next(numbers.lines)}", **_place(line.box)}
    if not line.angle:
        attributes["BASELINE"] = _baseline(line)
    element = ET.SubElement(block, "TextLine", attributes)
    for index, word in enumerate(line.words):
        if index and word.spaced:
            ET.SubElement(element, "SP", _gap(line.words[index - 1].box, word.box))
        _add_word(element, next(numbers.words), word)


def _add_word(line: ET.Element, number: int, typeset_word: TypesetWord) -> None:
    """Add a String; with glyphs if each is a single code point, which ALTO requires."""
    word = typeset_word.word
    attributes = {
        "ID": f"word_{number}",
        **_place(typeset_word.box),
        "WC": _confidence(word.confidence),
        "CONTENT": xml_text(word.text),
    }
    element = ET.SubElement(line, "String", attributes)
    if all(len(glyph.text) == 1 for glyph in word.glyphs):
        for glyph in word.glyphs:
            attributes = {
                **_place(level_box(glyph.box)),
                "GC": _confidence(glyph.confidence),
                "CONTENT": xml_text(glyph.text),
            }
            ET.SubElement(element, "Glyph", attributes)


def _baseline(line: TypesetLine) -> str:
    """Both ends of the baseline."""
    left = line.box.bottom + line.baseline.offset
    right = left + line.baseline.slope * (line.box.right - line.box.left)
    return f"{line.box.left},{left} {line.box.right},{round(right)}"


def _gap(before: LevelBox, after: LevelBox) -> dict[str, str]:
    """The space between two words; empty if the second one does not follow the first."""
    if after.left < before.right:
        return {}
    top, bottom = min(before.top, after.top), max(before.bottom, after.bottom)
    return _place(LevelBox(before.right, top, after.left, bottom))


def _tag(kind: str) -> str:
    return f"tag_{kind}"


def _place(box: LevelBox) -> dict[str, str]:
    return {
        "HPOS": str(box.left),
        "VPOS": str(box.top),
        **_size(box.right - box.left, box.bottom - box.top),
    }


def _size(width: int, height: int) -> dict[str, str]:
    return {"WIDTH": str(width), "HEIGHT": str(height)}


def _confidence(value: float) -> str:
    """A number from 0 to 1 with at most four decimals, without an exponent."""
    return f"{value:.4f}".rstrip("0").rstrip(".")

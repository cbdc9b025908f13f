"""ALTO: XML with pages, blocks, lines and words, as libraries and archives keep them.

The format: ALTO Editorial Board, "Analyzed Layout and Text Object", 4.4, Library of Congress.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import count

from ocr_engine.result import OcrResult
from server.formats.page_layout import Block, LevelBox, Line, Word, lay_out, level_box
from server.formats.xml_text import xml_text
from server.version import VERSION

ALTO_TYPE = "application/xml; charset=utf-8"
NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"

_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def render_alto(result: OcrResult, image: str) -> bytes:
    """The page as a document; image is the name that it gives to the image.

    Where the words are not known, a line's text is one String.
    """
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
    page = ET.SubElement(
        ET.SubElement(root, "Layout"),
        "Page",
        {"ID": "page_1", "PHYSICAL_IMG_NR": "1", **_size(result.width, result.height)},
    )
    if result.lines:
        page.set("PC", _confidence(result.confidence))
    box = LevelBox(0, 0, result.width, result.height)
    space = ET.SubElement(page, "PrintSpace", _place(box))
    lines, words = count(1), count(1)
    for number, block in enumerate(lay_out(result), 1):
        _add_block(space, number, block, lines, words)
    ET.indent(root, " ")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _describe(root: ET.Element, image: str) -> None:
    """The unit of all measures, the image, and what has read it."""
    description = ET.SubElement(root, "Description")
    ET.SubElement(description, "MeasurementUnit").text = "pixel"
    source = ET.SubElement(description, "sourceImageInformation")
    ET.SubElement(source, "fileName").text = xml_text(image)
    processing = ET.SubElement(description, "Processing", {"ID": "ocr_1"})
    ET.SubElement(processing, "processingCategory").text = "contentGeneration"
    software = ET.SubElement(processing, "processingSoftware")
    ET.SubElement(software, "softwareName").text = "concurrent-ocr-server"
    ET.SubElement(software, "softwareVersion").text = VERSION


def _add_block(
    space: ET.Element, number: int, block: Block, lines: Iterator[int], words: Iterator[int]
) -> None:
    element = ET.SubElement(space, "TextBlock", {"ID": f"block_{number}", **_place(block.box)})
    angle, *others = {line.angle for line in block.lines}
    if angle and not others:
        element.set("ROTATION", str(angle))
    for line in block.lines:
        _add_line(element, next(lines), line, words)


def _add_line(block: ET.Element, number: int, line: Line, words: Iterator[int]) -> None:
    attributes = {"ID": f"line_{number}", **_place(line.box)}
    if not line.angle:
        attributes["BASELINE"] = _baseline(line)
    element = ET.SubElement(block, "TextLine", attributes)
    for index, word in enumerate(line.words):
        if index and word.spaced:
            ET.SubElement(element, "SP", _gap(line.words[index - 1].box, word.box))
        _add_word(element, next(words), word)


def _add_word(line: ET.Element, number: int, word: Word) -> None:
    """A String; with its glyphs, where each character is one code point as ALTO wants it."""
    attributes = {
        "ID": f"word_{number}",
        **_place(word.box),
        "WC": _confidence(word.confidence),
        "CONTENT": xml_text(word.text),
    }
    element = ET.SubElement(line, "String", attributes)
    if all(len(part.text) == 1 for part in word.characters):
        for part in word.characters:
            attributes = {
                **_place(level_box(part.box)),
                "GC": _confidence(part.confidence),
                "CONTENT": xml_text(part.text),
            }
            ET.SubElement(element, "Glyph", attributes)


def _baseline(line: Line) -> str:
    """Both ends of the line on which the letters stand."""
    left = line.box.bottom + line.offset
    right = left + line.slope * (line.box.right - line.box.left)
    return f"{line.box.left},{left} {line.box.right},{round(right)}"


def _gap(before: LevelBox, after: LevelBox) -> dict[str, str]:
    """Where the space between two words is; nothing if the second one does not follow the first."""
    if after.left < before.right:
        return {}
    top, bottom = min(before.top, after.top), max(before.bottom, after.bottom)
    return _place(LevelBox(before.right, top, after.left, bottom))


def _place(box: LevelBox) -> dict[str, str]:
    return {
        "HPOS": str(box.left),
        "VPOS": str(box.top),
        **_size(box.right - box.left, box.bottom - box.top),
    }


def _size(width: int, height: int) -> dict[str, str]:
    return {"WIDTH": str(width), "HEIGHT": str(height)}


def _confidence(value: float) -> str:
    """From 0 to 1, with at most four decimals and no power of ten."""
    return f"{value:.4f}".rstrip("0").rstrip(".")

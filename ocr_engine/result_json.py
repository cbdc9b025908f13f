"""The JSON of an image's document: what workers send, what is stored, what clients get.

It has the lines without their blocks, which are found again when it is read. A document of several
pages has no JSON yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocr_engine.geometry import Quad, as_quad
from ocr_engine.result import Document, Glyph, Line, TextPart, Word
from ocr_engine.stages.layout import image_document


def as_json(document: Document) -> dict[str, Any]:
    """Plain data; ValueError for a document that has not exactly one page."""
    (page,) = document.pages
    data: dict[str, Any] = {
        "text": page.text,
        "confidence": page.confidence,
        "width": page.width,
        "height": page.height,
        "lines": [_line_as_json(line) for line in page.lines],
    }
    if document.frames > 1:
        data["frames"] = document.frames
    return data


def from_json(data: Mapping[str, Any]) -> Document:
    """The inverse of as_json(); ValueError, KeyError or TypeError on anything else."""
    try:
        return image_document(
            width=int(data["width"]),
            height=int(data["height"]),
            lines=[_line_from_json(line) for line in data["lines"]],
            frames=int(data.get("frames", 1)),
        )
    except OverflowError as error:
        raise ValueError(f"too large a number: {error}") from None


def _line_as_json(line: Line) -> dict[str, Any]:
    data = _part_as_json(line)
    if line.words is not None:
        data["words"] = [_part_as_json(word) for word in line.words]
    if line.glyphs is not None:
        data["chars"] = [_part_as_json(glyph) for glyph in line.glyphs]
    return data


def _part_as_json(part: Line | TextPart) -> dict[str, Any]:
    return {"text": part.text, "confidence": part.confidence, "box": part.box}


def _line_from_json(data: Mapping[str, Any]) -> Line:
    words = glyphs = None
    if "words" in data:
        words = tuple(Word(*_part_from_json(part)) for part in data["words"])
    if "chars" in data:
        glyphs = tuple(Glyph(*_part_from_json(part)) for part in data["chars"])
    return Line(*_part_from_json(data), words, glyphs)


def _part_from_json(data: Mapping[str, Any]) -> tuple[str, float, Quad]:
    text = data["text"]
    if not isinstance(text, str):
        raise ValueError("a text must be a string")
    return text, float(data["confidence"]), as_quad(data["box"])

"""A recognizer whose result is encoded in the first pixel row: texts, boxes, confidences."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.geometry import Quad, as_quad
from ocr_engine.images.decode import DecodedImage
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import Recognizer
from ocr_engine.recognizers.documents import image_layout
from ocr_engine.result import Document, Line, Recognition, Script
from ocr_engine.stages.reading_order import reading_order
from tests.support import made_pages
from tests.support.cards import said
from tests.support.fake_recognizers import Obedient
from tests.support.made_pages import image_document

# Documents that an image can name instead of lines.
MADE = {
    "page": made_pages.DOCUMENT,
    "spans": made_pages.page_of(made_pages.SPANNING),
}


class ScriptedLine(NamedTuple):
    """A text line encoded in a scripted image."""

    text: str
    confidence: float = 0.98
    box: Quad = ((20, 20), (220, 20), (220, 50), (20, 50))
    script: Script | None = None


def rectangle(left: int, top: int, width: int, height: int) -> Quad:
    """An axis-aligned box."""
    right, bottom = left + width, top + height
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def rows(*texts: str, confidence: float = 0.98) -> list[ScriptedLine]:
    """Lines below each other, 20 pixels per character."""
    return [
        ScriptedLine(text, confidence, rectangle(40, 40 + 50 * row, max(40, 20 * len(text)), 30))
        for row, text in enumerate(texts)
    ]


def scene(
    lines: Sequence[ScriptedLine],
    width: int = 800,
    height: int = 400,
    format: str = "PNG",
    angle: int = 0,
    colour: str = "white",
    laid_out: bool = False,
) -> bytes:
    """An image with exactly these lines, in a lossless format.

    angle: by which the page is found to be turned. colour: of the ground. laid_out: whether the
    lines are put into blocks by their places; otherwise they are one block.
    """
    script = {"lines": lines, "angle": angle, **({"laid_out": True} if laid_out else {})}
    return _encoded(script, width, height, format, colour)


def made_image(name: str) -> bytes:
    """An image whose result is the document of this name in MADE."""
    return _encoded({"lines": [], "made": name}, made_pages.WIDTH, made_pages.HEIGHT)


def _encoded(
    script: Mapping[str, Any], width: int, height: int, format: str = "PNG", colour: str = "white"
) -> bytes:
    data = b"CARD" + json.dumps(script).encode() + b"\0"
    assert len(data) <= width, "the image is too narrow for its script"
    image = Image.new("RGB", (width, height), colour)
    image.paste(Image.frombytes("L", (len(data), 1), data), (0, 0))
    encoded = io.BytesIO()
    image.save(encoded, format, lossless=True)
    return encoded.getvalue()


class Scripted(Obedient):
    """Returns the lines encoded in the image; other images are handled by Obedient."""

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        text = said(image)
        if not text.startswith('{"lines"'):
            return super().recognize(image, options, budget)
        stages = {"det": 0.020, "cls": 0.004, "rec": 0.030}
        return Recognition(_document(json.loads(text), image, options.orientation), stages)


def _document(script: Mapping[str, Any], image: DecodedImage, turn: str) -> Document:
    if "made" in script:
        return MADE[script["made"]]
    found = tuple(
        Line(words, confidence, as_quad(box), script=mark)
        for words, confidence, box, mark in script["lines"]
    )
    angle = int(turn) if turn.isdigit() else script["angle"]
    if "laid_out" in script:
        boxes = [np.array(line.box, dtype=np.float32) for line in found]
        return image_layout(image, [found[place] for place in reading_order(boxes)], angle)
    height, width = image.pixels.shape[:2]
    return image_document(width, height, found, image.frames, angle)


def load_scripted(journal: Path | None = None) -> Recognizer:
    return Scripted(journal)

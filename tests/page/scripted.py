"""A recognizer whose result is encoded in the first pixel row: texts, boxes, confidences."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.geometry import Quad, as_quad
from ocr_engine.images.decode import DecodedImage
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import Recognizer
from ocr_engine.result import Line, Recognition, Script
from tests.support.cards import said
from tests.support.fake_recognizers import Obedient
from tests.support.made_pages import image_document


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
) -> bytes:
    """An image with exactly these lines, in a lossless format.

    angle: by which the page is found to be turned. colour: of the ground.
    """
    script = b"CARD" + json.dumps({"lines": lines, "angle": angle}).encode() + b"\0"
    assert len(script) <= width, "the image is too narrow for its script"
    image = Image.new("RGB", (width, height), colour)
    image.paste(Image.frombytes("L", (len(script), 1), script), (0, 0))
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
        script = json.loads(text)
        found = tuple(
            Line(words, confidence, as_quad(box), script=mark)
            for words, confidence, box, mark in script["lines"]
        )
        turn = options.orientation
        angle = int(turn) if turn.isdigit() else script["angle"]
        height, width = image.pixels.shape[:2]
        stages = {"det": 0.020, "cls": 0.004, "rec": 0.030}
        document = image_document(width, height, found, image.frames, angle)
        return Recognition(document, stages)


def load_scripted(journal: Path | None = None) -> Recognizer:
    return Scripted(journal)

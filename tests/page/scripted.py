"""A recognizer that finds what the first row of pixels says: texts, boxes, confidences."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.images.decode import Picture
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import Recognizer
from ocr_engine.result import OcrResult, Quad, Recognition, TextLine, as_quad
from tests.support.cards import said
from tests.support.fake_recognizers import Obedient


class Found(NamedTuple):
    """A line that a scripted picture has."""

    text: str
    confidence: float = 0.98
    box: Quad = ((20, 20), (220, 20), (220, 50), (20, 50))


def rectangle(left: int, top: int, width: int, height: int) -> Quad:
    """An upright box."""
    right, bottom = left + width, top + height
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def rows(*texts: str, confidence: float = 0.98) -> list[Found]:
    """Lines one under the other, 20 pixels for each character."""
    return [
        Found(text, confidence, rectangle(40, 40 + 50 * row, max(40, 20 * len(text)), 30))
        for row, text in enumerate(texts)
    ]


def scene(
    lines: Sequence[Found], width: int = 800, height: int = 400, format: str = "PNG"
) -> bytes:
    """A picture on which exactly these lines are found; in a lossless format."""
    script = b"CARD" + json.dumps({"lines": lines}).encode() + b"\0"
    assert len(script) <= width, "the picture is too narrow for its script"
    image = Image.new("L", (width, height), 255)
    image.paste(Image.frombytes("L", (len(script), 1), script), (0, 0))
    encoded = io.BytesIO()
    image.save(encoded, format, lossless=True)
    return encoded.getvalue()


class Scripted(Obedient):
    """Finds what the picture says; all else is done as Obedient does it."""

    def recognize(
        self, picture: Picture, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        text = said(picture)
        if not text.startswith('{"lines"'):
            return super().recognize(picture, options, budget)
        found = tuple(
            TextLine(words, confidence, as_quad(box))
            for words, confidence, box in json.loads(text)["lines"]
        )
        height, width = picture.pixels.shape[:2]
        stages = {"det": 0.020, "cls": 0.004, "rec": 0.030}
        return Recognition(OcrResult(width, height, found, picture.frames), stages)


def load_scripted(journal: Path | None = None) -> Recognizer:
    return Scripted(journal)

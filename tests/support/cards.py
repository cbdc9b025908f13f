"""Cards: small images with a text in their first row of pixels, for fake recognizers."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from ocr_engine.geometry import Quad
from ocr_engine.images.decode import DecodedImage, decode
from ocr_engine.options import Granularity
from ocr_engine.pool.probe import KNOWN_TEXT, known_image
from ocr_engine.result import Glyph, Line, Word
from ocr_engine.stages.words import split_words

CARD_HEIGHT = 16
CONFIDENCE = 0.75

_MARK = b"CARD"


def card(text: str, format: str = "PNG") -> bytes:
    """An image with the text, in a lossless format."""
    row = _MARK + text.encode() + b"\0"
    row = row.ljust(max(64, len(row)), b"\0")
    image = Image.new("L", (len(row), CARD_HEIGHT), 255)
    image.putdata(row + b"\xff" * len(row) * (CARD_HEIGHT - 1))
    encoded = io.BytesIO()
    image.save(encoded, format, lossless=True)
    return encoded.getvalue()


def card_frames(format: str, texts: Sequence[str]) -> bytes:
    """A TIFF or GIF with a card for each text."""
    first, *others = (Image.open(io.BytesIO(card(text))) for text in texts)
    written = io.BytesIO()
    first.save(written, format, save_all=True, append_images=others)
    return written.getvalue()


def said(image: DecodedImage) -> str:
    """The text of the card, or of a probe's image; empty for others, as the warm-up image."""
    if image.pixels.tobytes() == _known_image():
        return KNOWN_TEXT
    row = image.pixels[0, :, 0].tobytes()
    return row[len(_MARK) :].partition(b"\0")[0].decode() if row.startswith(_MARK) else ""


def lines_of(texts: list[str], granularity: Granularity) -> list[Line]:
    """Lines with boxes of 40 x 9 pixels below each other, divided evenly among characters."""
    lines = []
    for top, text in zip(range(0, 10 * len(texts), 10), texts, strict=True):
        line = Line(text, CONFIDENCE, _box(0, 40, top))
        spans = () if granularity == "line" else split_words(text)
        if granularity == "word":
            words = tuple(Word(*_part(text, a, b, top)) for a, b in spans)
            line = replace(line, words=words)
        if granularity == "char":
            places = [i for a, b in spans for i in range(a, b)]
            glyphs = tuple(Glyph(*_part(text, i, i + 1, top)) for i in places)
            line = replace(line, glyphs=glyphs)
        lines.append(line)
    return lines


@functools.cache
def _known_image() -> bytes:
    """The pixels of the image that a probe sends."""
    return decode(known_image(), 1_000_000).pixels.tobytes()


def _part(text: str, start: int, end: int, top: int) -> tuple[str, float, Quad]:
    share = 40 / len(text)
    return text[start:end], CONFIDENCE, _box(int(start * share), int(end * share), top)


def _box(left: int, right: int, top: int) -> Quad:
    return (left, top), (right, top), (right, top + 9), (left, top + 9)

"""Letters of 8 to 400 pixels, and a large photo, are read by the default settings in INT8."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_engine.images.decode import DecodedImage
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings, load_recognizer
from ocr_engine.recognizers.ppocr import PpOcr

WORDS = "Harbour 2719"


@pytest.fixture(scope="module")
def reader() -> PpOcr:
    models = catalogue_set("PP-OCRv6_small")
    recognizer = load_recognizer(EngineSettings("openvino", models, precision="int8", threads=2))
    assert isinstance(recognizer, PpOcr)
    return recognizer


def drawn(lines: list[str], size: int, step: int, width: int) -> DecodedImage:
    """Lines of letters of this size in pixels, with their baselines `step` pixels apart."""
    image = Image.new("RGB", (width, step * (len(lines) + 1)), (250, 250, 246))
    font = ImageFont.load_default(size)
    for number, line in enumerate(lines):
        place = (step // 2, step // 2 + step * number)
        ImageDraw.Draw(image).text(place, line, fill=(20, 20, 24), font=font)
    return DecodedImage(np.array(image))


@pytest.mark.parametrize("size", [8, 12, 24, 60, 120, 200, 300, 400])
def test_letters_of_any_size(reader: PpOcr, size: int) -> None:
    image = drawn([WORDS], size, 2 * size, 9 * size)
    lines = reader.recognize(image, RecognitionOptions()).result.lines
    assert [line.text for line in lines] == [WORDS]


def test_a_large_image_is_read_from_a_small_look(reader: PpOcr) -> None:
    expected = [f"Item {number:02d} total {number * 137}.50" for number in range(1, 49)]
    image = drawn(expected, 58, 80, 3000)
    assert image.pixels.shape == (3920, 3000, 3)
    read = reader.recognize(image, RecognitionOptions()).result
    assert [line.text for line in read.lines] == expected
    height, width = reader._last_size
    assert height * width < 1_600_000

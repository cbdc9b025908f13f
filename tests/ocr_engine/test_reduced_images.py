"""Large images are reduced before they are read; boxes stay those of the image that was sent."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ocr_engine.errors import TooManyPixels
from ocr_engine.images.decode import decode
from ocr_engine.images.header import check_size, read_header
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Page
from ocr_engine.worker.messages import Task
from ocr_engine.worker.reading import recognize
from tests.support.frame import Frame
from tests.support.written_files import fax

PLENTY = 40_000_000
FAX = (204, 98)
BOX = ((400, 200), (1200, 200), (1200, 280), (400, 280))


def drawn(file_format: str, width: int = 2000, height: int = 1000, exif: int = 0) -> bytes:
    """A white image with a black bar at BOX."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((BOX[0], BOX[2]), fill="black")
    encoded = io.BytesIO()
    tags = Image.Exif()
    if exif:
        tags[0x112] = exif
    image.save(encoded, file_format, exif=tags)
    return encoded.getvalue()


def read(data: bytes, frame: Frame, max_pixels: int = PLENTY, **options: object) -> Page:
    task = Task(1, RecognitionOptions(**options), data)  # type: ignore[arg-type]
    (page,) = recognize(frame, task, max_pixels).result.pages
    return page


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_boxes_are_those_of_the_file(file_format: str) -> None:
    frame = Frame()
    page = read(drawn(file_format), frame, max_side=640)
    assert frame.shape == (320, 640, 3)
    assert (page.width, page.height, page.scaled_to) == (2000, 1000, (640, 320))
    np.testing.assert_allclose(page.lines[0].box, BOX, atol=8)
    assert not page.degraded


def test_a_smaller_image_is_read_as_it_is() -> None:
    frame = Frame()
    page = read(drawn("PNG"), frame, max_side=2000)
    assert frame.shape == (1000, 2000, 3)
    assert page.scaled_to is None


def test_without_a_largest_side_nothing_is_reduced() -> None:
    frame = Frame()
    assert read(drawn("JPEG"), frame).scaled_to is None
    assert frame.shape == (1000, 2000, 3)


def test_a_reduced_result_of_a_busy_server_says_so() -> None:
    assert read(drawn("PNG"), Frame(), max_side=640, degraded=True).degraded
    assert not read(drawn("PNG"), Frame(), max_side=4000, degraded=True).degraded


def test_an_image_that_lies_on_its_side() -> None:
    frame = Frame()
    page = read(drawn("JPEG", exif=6), frame, max_side=500)
    assert frame.shape == (500, 250, 3)
    assert (page.width, page.height) == (1000, 2000)
    expected = read(drawn("JPEG", exif=6), Frame()).lines[0].box
    np.testing.assert_allclose(page.lines[0].box, expected, atol=8)


def test_a_fax_is_reduced_after_its_pixels_are_square() -> None:
    page = read(fax(FAX), Frame(), max_side=90)
    assert (page.width, page.height, page.scaled_to) == (180, 23, (90, 24))


@pytest.mark.parametrize("side", [900, 640, 300, 120, 1])
def test_a_jpeg_is_reduced_while_it_is_decoded(side: int) -> None:
    image = decode(drawn("JPEG"), PLENTY, side)
    assert max(image.size) >= side
    assert (image.file_size is not None) == (side <= 1000)
    if image.file_size is not None:
        assert image.file_size == (2000, 1000)
        assert max(image.size) <= 1000


def test_a_large_jpeg_is_read_where_it_is_reduced() -> None:
    frame = Frame()
    page = read(drawn("JPEG"), frame, max_pixels=600_000, max_side=640)
    assert (page.width, page.height, page.scaled_to) == (2000, 1000, (640, 320))


@pytest.mark.parametrize(
    ("file_format", "max_pixels", "max_side"),
    [
        ("JPEG", 1_999_999, 0),  # not reduced
        ("JPEG", 1_999_999, 1001),  # not by half, and the decoder knows only halves
        ("JPEG", 400_000, 640),  # more than four times the limit
        ("PNG", 1_999_999, 640),  # only whole images can be decoded
        ("WEBP", 1_999_999, 640),
    ],
)
def test_what_cannot_be_decoded_in_parts_is_still_refused(
    file_format: str, max_pixels: int, max_side: int
) -> None:
    data = drawn(file_format)
    with pytest.raises(TooManyPixels, match="2000x1000"):
        check_size(read_header(data), max_pixels, max_side)
    with pytest.raises(TooManyPixels):
        decode(data, max_pixels, max_side)


def test_a_drawing_has_the_size_of_what_was_decoded() -> None:
    options = RecognitionOptions(max_side=640, draw=True)
    found = recognize(Frame(), Task(1, options, drawn("PNG")), PLENTY)
    with Image.open(io.BytesIO(found.drawing)) as drawing:
        assert drawing.size == (2000, 1000)

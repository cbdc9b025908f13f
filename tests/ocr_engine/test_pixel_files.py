"""Decoded pixels as files: what is chosen, and that nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from ocr_engine.images.decode import decode
from ocr_engine.images.pixel_files import SMALL_BYTES, as_bmp, as_file
from ocr_engine.images.pixels import Pixels, new_pixels

WHITE = 255


def image_of(colors: np.ndarray) -> Pixels:
    """The pixels in shared memory."""
    image = new_pixels(colors.shape[1], colors.shape[0])
    with image.writable() as mapped:
        mapped[:] = colors.tobytes()
    return image


def text(width: int, height: int) -> np.ndarray:
    """A white page with some colored strokes."""
    colors = np.full((height, width, 3), WHITE, np.uint8)
    colors[3::40, 5::7] = (10, 100, 200)
    return colors


def noise(width: int, height: int) -> np.ndarray:
    """A page on which no two neighbors are the same."""
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("width", [800, 801, 802])
@pytest.mark.parametrize(("page", "start"), [(text, b"\x89PNG"), (noise, b"BM")])
def test_a_large_page_is_a_png_unless_it_is_noise(page: object, start: bytes, width: int) -> None:
    assert callable(page)
    colors = page(width, 700)
    file = as_file(image_of(colors))
    assert file.startswith(start)
    assert np.array_equal(decode(file, 1_000_000).pixels, colors)


def test_a_small_page_is_a_bmp() -> None:
    colors = text(301, 200)
    assert colors.nbytes < SMALL_BYTES
    file = as_file(image_of(colors))
    assert file.startswith(b"BM")
    assert np.array_equal(decode(file, 1_000_000).pixels, colors)


def test_on_this_machine_a_page_of_text_is_a_bmp_too() -> None:
    colors = text(801, 700)
    file = as_bmp(image_of(colors))
    assert file.startswith(b"BM")
    assert np.array_equal(decode(file, 1_000_000).pixels, colors)


def test_a_page_of_text_becomes_much_smaller() -> None:
    colors = text(1600, 1200)
    assert 10 * len(as_file(image_of(colors))) < colors.nbytes


def test_a_file_stays_as_it_is() -> None:
    assert as_file(b"a file") == as_bmp(b"a file") == b"a file"

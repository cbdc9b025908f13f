"""Row 55: pixels that are stored in unusual ways look as they were meant to."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from image_structures import png, png_header
from ocr_engine.errors import ImageError, TooManyPixels, UnsupportedFormat
from ocr_engine.images.decode import ImageArray, decode, squared
from ocr_engine.images.header import ImageHeader, read_header
from ocr_engine.moved_boxes import resized
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Block, Document, Glyph, Line, Page
from ocr_engine.worker.messages import Task
from ocr_engine.worker.reading import recognize
from plain_images import drawn, saved
from tests.support.frame import Frame
from tests.support.tiffs import ORDERS, grey_tiff
from tests.support.written_files import BMP_HEADERS, bmp32, fax

PLENTY = 10**6
FAX = (204, 98)


def pixels_of(data: bytes) -> ImageArray:
    return decode(data, PLENTY).pixels


# --- alpha of a BMP


@pytest.mark.faults(55)
@pytest.mark.parametrize("header", BMP_HEADERS.values(), ids=BMP_HEADERS)
def test_a_bmp_whose_alpha_was_never_set_is_opaque(header: int) -> None:
    pixels = pixels_of(bmp32(header, 3, [(10, 20, 30, 0), (200, 100, 50, 0), (0, 0, 0, 0)]))
    assert pixels[0].tolist() == [[30, 20, 10], [50, 100, 200], [0, 0, 0]]


@pytest.mark.parametrize("header", BMP_HEADERS.values(), ids=BMP_HEADERS)
def test_a_bmp_with_alpha_is_composited(header: int) -> None:
    pixels = pixels_of(bmp32(header, 2, [(10, 20, 30, 0), (200, 100, 50, 255)]))
    assert pixels[0].tolist() == [[255] * 3, [50, 100, 200]]


# --- few bits in many


def levels(bits: int) -> list[int]:
    """Black, a fifth, and white, in values of so many bits."""
    white = (1 << bits) - 1
    return [0, round(white / 5), white]


@pytest.mark.faults(55)
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 13, 16])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_grey_values_of_few_bits_use_the_whole_range(
    bits: int, order: str, white_is_zero: bool
) -> None:
    pixels = pixels_of(grey_tiff([levels(bits)], order=order, white_is_zero=white_is_zero))
    expected = [255, 204, 0] if white_is_zero else [0, 51, 255]
    np.testing.assert_allclose(pixels[0, :, 1], expected, atol=1)


@pytest.mark.faults(55)
@pytest.mark.parametrize("bits", [9, 10, 12, 13])
def test_a_png_of_few_bits_in_16(bits: int) -> None:
    image = Image.fromarray(np.array([levels(bits)], dtype=np.uint16))
    np.testing.assert_allclose(pixels_of(saved(image, "PNG"))[0, :, 0], [0, 51, 255], atol=1)


def test_an_image_that_uses_an_eighth_of_16_bits_stays_dark() -> None:
    pixels = pixels_of(grey_tiff([[0, 8192]]))
    assert pixels[0, :, 0].tolist() == [0, 32]
    assert not pixels_of(grey_tiff([[0, 0]])).any()


def rgb16(bits: int, alpha: int | None = None) -> bytes:
    """A PNG of 16 bits per channel: black, half red with green, white in so many bits."""
    white = (1 << bits) - 1
    colours = [(0, 0, 0), (white // 2, white, 0), (white, white, white)]
    more = () if alpha is None else (alpha,)
    row = b"".join(struct.pack(f">{3 + len(more)}H", *colour, *more) for colour in colours)
    return png(png_header(3, 1, 16, 2 if alpha is None else 6), b"\0" + row)


@pytest.mark.faults(55)
@pytest.mark.parametrize("bits", [10, 12, 13, 16])
@pytest.mark.parametrize("alpha", [None, "few", "all"])
def test_colours_of_few_bits_use_the_whole_range(bits: int, alpha: str | None) -> None:
    opaque = {"few": (1 << bits) - 1, "all": 65535, None: None}[alpha]
    pixels = pixels_of(rgb16(bits, opaque))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[0, 2].tolist() == [255, 255, 255]
    blue, green, red = pixels[0, 1].tolist()
    assert (blue, green) == (0, 255)
    assert 80 <= red <= 130  # Pillow keeps the high byte: of 10 bits, two


# --- BigTIFF


@pytest.mark.faults(55)
@pytest.mark.parametrize("pages", [1, 3])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_a_big_tiff_is_read_as_a_small_one(pages: int, white_is_zero: bool) -> None:
    rows = [[0, 257, 65535, 51 * 257], [0, 0, 0, 65535]]
    stored = [[65535 - value for value in row] for row in rows] if white_is_zero else rows
    big = grey_tiff(stored, big=True, pages=pages, white_is_zero=white_is_zero)
    assert read_header(big) == ImageHeader("TIFF", 4, 2)
    image = decode(big, PLENTY)
    assert image.pixels[:, :, 0].tolist() == [[0, 1, 255, 51], [0, 0, 0, 255]]
    assert image.frames == pages


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_orientation_of_a_big_tiff(orientation: int) -> None:
    rows = [[0, 65535, 65535], [65535, 65535, 65535]]
    small, big = (
        pixels_of(grey_tiff(rows, big=big, more={0x112: orientation})) for big in (False, True)
    )
    np.testing.assert_array_equal(big, small)
    assert big.shape[:2] == ((3, 2) if orientation in (6, 8) else (2, 3))


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4", "packbits"]
)
def test_a_compressed_big_tiff(compression: str) -> None:
    image = drawn().convert("1" if compression == "group4" else "RGB")
    small, big = (
        pixels_of(saved(image, "TIFF", compression=compression, big_tiff=big))
        for big in (False, True)
    )
    np.testing.assert_array_equal(big, small)
    assert big.min() < 60 < 200 < big.max()


@pytest.mark.faults(25)
def test_a_big_endian_big_tiff_is_named() -> None:
    with pytest.raises(UnsupportedFormat, match="a big-endian BigTIFF"):
        decode(grey_tiff([[0]], order=">", big=True), PLENTY)


@pytest.mark.faults(22)
def test_a_cut_big_tiff_is_refused() -> None:
    whole = saved(drawn(), "TIFF", big_tiff=True)
    assert whole.startswith(b"II+\0")
    for percent in range(0, 100, 7):
        with pytest.raises(ImageError):
            decode(whole[: len(whole) * percent // 100], PLENTY)


@pytest.mark.faults(23)
def test_a_big_tiff_that_claims_too_many_pixels() -> None:
    with pytest.raises(TooManyPixels):
        decode(grey_tiff([[0] * 1000] * 1001, big=True), PLENTY)


@pytest.mark.parametrize("value", [0, 1 << 40, (1 << 64) - 1])
@pytest.mark.parametrize("at", [8, 16, 28, 36])
def test_a_big_tiff_with_absurd_numbers_is_refused_or_read(at: int, value: int) -> None:
    whole = bytearray(grey_tiff([[0, 1]], big=True))
    whole[at : at + 8] = struct.pack("<Q", value)
    try:
        size = pixels_of(bytes(whole)).size
    except ImageError as error:
        size = len(error.message)
    assert 0 < size < 1000


# --- pixels that are not square


@pytest.mark.faults(55)
@pytest.mark.parametrize("file_format", ["TIFF", "PNG", "JPEG"])
def test_a_fax_is_shown_to_the_models_with_square_pixels(file_format: str) -> None:
    image = decode(fax(FAX, file_format), PLENTY)
    assert image.pixels.shape == (23, 180, 3)
    assert squared(image, PLENTY).pixels.shape == (pytest.approx(48, abs=1), 180, 3)
    standing = decode(fax((98, 204), file_format), PLENTY)
    assert standing.stretch == pytest.approx((204 / 98, 1), rel=0.01)


@pytest.mark.parametrize(
    "dpi", [(72, 72), (204, 196), (300, 1), (1, 1), (204, 0), (600, 100), (10, 20)]
)
def test_other_resolutions_are_not_believed_or_make_no_difference(dpi: tuple[int, int]) -> None:
    data = saved(drawn(), "TIFF", dpi=dpi)
    image = decode(data, PLENTY)
    assert squared(image, PLENTY) is image


def test_a_fax_that_lies_on_its_side() -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    image = decode(fax(FAX, "JPEG", exif=exif), PLENTY)
    assert image.pixels.shape == (180, 23, 3)
    assert squared(image, PLENTY).pixels.shape == (180, pytest.approx(48, abs=1), 3)


@pytest.mark.faults(23)
def test_stretching_never_makes_more_pixels_than_allowed() -> None:
    image = decode(fax(FAX), PLENTY)
    limit = image.pixels.shape[0] * image.pixels.shape[1]
    height, width, _ = squared(image, limit).pixels.shape
    assert height * width <= limit
    assert width / height == pytest.approx(180 / 48, rel=0.05)


@pytest.mark.faults(55)
def test_the_boxes_of_a_fax_are_in_its_own_pixels() -> None:
    data = fax(FAX)
    own = decode(data, PLENTY)
    frame = Frame()
    task = Task(1, RecognitionOptions(draw=True), data)
    found = recognize(frame, task, PLENTY)
    assert frame.shape[0] > 2 * own.pixels.shape[0]
    (page,) = found.result.pages
    (line,) = page.lines
    assert (page.width, page.height) == (180, 23)
    (expected,) = Frame().recognize(own, task.options).result.lines
    np.testing.assert_allclose(line.box, expected.box, atol=1)
    assert line.words is not None
    assert line.words[0].box == line.words[0].glyphs[0].box == line.box
    with Image.open(io.BytesIO(found.drawing)) as drawing:
        assert drawing.size == (180, 23)


def test_a_result_is_resized_with_every_box() -> None:
    box = ((0, 0), (10, 0), (10, 20), (0, 20))
    lines = (Line("a", 1.0, box, None, (Glyph("a", 1.0, box),)), Line("b", 1.0, box))
    small = resized(Document((Page(100, 200, (Block(lines),)),), frames=3), 50, 20)
    half = ((0, 0), (5, 0), (5, 2), (0, 2))
    assert small == Document(
        (Page(50, 20, (Block((Line("a", 1.0, half, None, (Glyph("a", 1.0, half),)),
                              Line("b", 1.0, half))),)),), frames=3
    )  # fmt: skip

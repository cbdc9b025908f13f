"""Decoding: every format and mode, never a partial image, never too many pixels."""

from __future__ import annotations

import io
import json
import random
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ocr_engine.errors import ImageError, InvalidImage, TooManyPixels, UnsupportedFormat
from ocr_engine.images.decode import DecodedImage, ImageArray, decode

DATA = Path(__file__).resolve().parents[1] / "data"
PAGES = DATA / "pages"
PLENTY = 40_000_000


def committed(name: str) -> bytes:
    return (PAGES / name).read_bytes()


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def pixels_of(data: bytes) -> ImageArray:
    image = decode(data, PLENTY)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.shape[2:] == (3,)
    return image.pixels


def difference(one: ImageArray, other: ImageArray) -> float:
    """The mean difference of the pixels, 0 to 255."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


@pytest.fixture(scope="module")
def sign() -> ImageArray:
    """The sign, from a 24-bit BMP, read without the code under test."""
    with Image.open(PAGES / "special_sign.bmp") as image:
        return np.asarray(image.convert("RGB"))[:, :, ::-1]


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """Content that no format compresses to almost nothing."""
    with Image.open(PAGES / "photo_zh_notice.jpg") as image:
        small: Image.Image = image.convert("RGB").resize((160, 120))
        return small


# --- formats and modes


def test_pixels_are_bgr() -> None:
    image = Image.new("RGB", (3, 2), (10, 20, 30))
    image.putpixel((2, 0), (200, 100, 50))
    pixels = pixels_of(saved(image, "PNG"))
    assert pixels.shape == (2, 3, 3)
    assert pixels[0, 2].tolist() == [50, 100, 200]
    assert pixels[1, 0].tolist() == [30, 20, 10]


SPECIAL = {
    entry["file"]: entry for entry in json.loads((DATA / "pages.json").read_text())["special"]
}


@pytest.mark.parametrize("name", sorted(SPECIAL))
def test_every_special_image_is_read(name: str) -> None:
    pixels = pixels_of(committed(name))
    with Image.open(PAGES / name) as image:
        turned = int(image.getexif().get(0x0112, 1)) >= 5
        assert pixels.shape[:2] == (image.size if turned else image.size[::-1])


@pytest.mark.parametrize("name", ["special_sign.bmp", "special_sign_lossless.webp"])
def test_lossless_images_are_read_exactly(name: str, sign: ImageArray) -> None:
    np.testing.assert_array_equal(pixels_of(committed(name)), sign)


@pytest.mark.parametrize(
    ("name", "at_most"),
    [
        ("special_sign_cmyk.jpg", 4),
        ("special_sign_progressive.jpg", 4),
        ("special_sign_lossy.webp", 4),
        ("special_sign_3_frames.gif", 4),
        ("special_sign_2_pages.tif", 0),
        ("special_exif_1.jpg", 4),
    ],
)
def test_the_sign_looks_the_same_in_every_format(
    name: str, at_most: float, sign: ImageArray
) -> None:
    assert difference(pixels_of(committed(name)), sign) <= at_most


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, sign: ImageArray) -> None:
    pixels = pixels_of(committed(f"special_exif_{orientation}.jpg"))
    assert pixels.shape == (120, 320, 3)
    # rotated the wrong way, the letters do not coincide: the difference is more than 25
    assert difference(pixels, sign) < 4
    assert difference(np.ascontiguousarray(pixels[::-1, ::-1]), sign) > 15


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_in_other_formats(file_format: str) -> None:
    image = Image.new("RGB", (6, 4), (0, 0, 0))
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown rotated by 90 degrees clockwise
    options: dict[str, Any] = {"lossless": True} if file_format == "WEBP" else {}
    pixels = pixels_of(saved(image, file_format, exif=exif, **options))
    assert pixels.shape == (6, 4, 3)
    assert pixels[0, 3].tolist() == [255, 255, 255]
    assert int(pixels.sum()) == 3 * 255


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    levels = np.arange(256, dtype=np.uint16)[None, :].repeat(4, axis=0)
    for file_format in ("PNG", "TIFF"):
        pixels = pixels_of(saved(Image.fromarray(levels * 257), file_format))
        np.testing.assert_array_equal(pixels[:, :, 1], levels)
    np.testing.assert_array_equal(
        pixels_of(committed("special_sign_grey16.png")),
        pixels_of(committed("special_sign_grey8.png")),
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.2, 1.0]], dtype=np.float32), [0, 51, 255]),
        (np.array([[0.0, 51.0, 255.0]], dtype=np.float32), [0, 51, 255]),
        (np.array([[0, 51, 255]], dtype=np.int32), [0, 51, 255]),
        (np.array([[0, 51 * 257, 65535]], dtype=np.int32), [0, 51, 255]),
        # by their own range: the darkest is black, the brightest white, 0.2 of it 51
        (np.array([[0.0, 13107.0, 65535.0]], dtype=np.float32), [0, 51, 255]),
        (np.array([[0, 429_496_729, 2_147_483_647]], dtype=np.int32), [0, 51, 255]),
    ],
    ids=["F to 1", "F to 255", "I to 255", "I to 65535", "F to 65535", "I to 2^31"],
)
def test_deep_grey_tiff_is_scaled_and_not_clipped(
    values: np.ndarray[Any, Any], expected: list[int]
) -> None:
    pixels = pixels_of(saved(Image.fromarray(values), "TIFF"))
    np.testing.assert_allclose(pixels[0, :, 0], expected, atol=1)


def test_float_pixels_that_are_not_numbers() -> None:
    values = np.array([[0.5, np.nan]], dtype=np.float32)
    with pytest.raises(InvalidImage, match="not numbers"):
        decode(saved(Image.fromarray(values), "TIFF"), PLENTY)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LAB", "YCbCr"])
def test_opaque_modes(mode: str, photo: Image.Image) -> None:
    if mode == "LAB":
        image = Image.merge("LAB", photo.split())
        assert pixels_of(saved(image, "TIFF")).shape == (120, 160, 3)
        return
    image = photo.convert(mode)
    expected = np.asarray(image.convert("RGB"))[:, :, ::-1]
    assert difference(pixels_of(saved(image, "TIFF")), expected) <= 2


def test_alpha_is_composited_onto_white() -> None:
    image = Image.new("RGBA", (5, 1))
    for x, colour in enumerate(
        [(0, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 128), (200, 0, 0, 51), (10, 10, 10, 100)]
    ):
        image.putpixel((x, 0), colour)
    pixels = pixels_of(saved(image, "PNG"))
    # half black: 255 x 127/255 = 127; a fifth red: 200/5 + 255 x 4/5 = 244, the rest 204
    # (10 x 100 + 255 x 155) / 255 = 158.9
    assert pixels[0].tolist() == [[255] * 3, [0] * 3, [127] * 3, [204, 204, 244], [159] * 3]


@pytest.mark.parametrize("name", ["special_sign_rgba_clear.png", "special_sign_palette_clear.png"])
def test_dark_letters_on_transparency_get_a_white_background(name: str) -> None:
    pixels = pixels_of(committed(name))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels.min() < 40
    assert (pixels > 200).mean() > 0.6


def letters(colour: int, mode: str) -> Image.Image:
    """A bar in the colour on transparency."""
    image = Image.new("LA", (40, 20), (colour, 0))
    image.paste((colour, 255), (10, 5, 30, 15))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize(("colour", "background"), [(255, 0), (240, 0), (90, 255), (0, 255)])
def test_white_letters_on_transparency_get_a_black_background(
    mode: str, colour: int, background: int
) -> None:
    pixels = pixels_of(saved(letters(colour, mode), "PNG"))
    assert pixels[0, 0].tolist() == [background] * 3
    assert pixels[10, 20].tolist() == [colour] * 3


def test_a_fully_transparent_and_an_opaque_image_get_a_white_background() -> None:
    clear = pixels_of(saved(Image.new("RGBA", (8, 8), (255, 255, 255, 0)), "PNG"))
    assert (clear == 255).all()
    opaque = pixels_of(saved(Image.new("RGBA", (8, 8), (255, 255, 255, 255)), "PNG"))
    assert (opaque == 255).all()


def test_a_transparent_colour_of_a_png() -> None:
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (40, 50, 60))
    pixels = pixels_of(saved(image, "PNG", transparency=(10, 20, 30)))
    assert pixels[0].tolist() == [[255, 255, 255], [60, 50, 40]]


# --- frames


def animation(photo: Image.Image, frames: int) -> list[Image.Image]:
    return [photo.rotate(40 * index) for index in range(frames)]


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("WEBP", {"lossless": True}), ("TIFF", {}), ("GIF", {})],
    ids=["WEBP", "TIFF", "GIF"],
)
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_first_frame_is_read_and_all_are_counted(
    file_format: str, options: dict[str, Any], frames: int, photo: Image.Image
) -> None:
    first, *others = animation(photo, frames)
    data = saved(first, file_format, save_all=True, append_images=others, **options)
    image = decode(data, PLENTY)
    assert difference(image.pixels, np.asarray(photo)[:, :, ::-1]) < 12
    assert image.frames == frames


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("special_sign_3_frames.gif", 3),
        ("special_sign_2_pages.tif", 2),
        ("special_sign_lossy.webp", 1),
        ("special_sign.bmp", 1),
        ("special_exif_1.jpg", 1),
    ],
)
def test_frames_of_the_committed_images(name: str, frames: int) -> None:
    assert decode(committed(name), PLENTY).frames == frames


def many_pages(count: int) -> bytes:
    """A TIFF of 4 x 4 pixels with that many directories, 114 bytes each."""
    size = 2 + 9 * 12 + 4
    pixels = 8 + count * size
    tags = ((256, 4, 4), (257, 4, 4), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, pixels),
            (277, 3, 1), (278, 4, 4), (279, 4, 16))  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    following = [*range(8 + size, pixels, size), 0]
    pages = b"".join(struct.pack("<H", 9) + entries + struct.pack("<I", at) for at in following)
    return b"II*\x00" + struct.pack("<I", 8) + pages + bytes(16)


def test_a_small_file_with_many_pages_takes_no_time() -> None:
    assert decode(many_pages(3), PLENTY).frames == 3
    data = many_pages(8000)
    assert len(data) < 1_000_000
    start = time.process_time()
    decode(data, PLENTY)
    assert time.process_time() - start < 1.0


# --- broken and foreign bytes


def whole_files() -> dict[str, bytes]:
    with Image.open(PAGES / "document_en_letter.png") as opened:
        page = opened.convert("RGB").resize((300, 400))
    return {
        "jpeg": committed("document_zh_recipe.jpg"),
        "progressive jpeg": committed("special_sign_progressive.jpg"),
        "cmyk jpeg": committed("special_sign_cmyk.jpg"),
        "exif jpeg": committed("special_exif_6.jpg"),
        "png": committed("sign_en_bakery.png"),
        "grey16 png": committed("special_sign_grey16.png"),
        "palette png": committed("special_sign_palette_clear.png"),
        "bmp": committed("special_sign.bmp"),
        "lossy webp": committed("special_sign_lossy.webp"),
        "lossless webp": committed("special_sign_lossless.webp"),
        "gif": saved(page, "GIF"),
        "interlaced gif": saved(page, "GIF", interlace=1),
        "lzw tiff": saved(page, "TIFF", compression="tiff_lzw"),
        "raw tiff": saved(page, "TIFF"),
        "deflate tiff": saved(page, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg tiff": saved(page, "TIFF", compression="jpeg"),
    }


WHOLE = whole_files()


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_truncated_file_is_never_a_partial_image(name: str) -> None:
    whole = WHOLE[name]
    decode(whole, PLENTY)  # the whole of it is fine
    for percent in range(5, 91, 5):
        with pytest.raises(InvalidImage):
            decode(whole[: len(whole) * percent // 100], PLENTY)


@pytest.mark.parametrize(
    "name", ["special_sign_3_frames.gif", "special_sign_2_pages.tif", "special_white.png"]
)
def test_a_cut_behind_the_first_frame_gives_all_of_it_or_an_error(name: str) -> None:
    data = committed(name)
    whole = decode(data, PLENTY).pixels
    errors = 0
    for percent in range(5, 100, 5):
        try:
            image = decode(data[: len(data) * percent // 100], PLENTY)
        except InvalidImage:
            errors += 1
        else:
            np.testing.assert_array_equal(image.pixels, whole)
    assert errors >= 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "SVG"),
        (b"  \n<SVG></SVG>", "SVG"),
        (b"8BPS\x00\x01" + bytes(30), "Photoshop"),
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"<!doctype html><html></html>", "HTML"),
        (b"", "accepted are JPEG, PNG, BMP, GIF, WEBP, TIFF"),
        (b"\xff\xd8", "accepted"),
        (b"BM", "accepted"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "accepted"),
        (b"hello", "accepted"),
        (bytes(1000), "accepted"),
    ],
)
def test_other_formats_are_unsupported(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=name):
        decode(data, PLENTY)


def test_random_bytes_are_unsupported() -> None:
    generator = random.Random(1)
    for length in (1, 4, 17, 100, 5000):
        for _ in range(20):
            with pytest.raises(UnsupportedFormat):
                decode(generator.randbytes(length), PLENTY)


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\x10\x00\x00\x00WEBPVP8 ",
        b"II*\x00",
    ],
)
def test_a_mere_signature_is_invalid(start: bytes) -> None:
    with pytest.raises(InvalidImage):
        decode(start, PLENTY)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(width: int, height: int) -> bytes:
    """A PNG of 57 bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_too_many_pixels_are_refused_before_anything_is_decoded() -> None:
    data = bomb(50_000, 50_000)
    assert len(data) == 57
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(TooManyPixels, match=r"50000x50000.*40000000"):
            decode(data, PLENTY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 0.1
    assert peak < 200_000


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + struct.pack("<HH", 65_000, 65_000) + bytes(100),
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 50_000, 50_000) + bytes(100),
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 50_000, -50_000) + bytes(100),
        b"RIFF\x64\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00"
        + bytes(4)
        + b"\x4f\xc3\x00" * 2
        + bytes(80),
        b"\xff\xd8\xff\xc0\x00\x11\x08" + struct.pack(">HH", 50_000, 50_000) + bytes(100),
        b"MM\x00*\x00\x00\x00\x08\x00\x02"
        + struct.pack(">HHII", 256, 4, 1, 50_000)
        + struct.pack(">HHII", 257, 4, 1, 50_000)
        + bytes(100),
    ],
    ids=["gif", "bmp", "bmp from the top", "webp", "jpeg", "tiff"],
)
def test_too_many_pixels_in_every_format(data: bytes) -> None:
    with pytest.raises(TooManyPixels):
        decode(data, PLENTY)


def test_the_limit_itself_is_allowed() -> None:
    data = saved(Image.new("RGB", (60, 40)), "PNG")
    assert decode(data, 2400).pixels.shape == (40, 60, 3)
    with pytest.raises(TooManyPixels, match="at most 2399"):
        decode(data, 2399)


def test_a_side_is_limited_too() -> None:
    with pytest.raises(TooManyPixels, match=r"70000x10 .* 65500"):
        decode(bomb(70_000, 10), PLENTY)


def mutated(data: bytes, generator: random.Random) -> bytes:
    """The bytes with one to thirty changes, deletions or insertions, mostly near the start."""
    content = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 5, 30))):
        end = min(len(content), generator.choice((64, 600, 1 << 30)))
        position = generator.randrange(end)
        match generator.randrange(4):
            case 0:
                content[position] = generator.randrange(256)
            case 1:
                del content[position : position + generator.randrange(1, 20)]
            case 2:
                content[position:position] = generator.randbytes(generator.randrange(1, 8))
            case _:
                content[position : position + 4] = generator.choice((b"\xff" * 4, bytes(4)))
    return bytes(content)


def test_mutated_images_are_read_or_refused() -> None:
    generator = random.Random(20)
    originals = [WHOLE[name] for name in sorted(WHOLE)]
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        data = mutated(generator.choice(originals), generator)
        try:
            image = decode(data, 2_000_000)
        except ImageError as error:
            outcomes["refused"] += bool(error.message)
        else:
            assert isinstance(image, DecodedImage)
            height, width, channels = image.pixels.shape
            assert channels == 3
            assert 0 < height * width <= 2_000_000
            outcomes["read"] += 1
    assert outcomes["read"] >= 20
    assert outcomes["refused"] == 300 - outcomes["read"] >= 100

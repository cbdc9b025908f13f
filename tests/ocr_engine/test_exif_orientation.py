"""Images are rotated by EXIF tag 0x112, whatever else is in their metadata."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from image_structures import (
    exif,
    grey_tags,
    jpeg_segment,
    png_chunk,
    tiff,
    with_chunks,
    with_segments,
)
from ocr_engine.images.decode import ImageArray, decode
from ocr_engine.images.exif_orientation import orientation
from ocr_engine.images.tiff_directory import MAX_ENTRIES
from plain_images import saved
from tests.support.odd_exif import TURNED_LEFT, exif_with, jpeg_with, odd_exif

PLENTY = 1_000_000
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}}
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def corners() -> Image.Image:
    """White, with a red and a blue corner: each rotation changes it."""
    image = Image.new("RGB", (48, 32), (255, 255, 255))
    image.paste((200, 0, 0), (0, 0, 24, 16))
    image.paste((0, 0, 200), (24, 16, 48, 32))
    return image


def bgr(image: Image.Image) -> ImageArray:
    return np.asarray(image)[:, :, ::-1]


def assert_upright(data: bytes, name: str = "") -> None:
    """Check that the corners are in their places."""
    pixels = decode(data, PLENTY).pixels
    expected = bgr(corners())
    assert pixels.shape == expected.shape, name
    assert np.abs(pixels.astype(int) - expected).mean() < 4, name


def test_no_other_tag_of_any_type_matters_in_a_jpeg() -> None:
    stored = corners().transpose(TURNED_LEFT)
    combinations = dict(odd_exif())
    assert len(combinations) == 260
    for name, data in combinations.items():
        assert_upright(jpeg_with(data, stored), name)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_no_other_tag_of_any_type_matters_in_other_formats(file_format: str) -> None:
    stored = corners().transpose(TURNED_LEFT)
    for name, data in odd_exif():
        image = saved(stored, file_format, exif=data, **LOSSLESS[file_format])
        assert_upright(image, name)


def test_an_empty_resolution_does_not_keep_a_jpeg_from_being_opened() -> None:
    stored = corners().transpose(TURNED_LEFT)
    for kind in (2, 5):
        odd = exif([(0x112, 3, 1, 6), (0x11A, kind, 0, 0), (0x128, 3, 1, 2)])[6:]
        assert_upright(jpeg_with(odd, stored))


@pytest.mark.parametrize("pointer", [700, 34665, 34853, 40965])
@pytest.mark.parametrize("kind", [1, 3, 4, 5, 7, 9, 13])
def test_metadata_of_a_tiff_that_leads_nowhere(pointer: int, kind: int) -> None:
    tags = sorted([*grey_tags(4, 2, 200), (274, 3, 1, 6), (pointer, kind, 1, 0xFFFFFFFF)])
    image = tiff([tags]).ljust(200, b"\0") + bytes((0, 1, 2, 3, 4, 5, 6, 7))
    assert decode(image, PLENTY).pixels[:, :, 0].tolist() == [[4, 0], [5, 1], [6, 2], [7, 3]]


@pytest.mark.parametrize("compression", [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("number", range(1, 9))
def test_a_tiff_is_turned_once(number: int, compression: str | None) -> None:
    """Pillow rotates TIFFs automatically when it sees the tag."""
    data = saved(corners(), "TIFF", compression=compression, tiffinfo={274: number})
    with Image.open(io.BytesIO(data)) as image:
        expected = bgr(image.convert("RGB"))
    np.testing.assert_array_equal(decode(data, PLENTY).pixels, expected)
    assert np.array_equal(expected, bgr(corners())) == (number == 1)


def test_a_cut_tiff_is_no_longer_than_before() -> None:
    """The bytes saved in the directory must not replace missing pixels."""
    tags = sorted([*grey_tags(4, 2, 200), (274, 3, 1, 6), (34665, 4, 1, 8), (34853, 4, 1, 8)])
    whole = tiff([tags]).ljust(200, b"\0") + bytes(8)
    assert decode(whole, PLENTY).pixels.shape == (4, 2, 3)
    with pytest.raises(Exception, match="truncated"):
        decode(whole[:-1], PLENTY)


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"II", b"II*\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff", b"Exif\0\0" * 9000]
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_exif_that_is_none_means_upright(file_format: str, junk: bytes) -> None:
    if file_format == "JPEG":
        assert_upright(jpeg_with(junk, corners()))
    else:
        assert_upright(with_chunks(saved(corners(), "PNG"), png_chunk(b"eXIf", junk)))


@pytest.mark.parametrize("number", [0, 1, 9, 255, 65535])
def test_an_orientation_that_there_is_not_means_upright(number: int) -> None:
    assert orientation(exif([(0x112, 3, 1, number)])) == 1


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ((0x112, 1, 1, 6), 6),  # one integer of any type
        ((0x112, 4, 1, 6), 6),
        ((0x112, 8, 1, 6), 6),
        ((0x112, 3, 2, 6), 1),  # two of them
        ((0x112, 2, 1, ord("6")), 1),  # a letter
        ((0x112, 5, 1, 8), 1),  # a fraction
        ((0x112, 99, 1, 6), 1),
    ],
)
def test_types_of_the_tag(entry: tuple[int, int, int, int], expected: int) -> None:
    assert orientation(exif([entry])) == expected


def test_both_byte_orders_and_a_doubled_prefix() -> None:
    big = b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x112, 3, 1, 8, 0)
    assert orientation(big) == 8
    assert orientation(b"Exif\0\0" * 2 + big) == 8
    assert orientation(big[:-6]) == 1  # cut off


def test_the_first_of_two_tags_counts_and_an_endless_directory_ends() -> None:
    assert orientation(exif([(0x112, 3, 1, 3), (0x112, 3, 1, 6)])) == 3
    other = (0x10F, 3, 1, 0)
    assert orientation(exif([other] * (MAX_ENTRIES - 1) + [(0x112, 3, 1, 6)])) == 6
    assert orientation(exif([other] * MAX_ENTRIES + [(0x112, 3, 1, 6)])) == 1


def test_xmp_counts_where_exif_has_no_orientation() -> None:
    assert orientation(b"", XMP) == 6
    assert orientation(exif([(0x10F, 3, 1, 0)]), XMP) == 6
    assert orientation(exif([(0x112, 3, 1, 3)]), XMP) == 3
    assert orientation(b"", b"<tiff:Orientation>8</tiff:Orientation>") == 8
    assert orientation(b"", b'tiff:Orientation="0"') == 1


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_xmp_in_every_format(file_format: str) -> None:
    stored = corners().transpose(TURNED_LEFT)
    options = dict(LOSSLESS.get(file_format, {"quality": 95}))
    if file_format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = text
    elif file_format == "TIFF":
        options["tiffinfo"] = {700: XMP}
    else:
        options["xmp"] = XMP
    assert_upright(saved(stored, file_format, **options))


@pytest.mark.parametrize("digits", ["", "xyz"])
def test_exif_as_imagemagick_writes_it_into_a_png(digits: str) -> None:
    data = exif_with(0, 0x11A, 10)
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}{digits}\n")
    stored = corners().transpose(TURNED_LEFT) if not digits else corners()
    assert_upright(saved(stored, "PNG", pnginfo=text))


def test_exif_in_several_segments_of_a_jpeg() -> None:
    data = exif_with(0, 0x11A, 12)
    parts = [jpeg_segment(0xE1, b"Exif\0\0" + part) for part in (data[:30], data[30:])]
    stored = saved(corners().transpose(TURNED_LEFT), "JPEG", quality=95)
    assert_upright(with_segments(stored, *parts))


def test_several_images_in_one_jpeg() -> None:
    """MPO, as some cameras write it: the first image, rotated by its own EXIF."""
    first, second = corners().transpose(TURNED_LEFT), Image.new("RGB", (9, 9))
    tags = Image.Exif()
    tags[0x112] = 6
    options = {"save_all": True, "append_images": [second], "exif": tags, "quality": 95}
    assert_upright(saved(first, "MPO", **options))


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xEF, 0xFE])
@pytest.mark.parametrize(
    "body", [b"", b"MPF\0junk", b"Photoshop 3.0\x008BIM\x04\x0d", b"ICC_PROFILE\0", b"Exif\0\0"]
)
def test_junk_in_the_metadata_of_a_jpeg(marker: int, body: bytes) -> None:
    assert_upright(with_segments(saved(corners(), "JPEG", quality=95), jpeg_segment(marker, body)))

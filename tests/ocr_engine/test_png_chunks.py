"""Row 53: PNGs whose metadata is wrong or long are read; their pixels must be right."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from image_structures import PNG_MAGIC, compressed_text, exif, png_chunk, with_chunks
from ocr_engine.errors import InvalidImage
from ocr_engine.images.decode import ImageArray, decode
from ocr_engine.images.png_chunks import MAX_UNPACKED, png_chunks, split_png
from plain_images import drawn, plain, saved

PLENTY = 10**6
ANCILLARY = [
    *("pHYs", "tEXt", "zTXt", "iTXt", "iCCP", "gAMA", "cHRM", "sRGB", "bKGD", "tIME", "sBIT"),
    *("eXIf", "tRNS", "acTL", "fcTL", "vpAg", "iDOT"),
]
LONG = 8 << 20
WHERE = {"before the pixels": 1, "after them": -1}
SIDEWAYS = exif([(0x112, 3, 1, 6)])


def pixels_of(data: bytes) -> ImageArray:
    return decode(data, PLENTY).pixels


def with_wrong_crc(chunk: bytes) -> bytes:
    return chunk[:-1] + bytes((chunk[-1] ^ 1,))


def at(place: int, chunk: bytes) -> bytes:
    """A PNG with this chunk after its first one, or before its last one."""
    whole = plain("PNG", "RGB")
    chunks = [whole[found.start : found.end] for found in png_chunks(whole)]
    chunks.insert(place, chunk)
    return PNG_MAGIC + b"".join(chunks)


@pytest.mark.faults(53)
@pytest.mark.parametrize("place", WHERE.values(), ids=WHERE)
@pytest.mark.parametrize("kind", ANCILLARY)
def test_an_ancillary_chunk_with_a_wrong_crc(kind: str, place: int) -> None:
    for body in (b"", b"a\0b", bytes(9), SIDEWAYS[6:]):
        image = at(place, with_wrong_crc(png_chunk(kind.encode(), body)))
        np.testing.assert_array_equal(pixels_of(image), pixels_of(plain("PNG", "RGB")))


@pytest.mark.faults(53)
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"], ids=bytes.decode)
def test_metadata_of_megabytes_is_not_unpacked(kind: bytes) -> None:
    image = with_chunks(plain("PNG", "RGB"), *[compressed_text(kind, LONG)] * 3)
    tracemalloc.start()
    try:
        split_png(image)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(image)
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(pixels_of(image), pixels_of(plain("PNG", "RGB")))


def xmp(text: bytes, compressed: bool) -> bytes:
    packed = zlib.compress(text) if compressed else text
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes((compressed, 0, 0, 0)) + packed)


def raw_profile(content: bytes, kind: bytes) -> bytes:
    """EXIF as ImageMagick writes it."""
    text = b"\nexif\n%8d\n%s\n" % (len(content), content.hex().encode())
    body = b"\0" + zlib.compress(text) if kind == b"zTXt" else text
    return png_chunk(kind, b"Raw profile type exif\0" + body)


ORIENTED = {
    "eXIf": png_chunk(b"eXIf", SIDEWAYS.removeprefix(b"Exif\0\0")),
    "eXIf with the prefix of JPEG": png_chunk(b"eXIf", SIDEWAYS),
    "XMP": xmp(b'<x tiff:Orientation="6"/>', False),
    "compressed XMP": xmp(b'<x tiff:Orientation="6"/>', True),
    "long XMP": xmp(b'<x tiff:Orientation="6"/>' + bytes(LONG), True),
    "ImageMagick, zTXt": raw_profile(SIDEWAYS, b"zTXt"),
    "ImageMagick, tEXt": raw_profile(SIDEWAYS, b"tEXt"),
}


@pytest.mark.parametrize("place", WHERE.values(), ids=WHERE)
@pytest.mark.parametrize("name", ORIENTED)
def test_an_orientation_is_still_found(name: str, place: int) -> None:
    upright = np.rot90(pixels_of(plain("PNG", "RGB")), -1)
    np.testing.assert_array_equal(pixels_of(at(place, ORIENTED[name])), upright)


@pytest.mark.faults(53)
@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"eXIf", b"junk"),
        png_chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        xmp(b"tiff:Orientation=", True),
        xmp(bytes(2 * MAX_UNPACKED) + b'tiff:Orientation="6"', True),  # too far behind
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0not zlib"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0"),
        png_chunk(b"zTXt", b"Raw profile type exif\0\0not zlib"),
        png_chunk(b"tEXt", b"Raw profile type exif\0\n\n\n\nnot hexadecimal \xff"),
    ],
)
def test_an_orientation_that_cannot_be_read_is_none(chunk: bytes) -> None:
    np.testing.assert_array_equal(pixels_of(at(1, chunk)), pixels_of(plain("PNG", "RGB")))


def test_transparency_counts_unless_its_crc_is_wrong() -> None:
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (40, 50, 60))
    chunk = png_chunk(b"tRNS", struct.pack(">3H", 10, 20, 30))
    clear = with_chunks(saved(image, "PNG"), chunk)
    assert pixels_of(clear)[0].tolist() == [[255, 255, 255], [60, 50, 40]]
    broken = with_chunks(saved(image, "PNG"), with_wrong_crc(chunk))
    assert pixels_of(broken)[0].tolist() == [[30, 20, 10], [60, 50, 40]]


@pytest.mark.faults(22)
@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_chunk_that_pixels_need_must_have_the_right_crc(kind: bytes) -> None:
    whole = saved(drawn().convert("P"), "PNG")
    (chunk, *_) = [found for found in png_chunks(whole) if found.kind == kind]
    broken = bytearray(whole)
    broken[chunk.end - 1] ^= 1
    with pytest.raises(InvalidImage):
        decode(bytes(broken), PLENTY)


@pytest.mark.faults(22)
def test_a_png_that_is_cut_in_its_metadata_stays_cut() -> None:
    image = with_chunks(plain("PNG", "RGB"), png_chunk(b"tEXt", b"a\0" + bytes(1000)))
    for end in range(40, 1000, 80):
        with pytest.raises(InvalidImage):
            decode(image[:end], PLENTY)
    assert split_png(image[:900]).data == image[:900]


def test_a_png_without_metadata_is_not_copied() -> None:
    buffer = io.BytesIO()
    drawn().save(buffer, "PNG")
    whole = buffer.getvalue()
    assert split_png(whole).data is whole

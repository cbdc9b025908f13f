"""Decoded pixels as a file, for other machines and processes that read files.

A page of text is a PNG with little effort: a tenth of the bytes, for which a core needs 6 ms per
MB. Noise is a BMP: a PNG of it would be two thirds as long, and would take 400 ms for a page.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ocr_engine.images.pixels import CHANNELS, ImageData, Pixels

SMALL_BYTES = 1 << 20  # less is not worth the effort
WORTH = 3  # how many times shorter a PNG has to be
LEVEL = 1  # of zlib
_SAMPLE_ROWS, _SAMPLE_EVERY = 8, 128

_BMP = struct.Struct("<2sIIIIiiHHIIiiII")  # a file header and a BITMAPINFOHEADER
_PNG_HEADER = struct.Struct(">IIBBBBB")


def as_bmp(image: ImageData) -> bytes:
    """The image as a file for another process of this machine: quickly made, and large."""
    if isinstance(image, bytes):
        return image
    with image.private() as mapped, memoryview(mapped) as pixels:
        return _bmp(image, pixels)


def as_file(image: ImageData) -> bytes:
    """The image as a file without loss; may take a second for a large page."""
    if isinstance(image, bytes):
        return image
    with image.private() as mapped, memoryview(mapped) as pixels:
        if len(image) > SMALL_BYTES and _is_worth(image, pixels):
            return _png(image, pixels)
        return _bmp(image, pixels)


def _is_worth(image: Pixels, pixels: memoryview) -> bool:
    """Whether some bands of rows can be compressed well."""
    row = image.width * CHANNELS
    bands = [
        pixels[top * row : (top + _SAMPLE_ROWS) * row]
        for top in range(0, image.height, _SAMPLE_EVERY)
    ]
    packer = zlib.compressobj(LEVEL)
    packed = sum(len(packer.compress(band)) for band in bands) + len(packer.flush())
    return packed * WORTH <= sum(map(len, bands))


def _bmp(image: Pixels, pixels: memoryview) -> bytes:
    row = image.width * CHANNELS
    padding = bytes(-row % 4)
    size = (row + len(padding)) * image.height
    start = _BMP.size
    head = (b"BM", start + size, 0, start, 40, image.width, -image.height, 1, 8 * CHANNELS)
    header = _BMP.pack(*head, 0, size, 0, 0, 0, 0)
    if not padding:
        return header + pixels
    return header + b"".join(part for each in _rows(image, pixels) for part in (each, padding))


def _png(image: Pixels, pixels: memoryview) -> bytes:
    colors = bytearray(pixels)
    colors[0::3], colors[2::3] = colors[2::3], colors[0::3]  # to red, green, blue
    unfiltered = b"\0"
    rows = b"".join(
        part for each in _rows(image, memoryview(colors)) for part in (unfiltered, each)
    )
    header = _PNG_HEADER.pack(image.width, image.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, LEVEL)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", check)))


def _rows(image: Pixels, pixels: memoryview) -> Iterator[memoryview]:
    row = image.width * CHANNELS
    return (pixels[at : at + row] for at in range(0, len(image), row))

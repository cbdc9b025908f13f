"""Format and size of a picture from its first bytes, before any decoder sees it.

Runs in the front end and again in the worker. It reads a few dozen bytes (JPEG: walks the
markers up to the frame header), allocates nothing, and trusts no length that it reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from ocr_engine.errors import InvalidImage, TooManyPixels, UnsupportedFormat

ACCEPTED_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
MAX_SIDE = 65_500

_FOREIGN_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
)


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the bytes claim to be; width and height in pixels as stored, before EXIF."""

    format: str
    width: int
    height: int


def read_header(data: bytes) -> PictureHeader:
    """Tell format and size by the bytes alone.

    Raises UnsupportedFormat if they are none of ACCEPTED_FORMATS, InvalidImage if the header
    is cut off or broken.
    """
    name, read_size = _recognize_format(data)
    try:
        width, height = read_size(data)
    except (struct.error, IndexError):
        raise InvalidImage(f"the {name} header is cut off; send the whole file") from None
    if width < 1 or height < 1:
        raise InvalidImage(f"the {name} header claims {width}x{height} pixels")
    return PictureHeader(name, width, height)


def check_size(header: PictureHeader, max_pixels: int) -> None:
    """Raise TooManyPixels for more than max_pixels, or a side longer than MAX_SIDE."""
    claim = f"the picture has {header.width}x{header.height} pixels"
    if header.width * header.height > max_pixels:
        raise TooManyPixels(f"{claim}; at most {max_pixels} pixels are accepted")
    if max(header.width, header.height) > MAX_SIDE:
        raise TooManyPixels(f"{claim}; at most {MAX_SIDE} per side are accepted")


def _recognize_format(data: bytes) -> tuple[str, Callable[[bytes], tuple[int, int]]]:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG", _jpeg_size
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", _png_size
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", _gif_size
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP", _webp_size
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "TIFF", _tiff_size
    if data.startswith(b"BM") and len(data) > 17 and data[14:18] in _BMP_HEADER_SIZES:
        return "BMP", _bmp_size
    raise UnsupportedFormat(
        f"the bytes are {_foreign_name(data)}; accepted are {', '.join(ACCEPTED_FORMATS)}"
    )


def _foreign_name(data: bytes) -> str:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _FOREIGN_MAGIC:
        if data.startswith(magic) or start[: len(magic)].lower() == magic.lower():
            return name
    return "of no known picture format"


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise InvalidImage("the PNG does not begin with IHDR")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif_size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


_BMP_HEADER_SIZES = {struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124)}


def _bmp_size(data: bytes) -> tuple[int, int]:
    (header_size,) = struct.unpack_from("<I", data, 14)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return (
            1 + int.from_bytes(data[24:27], "little") if len(data) >= 30 else data[30],
            1 + int.from_bytes(data[27:30], "little"),
        )
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise InvalidImage("the WebP file begins with an unknown chunk")


_JPEG_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_JPEG_MAX_SEGMENTS = 10_000
_JPEG_MAX_FILL = 1000
_JPEG_FRAME = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg_size(data: bytes) -> tuple[int, int]:
    position = 2
    for _ in range(_JPEG_MAX_SEGMENTS):
        if data[position] != 0xFF:
            raise InvalidImage("the JPEG has broken markers before its frame header")
        fill = data[position : position + _JPEG_MAX_FILL]
        position += len(fill) - len(fill.lstrip(b"\xff"))
        marker = data[position]
        position += 1
        if marker in _JPEG_STANDALONE:
            continue
        if marker in (0xD9, 0xDA):
            raise InvalidImage("the JPEG has no frame header")
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise InvalidImage("the JPEG has a marker segment of impossible length")
        if marker in _JPEG_FRAME:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        position += length
    raise InvalidImage(f"the JPEG has no frame header in its first {_JPEG_MAX_SEGMENTS} segments")


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_SHORT, _TIFF_LONG = 3, 4


def _tiff_size(data: bytes) -> tuple[int, int]:
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    size: dict[int, int] = {}
    for index in range(min(entries, 512)):
        entry = directory + 2 + 12 * index
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in (_TIFF_SHORT, _TIFF_LONG):
            code = "H" if kind == _TIFF_SHORT else "I"
            (size[tag],) = struct.unpack_from(order + code, data, entry + 8)
    if len(size) != 2:
        raise InvalidImage("the TIFF's first page has no size")
    return size[_TIFF_WIDTH], size[_TIFF_HEIGHT]

"""Format and size of an image from its first bytes, before any decoder runs.

Runs in the front end and again in the worker. It reads a few dozen bytes (in a JPEG, the markers up
to the frame header), allocates nothing, and trusts no length field.
"""

from __future__ import annotations

import functools
import importlib.util
import struct
from collections.abc import Callable
from dataclasses import dataclass

from ocr_engine.errors import EngineError, InvalidImage, TooManyPixels, UnsupportedFormat
from ocr_engine.images.isobmff import brand_format, largest_size
from ocr_engine.images.jpeg_segments import FRAME_HEADERS, MAX_SEGMENTS, jpeg_segments
from ocr_engine.images.pixels import ImageData, Pixels
from ocr_engine.images.tiff_directory import MAX_ENTRIES, read_directory

ACCEPTED_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "AVIF")
OPTIONAL_FORMATS = {"HEIC": "pillow-heif"}  # and the Python package that each needs
DECODED = "pixels"  # the format of Pixels
MAX_SIDE = 65_500
DECODER_STEPS = (2, 4, 8)  # by which a JPEG can be reduced while it is decoded
MOST_REDUCED = 4  # times max_pixels: a progressive JPEG needs memory for all of its pixels
SIGNATURE_BYTES = 18  # by which all accepted formats are recognized

_FOREIGN_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"MM\x00+", "a big-endian BigTIFF"),  # Pillow takes it for another kind of TIFF
    (b"AT&TFORM", "DjVu"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format and size as the header claims; pixels as stored, before EXIF orientation."""

    format: str
    width: int
    height: int


def read_header(data: ImageData) -> ImageHeader:
    """Read format and size from the bytes; the size of what is decoded already.

    Raises UnsupportedFormat if the format is not accepted, InvalidImage if the header is truncated
    or broken.
    """
    if isinstance(data, Pixels):
        return ImageHeader(DECODED, data.width, data.height)
    found = _recognize_format(data)
    accepted = f"accepted are {', '.join(accepted_formats())}"
    if found is None:
        raise UnsupportedFormat(f"the bytes are {_foreign_name(data)}; {accepted}")
    name, read_size = found
    if name in OPTIONAL_FORMATS and not _is_installed(OPTIONAL_FORMATS[name]):
        raise UnsupportedFormat(
            f"the bytes are {name}, which needs the Python package {OPTIONAL_FORMATS[name]} on the "
            f"server; {accepted}"
        )
    try:
        width, height = read_size(data)
    except (struct.error, IndexError):
        raise InvalidImage(f"the {name} header is cut off; send the whole file") from None
    if width < 1 or height < 1:
        raise InvalidImage(f"the {name} header claims {width}x{height} pixels")
    return ImageHeader(name, width, height)


def accepted_formats() -> tuple[str, ...]:
    """The formats that this installation reads."""
    optional = OPTIONAL_FORMATS.items()
    return *ACCEPTED_FORMATS, *(name for name, package in optional if _is_installed(package))


def pixels_in(data: ImageData) -> int:
    """The number of pixels that the header claims; 0 if the header is not accepted."""
    try:
        header = read_header(data)
    except EngineError:
        return 0
    return header.width * header.height


def has_signature(start: bytes) -> bool:
    """Whether the first SIGNATURE_BYTES of a file are those of an accepted format."""
    return _recognize_format(start) is not None


def check_size(header: ImageHeader, max_pixels: int, max_side: int = 0) -> None:
    """Raise TooManyPixels for more than max_pixels, or a side longer than MAX_SIDE.

    max_side: as in the options; a JPEG of up to MOST_REDUCED times max_pixels is then accepted, if
    its decoder reduces it enough.
    """
    claim = f"the image has {header.width}x{header.height} pixels"
    step = decoder_step(header, max_side)
    decoded = -(-header.width // step) * -(-header.height // step)
    pixels = header.width * header.height
    if decoded > max_pixels or pixels > MOST_REDUCED * max_pixels:
        raise TooManyPixels(f"{claim}; at most {max_pixels} pixels are accepted")
    if max(header.width, header.height) > MAX_SIDE:
        raise TooManyPixels(f"{claim}; at most {MAX_SIDE} per side are accepted")


def decoder_step(header: ImageHeader, max_side: int) -> int:
    """By how much the decoder can reduce the sides of an image that is reduced to max_side.

    1 if it cannot, or if max_side is 0.
    """
    if header.format != "JPEG" or not max_side:
        return 1
    ratio = max(header.width, header.height) / max_side
    return max((step for step in DECODER_STEPS if step <= ratio), default=1)


def _recognize_format(data: bytes) -> tuple[str, Callable[[bytes], tuple[int, int]]] | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG", _jpeg_size
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG", _png_size
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF", _gif_size
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP", _webp_size
    if data.startswith((b"II*\x00", b"MM\x00*", b"II+\x00")):
        return "TIFF", _tiff_size
    if data.startswith(b"BM") and len(data) > 17 and data[14:18] in _BMP_HEADER_SIZES:
        return "BMP", _bmp_size
    brand = brand_format(data)
    return None if brand is None else (brand, largest_size)


@functools.cache
def _is_installed(package: str) -> bool:
    """Whether a package is installed; does not import it."""
    return importlib.util.find_spec(package.replace("-", "_")) is not None


def _foreign_name(data: bytes) -> str:
    start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _FOREIGN_MAGIC:
        if data.startswith(magic) or start[: len(magic)].lower() == magic.lower():
            return name
    return "of no known image format"


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


def _jpeg_size(data: bytes) -> tuple[int, int]:
    for segment in jpeg_segments(data):
        if segment.marker in FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, segment.body + 1)
            return width, height
    raise InvalidImage(f"the JPEG has no frame header in its first {MAX_SEGMENTS} segments")


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


def _tiff_size(data: bytes) -> tuple[int, int]:
    directory = read_directory(data)
    if directory.claimed > MAX_ENTRIES:
        raise InvalidImage(
            f"the TIFF's first page has {directory.claimed} tags; "
            f"at most {MAX_ENTRIES} are accepted"
        )
    if len(directory.entries) < directory.claimed:
        raise InvalidImage("the TIFF header is cut off; send the whole file")
    width, height = (directory.whole_number(tag) for tag in (_TIFF_WIDTH, _TIFF_HEIGHT))
    if width is None or height is None:
        raise InvalidImage("the TIFF's first page has no size")
    return width, height

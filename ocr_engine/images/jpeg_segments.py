"""Finds the segments in front of a JPEG's pixels, and removes those with metadata.

Trusts no length field.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ocr_engine.errors import InvalidImage

FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MAX_SEGMENTS = 10_000

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_MAX_FILL = 1000
_EXIF_OR_XMP = 0xE1
# Comments and application data, except APP0 (JFIF) and APP14 (Adobe), which define the colours.
_METADATA = frozenset(range(0xE1, 0xF0)) - {0xEE} | {0xFE}
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True, slots=True)
class JpegSegment:
    """A marker segment: data[start:end], of which data[body:end] is the content."""

    marker: int
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class SplitJpeg:
    """A JPEG without metadata, and its EXIF and XMP (empty if it has none)."""

    data: bytes
    exif: bytes = b""
    xmp: bytes = b""


def jpeg_segments(data: bytes) -> Iterator[JpegSegment]:
    """The segments in front of the pixels, at most MAX_SEGMENTS.

    IndexError or struct.error if they are truncated, InvalidImage if they are broken.
    """
    position = 2
    for _ in range(MAX_SEGMENTS):
        start = position
        if data[position] != 0xFF:
            raise InvalidImage("the JPEG has broken markers before its frame header")
        fill = data[position : position + _MAX_FILL]
        position += len(fill) - len(fill.lstrip(b"\xff"))
        marker = data[position]
        position += 1
        if marker in _STANDALONE:
            continue
        if marker in (_END_OF_IMAGE, _START_OF_SCAN):
            return
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise InvalidImage("the JPEG has a marker segment of impossible length")
        yield JpegSegment(marker, start, position + 2, position + length)
        position += length


def split_jpeg(data: bytes) -> SplitJpeg:
    """Remove the metadata, up to the first broken segment; the rest stays unchanged."""
    kept: list[bytes] = []
    exif: list[bytes] = []
    xmp = b""
    copied = 0
    try:
        for segment in jpeg_segments(data):
            if segment.marker not in _METADATA:
                continue
            kept.append(data[copied : segment.start])
            copied = segment.end
            content = data[segment.body : segment.end]
            if segment.marker == _EXIF_OR_XMP and content.startswith(_EXIF):
                exif.append(content[len(_EXIF) :])
            elif segment.marker == _EXIF_OR_XMP and content.startswith(_XMP):
                xmp = content[len(_XMP) :]
    except (InvalidImage, IndexError, struct.error):
        pass
    if not copied:
        return SplitJpeg(data)
    return SplitJpeg(b"".join((*kept, data[copied:])), b"".join(exif), xmp)

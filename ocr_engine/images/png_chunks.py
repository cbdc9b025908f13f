"""Removes the chunks of a PNG that its pixels do not need, and finds EXIF and XMP in them.

Pillow refuses a PNG for a wrong CRC or a long text in chunks that viewers ignore. Trusts no length
field, and unpacks at most MAX_UNPACKED bytes of any chunk.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_UNPACKED = 1 << 20

_SIGNATURE_BYTES = 8
_FRAME_BYTES = 12  # length, type and CRC of a chunk
_ANCILLARY = 0x20  # this bit of the first letter: a decoder may ignore the chunk
_USED_BY_PILLOW = (b"tRNS", b"pHYs")  # transparency, resolution
_XMP_KEYWORD = b"XML:com.adobe.xmp"
_EXIF_KEYWORD = b"Raw profile type exif"  # ImageMagick
_PROFILE_HEADER_LINES = 3


@dataclass(frozen=True, slots=True)
class SplitPng:
    """A PNG without metadata, and its EXIF and XMP (empty if it has none)."""

    data: bytes
    exif: bytes = b""
    xmp: bytes = b""


@dataclass(frozen=True, slots=True)
class PngChunk:
    """A whole chunk: data[start:end]."""

    kind: bytes
    start: int
    end: int

    @property
    def ancillary(self) -> bool:
        """Whether the pixels can be decoded without it."""
        return bool(self.kind[0] & _ANCILLARY)

    def content(self, data: bytes) -> bytes | None:
        """What it contains; None if its CRC is wrong."""
        end = self.end - 4
        (crc,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[self.start + 4 : end]) != crc:
            return None
        return data[self.start + 8 : end]


def png_chunks(data: bytes) -> Iterator[PngChunk]:
    """The chunks up to IEND, or up to the first one that is cut off."""
    position = _SIGNATURE_BYTES
    while position + _FRAME_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + _FRAME_BYTES + length
        if end > len(data):
            return
        yield PngChunk(kind, position, end)
        if kind == b"IEND":
            return
        position = end


def split_png(data: bytes) -> SplitPng:
    """Remove ancillary chunks, except valid ones that Pillow needs; a cut file stays cut."""
    kept: list[bytes] = []
    exif = xmp = b""
    copied = 0
    for chunk in png_chunks(data):
        if not chunk.ancillary:
            continue
        if chunk.kind in _USED_BY_PILLOW and chunk.content(data) is not None:
            continue
        if chunk.kind == b"eXIf":
            exif = exif or chunk.content(data) or b""
        elif chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
            exif = exif or _exif_in_text(chunk, data)
            xmp = xmp or _xmp_in_text(chunk, data)
        kept.append(data[copied : chunk.start])
        copied = chunk.end
    if not copied:
        return SplitPng(data)
    return SplitPng(b"".join((*kept, data[copied:])), exif, xmp)


def _exif_in_text(chunk: PngChunk, data: bytes) -> bytes:
    """EXIF as ImageMagick writes it: a header of three lines, then hexadecimal digits."""
    if not data.startswith(_EXIF_KEYWORD + b"\0", chunk.start + 8) or chunk.kind == b"iTXt":
        return b""
    text = (chunk.content(data) or b"")[len(_EXIF_KEYWORD) + 1 :]
    if chunk.kind == b"zTXt":
        text = _unpacked(text[1:])
    digits = b"".join(text.split(b"\n")[_PROFILE_HEADER_LINES:])
    try:
        return bytes.fromhex(digits.decode("latin-1"))
    except ValueError:
        return b""


def _xmp_in_text(chunk: PngChunk, data: bytes) -> bytes:
    """The XMP in an iTXt chunk: keyword, two bytes about compression, language, title, text."""
    if not data.startswith(_XMP_KEYWORD + b"\0", chunk.start + 8) or chunk.kind != b"iTXt":
        return b""
    content = (chunk.content(data) or b"")[len(_XMP_KEYWORD) + 1 :]
    text = content[2:].split(b"\0", 2)[-1]
    return _unpacked(text) if content[:1] == b"\1" else text


def _unpacked(packed: bytes) -> bytes:
    """The first MAX_UNPACKED bytes; empty if they are not zlib data."""
    try:
        return zlib.decompressobj().decompress(packed, MAX_UNPACKED)
    except zlib.error:
        return b""

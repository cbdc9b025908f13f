"""Builds image files from their parts, and splits them into parts.

For tests and broken_images.py: it can write files that libraries refuse to write.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
TIFF_SHORT, TIFF_LONG = 3, 4
TIFF_PAGE_BYTES = 2 + 9 * 12 + 4

TiffTag = tuple[int, int, int, int]


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    """A PNG chunk: length, kind, body and correct checksum."""
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png_header(width: int, height: int, depth: int = 8, colour: int = GREY, lace: int = 0) -> bytes:
    """The IHDR chunk."""
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, lace))


def png(header: bytes, pixels: bytes, *before: bytes) -> bytes:
    """A PNG of uncompressed filtered rows, preceded by other chunks."""
    data = png_chunk(b"IDAT", zlib.compress(pixels, 9))
    return PNG_MAGIC + header + b"".join(before) + data + png_chunk(b"IEND")


def empty_png(width: int, height: int) -> bytes:
    """The 57 bytes of a PNG that has a size but no pixels."""
    return PNG_MAGIC + png_header(width, height) + png_chunk(b"IDAT") + png_chunk(b"IEND")


def white_png(width: int, height: int) -> bytes:
    """A valid grey PNG; its rows are compressed one by one."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * width
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return PNG_MAGIC + png_header(width, height) + png_chunk(b"IDAT", data) + png_chunk(b"IEND")


def with_chunks(whole: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks after its header."""
    end = len(PNG_MAGIC) + 25
    return whole[:end] + b"".join(chunks) + whole[end:]


def compressed_text(kind: bytes, size: int) -> bytes:
    """A zTXt, iTXt or iCCP chunk whose text has that size; a bomb if it is large."""
    packer = zlib.compressobj(9)
    block = b"A" * (1 << 20)
    data = b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()
    head = b"Comment\0\1\0\0\0" if kind == b"iTXt" else b"Comment\0\0"
    return png_chunk(kind, head + data)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment: marker, length and body."""
    return struct.pack(">BBH", 0xFF, marker, min(len(body) + 2, 0xFFFF)) + body


def with_segments(whole: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments after its first marker."""
    return whole[:2] + b"".join(segments) + whole[2:]


def icc_segments(profile: bytes, claimed: int | None = None) -> list[bytes]:
    """An ICC profile in APP2 segments; claimed: the number of segments that they state."""
    parts = [profile[start : start + 65000] for start in range(0, len(profile), 65000)] or [b""]
    count = len(parts) if claimed is None else claimed
    return [
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number & 255, count & 255)) + part)
        for number, part in enumerate(parts, 1)
    ]


def exif(tags: Sequence[TiffTag], following: int = 0) -> bytes:
    """EXIF data: a TIFF of one directory without pixels."""
    return b"Exif\0\0" + tiff([tags], [following])


def tiff(directories: Sequence[Sequence[TiffTag]], following: Sequence[int] | None = None) -> bytes:
    """A little-endian TIFF of consecutive directories, each with the offset of the next.

    following: offsets of the next directories to write instead of the correct ones.
    """
    starts = [8]
    for tags in directories:
        starts.append(starts[-1] + 6 + 12 * len(tags))
    offsets = [*starts[1:-1], 0] if following is None else following
    data = b"II*\0" + struct.pack("<I", 8)
    for tags, offset in zip(directories, offsets, strict=True):
        entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        data += struct.pack("<H", len(tags)) + entries + struct.pack("<I", offset)
    return data


def grey_tags(width: int, height: int, pixels_at: int, compression: int = 1) -> list[TiffTag]:
    """The nine tags of an 8-bit grey page in one strip."""
    return [
        (256, TIFF_LONG, 1, width),
        (257, TIFF_LONG, 1, height),
        (258, TIFF_SHORT, 1, 8),
        (259, TIFF_SHORT, 1, compression),
        (262, TIFF_SHORT, 1, 1),
        (273, TIFF_LONG, 1, pixels_at),
        (277, TIFF_SHORT, 1, 1),
        (278, TIFF_LONG, 1, height),
        (279, TIFF_LONG, 1, width * height & 0xFFFFFFFF),
    ]


def tiff_pages(count: int, width: int, height: int, pixels: bytes) -> bytes:
    """A TIFF of many pages with the same grey pixels."""
    tags = grey_tags(width, height, 8 + count * TIFF_PAGE_BYTES)
    return tiff([tags] * count) + pixels


def gif_frames(first: bytes, count: int) -> bytes:
    """A GIF of one frame, followed by more frames of one pixel each."""
    pixel = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    assert first.endswith(b";")
    return first[:-1] + pixel * (count - 1) + b";"


def bmp(header: bytes, rest: bytes, offset: int | None = None) -> bytes:
    """A BMP from an information header (without its length) and the rest."""
    size = 4 + len(header)
    start = 14 + size if offset is None else offset
    head = struct.pack("<2sIII", b"BM", (14 + size + len(rest)) & 0xFFFFFFFF, 0, start)
    return head + struct.pack("<I", size) + header + rest


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a WebP file."""
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def webp(*chunks: bytes) -> bytes:
    """A WebP file of chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pieces(data: bytes) -> list[bytes]:
    """The chunks, segments, blocks or entries of an image; joined, they are the image."""
    try:
        cuts = _piece_ends(data)
    except struct.error:  # it is broken already
        cuts = _spread(data, 0)
    inside = sorted({cut for cut in cuts if 0 < cut < len(data)})
    return [data[a:b] for a, b in zip([0, *inside], [*inside, len(data)], strict=True)]


def _piece_ends(data: bytes) -> list[int]:
    if data.startswith(PNG_MAGIC):
        return _chunk_ends(data, 8, ">", 12)
    if data.startswith(b"RIFF"):
        return _chunk_ends(data, 12, "<", 8)
    if data.startswith(JPEG_START):
        return _segment_ends(data)
    if data.startswith(b"II*\0"):
        return _entry_ends(data)
    if data.startswith(b"GIF"):
        return [6, 13, *_spread(data, 13)]
    return [14, 54, *_spread(data, 54)]


def _chunk_ends(data: bytes, start: int, order: str, frame: int) -> list[int]:
    """Ends of PNG chunks (frame 12) or RIFF chunks (frame 8, and even lengths)."""
    ends = [start]
    length_at = 0 if frame == 12 else 4
    while ends[-1] + frame <= len(data):
        (length,) = struct.unpack_from(order + "I", data, ends[-1] + length_at)
        ends.append(ends[-1] + frame + length + (length & 1 if frame == 8 else 0))
    return ends


def _segment_ends(data: bytes) -> list[int]:
    ends = [2]
    while ends[-1] + 4 <= len(data) and data[ends[-1]] == 0xFF and data[ends[-1] + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, ends[-1] + 2)
        ends.append(ends[-1] + 2 + length)
    return ends


def _entry_ends(data: bytes) -> list[int]:
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    return [8, start, *(start + 2 + 12 * n for n in range(count + 1)), start + 6 + 12 * count]


def _spread(data: bytes, start: int) -> list[int]:
    """Seven cuts at equal distances."""
    return [start + (len(data) - start) * n // 8 for n in range(1, 8)]

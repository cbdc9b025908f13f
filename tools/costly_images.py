"""Images of few bytes that cost much to read, or that make libraries log."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

from PIL import Image

from image_structures import JPEG_START, TIFF_LONG, grey_tags, jpeg_segment, tiff
from plain_images import saved

_TAG_TYPES = (0, 16, 17, 18)  # 0 is none; LONG8, SLONG8 and IFD8 are of BigTIFF only


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive grey JPEG whose many scans are empty; each costs a pass over all blocks."""
    blocks = (-(-side // 8)) ** 2
    tables = jpeg_segment(0xDB, b"\0" + b"\x01" * 64)
    frame = jpeg_segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    # Two Huffman tables of one code each, `0`: a DC difference of 0; a run of 2**14 to 2**15 - 1
    # blocks without coefficients, with 14 more bits for its length.
    lone = bytes((1,)) + bytes(15)
    tables += jpeg_segment(0xC4, b"\x00" + lone + b"\x00") + jpeg_segment(
        0xC4, b"\x10" + lone + b"\xe0"
    )
    first = jpeg_segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + _bits("0" * blocks)
    runs, left = "", blocks
    while left > 0:
        run = max(1 << 14, min(left, (1 << 15) - 1))
        runs += f"0{run - (1 << 14):014b}"
        left -= run
    empty = jpeg_segment(0xDA, b"\x01\x01\x00\x01\x01\x00") + _bits(runs)
    return JPEG_START + tables + frame + first + empty * scans + b"\xff\xd9"


def _bits(bits: str) -> bytes:
    """Bits as entropy-coded data: padded with ones, and a zero byte after each 0xFF."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def tiff_of_tags(count: int, tag_type: int) -> bytes:
    """A grey TIFF with that many unknown tags, about each of which libtiff logs a line."""
    pixels = zlib.compress(b"\xff" * 100)
    tags = [tag for tag in grey_tags(10, 10, 0, compression=8) if tag[0] not in (273, 279)]
    tags += [(40_000 + number, tag_type, 1, number) for number in range(count)]
    start = 8 + 6 + 12 * (len(tags) + 2)
    tags += [(273, TIFF_LONG, 1, start), (279, TIFF_LONG, 1, len(pixels))]
    return tiff([sorted(tags)]) + pixels


def gif_of_sub_blocks(size: int) -> bytes:
    """A GIF whose comment is that many bytes of sub-blocks of one byte each."""
    whole = saved(Image.new("L", (8, 8), 255), "GIF")
    return whole[:-1] + b"\x21\xfe" + b"\x01x" * (size // 2) + b"\0;"


def noise(width: int, height: int, seed: int) -> bytes:
    """A JPEG of noise."""
    pixels = Random(seed).randbytes(width * height)
    return saved(Image.frombytes("L", (width, height), pixels), "JPEG", quality=40)


LOGGING_TIFFS: dict[str, Callable[[], bytes]] = {
    f"{count} tags of type {kind}": lambda count=count, kind=kind: tiff_of_tags(count, kind)  # type: ignore[misc]
    for count in (400, 4000)
    for kind in _TAG_TYPES
}

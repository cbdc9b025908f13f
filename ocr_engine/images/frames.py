"""Counts the frames or pages of a file from its structure, without decoding any."""

from __future__ import annotations

import mmap
import struct

from ocr_engine.errors import InvalidImage
from ocr_engine.images.tiff_directory import tiff_layout

# A GIF of 100 MB in blocks of 255 bytes has 400,000.
MAX_GIF_BLOCKS = 1_000_000


def count_gif_frames(data: bytes | mmap.mmap) -> int:
    """The number of frames in a GIF, from its block structure; stops where the file is broken.

    InvalidImage if it has more than MAX_GIF_BLOCKS blocks.
    """
    frames = blocks = 0
    try:
        position = 13 + _color_table_bytes(data[10])
        while data[position] != 0x3B:
            if data[position] == 0x21:
                position += 2
            elif data[position] == 0x2C:
                frames += 1
                position += 11 + _color_table_bytes(data[position + 9])
            else:
                break
            while size := data[position]:
                position += 1 + size
                blocks += 1
                if blocks > MAX_GIF_BLOCKS:
                    raise InvalidImage(f"the GIF has more than {MAX_GIF_BLOCKS} data blocks")
            position += 1
    except IndexError:
        pass
    return max(frames, 1)


def count_tiff_pages(data: bytes | mmap.mmap) -> int:
    """The number of pages (IFDs) in a TIFF; stops where the chain of IFDs becomes a cycle."""
    layout = tiff_layout(data[:16])
    seen: set[int] = set()
    try:
        position = layout.read(layout.offset, data, layout.first)
        while position and position not in seen:
            entries = layout.read(layout.count, data, position)
            after = position + layout.count_bytes + layout.entry * entries
            following = layout.read(layout.offset, data, after)
            seen.add(position)
            position = following
    except struct.error:
        pass
    return max(len(seen), 1)


def _color_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

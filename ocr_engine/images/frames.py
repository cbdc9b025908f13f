"""Counts the frames or pages of a file from its structure, without decoding any."""

from __future__ import annotations

import struct


def count_gif_frames(data: bytes) -> int:
    """The number of frames in a GIF, from its block structure; stops where the file is broken."""
    frames = 0
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
            while data[position]:
                position += 1 + data[position]
            position += 1
    except IndexError:
        pass
    return max(frames, 1)


def count_tiff_pages(data: bytes) -> int:
    """The number of pages (IFDs) in a TIFF; a cyclic IFD chain terminates."""
    order = "<" if data.startswith(b"II") else ">"
    seen: set[int] = set()
    try:
        (position,) = struct.unpack_from(order + "I", data, 4)
        while position and position not in seen:
            (entries,) = struct.unpack_from(order + "H", data, position)
            following = struct.unpack_from(order + "I", data, position + 2 + 12 * entries)
            seen.add(position)
            (position,) = following
    except struct.error:
        pass
    return max(len(seen), 1)


def _color_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

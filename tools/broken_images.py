"""An endless sequence of odd, hostile and mutated images; the same seed gives the same bytes.

    python tools/broken_images.py SEED NUMBER > image

Every image depends only on the seed and its own number, so each one can be made again.
"""

from __future__ import annotations

import itertools
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from random import Random

from image_structures import (
    PNG_MAGIC,
    TIFF_SHORT,
    compressed_text,
    exif,
    icc_segments,
    jpeg_segment,
    pieces,
    png_chunk,
    riff_chunk,
    with_chunks,
    with_segments,
)
from odd_images import CLAIMED_SIDES, EXTREMES, ODD
from plain_images import VARIANTS, plain

Mutation = Callable[[bytes, Random], bytes]
NamedImage = tuple[str, bytes]

_ODD_SHARE = 0.3
_UNCHANGED_SHARE = 0.02
_MAGIC_BYTES = 18


def broken_images(seed: int) -> Iterator[NamedImage]:
    """Names and bytes, without end."""
    return (broken_image(seed, number) for number in itertools.count())


def broken_image(seed: int, number: int) -> NamedImage:
    """The name and the bytes of one image of the sequence."""
    random = Random(f"{seed}:{number}")
    if random.random() < _ODD_SHARE:
        kind = random.choice(tuple(ODD))
        data, changes = ODD[kind](random), random.choice((0, 0, 1))
    else:
        variant = random.choice(VARIANTS)
        kind, data = " ".join(variant), plain(*variant)
        changes = 0 if random.random() < _UNCHANGED_SHARE else random.choice((1, 1, 1, 2, 3))
    chosen = random.choices(tuple(MUTATIONS), k=changes)
    for name in chosen:
        data = MUTATIONS[name](data, random)
    return f"{number:06} {', '.join([kind, *chosen])}", data


def truncated(data: bytes, random: Random) -> bytes:
    """Cut off anywhere."""
    return data[: random.randrange(len(data) + 1)]


def flipped(data: bytes, random: Random) -> bytes:
    """One to thirty bytes changed, mostly near the start."""
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 30)) if data else 0):
        end = min(len(content), random.choice((64, 600, 1 << 30)))
        content[random.randrange(end)] = random.randrange(256)
    return bytes(content)


def flipped_with_checksum(data: bytes, random: Random) -> bytes:
    """One changed byte in a PNG chunk, with a correct checksum; otherwise like flipped()."""
    parts = pieces(data)
    chunks = [n for n, part in enumerate(parts) if n and len(part) > 12]
    if not data.startswith(PNG_MAGIC) or not chunks:
        return flipped(data, random)
    chosen = random.choice(chunks)
    body = bytearray(parts[chosen][8:-4])
    for _ in range(random.choice((1, 2, 8))):
        body[random.randrange(len(body))] = random.choice((0, 255, random.randrange(256)))
    parts[chosen] = png_chunk(parts[chosen][4:8], bytes(body))
    return b"".join(parts)


def pixels_repacked(data: bytes, random: Random) -> bytes:
    """A PNG with too few, too many or changed pixels; otherwise like flipped()."""
    parts = pieces(data)
    found = [n for n, part in enumerate(parts) if part[4:8] == b"IDAT"]
    try:
        rows = bytearray(zlib.decompress(parts[found[0]][8:-4]))
    except (IndexError, zlib.error):
        return flipped(data, random)
    for _ in range(random.choice((0, 3, 40)) if rows else 0):
        rows[random.randrange(len(rows))] = random.randrange(256)
    length = random.choice((len(rows), len(rows) // 2, len(rows) - 1, 3 * len(rows)))
    parts[found[0]] = png_chunk(b"IDAT", zlib.compress(bytes(rows).ljust(length, b"\0")[:length]))
    return b"".join(parts)


def piece_changed(data: bytes, random: Random) -> bytes:
    """A chunk, segment or entry removed, doubled, emptied or moved."""
    parts = pieces(data)
    chosen = random.randrange(len(parts))
    match random.randrange(5):
        case 0:
            del parts[chosen]
        case 1:
            parts[chosen] *= random.choice((2, 3, 100))
        case 2:
            parts[chosen] = parts[chosen][: random.choice((0, 4, 8))]
        case 3:
            parts.insert(random.randrange(len(parts)), parts.pop(chosen))
        case _:
            parts[1:] = random.sample(parts[1:], len(parts) - 1)
    return b"".join(parts)


def number_replaced(data: bytes, random: Random) -> bytes:
    """Two or four bytes, such as a length, an offset or a count, replaced by an extreme."""
    if len(data) < 16:
        return data
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 2))):
        place = random.randrange(4, min(len(content) - 4, 400))
        form = random.choice((">I", "<I", ">H", "<H"))
        value = random.choice(EXTREMES) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
        struct.pack_into(form, content, place, value)
    return bytes(content)


def size_claimed(data: bytes, random: Random) -> bytes:
    """A different width or height in the header; a PNG's checksum is corrected."""
    width, height = random.choice(CLAIMED_SIDES), random.choice(CLAIMED_SIDES)
    content = bytearray(data.ljust(64, b"\0"))
    if data.startswith(PNG_MAGIC):
        struct.pack_into(">II", content, 16, width, height)
        struct.pack_into(">I", content, 29, zlib.crc32(content[12:29]))
    elif data.startswith(b"GIF"):
        struct.pack_into("<HH", content, 6, width & 0xFFFF, height & 0xFFFF)
    elif data.startswith(b"BM"):
        struct.pack_into("<II", content, 18, width, height)
    elif data.startswith(b"RIFF"):
        struct.pack_into("<HH", content, 26, width & 0x3FFF, height & 0x3FFF)
    elif data.startswith(b"\xff\xd8"):
        place = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"), 0) + 5
        struct.pack_into(">HH", content, min(place, 60), height & 0xFFFF, width & 0xFFFF)
    elif data.startswith(b"II*\0"):
        struct.pack_into("<I", content, min(content.find(b"\0\1\4\0") + 8, 60), width)
    return bytes(content)


def spliced(data: bytes, random: Random) -> bytes:
    """The beginning of one image and the end of another."""
    other = plain(*random.choice(VARIANTS))
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other)) :]


def noise_behind_magic(data: bytes, random: Random) -> bytes:
    """A valid beginning, followed by random bytes."""
    kept = random.choice((4, _MAGIC_BYTES, 60))
    return data[:kept] + random.randbytes(random.choice((10, 300, 20_000)))


def inserted(data: bytes, random: Random) -> bytes:
    """A few bytes inserted or removed, so that the rest is shifted."""
    place = random.randrange(len(data) + 1)
    if random.random() < 0.5:
        return data[:place] + random.randbytes(random.randint(1, 20)) + data[place:]
    return data[:place] + data[place + random.randint(1, 20) :]


def appended(data: bytes, random: Random) -> bytes:
    """Bytes after the end: noise, zeros, or another image."""
    other = plain(*random.choice(VARIANTS))
    return data + random.choice((random.randbytes(500), bytes(100_000), other, data))


def described(data: bytes, random: Random) -> bytes:
    """An odd, huge or bomb-like EXIF block, colour profile or text."""
    orientation = exif([(274, TIFF_SHORT, 1, random.choice((0, 1, 3, 6, 8, 9, 65535)))])
    profile = random.randbytes(random.choice((0, 128, 3000, 200_000)))
    if data.startswith(PNG_MAGIC):
        packed = b"icc\0\0" + zlib.compress(profile)
        chunks = (png_chunk(b"eXIf", orientation[6:]), png_chunk(b"iCCP", packed),
                  compressed_text(b"zTXt", 4 << 20), png_chunk(b"gAMA", bytes(4)),
                  png_chunk(b"pHYs", b"\xff" * 9), png_chunk(b"tEXt", b"\xff" * 300))  # fmt: skip
        return with_chunks(data, *random.sample(chunks, 2))
    if data.startswith(b"\xff\xd8"):
        parts = icc_segments(profile)
        return with_segments(data, jpeg_segment(0xE1, orientation), *parts)
    if data.startswith(b"RIFF"):
        return data + riff_chunk(b"EXIF", orientation[6:]) + riff_chunk(b"ICCP", profile)
    return appended(data, random)


MUTATIONS: dict[str, Mutation] = {
    function.__name__.replace("_", " "): function
    for function in (
        truncated, flipped, flipped_with_checksum, pixels_repacked, piece_changed, number_replaced,
        size_claimed, spliced, noise_behind_magic, inserted, appended, described,
    )
}  # fmt: skip


if __name__ == "__main__":
    sys.stdout.buffer.write(broken_image(int(sys.argv[1]), int(sys.argv[2]))[1])

"""Synthetic odd images: bombs, loops, false headers, rare variants.

Each function takes a random generator and returns the bytes of one file; ODD lists all.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

from image_structures import (
    GREY,
    PALETTE,
    PNG_MAGIC,
    RGBA,
    TIFF_LONG,
    TIFF_PAGE_BYTES,
    TIFF_SHORT,
    bmp,
    compressed_text,
    exif,
    gif_frames,
    grey_tags,
    icc_segments,
    jpeg_segment,
    pieces,
    png,
    png_chunk,
    png_header,
    riff_chunk,
    tiff,
    tiff_pages,
    webp,
    with_chunks,
    with_segments,
)
from plain_images import plain

OddImage = Callable[[Random], bytes]

EXTREMES = (0, 1, 2, 255, 256, 32767, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CLAIMED_SIDES = (0, 1, 2, 7, 90, 300, 1000, 3000, 16384, 65500, 65536, 1 << 30)
KINDS_OF_PNG = [
    (depth, colour)
    for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16)}.items()
    for depth in depths
] + [(8, 6), (16, 6), (3, 0), (16, 3), (8, 5)]
FOREIGN = (
    b"%PDF-1.7\n1 0 obj\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"8BPS\0\1\0\0",
    b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x76\x2f\x31\x01\2\0\0\0", b"\0\0\0\x0cjP  \r\n\x87\n",
    b"II+\0\x08\0\0\0", b"\0\0\1\0\1\0\x10\x10", b"qoif\0\0\0\x10", b"P6\n2 2\n255\n",
    b"\0\0\0\x20ftypavif", b"#!/bin/sh\n", b"<html><script>alert(1)</script></html>",
)  # fmt: skip


def png_kind(random: Random) -> bytes:
    """Any depth and colour type, including invalid ones, with noise for pixels."""
    depth, colour = random.choice(KINDS_OF_PNG)
    width, height = random.randint(1, 60), random.randint(1, 40)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    row = (width * samples * depth + 7) // 8
    rows = b"".join(bytes((random.randrange(6),)) + random.randbytes(row) for _ in range(height))
    palette = png_chunk(b"PLTE", random.randbytes(3 * random.choice((0, 1, 4, 256, 300))))
    clear = png_chunk(b"tRNS", random.randbytes(random.choice((0, 1, 2, 6, 256, 999))))
    lace = random.choice((0, 0, 0, 1, 2))
    return png(png_header(width, height, depth, colour, lace), rows, palette, clear)


def png_bomb(random: Random) -> bytes:
    """A text or a profile that is megabytes when decompressed."""
    kind = random.choice((b"zTXt", b"iTXt", b"iCCP"))
    chunk = compressed_text(kind, random.choice((1 << 20, 8 << 20, 64 << 20)))
    return with_chunks(plain("PNG", "L"), *[chunk] * random.choice((1, 1, 3)))


def png_pixel_bomb(random: Random) -> bytes:
    """A small image by its header, with endless pixel data."""
    data = zlib.compress(bytes(random.choice((1, 16)) << 20), 9)
    body = png_header(40, 20) + png_chunk(b"IDAT", data) + png_chunk(b"IEND")
    return PNG_MAGIC + body


def png_many_chunks(random: Random) -> bytes:
    """Thousands of small chunks, also in the middle of the pixels."""
    whole = pieces(plain("PNG", "RGB"))
    many = [png_chunk(random.choice((b"tEXt", b"tIME", b"abCd")), b"k\0v")] * 5000
    at = random.randrange(2, len(whole))
    data = zlib.compress(b"".join(b"\0" + bytes(30) for _ in range(20)))
    bits = [png_chunk(b"IDAT", data[n : n + 1]) for n in range(len(data))]
    scattered = PNG_MAGIC + png_header(30, 20) + b"".join(bits) + png_chunk(b"IEND")
    return random.choice((b"".join([*whole[:at], *many, *whole[at:]]), scattered))


def apng(random: Random) -> bytes:
    """An animated PNG with false numbers, sizes or positions of frames."""
    whole = pieces(plain("PNG", "RGBA"))
    width, height = struct.unpack_from(">II", whole[1], 8)
    count = random.choice((0, 1, 2, 50, 0xFFFFFFFF))
    chunks = [png_chunk(b"acTL", struct.pack(">II", count, 0))]
    for number in range(random.choice((1, 2, 40))):
        size = random.choice(((width, height), (1, 1), (width * 9, height), (0, 0)))
        place = random.choice((0, 0, 0xFFFFFFF0))
        numbers = (number, *size, place, 0, 1, 10, random.choice((0, 2, 9)), 1)
        chunks.append(png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", *numbers)))
        if number:
            chunks.append(png_chunk(b"fdAT", struct.pack(">I", number) + random.randbytes(30)))
    return b"".join([*whole[:2], *chunks, *whole[2:]])


def jpeg_marked(random: Random) -> bytes:
    """A JPEG whose frame header states 12 bits, arithmetic coding, lossless, or odd sampling."""
    data = bytearray(plain("JPEG", random.choice(("L", "RGB", "CMYK"))))
    frame = data.find(b"\xff\xc0")
    match random.randrange(4):
        case 0:
            data[frame + 4] = random.choice((0, 2, 12, 16, 255))
        case 1:
            data[frame + 1] = random.choice((0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xCF))
        case 2:
            data[frame + 9] = random.choice((0, 2, 5, 255))
        case _:
            data[frame + 11] = random.choice((0, 0x12, 0x33, 0x44, 0xFF))
    return bytes(data)


def jpeg_scans(random: Random) -> bytes:
    """A progressive JPEG with its last scan repeated hundreds of times."""
    whole = plain("JPEG", "progressive")
    last = whole.rfind(b"\xff\xda")
    scan = whole[last:-2]
    return whole[:-2] + scan * random.choice((10, 100, 500)) + b"\xff\xd9"


def jpeg_application(random: Random) -> bytes:
    """EXIF with loops or odd orientations, incomplete ICC, Adobe, Photoshop, MPO, comments."""
    orientation = (274, TIFF_SHORT, 1, random.choice((0, 2, 5, 8, 9, 255, 65535)))
    below = (34665, TIFF_LONG, 1, random.choice((8, 0, 26, 1 << 31)))
    huge = (random.choice((271, 306, 37510)), 2, random.choice(EXTREMES), 8)
    tags = [below, huge, orientation] * random.choice((1, 1, 900))
    profile = random.randbytes(random.choice((0, 100, 130_000)))
    segments = random.choice(
        (
            [jpeg_segment(0xE1, exif(tags, random.choice((0, 8, 1 << 31))))],
            icc_segments(profile, random.choice((None, 0, 1, 255)))[:: random.choice((1, 2))],
            [jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((random.randrange(4),)))],
            [jpeg_segment(0xED, b"Photoshop 3.0\x008BIM" + random.randbytes(40))],
            [jpeg_segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + random.randbytes(60))],
            [jpeg_segment(0xFE, bytes(65533))] * 10,
            [jpeg_segment(0xDD, random.randbytes(2))],
        )
    )
    return with_segments(plain("JPEG", random.choice(("RGB", "CMYK"))), *segments)


def gif_odd(random: Random) -> bytes:
    """Frames outside the screen, no colours, odd code sizes, many frames, endless blocks."""
    screen = struct.pack("<HH", random.choice((0, 1, 60, 3000, 65535)), random.choice((1, 40, 300)))
    frame = struct.pack("<HHHH", *(random.choice((0, 0, 1, 60, 65535)) for _ in range(4)))
    flags = random.choice((0, 0x80, 0x87, 0x40, 0xF7))
    data = b"\x2c" + frame + bytes((flags, random.choice((0, 1, 2, 8, 11, 12, 13, 255))))
    blocks = random.choice((b"\x02\x44\x01\0", b"\xff" + random.randbytes(255) + b"\0", b"\0", b""))
    extension = random.choice((b"", b"\x21\xf9\x04\x01\0\0\0\0", b"\x21\xff\x0bNETSCAPE2.0\x03\1"))
    return b"GIF89a" + screen + bytes((flags, 0, 0)) + extension + data + blocks + b";"


def gif_many_frames(random: Random) -> bytes:
    """Thousands of frames of one pixel."""
    return gif_frames(plain("GIF", "P"), random.choice((2, 1000, 20_000)))


def webp_odd(random: Random) -> bytes:
    """An extended WebP with inconsistent canvas, flags and chunks."""
    image = pieces(plain("WEBP", random.choice(("RGB", "RGBA"))))[1]
    canvas = b"".join(
        (random.choice((60, 119, 3000, 16383, 0xFFFFFF)) & 0xFFFFFF).to_bytes(3, "little")
        for _ in range(2)
    )
    extended = riff_chunk(b"VP8X", bytes((random.randrange(256), 0, 0, 0)) + canvas)
    frame = riff_chunk(b"ANMF", random.randbytes(16) + image)
    extra = [
        image,
        frame,
        riff_chunk(b"ICCP", random.randbytes(200)),
        riff_chunk(b"EXIF", exif([(274, TIFF_SHORT, 1, random.randrange(12))])[6:]),
        riff_chunk(b"ALPH", random.randbytes(50)),
        riff_chunk(b"ANIM", bytes(6)),
    ]
    random.shuffle(extra)
    return webp(extended, *extra[: random.randint(1, len(extra))])


def tiff_loop(random: Random) -> bytes:
    """A cyclic chain of directories, or one that points outside the file."""
    count = random.choice((1, 2, 50))
    tags = grey_tags(16, 8, 8 + count * TIFF_PAGE_BYTES)
    starts = [8 + n * TIFF_PAGE_BYTES for n in range(count)]
    following = [random.choice((*starts, 4, 9, 1 << 31, 0xFFFFFFFF)) for _ in range(count)]
    return tiff([tags] * count, following) + random.randbytes(128)


def tiff_many_pages(random: Random) -> bytes:
    """A thousand pages with the same pixels."""
    return tiff_pages(random.choice((2, 100, 1000)), 16, 8, random.randbytes(128))


def tiff_odd(random: Random) -> bytes:
    """Any compression of noise, odd depths, planes, tiles, predictors, counts and types."""
    width, height = random.randint(1, 60), random.randint(1, 40)
    values = {tag: (kind, 1, value) for tag, kind, _, value in grey_tags(width, height, 400)}
    values[259] = (TIFF_SHORT, 1, random.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 32773, 32946, 34925,
                                                 50000, 50001, 50002, 65000)))  # fmt: skip
    values[258] = (TIFF_SHORT, 1, random.choice((0, 1, 2, 4, 8, 12, 16, 24, 32, 64)))
    values[262] = (TIFF_SHORT, 1, random.choice((0, 1, 2, 3, 4, 5, 6, 8, 32803)))
    values[277] = (TIFF_SHORT, 1, random.choice((0, 1, 1, 1, 2, 3, 4, 5, 65535)))
    for tag in random.sample((254, 266, 274, 284, 317, 322, 323, 324, 325, 330, 338, 339, 347), 4):
        kind = random.choice((1, 2, TIFF_SHORT, TIFF_LONG, 5, 11, 12, 13, 99))
        values[tag] = (kind, random.choice((1, 1, 2, *EXTREMES)), random.choice((1, 2, 3, 16, 400)))
    tags = [(tag, *value) for tag, value in sorted(values.items())]
    return tiff([tags]).ljust(400, b"\0") + random.randbytes(random.choice((0, 100, 8000)))


def bmp_odd(random: Random) -> bytes:
    """Every header, depth and packing, with masks, colours and offsets of any size."""
    size = random.choice((12, 40, 52, 56, 64, 108, 124))
    depth = random.choice((0, 1, 2, 4, 8, 16, 24, 32, 48, 64))
    width, height = random.randint(1, 60), random.choice((1, 20, -20, -(1 << 31), 3000))
    if size == 12:
        header = struct.pack("<HHHH", width, abs(height) & 0xFFFF, 1, depth)
    else:
        packing = random.choice((0, 0, 1, 2, 3, 4, 5, 6, 11))
        colours = random.choice((0, 1, 2, 16, 256, *EXTREMES))
        header = struct.pack(
            "<iiHHIIiiII", width, height, 1, depth, packing, 0, 2835, 2835, colours & 0xFFFFFFFF, 0
        )
        header += random.choice((bytes, random.randbytes))(size - 40)
    rest = random.randbytes(random.choice((0, 100, 4000, 12_000)))
    return bmp(header, rest, random.choice((None, None, None, *EXTREMES)))


def bmp_runs(random: Random) -> bytes:
    """Run-length codes that jump outside the image."""
    runs = b"".join(
        random.choice((b"\0\0", b"\0\2\xff\xff", b"\0\2\2\0", b"\0\xff", b"\xff\1", b"\5\1"))
        for _ in range(random.choice((3, 50, 2000)))
    )
    depth, packing = random.choice(((8, 1), (4, 2)))
    header = struct.pack("<iiHHIIiiII", 50, 30, 1, depth, packing, len(runs), 0, 0, 16, 0)
    return bmp(header, random.randbytes(64) + runs + random.choice((b"", b"\0\1")))


def claimed_size(random: Random) -> bytes:
    """A header with any size, followed by few pixels."""
    width, height = random.choice(CLAIMED_SIDES), random.choice(CLAIMED_SIDES)
    colour = random.choice((GREY, PALETTE, RGBA))
    return random.choice(
        (
            png(png_header(width, height, 8, colour), bytes(1000)),
            b"GIF89a" + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + bytes(40),
            bmp(struct.pack("<iiHH", width & 0x7FFFFFFF, height, 1, 24) + bytes(24), bytes(99)),
            tiff([grey_tags(width, height, 8 + TIFF_PAGE_BYTES)]) + bytes(99),
            webp(riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", (width & 0x3FFF) | 7 << 14))),
        )
    )


def nearly_nothing(random: Random) -> bytes:
    """Empty, one byte, blanks, or noise."""
    return random.choice(
        (b"", random.randbytes(1), b"\0" * random.randint(1, 999), b" " * 99,
         random.randbytes(random.choice((2, 17, 300, 5000))))
    )  # fmt: skip


def foreign(random: Random) -> bytes:
    """The beginning of another format."""
    return random.choice(FOREIGN) + random.randbytes(random.choice((0, 60, 900)))


ODD: dict[str, OddImage] = {
    function.__name__.replace("_", " "): function
    for function in (
        png_kind, png_bomb, png_pixel_bomb, png_many_chunks, apng, jpeg_marked, jpeg_scans,
        jpeg_application, gif_odd, gif_many_frames, webp_odd, tiff_loop, tiff_many_pages, tiff_odd,
        bmp_odd, bmp_runs, claimed_size, nearly_nothing, foreign,
    )
}  # fmt: skip

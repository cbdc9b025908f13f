"""Image files of an 8-bit grey image, with each of their fields as a place to mutate.

An image without mutated places is read as the grey image, whatever else is in its file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from image_structures import JPEG_START, PNG_MAGIC, pieces, riff_chunk
from odd_images import EXTREMES
from plain_images import saved
from structured.directories import big_tiff_file, exif_file, tiff_file
from structured.places import Places

SIZES = (0, 1, 2, 3, 17, 255, 256, 65535, 65536, 1 << 24, 0x7FFFFFFF, 0xFFFFFFFF)
KINDS = (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"fdAT", b"acTL", b"\0\0\0\0", b"idat",
         b"ABCD", b"abCd", b"IDA\xff")  # fmt: skip
COUNTS = (0, 2, 3, 300)


def png(places: Places, image: Image.Image) -> bytes:
    """PNG: order, number, length, kind and checksum of its chunks, and the fields of its header."""
    at = places.at
    header = struct.pack(
        ">IIBBBBB",
        at("IHDR width", image.width, SIZES),
        at("IHDR height", image.height, SIZES),
        at("IHDR depth", 8, (0, 1, 2, 4, 16, 255)),
        at("IHDR colour", 0, (1, 2, 3, 4, 6, 7)),
        at("IHDR compression", 0, (1, 255)),
        at("IHDR filter", 0, (1, 255)),
        at("IHDR interlace", 0, (1, 2)),
    )
    rows = image.tobytes()
    width = image.width
    start = at("filter of a row", b"\0", (b"\1", b"\4", b"\5", b"\xff"))
    pixels = b"".join(start + rows[n : n + width] for n in range(0, len(rows), width))
    data = zlib.compress(pixels, places.any_of(0, 1, 9))
    data = at("zlib", data, (data[:-4], data[: len(data) // 2], data + data, b"", bytes(9)))
    cut = places.any_of(1, 7, 500, len(data) + 1)
    parts = [data[n : n + cut] for n in range(0, len(data), cut)] or [b""]
    before = _ancillary(places)
    chunks = [(b"IHDR", header), *before, *((b"IDAT", part) for part in parts[:400])]
    if len(parts) > 400:
        chunks.append((b"IDAT", b"".join(parts[400:])))
    chunks += [*places.any_of([], [(b"tEXt", b"after\0the pixels")]), (b"IEND", b"")]
    if places.is_odd("order of chunks"):
        places.random.shuffle(chunks)
    return PNG_MAGIC + b"".join(_png_chunk(places, *chunk) for chunk in chunks)


def _ancillary(places: Places) -> list[tuple[bytes, bytes]]:
    """Some valid chunks that do not change the grey pixels, in any order."""
    odd_texts = (b"", b"\0", b"\0\0\0", b"k" * 80 + b"\0", b"k\0\1\xff\xff", b"\xff" * 900)
    exif = exif_file(places)
    known = [
        (b"gAMA", places.at("gAMA", struct.pack(">I", 45455), (b"", bytes(4), b"\xff" * 4))),
        (b"sRGB", places.at("sRGB", b"\0", (b"", b"\xff", bytes(90)))),
        (b"pHYs", places.at("pHYs", struct.pack(">IIB", 3937, 3937, 1), (b"", b"\xff" * 9))),
        (b"tIME", places.at("tIME", b"\x07\xea\x0b\x1e\x07\x1b\0", (b"", b"\xff" * 7))),
        (b"bKGD", places.at("bKGD", b"\0\xff", (b"", b"\xff" * 99))),
        (b"tEXt", places.at("tEXt", b"Title\0a page", odd_texts)),
        (b"zTXt", places.at("zTXt", b"Title\0\0" + zlib.compress(b"page"), odd_texts)),
        (b"iTXt", places.at("iTXt", b"Title\0\0\0en\0\0page", odd_texts)),
        (b"eXIf", places.at("eXIf", exif, (b"", b"Exif\0\0", b"junk", b"\xff" * 999))),
        (b"abCd", b"a chunk that nobody knows"),
    ]
    chosen = places.random.sample(known, places.random.randrange(5))
    return chosen * places.at("number of ancillary chunks", 1, COUNTS)


def _png_chunk(places: Places, kind: bytes, body: bytes) -> bytes:
    """A chunk, maybe with another length, kind, checksum or number of copies."""
    name = kind.decode()
    length = places.at(f"length of {name}", len(body), (*SIZES, len(body) + 1))
    kind = places.at(f"kind of {name}", kind, KINDS)
    check = places.at(f"CRC of {name}", zlib.crc32(kind + body), (0, 0xFFFFFFFF))
    copies = places.at(f"copies of {name}", 1, (0, 2, 20))
    return (struct.pack(">I", length) + kind + body + struct.pack(">I", check)) * copies


def bmp(places: Places, image: Image.Image) -> bytes:
    """BMP with the header of 1990, 1995 or 1998, 8 or 24 bits, upwards or downwards."""
    at, width, height = places.at, image.width, image.height
    size = at("size of the header", places.any_of(40, 108, 124), (0, 12, 16, 41, 64, 0xFFFFFFFF))
    depth, downwards = places.any_of(8, 24), places.any_of(False, True)
    row = image.tobytes() if depth == 8 else b"".join(bytes((v,)) * 3 for v in image.tobytes())
    step, padding = width * depth // 8, -width * depth // 8 % 4
    rows = [row[n : n + step] + bytes(padding) for n in range(0, len(row), step)]
    palette = b"".join(bytes((v, v, v, 0)) for v in range(256)) if depth == 8 else b""
    palette = at("palette", palette, (b"", palette[:10], bytes(3000)))
    fields = struct.pack(
        "<IIIHHIIIIII",
        size & 0xFFFFFFFF,
        at("width", width, EXTREMES),
        at("height", (-height if downwards else height) & 0xFFFFFFFF, EXTREMES),
        at("planes", 1, (0, 2, 65535)),
        at("bits", depth, (0, 1, 2, 4, 16, 32, 64)),
        at("packing", 0, (1, 2, 3, 4, 5, 6, 11, 99)),
        at("size of the pixels", 0, EXTREMES),
        2835,
        at("resolution", 2835, EXTREMES),
        at("colours", 0, EXTREMES),
        at("important colours", 0, EXTREMES),
    )
    header = fields.ljust(size, b"\0") if size <= 124 else fields
    start = at("offset of the pixels", 14 + len(header) + len(palette), EXTREMES)
    pixels = b"".join(rows if downwards else reversed(rows))
    pixels = at("pixels", pixels, (b"", pixels[: len(pixels) // 2], pixels + bytes(9999)))
    total = at("size of the file", 14 + len(header) + len(palette) + len(pixels), EXTREMES)
    return struct.pack("<2sIII", b"BM", total, 0, start) + header + palette + pixels


def gif(places: Places, image: Image.Image) -> bytes:
    """GIF: screen, palette, extensions, frame, code size and sub-blocks."""
    at, random = places.at, places.random
    code_size, codes = _gif_codes(saved(image, "GIF", optimize=False, interlace=0))
    flags = at("flags of the screen", 0xF7, (0, 0x80, 0x77, 0xFF))
    palette = b"".join(bytes((v, v, v)) for v in range(256))
    screen = struct.pack(
        "<HHBBB",
        at("width of the screen", image.width, (0, 1, 65535)),
        at("height of the screen", image.height, (0, 1, 65535)),
        flags,
        at("background", 0, (1, 255)),
        at("aspect", 0, (1, 255)),
    )
    comment = b"\x21\xfe" + _sub_blocks(places, b"a comment", 20)
    control = b"\x21\xf9\x04" + bytes((0, 5, 0, at("clear colour", 0, (1, 255)), 0))
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\1\0\0\0"
    unknown = b"\x21\x77" + _sub_blocks(places, b"nobody knows it", 4)
    extensions = random.sample([comment, control, loop, unknown], random.randrange(5))
    extensions *= at("number of extensions", 1, (0, 2, 2000))
    frame = struct.pack(
        "<BHHHHB",
        0x2C,
        at("left", 0, (1, 65535)),
        at("top", 0, (1, 65535)),
        at("width", image.width, (0, 1, 65535)),
        at("height", image.height, (0, 1, 65535)),
        at("flags of the frame", 0, (0x40, 0x80, 0x87, 0xFF)),
    )
    frame += bytes((at("code size", code_size, (0, 1, 2, 11, 12, 255)),))
    frame += _sub_blocks(places, codes, places.any_of(1, 100, 255))
    frames = frame * at("number of frames", 1, (0, 2, 1000))
    end = at("trailer", b";", (b"", b"\0", b"\x2c"))
    version = at("version", places.any_of(b"GIF89a", b"GIF87a"), (b"GIF00a", b"GIF89b"))
    colours = at("palette", palette, (b"", palette[:9]))
    return version + screen + colours + b"".join(extensions) + frames + end


def _sub_blocks(places: Places, data: bytes, length: int) -> bytes:
    parts = [data[n : n + length] for n in range(0, len(data), length)]
    sizes = [len(part) for part in parts]
    sizes[-1] = places.at("size of a sub-block", sizes[-1], (0, 1, 255))
    end = places.at("end of sub-blocks", b"\0", (b"", b"\xff", b"\1" * 999))
    return b"".join(bytes((n,)) + part for n, part in zip(sizes, parts, strict=True)) + end


def _gif_codes(whole: bytes) -> tuple[int, bytes]:
    """The code size and the LZW codes of a GIF of one frame, as Pillow writes it."""
    at = whole.index(b"\x2c", 13 + 3 * 256)
    at += 10
    code_size, codes = whole[at], b""
    at += 1
    while length := whole[at]:
        codes += whole[at + 1 : at + 1 + length]
        at += 1 + length
    return code_size, codes


def webp(places: Places, image: Image.Image) -> bytes:
    """WebP: the size of the file, the extended header, and order, kind and size of the chunks."""
    at, random = places.at, places.random
    pixels = pieces(saved(image.convert("RGB"), "WEBP", lossless=True))[1]
    canvas = b"".join(
        (at("side of the canvas", side, (1, 16384, 1 << 24)) - 1).to_bytes(3, "little")
        for side in image.size
    )
    others = [
        riff_chunk(b"EXIF", at("EXIF", exif_file(places), (b"", b"junk"))),
        riff_chunk(b"XMP ", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
        riff_chunk(b"abcd", b"nobody knows it"),
    ]
    others = random.sample(others, random.randrange(4))
    flags = (0x08 if any(each[:4] == b"EXIF" for each in others) else 0) | (
        0x04 if any(each[:4] == b"XMP " for each in others) else 0
    )
    flags = at("flags", flags, (0x02, 0x10, 0x20, 0xFF))
    chunks = [riff_chunk(b"VP8X", bytes((flags, 0, 0, 0)) + canvas), pixels, *others]
    if not others and places.any_of(False, True):
        del chunks[0]
    if places.is_odd("order of chunks"):
        random.shuffle(chunks)
    body = b"WEBP" + b"".join(_webp_chunk(places, chunk) for chunk in chunks)
    return b"RIFF" + struct.pack("<I", at("size of the file", len(body), EXTREMES)) + body


def _webp_chunk(places: Places, chunk: bytes) -> bytes:
    size = int.from_bytes(chunk[4:8], "little")
    kind = places.at("kind", chunk[:4], (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"\0" * 4))
    size = places.at("size of a chunk", size, EXTREMES)
    copies = places.at("copies of a chunk", 1, COUNTS)
    return (kind + struct.pack("<I", size) + chunk[8:]) * copies


def jpeg(places: Places, image: Image.Image) -> bytes:
    """JPEG, baseline or progressive: marker, length, order and content of its segments."""
    progressive = places.any_of(False, True)
    first, *segments = pieces(saved(image, "JPEG", quality=95, progressive=progressive))
    exif = b"Exif\0\0" + exif_file(places)
    added = [b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif]
    added += [b"\xff\xfe\x00\x0ba comment", b"\xff\xe9\x00\x06abcd"]
    segments[1:1] = places.random.sample(added, places.random.randrange(4))
    if places.is_odd("order of segments"):
        places.random.shuffle(segments)
    return JPEG_START + first[2:] + b"".join(_segment(places, each) for each in segments)


def _segment(places: Places, segment: bytes) -> bytes:
    """A segment, maybe with another marker, length, content or number of copies."""
    if len(segment) < 4:
        return segment
    name = f"{segment[1]:02X}"
    marker = places.at(f"marker {name}", segment[1], (0x01, 0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDD))
    length = segment[2:4]
    length = places.at(f"length of {name}", length, (b"\0\0", b"\0\2", b"\xff\xff", b"\0\1"))
    body = bytearray(segment[4:])
    if body and places.is_odd(f"content of {name}"):
        body[places.random.randrange(len(body))] ^= 1 << places.random.randrange(8)
    return (bytes((0xFF, marker)) + length + body) * places.at(f"copies of {name}", 1, COUNTS)


IMAGES: dict[str, Callable[[Places, Image.Image], bytes]] = {
    "PNG": png,
    "TIFF": tiff_file,
    "BigTIFF": big_tiff_file,
    "BMP": bmp,
    "GIF": gif,
    "WebP": webp,
    "JPEG": jpeg,
}
LOSSLESS = tuple(name for name in IMAGES if name != "JPEG")

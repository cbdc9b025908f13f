"""Format and size from the first bytes, against Pillow and against hand-made headers."""

from __future__ import annotations

import io
import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocr_engine.errors import ImageError, InvalidImage, TooManyPixels, UnsupportedFormat
from ocr_engine.images.header import ImageHeader, check_size, read_header
from ocr_engine.images.tiff_directory import MAX_ENTRIES

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"
COMMITTED = sorted(path.name for path in PAGES.iterdir())


def saved(size: tuple[int, int], file_format: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 128 if mode in ("L", "P", "1") else None).save(
        buffer, file_format, **options
    )
    return buffer.getvalue()


def pillow(data: bytes) -> ImageHeader:
    with Image.open(io.BytesIO(data)) as image:
        return ImageHeader(str(image.format), *image.size)


def test_there_are_committed_images() -> None:
    assert len(COMMITTED) > 60


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_images_as_pillow_sees_them(name: str) -> None:
    data = (PAGES / name).read_bytes()
    assert read_header(data) == pillow(data)


GENERATED = {
    "jpeg": saved((37, 91), "JPEG"),
    "progressive jpeg": saved((37, 91), "JPEG", progressive=True),
    "grey jpeg": saved((300, 2), "JPEG", "L"),
    "cmyk jpeg": saved((37, 91), "JPEG", "CMYK"),
    "jpeg with comment": saved((37, 91), "JPEG", comment=b"\xff\xc0\x00\x11\x08\x00\x01\x00\x01"),
    "png": saved((37, 91), "PNG"),
    "1-bit png": saved((1, 1), "PNG", "1"),
    "gif": saved((37, 91), "GIF"),
    "bmp": saved((37, 91), "BMP"),
    "palette bmp": saved((37, 91), "BMP", "P"),
    "webp VP8": saved((37, 91), "WEBP"),
    "webp VP8L": saved((37, 91), "WEBP", lossless=True),
    "wide webp VP8L": saved((16383, 3), "WEBP", lossless=True),
    "webp VP8X": saved((37, 91), "WEBP", icc_profile=b"profile"),
    "wide webp VP8X": saved((16383, 3), "WEBP", lossless=True, icc_profile=b"profile"),
    "tiff": saved((37, 91), "TIFF"),
    "lzw tiff": saved((70000, 1), "TIFF", "L", compression="tiff_lzw"),
}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_images_as_pillow_sees_them(name: str) -> None:
    data = GENERATED[name]
    assert read_header(data) == pillow(data)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("webp VP8", b"VP8 "), ("webp VP8L", b"VP8L"), ("webp VP8X", b"VP8X")],
)
def test_all_three_kinds_of_webp_are_among_them(name: str, kind: bytes) -> None:
    assert GENERATED[name][12:16] == kind


def bmp(header: bytes, pixels: int = 4096) -> bytes:
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + pixels, 0, 0, start) + header + bytes(pixels)


def test_bmp_with_a_core_header() -> None:
    data = bmp(struct.pack("<IHHHH", 12, 19, 23, 1, 24))
    assert read_header(data) == pillow(data) == ImageHeader("BMP", 19, 23)


def test_bmp_from_the_top_down() -> None:
    data = bmp(struct.pack("<IiiHHIIiiII", 40, 19, -23, 1, 24, 0, 0, 0, 0, 0, 0))
    assert read_header(data) == pillow(data) == ImageHeader("BMP", 19, 23)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["H", "I"])
def test_tiff_in_both_byte_orders(order: str, kind: str) -> None:
    data = tiff(order, [(256, kind, 300), (257, kind, 200)])
    assert read_header(data) == ImageHeader("TIFF", 300, 200)


def tiff(order: str, size: list[tuple[int, str, int]]) -> bytes:
    """A TIFF whose directory follows its 60,000 bytes of pixels."""
    rest = [(258, "H", 8), (259, "H", 1), (262, "H", 1), (273, "I", 8), (277, "H", 1),
            (278, "I", 200), (279, "I", 60_000)]  # fmt: skip
    entries = b""
    for tag, kind, value in size + rest:
        code = 3 if kind == "H" else 4
        entries += struct.pack(order + "HHI", tag, code, 1)
        entries += struct.pack(order + kind, value).ljust(4, b"\x00")
    count = struct.pack(order + "H", len(size + rest))
    start = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 60_008)
    return start + bytes(60_000) + count + entries + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pillow_reads_the_handmade_tiff_alike(order: str) -> None:
    data = tiff(order, [(256, "H", 300), (257, "I", 200)])
    assert read_header(data) == pillow(data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_too_many_tags(order: str) -> None:
    def of(count: int) -> bytes:
        tags = [(256, 300), (257, 200), *((20_000 + n, n) for n in range(count - 2))]
        entries = b"".join(struct.pack(order + "HHIHH", tag, 3, 1, n, 0) for tag, n in tags)
        magic = b"II*\x00" if order == "<" else b"MM\x00*"
        return magic + struct.pack(order + "IH", 8, count) + entries + bytes(4)

    assert read_header(of(MAX_ENTRIES)) == ImageHeader("TIFF", 300, 200)
    with pytest.raises(InvalidImage, match=f"{MAX_ENTRIES + 1} tags; at most {MAX_ENTRIES}"):
        read_header(of(MAX_ENTRIES + 1))


def with_segments(*segments: bytes) -> bytes:
    """The generated JPEG with extra segments before its own."""
    return GENERATED["jpeg"][:2] + b"".join(segments) + GENERATED["jpeg"][2:]


@pytest.mark.parametrize(
    "segments",
    [
        [b"\xff\xe1\xff\xff" + b"\xff\xc0" * 32766 + b"\x00"] * 5,  # 64 kB each, like SOF markers
        [b"\xff\xe5\x00\x02"] * 100,
        [b"\xff" * 50],  # fill bytes before a marker
        [b"\xff\xff\xff\xe9\x00\x04ab", b"\xff\xff"],
        [b"\xff\xfe\x00\x09comment"],
        [b"\xff\xe1" + struct.pack(">H", len(GENERATED["gif"]) + 2) + GENERATED["gif"]],
        [b"\xff\xe1" + struct.pack(">H", len(GENERATED["grey jpeg"]) + 2) + GENERATED["grey jpeg"]],
    ],
    ids=["long", "empty", "fill", "fill between", "comment", "a GIF inside", "a JPEG inside"],
)
def test_jpeg_segments_are_walked_over(segments: list[bytes]) -> None:
    data = with_segments(*segments)
    assert read_header(data) == pillow(data) == ImageHeader("JPEG", 37, 91)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCF])
def test_every_frame_header_of_jpeg(marker: int) -> None:
    data = b"\xff\xd8\xff" + bytes([marker]) + b"\x00\x11\x08" + struct.pack(">HH", 20, 30)
    assert read_header(data + bytes(20)) == ImageHeader("JPEG", 30, 20)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_segments_that_only_look_like_a_frame_header(marker: int) -> None:
    segment = b"\xff" + bytes([marker]) + b"\x00\x08\x08" + struct.pack(">HH", 9, 9) + b"\x01"
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 20, 30) + bytes(20)
    assert read_header(b"\xff\xd8" + segment + frame) == ImageHeader("JPEG", 30, 20)


BROKEN = {
    "jpeg without a frame": b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9",
    "jpeg with data first": b"\xff\xd8\xff\xda\x00\x08" + bytes(20),
    "jpeg with a length of 0": b"\xff\xd8\xff\xe0\x00\x00" + bytes(20),
    "jpeg with a length of 1": b"\xff\xd8\xff\xe0\x00\x01" + bytes(20),
    "jpeg that continues with other bytes": b"\xff\xd8\xff\xe0\x00\x02abcdef",
    "jpeg cut in a segment": b"\xff\xd8\xff\xe0\x40\x00" + bytes(20),
    "jpeg of fill bytes": b"\xff\xd8" + b"\xff" * 1000,
    "jpeg of restart markers": b"\xff\xd8" + b"\xff\xd0" * 1000,
    "jpeg without height": b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x09" + bytes(20),
    "png without IHDR": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIDAT" + bytes(20),
    "png without width": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + struct.pack(">II", 0, 9),
    "png cut": b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00",
    "gif of no size": b"GIF89a" + bytes(20),
    "gif cut": b"GIF87a\x01",
    "bmp of no size": bmp(struct.pack("<Iii", 40, 0, 5) + bytes(28)),
    "bmp of negative width": bmp(struct.pack("<Iii", 40, -7, 5) + bytes(28)),
    "bmp cut": b"BM" + bytes(12) + struct.pack("<Ii", 40, 9),
    "webp with an unknown chunk": b"RIFF\x64\x00\x00\x00WEBPABCD" + bytes(50),
    "webp VP8 cut": GENERATED["webp VP8"][:28],
    "webp VP8L cut": GENERATED["webp VP8L"][:24],
    "webp VP8X cut": GENERATED["webp VP8X"][:29],
    "webp VP8 of no size": b"RIFF\x64\x00\x00\x00WEBPVP8 " + bytes(50),
    "tiff with its directory beyond the end": b"II*\x00\xff\xff\xff\xff" + bytes(50),
    "tiff without a size": b"II*\x00\x08\x00\x00\x00\x00\x00" + bytes(50),
    "tiff with half a size": b"II*\x00\x08\x00\x00\x00\x01\x00"
    + struct.pack("<HHII", 256, 4, 1, 5)
    + bytes(50),
    "tiff cut in its directory": b"II*\x00\x08\x00\x00\x00\xff\xff"
    + struct.pack("<HHII", 254, 4, 1, 5),
    "tiff of no height": tiff("<", [(256, "H", 300), (257, "H", 0)]),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_headers(name: str) -> None:
    with pytest.raises(InvalidImage):
        read_header(BROKEN[name])


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_every_beginning_of_an_image(name: str) -> None:
    data = GENERATED[name]
    whole = read_header(data)
    for length in range(min(len(data), 700)):
        try:
            header = read_header(data[:length])
        except ImageError:
            continue
        assert header == whole


def test_what_is_unsupported_is_named() -> None:
    for data, name in (
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\x76\x2f\x31\x01" + bytes(20), "OpenEXR"),
    ):
        with pytest.raises(UnsupportedFormat, match=name):
            read_header(data)


def test_size_limits() -> None:
    check_size(ImageHeader("PNG", 100, 50), 5000)
    with pytest.raises(TooManyPixels, match="100x51"):
        check_size(ImageHeader("PNG", 100, 51), 5000)
    check_size(ImageHeader("PNG", 65_500, 1), 10**9)
    with pytest.raises(TooManyPixels, match="65500 per side"):
        check_size(ImageHeader("PNG", 1, 65_501), 10**9)


SIGNATURES = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF....WEBPVP8 ",
    b"RIFF....WEBPVP8L", b"RIFF....WEBPVP8X", b"II*\x00", b"MM\x00*",
)  # fmt: skip


def test_random_headers_are_read_or_refused() -> None:
    generator = random.Random(30)
    read = refused = 0
    start = time.process_time()
    for _ in range(4000):
        body = generator.randbytes(generator.randrange(600))
        if generator.random() < 0.5:  # many markers and small numbers
            body = bytes(generator.choice((0, 0, 1, 2, 8, 255, 255, 0xC0, 0xE0)) for _ in body)
        try:
            header = read_header(generator.choice(SIGNATURES) + body)
        except ImageError:
            refused += 1
        else:
            assert header.width > 0
            assert header.height > 0
            read += 1
    assert read > 200
    assert refused > 200
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "piece", [b"\xff", b"\xff\xd0", b"\xff\xe0\x00\x02"], ids=["fill", "restart", "segments"]
)
def test_a_header_of_megabytes_does_not_hold_up_the_server(piece: bytes) -> None:
    data = b"\xff\xd8" + piece * (8_000_000 // len(piece))
    start = time.process_time()
    with pytest.raises(InvalidImage):
        read_header(data)
    assert time.process_time() - start < 0.2

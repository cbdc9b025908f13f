"""AVIF and HEIC: what they are, how large, and what is read of them. Rows 22 to 25, 51 and 56."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from image_structures import exif
from ocr_engine.errors import ImageError, InvalidImage, TooManyPixels, UnsupportedFormat
from ocr_engine.images import header
from ocr_engine.images.decode import decode
from ocr_engine.images.header import ImageHeader, accepted_formats, has_signature, read_header
from ocr_engine.images.isobmff import brand_format, without_exif
from plain_images import SIZE, drawn, saved
from tests.support.odd_exif import TURNED_LEFT, odd_exif

PLENTY = 10**6
TITLE_BYTES = 8


def box(kind: bytes, body: bytes, full: bool = False) -> bytes:
    body = bytes(4 * full) + body
    return struct.pack(">I4s", TITLE_BYTES + len(body), kind) + body


def file_type(major: bytes, *compatible: bytes) -> bytes:
    return box(b"ftyp", major + bytes(4) + b"".join(compatible))


def container(*sizes: tuple[int, int]) -> bytes:
    """A HEIC that ends after its properties, with images of these sizes."""
    properties = b"".join(box(b"ispe", struct.pack(">II", *size), full=True) for size in sizes)
    meta = box(b"hdlr", bytes(20)) + box(b"iprp", box(b"ipco", properties))
    return file_type(b"heic", b"mif1") + box(b"meta", meta, full=True)


def installed(monkeypatch: pytest.MonkeyPatch, yes: bool) -> None:
    monkeypatch.setattr(header, "_is_installed", lambda package: yes)


@pytest.fixture(scope="module")
def avif() -> bytes:
    return saved(drawn().convert("RGB"), "AVIF", quality=90)


def difference(data: bytes, expected: Image.Image) -> float:
    pixels = decode(data, PLENTY).pixels.astype(np.int16)
    return float(np.abs(pixels - np.asarray(expected.convert("RGB"))[:, :, ::-1]).mean())


def test_pillow_has_avif() -> None:
    assert features.check("avif")


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (file_type(b"avif", b"mif1", b"miaf"), "AVIF"),
        (file_type(b"avis", b"msf1"), "AVIF"),
        (file_type(b"mif1", b"avif"), "AVIF"),
        (file_type(b"heic", b"mif1"), "HEIC"),
        (file_type(b"mif1", b"heix"), "HEIC"),
        (file_type(b"msf1", b"hevc"), "HEIC"),
        (file_type(b"isom", b"mp42"), None),
        (file_type(b"qt  "), None),
        (b"\0\0\0\x20ftyp", None),
        (b"\0\0\0\x20moov" + b"avif", None),
    ],
)
def test_the_brand_names_the_format(start: bytes, name: str | None) -> None:
    assert brand_format(start + bytes(100)) == name
    assert brand_format(start) == name


def test_a_form_body_that_is_an_avif_is_recognized_by_its_start(avif: bytes) -> None:
    assert has_signature(avif[:18])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_an_avif_is_read(mode: str) -> None:
    image = drawn()
    data = saved(image.convert(mode), "AVIF", quality=90)
    assert read_header(data) == ImageHeader("AVIF", *SIZE)
    assert difference(data, image) < 3
    assert decode(data, PLENTY).frames == 1


def test_the_alpha_of_an_avif_is_composited_onto_white() -> None:
    clear = drawn().convert("RGBA")
    clear.putalpha(drawn().point(lambda value: 255 - value))
    assert decode(saved(clear, "AVIF", quality=90), PLENTY).pixels[0, 0].tolist() == [255] * 3


@pytest.mark.faults(24)
def test_the_frames_of_an_avif_are_counted() -> None:
    others = [drawn("TWO"), drawn("THREE")]
    data = saved(drawn(), "AVIF", save_all=True, append_images=others, quality=90)
    assert decode(data, PLENTY).frames == 3
    assert difference(data, drawn()) < 3


def test_the_orientation_of_an_avif_is_its_property_and_not_its_exif() -> None:
    turned = drawn().transpose(TURNED_LEFT)
    data = saved(turned, "AVIF", exif=exif([(0x112, 3, 1, 6)]), quality=90)
    assert read_header(data) == ImageHeader("AVIF", *reversed(SIZE))
    assert b"irot" in data
    assert difference(data, drawn()) < 3


@pytest.mark.faults(51)
def test_odd_exif_in_an_avif_is_not_read() -> None:
    odd = [b"junk", b"II*\0\xff\xff\xff\xff", *(content for _, content in odd_exif())][::8]
    assert len(odd) > 30
    for content in odd:
        room = Image.Exif()
        room[0x10E] = "Z" * len(content)
        plain = saved(drawn(), "AVIF", exif=room, quality=90)
        start = plain.rindex(b"Exif\0\0") + 6
        data = plain[:start] + content + plain[start + len(content) :]
        assert difference(data, drawn()) < 3
        assert len(without_exif(data)) == len(data)


@pytest.mark.faults(22)
def test_a_cut_avif_is_refused(avif: bytes) -> None:
    for percent in range(5, 100, 5):
        with pytest.raises(InvalidImage):
            decode(avif[: len(avif) * percent // 100], PLENTY)


@pytest.mark.faults(23)
def test_an_avif_that_claims_too_many_pixels_is_refused_before_it_is_decoded(
    avif: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocr_engine.images.decode.Image", None)
    size = b"ispe" + bytes(4)
    claimed = avif.replace(
        size + struct.pack(">II", *SIZE), size + struct.pack(">II", 70_000, 60_000)
    )
    with pytest.raises(TooManyPixels, match="70000x60000"):
        decode(claimed, 40_000_000)


@pytest.mark.faults(56)
def test_an_avif_whose_size_is_a_lie_is_as_large_as_it_says_or_refused(avif: bytes) -> None:
    size = b"ispe" + bytes(4)
    lie = avif.replace(size + struct.pack(">II", *SIZE), size + struct.pack(">II", 30, 20))
    assert lie != avif
    assert read_header(lie) == ImageHeader("AVIF", 30, 20)
    assert shape_or_none(lie, 600) in (None, (20, 30, 3))


def shape_or_none(data: bytes, max_pixels: int) -> Any:
    try:
        return decode(data, max_pixels).pixels.shape
    except ImageError:
        return None


@pytest.mark.faults(29)
def test_mutated_avifs_are_read_or_refused(avif: bytes) -> None:
    generator = random.Random(56)
    shapes = []
    for _ in range(300):
        data = bytearray(avif)
        for _ in range(generator.choice((1, 2, 8))):
            data[generator.randrange(min(len(data), 450))] = generator.choice((0, 255, 1, 127))
        shapes.append(shape_or_none(bytes(data), PLENTY))
    assert shapes.count(None) > 50
    assert shapes.count((SIZE[1], SIZE[0], 3)) > 20
    assert all(shape is None or shape[0] * shape[1] <= PLENTY for shape in shapes)


# --- HEIC


@pytest.mark.faults(25)
def test_a_heic_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, False)
    assert "HEIC" not in accepted_formats()
    with pytest.raises(UnsupportedFormat, match="HEIC, which needs the Python package pillow-heif"):
        decode(container((300, 200)), PLENTY)


def test_the_size_of_a_heic_is_that_of_its_largest_image(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, True)
    assert accepted_formats()[-1] == "HEIC"
    data = container((512, 512), (4032, 3024), (320, 240))
    assert read_header(data) == ImageHeader("HEIC", 4032, 3024)
    for end in range(len(file_type(b"heic", b"mif1")), len(data), 7):
        with pytest.raises(InvalidImage, match="cut off"):
            read_header(data[:end])


@pytest.mark.faults(56)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (container(), "no image size"),
        (container((0, 5)), "0x5 pixels"),
        (file_type(b"heic") + struct.pack(">I4s", 3, b"meta") + bytes(9), "impossible length"),
        (file_type(b"heic") + box(b"free", b"") * 20_000, "cut off"),
        (file_type(b"heic") + struct.pack(">I4sQ", 1, b"free", 1 << 63) + bytes(99), "cut off"),
    ],
)
def test_a_heic_with_broken_boxes_is_refused(
    data: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, True)
    with pytest.raises(InvalidImage, match=message):
        read_header(data)


@pytest.fixture(scope="module")
def heif() -> Any:
    """The optional package, with what writes HEIC for these tests."""
    package = pytest.importorskip("pillow_heif")
    package.register_heif_opener(thumbnails=False, decode_threads=1)
    return package


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_heic_is_read_where_the_package_is_installed(heif: Any, mode: str) -> None:
    data = saved(drawn().convert(mode), "HEIF", quality=90)
    assert read_header(data) == ImageHeader("HEIC", SIZE[0], 64)  # padded to the encoder's blocks
    assert difference(data, drawn()) < 3


@pytest.mark.faults(22)
def test_a_cut_heic_is_refused(heif: Any) -> None:
    data = saved(drawn(), "HEIF", quality=90)
    for percent in range(5, 100, 5):
        with pytest.raises(InvalidImage):
            decode(data[: len(data) * percent // 100], PLENTY)


@pytest.mark.faults(56)
def test_a_heic_whose_size_is_a_lie_is_refused(heif: Any) -> None:
    data = saved(drawn(size=(2000, 1000)), "HEIF")
    size = b"ispe" + bytes(4)
    lie = data.replace(size + struct.pack(">II", 2000, 1000), size + struct.pack(">II", 30, 20))
    assert lie != data
    assert shape_or_none(lie, 600) in (None, (20, 30, 3))

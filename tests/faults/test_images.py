"""Rows 22 to 25, 27, 28 and 48: cut off, too large, too many, foreign, empty, enlarged too far."""

from __future__ import annotations

import io
import itertools
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from image_structures import (
    bmp,
    empty_png,
    gif_frames,
    grey_tags,
    riff_chunk,
    tiff,
    webp,
    white_png,
)
from plain_images import TEXT, VARIANTS, drawn, plain, saved
from tests.support.cards import CARD_HEIGHT, card
from tests.support.checkout import IMAGES
from tests.support.error_replies import assert_error
from tests.support.http_client import Reply, image_part, multipart
from tests.support.server_process import ServerProcess

FRESH = {"Cache-Control": "no-cache"}
REFUSAL_SECONDS = 0.05
MOST_PIXELS = "40000000"
ENLARGED_SECONDS = 1.0
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")


def letters(text: str) -> str:
    return "".join(text.split())


def variants(file_format: str) -> list[tuple[str, str]]:
    """The plain images of a format."""
    return [variant for variant in VARIANTS if variant[0] == file_format]


def cut(whole: bytes, percent: int) -> bytes:
    return whole[: len(whole) * percent // 100]


def quickest(request: Callable[[], Reply]) -> tuple[float, Reply]:
    """The shortest of three times, as the machine may be busy with other things."""
    tries = []
    for _ in range(3):
        started = time.perf_counter()
        reply = request()
        tries.append((time.perf_counter() - started, reply))
    return min(tries, key=lambda entry: entry[0])


@pytest.mark.faults(22)
@pytest.mark.parametrize("file_format", FORMATS)
def test_a_truncated_image(models: ServerProcess, file_format: str) -> None:
    for variant in variants(file_format):
        whole = plain(*variant)
        assert letters(models.upload(whole).text) == letters(TEXT), variant
        for percent in range(5, 91, 5):
            reply = models.upload(cut(whole, percent))
            if variant[1] == "animated" and reply.status == 200:
                assert letters(reply.text) == letters(TEXT), (variant, percent)
                assert percent > 30  # the whole first frame is there
            else:
                assert_error(reply, 422, "invalid_image", file_format)


@pytest.mark.faults(22)
@pytest.mark.parametrize("page", ["special_exif_1.jpg", "sign_en_parking.png"])
def test_a_truncated_page(fakes: ServerProcess, page: str) -> None:
    whole = (IMAGES / page).read_bytes()
    assert fakes.upload(whole).status == 200
    for percent in range(5, 91, 5):
        assert_error(fakes.upload(cut(whole, percent)), 422, "invalid_image")


@pytest.fixture(scope="module")
def monsters() -> dict[str, bytes]:
    """Three small files of many pixels; the second and the third are whole and valid."""
    valid = white_png(12_000, 12_000)
    pixels = zlib.decompressobj()
    start = valid.index(b"IDAT") + 4
    assert len(pixels.decompress(valid[start:])) == 12_000 * 12_001
    assert pixels.eof
    return {
        "50000x50000": empty_png(50_000, 50_000),
        "12000x12000": valid,
        "1x1000000": white_png(1, 1_000_000),
    }


@pytest.mark.faults(23)
@pytest.mark.parametrize(
    ("size", "limit"),
    [("50000x50000", MOST_PIXELS), ("12000x12000", MOST_PIXELS), ("1x1000000", "65500")],
)
def test_an_image_of_too_many_pixels_is_refused_before_a_worker_sees_it(
    fakes: ServerProcess, monsters: dict[str, bytes], size: str, limit: str
) -> None:
    image = monsters[size]
    assert len(image) < 500_000
    assert (size == "50000x50000") == (len(image) == 57)
    before, noted = work_done(fakes), fakes.journal.read_text()
    seconds, reply = quickest(lambda: fakes.upload(image))
    assert_error(reply, 413, "too_many_pixels", size, limit)
    assert seconds < REFUSAL_SECONDS
    assert (work_done(fakes), fakes.journal.read_text()) == (before, noted)


def work_done(server: ServerProcess) -> tuple[int, dict[int, int]]:
    """The number of recognized images, in total and by worker."""
    health = server.health()
    by_worker = {worker["pid"]: worker["tasks_done"] for worker in health["workers"]}
    return health["completed"], by_worker


def many_pages(count: int) -> bytes:
    """A TIFF of cards with page numbers."""
    first, *others = (Image.open(io.BytesIO(card(f"page {n}"))) for n in range(1, count + 1))
    return saved(first, "TIFF", save_all=True, append_images=others)


@pytest.mark.faults(24)
@pytest.mark.parametrize(
    ("make", "text", "frames"),
    [
        (lambda: gif_frames(card("first frame", "GIF"), 100_000), "first frame", 100_000),
        (lambda: many_pages(1000), "page 1", 1000),
    ],
    ids=["gif", "tiff"],
)
def test_only_the_first_of_many_frames_is_read(
    fakes: ServerProcess, make: Callable[[], bytes], text: str, frames: int
) -> None:
    image = make()
    seconds, reply = quickest(lambda: fakes.upload(image, FRESH))
    assert (reply.status, reply.text) == (200, text)
    assert reply.json["data"]["frames"] == frames
    assert reply.json["data"]["height"] == CARD_HEIGHT
    assert seconds < 1


FOREIGN = {
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "svg in xml": (b"\xef\xbb\xbf<?xml version='1.0'?><svg/>", "SVG"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "eps with preview": (b"\xc5\xd0\xd3\xc6\x1e\0\0\0", "EPS"),
    "jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    "j2k": (b"\xff\x4f\xff\x51\0\x29", "JPEG 2000"),
    "exr": (b"\x76\x2f\x31\x01\2\0\0\0", "OpenEXR"),
    "psd": (b"8BPS\0\1", "Photoshop"),
    "docx": (b"PK\x03\x04", "ZIP"),
    "text": (b"hello", "no known"),
}


@pytest.mark.faults(25)
@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_no_image_is_told_by_its_first_bytes(fakes: ServerProcess, kind: str) -> None:
    start, name = FOREIGN[kind]
    data = start + b"x" * 100
    before = work_done(fakes)
    for filename in ("page.jpg", "page.png", "page.svg", ""):
        body, headers = multipart([image_part(data, filename)])
        reply = fakes.request("POST", "/ocr_service", body, headers)
        assert_error(reply, 415, "unsupported_format", name, "JPEG, PNG")
    for content_type in ("image/png", "image/svg+xml", "application/octet-stream", ""):
        raw = fakes.request("POST", "/ocr", data, {"Content-Type": content_type})
        assert_error(raw, 415, "unsupported_format", name, "JPEG, PNG")
    assert work_done(fakes) == before


@pytest.mark.faults(27)
@pytest.mark.parametrize("file_format", FORMATS)
def test_the_bytes_decide_and_not_their_name(models: ServerProcess, file_format: str) -> None:
    image = plain(*variants(file_format)[0])
    for filename in ("page.pdf", "page.txt", "page", "../../page.exe"):
        body, headers = multipart([image_part(image, filename)])
        reply = models.request("POST", "/ocr_service", body, {**headers, **FRESH})
        assert (reply.status, letters(reply.text)) == (200, letters(TEXT))
    for content_type in ("image/svg+xml", "image/x-icon", "application/octet-stream", ""):
        named = {"Content-Type": content_type, **FRESH}
        raw = models.request("POST", "/ocr", image, named)
        assert (raw.status, letters(raw.text)) == (200, letters(TEXT))


NOTHING = {
    "png": empty_png(0, 0),
    "no width": empty_png(0, 9),
    "gif": b"GIF89a" + bytes(40),
    "bmp": bmp(bytes(36), bytes(40)),
    "webp": webp(riff_chunk(b"VP8 ", bytes(30))),
    "tiff": tiff([grey_tags(0, 0, 122)]) + bytes(40),
    "jpeg": b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x00\x03" + bytes(40),
}


@pytest.mark.faults(28)
@pytest.mark.parametrize("name", NOTHING)
def test_an_image_of_no_pixels(fakes: ServerProcess, name: str) -> None:
    assert_error(fakes.upload(NOTHING[name]), 422, "invalid_image")


@pytest.mark.faults(28)
@pytest.mark.parametrize("file_format", FORMATS)
def test_an_image_of_one_colour_has_no_lines(models: ServerProcess, file_format: str) -> None:
    for size, grey in itertools.product(((1, 1), (1, 400), (400, 1), (300, 200)), (0, 255)):
        reply = models.upload(saved(Image.new("L", size, grey), file_format))
        data = reply.json["data"]
        assert (reply.status, data["lines"], data["text"]) == (200, [], "")
        assert (data["width"], data["height"]) == size


@pytest.mark.faults(28)
def test_a_page_on_which_nothing_is_visible(models: ServerProcess) -> None:
    pages = [(IMAGES / name).read_bytes() for name in ("special_white.png", "special_black.jpg")]
    clear = saved(Image.new("RGBA", (300, 200), (0, 0, 0, 0)), "PNG")
    for image in (*pages, clear):
        reply = models.upload(image)
        assert (reply.status, reply.json["data"]["lines"], reply.text) == (200, [], "")


@pytest.mark.faults(48)
@pytest.mark.parametrize("size", [(33, 33), (1, 1), (1, 3000)], ids=str)
def test_a_tiny_image_is_not_enlarged_to_a_page(
    models: ServerProcess, size: tuple[int, int]
) -> None:
    """Enlarging it to a side of 4000 took 4.6 s."""
    tiny = white_png(*size)
    assert len(tiny) < 150

    def ask() -> Reply:
        return models.upload(tiny, FRESH, det_limit_type="min", det_limit_side_len="4000")

    seconds, reply = quickest(ask)
    assert (reply.status, reply.json["data"]["lines"]) == (200, [])
    assert seconds < ENLARGED_SECONDS


@pytest.mark.faults(48)
@pytest.mark.parametrize("side", ["64", "736", "4000"])
@pytest.mark.parametrize("height", [12, 16, 24])
def test_a_small_strip_is_read_however_far_it_is_to_be_enlarged(
    models: ServerProcess, height: int, side: str
) -> None:
    strip = drawn().resize((180 * height // 48, height), Image.Resampling.LANCZOS)
    png = saved(strip, "PNG")
    reply = models.upload(png, FRESH, det_limit_type="min", det_limit_side_len=side)
    assert (reply.status, letters(reply.text)) == (200, letters(TEXT))

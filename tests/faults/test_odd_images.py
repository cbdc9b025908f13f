"""Rows 26, 29 and 30: bombs and oddities, hundreds of broken images, and text that is HTML."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from broken_images import broken_images
from image_structures import (
    compressed_text,
    exif,
    icc_segments,
    jpeg_segment,
    png_chunk,
    with_chunks,
    with_segments,
)
from plain_images import TEXT, drawn, plain, saved
from tests.support.cards import card
from tests.support.checkout import IMAGES
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, image_part, multipart
from tests.support.memory_peaks import forget_peak, peak_mb
from tests.support.server_process import ServerProcess

BOMB_BYTES = 200 << 20
SPARE_MB = 120
BROKEN = 300
SEED = 29
PLAIN = IMAGES / "special_sign.bmp"
HTML = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(document.cookie)</script>"
JSON_TYPE = "application/json; charset=utf-8"
SPECIAL = json.loads(IMAGES.with_suffix(".json").read_text(encoding="utf-8"))["special"]
ODD_PAGES = {
    page["file"]: "".join(page["lines"]) for page in SPECIAL if "OPEN EVERY DAY" in page["lines"]
}


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.fixture
def bounded(models: ServerProcess) -> Iterator[ServerProcess]:
    """The server with real models; no image may need much more memory than a plain one."""
    for pid in done_by(models):
        forget_peak(pid)
    read_by_all(models, PLAIN.read_bytes())
    before = {pid: peak_mb(pid) for pid in done_by(models)}
    yield models
    assert done_by(models).keys() == before.keys()
    for pid, peak in before.items():
        assert peak_mb(pid) - peak < SPARE_MB


def read_by_all(server: ServerProcess, image: bytes) -> None:
    """Have each worker recognize the image, with bytes appended to vary it.

    After an idle reset, a worker has less memory than it needs for any image.
    """
    begun = done_by(server)
    numbers = itertools.count()
    with ThreadPoolExecutor(2 * len(begun)) as clients:
        while any(done_by(server)[pid] == done for pid, done in begun.items()):
            sent = [image + b"%d" % next(numbers) for _ in range(2 * len(begun))]
            assert all(reply.status == 200 for reply in clients.map(server.upload, sent))


def done_by(server: ServerProcess) -> dict[int, int]:
    """How many images each worker has recognized, by pid."""
    return {worker["pid"]: worker["tasks_done"] for worker in server.health()["workers"]}


def right_or_refused(reply: Reply) -> int:
    """Check for 200 with the right text, or 422; returns the status."""
    if reply.status == 200:
        assert letters(reply.text) == letters(TEXT)
    else:
        assert_error(reply, 422, "invalid_image")
    return reply.status


@pytest.mark.faults(26)
@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"], ids=bytes.decode)
def test_a_bomb_next_to_the_pixels(bounded: ServerProcess, kind: bytes) -> None:
    chunk = compressed_text(kind, BOMB_BYTES)
    for count in (1, 3):
        bomb = with_chunks(plain("PNG", "RGB"), *[chunk] * count)
        assert len(bomb) < 1 << 20
        right_or_refused(bounded.upload(bomb))


ICC = {
    "empty": icc_segments(b""),
    "broken": icc_segments(b"\xff" * 500),
    "huge": icc_segments(b"\0" * 3_000_000),
    "parts missing": icc_segments(b"\0" * 200_000)[::2],
    "wrong count": icc_segments(b"\0" * 200_000, claimed=255),
    "no number": [jpeg_segment(0xE2, b"ICC_PROFILE\0")],
}


@pytest.mark.faults(26)
def test_odd_colour_profiles(bounded: ServerProcess) -> None:
    images = [with_segments(plain("JPEG", "RGB"), *segments) for segments in ICC.values()]
    for profile in (b"", b"\xff" * 500, bytes(500_000)):
        images.append(saved(drawn(), "PNG", icc_profile=profile))
        images.append(saved(drawn().convert("RGB"), "WEBP", icc_profile=profile))
        images.append(saved(drawn(), "TIFF", icc_profile=profile))
        images.append(with_chunks(plain("PNG", "L"), png_chunk(b"iCCP", b"x\0\0" + profile)))
    statuses = [right_or_refused(bounded.upload(image)) for image in images]
    assert statuses.count(200) >= 12


@pytest.mark.faults(26)
def test_cmyk_with_and_without_the_marker_of_adobe(bounded: ServerProcess) -> None:
    inverted = plain("JPEG", "CMYK")
    start = inverted.index(b"\xff\xee")
    end = start + 2 + int.from_bytes(inverted[start + 2 : start + 4], "big")
    assert b"Adobe" in inverted[start:end]
    for image in (inverted, inverted[:start] + inverted[end:]):
        assert letters(bounded.upload(image).text) == letters(TEXT)


@pytest.mark.faults(26)
def test_rare_modes_and_every_orientation(bounded: ServerProcess) -> None:
    assert {f"special_exif_{n}.jpg" for n in range(1, 9)} < ODD_PAGES.keys()
    assert {"special_sign_cmyk.jpg", "special_sign_grey16.png"} < ODD_PAGES.keys()
    for page, text in ODD_PAGES.items():
        reply = bounded.upload((IMAGES / page).read_bytes())
        assert letters(reply.text) == letters(text), page


@pytest.mark.faults(26)
@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_orientation_that_there_is_not(bounded: ServerProcess, orientation: int) -> None:
    looped = exif([(34665, 4, 1, 8), (274, 3, 1, orientation)], following=8)
    image = with_segments(plain("JPEG", "RGB"), jpeg_segment(0xE1, looped))
    assert letters(bounded.upload(image).text) == letters(TEXT)


@pytest.mark.faults(29)
@pytest.mark.parametrize("degrees", [0, 90], ids=["wide", "high"])
def test_a_very_long_image_with_a_text(models: ServerProcess, degrees: int) -> None:
    """The side is allowed, but longer than OpenCV can warp."""
    image = Image.new("L", (40_000, 48), 255)
    image.paste(drawn())
    reply = models.upload(saved(image.rotate(degrees, expand=True), "PNG"))
    assert reply.status == 200 or reply.code == "too_many_pixels", reply.body


@pytest.mark.slow
@pytest.mark.faults(29)
def test_hundreds_of_broken_images(models: ServerProcess) -> None:
    """`make fuzz` sends 10,000."""
    before = models.health()["restarts"]

    def send(named: tuple[str, bytes]) -> tuple[str, Reply]:
        name, image = named
        return name, models.request("POST", "/ocr", image, {"Content-Type": "image/png"})

    with ThreadPoolExecutor(4) as clients:
        replies = list(clients.map(send, itertools.islice(broken_images(SEED), BROKEN)))
    wrong = [(name, reply.body) for name, reply in replies if not is_allowed(reply.status)]
    assert wrong == []
    counted = Counter(reply.status for _, reply in replies)
    assert counted[200] >= 50
    assert counted[422] >= 100
    assert counted[415] >= 10
    assert models.health()["restarts"] == before


def is_allowed(status: int) -> bool:
    return status == 200 or 400 <= status < 500


def assert_no_page(reply: Reply, content_type: str) -> None:
    """Check that no browser treats the answer as a page and runs its scripts."""
    assert reply.headers["Content-Type"] == content_type
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.faults(30)
@pytest.mark.parametrize("text", [HTML, SCRIPT, "<!DOCTYPE html><script>1</script>"])
@pytest.mark.parametrize(
    ("chosen", "content_type", "found"),
    [
        ("json", JSON_TYPE, lambda reply: reply.text),
        ("legacy", JSON_TYPE, lambda reply: reply.json[0][1][0]),
        ("text", "text/plain; charset=utf-8", lambda reply: reply.body.decode()),
    ],
)
def test_text_that_is_html_stays_text(
    fakes: ServerProcess,
    text: str,
    chosen: str,
    content_type: str,
    found: Callable[[Reply], str],
) -> None:
    uploaded = fakes.upload(card(text), format=chosen)
    md5 = fakes.upload(card(text)).json["md5"]
    job = fakes.upload(card(text), format=chosen, block_flag="false").json["job"]["url"]
    for reply in (
        uploaded,
        fakes.get(f"/results/{md5}?format={chosen}", {"Accept": "text/html"}),
        fakes.get(f"{job}?wait=10"),
    ):
        assert reply.status == 200
        assert_no_page(reply, content_type)
        assert found(reply) == text


@pytest.mark.faults(30)
def test_html_in_what_an_error_repeats(fakes: ServerProcess) -> None:
    image = image_part(card("fine"), f"{HTML}.png")
    bodies = [
        multipart([image, Part(HTML, b"1")]),
        multipart([image, Part("format", SCRIPT.encode())]),
        multipart([Part("file_type", HTML.encode())]),
    ]
    replies = [fakes.request("POST", "/ocr_service", *body) for body in bodies]
    assert [reply.code for reply in replies] == ["bad_field"] * 3
    replies.append(fakes.post_json({HTML: 1}))
    replies += [fakes.get(path) for path in ("/%3Cscript%3E", "/jobs/%3Cb%3E", f"/ocr?{HTML[:4]}")]
    replies.append(fakes.request("POST", "/ocr_service", b"x", {"Content-Type": "text/<b>"}))
    for reply in replies:
        assert 400 <= reply.status < 500
        assert_no_page(reply, JSON_TYPE)


@pytest.mark.faults(30)
def test_html_in_an_image(models: ServerProcess) -> None:
    reply = models.upload(saved(drawn(HTML, (560, 60)), "PNG"))
    assert reply.status == 200
    assert_no_page(reply, JSON_TYPE)
    assert letters(reply.text) == letters(HTML)

"""Findings 6, 7b, 9 and 23: images that are small, and slow to read or full of warnings."""

from __future__ import annotations

import statistics
import time

import costly_images as costly
from attacks.attack import Attack, Seen, Target, counted, outcome
from image_structures import white_png
from tests.support.http_client import KeptConnection

TINY_TIMES = 4.0  # how much slower than an image of 640x480; it was 100
TINY = {"det_limit_side_len": "4000", "det_limit_type": "min"}
JPEG_SIDE, JPEG_SCANS = 6000, 4000
GIF_BYTES = 9 << 20
COSTLY_SECONDS = 10.0  # it was 24 for the JPEG, and 5.4 on a busy machine for the GIF
LOG_BYTES = 400  # for each request
ANSWER_SECONDS = 120.0


def enlarged(target: Target) -> Seen:
    """Tiny images with an option that asks to enlarge them to 4000 pixels."""
    tiny, page = white_png(33, 33), white_png(640, 480)
    slow, usual = [], []
    for number in range(5):
        end = b"%d %d" % (number, time.time_ns())
        usual.append(_seconds(target, page + end, {}))
        slow.append(_seconds(target, tiny + end, TINY))
    ratio = statistics.median(slow) / statistics.median(usual)
    text = f"{statistics.median(slow):.2f} s, {ratio:.1f} times an image of 640x480"
    return Seen(text, ratio < TINY_TIMES)


def _seconds(target: Target, image: bytes, options: dict[str, str]) -> float:
    started = time.monotonic()
    assert target.upload(image, **options).status == 200
    return time.monotonic() - started


def logging_tiffs(target: Target) -> Seen:
    """TIFFs about whose tags libtiff would log thousands of lines."""
    start = target.log_bytes()
    codes = [
        outcome(target.upload(make() + b"%d" % number))
        for number in range(3)
        for make in costly.LOGGING_TIFFS.values()
    ]
    logged = len(target.log_since(start))
    holds = set(codes) <= {"200", "422 invalid_image"} and logged < LOG_BYTES * len(codes)
    return Seen(f"{counted(codes)}; log {logged / len(codes):.0f} bytes each", holds)


def jpeg_scans(target: Target) -> Seen:
    """A progressive JPEG of thousands of empty scans, and the same one again."""
    return costly_image(target, costly.jpeg_of_scans(JPEG_SIDE, JPEG_SCANS), "422")


def gif_sub_blocks(target: Target) -> Seen:
    """A GIF of millions of sub-blocks of one byte."""
    return costly_image(target, costly.gif_of_sub_blocks(GIF_BYTES))


def costly_image(target: Target, image: bytes, *statuses: str) -> Seen:
    """An image that is slow to read, twice. statuses: those expected, by default 200 and 422."""
    codes, seconds, before = [], [], target.restarts()
    for _ in range(2):
        started = time.monotonic()
        with KeptConnection(target.port, ANSWER_SECONDS) as connection:
            headers = {"Content-Type": "application/octet-stream"}
            codes.append(outcome(connection.request("POST", "/ocr", image, headers)))
        seconds.append(time.monotonic() - started)
    whole = target.restarts() == before
    right = whole and all(code[:3] in (statuses or ("200", "422")) for code in codes)
    text = f"{counted(codes)}; {seconds[0]:.1f} s, again {seconds[1]:.1f} s"
    return Seen(
        text if whole else f"{text}; a worker was lost", right and max(seconds) < COSTLY_SECONDS
    )


ATTACKS = (
    Attack("6", "tiny images to be enlarged", "<= 4 times an image of 640x480", enlarged, False),
    Attack("7b", "TIFF tags that libtiff logs", "200 or 422, a line of log each", logging_tiffs),
    Attack("9", "JPEG of 4,000 scans", "422 within 10 s, no worker lost", jpeg_scans, False),
    Attack("23", "GIF of sub-blocks", "answered within 10 s", gif_sub_blocks, False),
)

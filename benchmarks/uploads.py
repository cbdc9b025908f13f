"""The pages that long benchmarks send, with different bytes in every upload."""

from __future__ import annotations

import itertools
import json
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from server_under_test import ROOT

from tests.support.arrivals import Request

PAGES = ROOT / "tests" / "data" / "pages.json"
LIGHT_KINDS = ("sign", "poster", "label", "receipt", "screenshot")
HEAVY_PAGES = {"receipt_zh_noodles.png", "screenshot_zh_settings.jpg", "screenshot_en_terminal.png"}


@dataclass(frozen=True, slots=True)
class Page:
    """An image of the project and its known lines."""

    image: bytes
    lines: tuple[str, ...]


def light_pages() -> dict[str, Page]:
    """Pages that take a worker about half a second each, by name."""
    pages = json.loads(PAGES.read_text(encoding="utf-8"))["pages"]
    return {
        page["file"]: Page((PAGES.parent / "pages" / page["file"]).read_bytes(), (*page["lines"],))
        for page in pages
        if page["kind"] in LIGHT_KINDS and page["file"] not in HEAVY_PAGES
    }


def uploads(images: Mapping[str, bytes], randomness: random.Random) -> Iterator[Request]:
    """Endless uploads: repeated passes over all images in random order; no two are equal."""
    numbers = itertools.count()
    while True:
        for name in randomness.sample(sorted(images), len(images)):
            yield upload(name, varied(images[name], next(numbers)))


def upload(name: str, image: bytes, path: str = "/ocr") -> Request:
    """The image as the body of POST /ocr."""
    return Request(name, image, path=path, headers={"Content-Type": "application/octet-stream"})


def varied(image: bytes, number: int) -> bytes:
    """The same pixels with a different MD5: a JPEG or PNG with a numbered comment."""
    note = b"arrival %d" % number
    if image.startswith(b"\xff\xd8"):  # after SOI
        return image[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + image[2:]
    chunk = b"tEXtComment\0" + note  # after IHDR, which ends at byte 33
    framed = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return image[:33] + framed + image[33:]

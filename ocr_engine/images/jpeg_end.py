"""Completes a JPEG whose last two bytes, the end-of-image marker, are missing.

libjpeg fills missing pixels with grey, even if half of them are missing, and so does not show that
any are. If some are, bytes that are appended to the file change what is decoded; if none are,
they do not. So the JPEG is decoded with several different continuations, and accepted only if they
make no difference.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator

from PIL import Image

from ocr_engine.images.jpeg_scans import END_OF_IMAGE, MAX_SCANS, START_OF_SCAN, read_scans

_CONTINUATIONS = 3
_CONTINUATION_BYTES = 256
_STRIP_ROWS = 256  # of pixels that are copied at a time

Load = Callable[[bytes], Image.Image]


def with_end(data: bytes, load: Load) -> bytes:
    """The JPEG with its end-of-image marker, if nothing else is missing; otherwise unchanged.

    InvalidImage if it has too many scans. load: decodes the pixels of a file.
    """
    if data.endswith(END_OF_IMAGE) and data.count(START_OF_SCAN) <= MAX_SCANS:
        return data  # nearly all files; the walk would take as long as a fifth of their decoding
    scans = read_scans(data)
    if scans.ended or not scans.begun:
        return data
    stem = data.rstrip(b"\xff")
    completed = stem + END_OF_IMAGE
    expected = _digest(completed, load)
    same = all(_digest(stem + other + END_OF_IMAGE, load) == expected for other in _continuations())
    return completed if expected and same else data


def _continuations() -> Iterator[bytes]:
    """Random data without markers."""
    generator = random.Random(0)
    for _ in range(_CONTINUATIONS):
        yield bytes(generator.randrange(0xFF) for _ in range(_CONTINUATION_BYTES))


def _digest(data: bytes, load: Load) -> bytes:
    """A digest of the decoded pixels; empty if they cannot be decoded."""
    try:
        image = load(data)
    except Exception:  # Pillow raises almost anything when a file is broken
        return b""
    digest = hashlib.blake2b()
    for top in range(0, image.height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, image.height)
        digest.update(image.crop((0, top, image.width, bottom)).tobytes())
    return digest.digest()
